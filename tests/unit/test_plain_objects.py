"""What strategies are shown is plain data: it is equal by its value, and it pickles and copies."""

from __future__ import annotations

import copy
import pickle
import sys
from decimal import Decimal
from typing import Any, ClassVar

import pytest

import pairloom
from pairloom import Engine, Signal, Strategy

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning")

SIGNALS = {
    "LONG": Signal.LONG,
    "SHORT": Signal.SHORT,
    "CLOSE": Signal.CLOSE,
    "REVERSE": Signal.REVERSE,
    "long size": Signal.long(1.5),
    "long limit": Signal.long(limit=Decimal("0.10")),
    "short both": Signal.short({"equity": 0.25}, limit=100),
    "target": Signal.target({"quote": -100}),
    "not finite": Signal.target(float("nan")),
    "too large": Signal.long(10**40, limit=-(10**40)),
}


class Keeps(Strategy):
    """Keeps one of everything that it is shown."""

    kind: str = "candle"
    schedule = "5m"
    kept: ClassVar[dict[str, Any]] = {}

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def keep(self, *objects: Any) -> None:
        for each in objects:
            Keeps.kept.setdefault(type(each).__name__, each)

    def generate_signal(self, ctx: Any) -> None:
        self.n += 1
        if self.n == 1:
            ctx.sell(5, tag="too much")
            ctx.buy(1, tag="in")
            ctx.buy(0.5, limit=0.01)
        elif self.n == 3:
            ctx.sell(1)
        elif self.n == 5:
            self.keep(*ctx.orders, ctx.last_exit)
        self.keep(getattr(ctx, self.kind))
        if ctx.position:
            self.keep(ctx.position)

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.keep(fill)

    def on_order(self, ctx: Any, order: Any) -> None:
        self.keep(order)

    def on_refused(self, ctx: Any, refusal: Any) -> None:
        self.keep(refusal)

    def on_time(self, ctx: Any, event: Any) -> None:
        self.keep(event)


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """One of each class."""
    Keeps.kept = {}
    for kind in ("candle", "quote", "trade"):
        engine = Engine(cash={"USD": 100_000})
        engine.trade("*", Keeps(kind=kind))
        engine.backtest(pairloom.synthetic(1, rows=20, seed=1, kind=kind), progress=False)
    return Keeps.kept


NAMES = ("Candle", "Quote", "Trade", "TimeEvent", "Position", "Fill", "Order", "Refusal", "Exit")


def values(each: Any) -> dict[str, Any]:
    """All that an object shows, by name; NaN as a word."""
    public = (name for name in dir(each) if not name.startswith("_"))
    found = {name: getattr(each, name) for name in public}
    return {name: "nan" if value != value else value for name, value in found.items()}


@pytest.mark.parametrize("name", NAMES)
def test_what_a_strategy_is_shown_pickles_and_copies(shown: dict[str, Any], name: str) -> None:
    each = shown[name]
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(each, protocol))
        assert type(again) is type(each) is getattr(pairloom, name)
        assert again == each
        assert hash(again) == hash(each)
        assert values(again) == values(each)
        assert repr(again) == repr(each)
    assert copy.copy(each) == copy.deepcopy([each])[0] == each
    assert each != object()
    assert all(each != other for other in shown.values() if other is not each)


def test_those_that_differ_in_one_thing_are_not_equal(shown: dict[str, Any]) -> None:
    make = sys.modules["pairloom._native"].shown_again
    for each in shown.values():
        _, (kind, *fields) = each.__reduce__()
        assert make(kind, *fields) == each
        for at, field in enumerate(fields):
            other = (
                field + 1 if isinstance(field, int | float) and field == field else "buy" if field != "buy" else "sell"
            )
            if isinstance(field, float) and field != field:
                other = 1.0
            if field is None:
                other = 1.0 if (kind, at) == ("Order", 5) else 1 if (kind, at) in NUMBERS else "sell"
            assert make(kind, *fields[:at], other, *fields[at + 1 :]) != each, (kind, at)


# Fields that are a number or nothing.
NUMBERS = {("Fill", 2), ("Order", 1), ("Refusal", 2)}


def test_no_number_is_equal_to_itself_there() -> None:
    make = sys.modules["pairloom._native"].shown_again
    flat = make("Position", 0.0, float("nan"), -0.0)
    assert flat == make("Position", -0.0, -float("nan"), 0.0)
    assert hash(flat) == hash(make("Position", -0.0, -float("nan"), 0.0))
    assert flat != make("Position", 0.0, 1.0, 0.0)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_pickles_and_copies(name: str) -> None:
    signal = SIGNALS[name]
    for again in (pickle.loads(pickle.dumps(signal)), copy.copy(signal), copy.deepcopy(signal)):
        assert again == signal
        assert repr(again) == repr(signal)
        assert hash(again) == hash(signal)
        # Strategies ask with `is`, and the engine does, too.
        assert (again is signal) == name.isupper()


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("Nothing", ()),
        ("Candle", (1, 2)),
        ("Trade", (1, 1.0, 1.0, "both")),
        ("Signal", ("target", None, None, None)),
        ("Signal", ("buy", "base", "many", None)),
        ("Signal", ("buy", "lots", "1", None)),
        ("Signal", ("up", None, None, None)),
    ],
)
def test_what_is_none_of_them_is_refused(kind: str, fields: tuple[Any, ...]) -> None:
    with pytest.raises(ValueError):
        sys.modules["pairloom._native"].shown_again(kind, *fields)
