"""Compiled strategies over many rows in one call: they see at each row what they see where each is a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pairloom
from pairloom import Signal

pytest.importorskip("numba")

ROWS = 900
STEP = 60_000_000_000


def test_the_words_of_rows_are_those_of_the_interface() -> None:
    """Offsets in the Rust source, counted from its text, are those that the compiled loop uses."""
    from pairloom._compiled import rewrite

    source = (Path(__file__).resolve().parents[2] / "rust" / "strategy" / "src" / "rows.rs").read_text()
    body = source.split("pub struct Rows {")[1].split("\n}")[0]
    fields = [line.strip()[4:].rstrip(",").split(": ") for line in body.splitlines() if line.strip().startswith("pub ")]
    offset, places = 0.0, {}
    for name, kind in fields:
        places[name] = offset
        offset += 0.5 if kind in ("u32", "i32") else 5 if kind.endswith("; 5]") else 1
    assert places == {
        "size": 0,
        "held": 0.5,
        "count": rewrite.COUNT,
        "opening_ts": rewrite.OPENING_TS,
        "ts": rewrite.TS,
        "interval": rewrite.INTERVAL,
        "event": rewrite.COLUMNS_AT,
        "slots": rewrite.SLOTS,
        "last": rewrite.LAST,
    }
    assert offset == rewrite.ROWS_WORDS


def walk(seed: int) -> Any:
    return np.round(100.0 + np.cumsum(np.random.default_rng(seed).normal(0.0, 0.3, ROWS)), 2)


def candles(**more: Any) -> dict[str, Any]:
    close = walk(1)
    opened = np.concatenate([[close[0]], close[:-1]])
    ts = np.arange(ROWS) * STEP
    return {
        "ts": ts.view("datetime64[ns]"),
        "open": opened,
        "high": np.maximum(opened, close) + 0.1,
        "low": np.minimum(opened, close) - 0.1,
        "close": close,
        **more,
    }


@pairloom.compiled
class OnCandles(pairloom.Strategy):
    def setup(self, ctx: Any) -> None:
        self.seen = 0.0

    def generate_signal(self, ctx: Any) -> Signal | None:
        candle = ctx.candle
        self.seen = 0.5 * self.seen + candle.high - candle.low + candle.close - candle.open + float(ctx.ts % 7)
        if ctx.position.unrealized_pnl < -1.0:
            return Signal.CLOSE
        return Signal.LONG if self.seen > 7.0 else Signal.SHORT if self.seen < 5.0 else None


@pairloom.compiled
class OnVolumes(pairloom.Strategy):
    def generate_signal(self, ctx: Any) -> Signal | None:
        # NaN where the data have none: then neither holds.
        volume = ctx.candle.volume
        return Signal.LONG if volume > 5.0 else Signal.SHORT if not volume > 5.0 else None


@pairloom.compiled
class OnTrades(pairloom.Strategy):
    def setup(self, ctx: Any) -> None:
        self.mean = 100.0

    def generate_signal(self, ctx: Any) -> Signal | None:
        self.mean += 0.1 * (ctx.trade.price * ctx.trade.quantity - self.mean)
        return Signal.LONG if self.mean > 300.0 else Signal.SHORT


@pairloom.compiled
class OnQuotes(pairloom.Strategy):
    def setup(self, ctx: Any) -> None:
        self.mean = 0.0

    def generate_signal(self, ctx: Any) -> Signal | None:
        self.mean += 0.1 * (ctx.quote.bid_size - self.mean)
        return Signal.LONG if self.mean > 3.0 else Signal.SHORT


def trades() -> dict[str, Any]:
    random = np.random.default_rng(3)
    return {
        "ts": (np.arange(ROWS) // 2 * STEP).view("datetime64[ns]"),
        "price": walk(2),
        "quantity": random.integers(1, 6, ROWS).astype(float),
    }


def quotes() -> dict[str, Any]:
    random, mid = np.random.default_rng(4), walk(3)
    return {
        "ts": (np.arange(ROWS) * STEP).view("datetime64[ns]"),
        "bid": mid - 0.01,
        "ask": mid + 0.01,
        "bid_size": random.integers(1, 6, ROWS).astype(float),
        "ask_size": random.integers(1, 6, ROWS).astype(float),
    }


CLOSES = (np.arange(ROWS) * STEP + STEP // 2).view("datetime64[ns]")
CASES: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "candles of an interval": (OnCandles, candles(), {"interval": "1m"}),
    "candles that say when they close": (OnCandles, candles(close_ts=CLOSES), {}),
    "volumes": (OnVolumes, candles(volume=np.arange(ROWS) % 11.0), {"interval": "1m"}),
    "no volumes": (OnVolumes, candles(), {"interval": "1m"}),
    "trades": (OnTrades, trades(), {}),
    "quotes": (OnQuotes, quotes(), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_many_rows_in_one_call_are_what_they_are_one_by_one(case: str) -> None:
    strategy, columns, reading = CASES[case]

    def run(wanted: Any, block: int | None) -> pairloom.Result:
        engine = pairloom.Engine(cash={"USD": 100_000}, account="margin", num_threads=1, block=block)
        engine.trade("A/USD", wanted, size=1)
        return engine.backtest({"A/USD": columns}, progress=False, **reading)

    ahead, by_event = run(strategy, None), run(strategy, 0)
    assert ahead.lanes.blocks > 0
    assert not ahead.quarantined
    assert len(ahead.orders) > (0 if case == "no volumes" else 10)
    assert ahead.digest == by_event.digest == run(pairloom.uncompiled(strategy), None).digest


@pairloom.compiled
class Fails(pairloom.Strategy):
    what: str = "nan"

    def setup(self, ctx: Any) -> None:
        self.seen = 0
        self.kind = ("nan", "large", "power", "root", "zero", "fine").index(self.what)
        self.known = 0.0

    def generate_signal(self, ctx: Any) -> Signal | None:
        self.seen += 1
        at = float(self.seen)
        if self.seen > 200:
            if self.kind == 0:
                self.seen = int((at * 1e308 * 10.0) * 0.0)
            elif self.kind == 1:
                self.seen = int(ctx.candle.close * 1e300 * 1e300)
            elif self.kind == 2:
                self.known = 10.0 ** (at + 200.0)
            elif self.kind == 3:
                self.known = abs((0.0 - at) ** 0.5)
            elif self.kind == 4:
                self.known = (at - 201.0) ** -1
        self.known += (at**2 + 2**3 + int(ctx.candle.close)) ** 0.5 % 3.0
        other = ctx.candle.close
        other **= 2
        return Signal.LONG if (self.known + other) % 2.0 > 1.0 else Signal.SHORT


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("nan", ValueError),
        ("large", OverflowError),
        ("power", OverflowError),
        ("root", None),
        ("zero", ZeroDivisionError),
        ("fine", None),
    ],
)
@pytest.mark.filterwarnings("ignore::pairloom.QuarantineWarning")
def test_int_and_powers_raise_what_python_raises(what: str, error: type[Exception] | None) -> None:
    def run(wanted: Any) -> pairloom.Result:
        engine = pairloom.Engine(cash={"USD": 100_000}, account="margin", num_threads=1)
        engine.trade("A/USD", wanted, size=1, what=what)
        engine.trade("A/USD", "rsi", size=1)
        return engine.backtest({"A/USD": candles()}, interval="1m", progress=False)

    compiled = run(Fails)
    if what == "root":
        # Python's result is a complex number, which no compiled code has: it says so.
        assert len(compiled.quarantined) == 1
        return
    plain = run(pairloom.uncompiled(Fails))
    assert compiled.digest == plain.digest
    assert [type(each.error) for each in compiled.quarantined] == ([error] if error else [])


def test_an_integer_to_the_power_of_one_whose_sign_is_not_known_is_refused() -> None:
    @pairloom.compiled
    class Powers(pairloom.Strategy):
        def setup(self, ctx: Any) -> None:
            self.seen = 0

        def generate_signal(self, ctx: Any) -> Signal | None:
            self.seen += 1
            return Signal.LONG if 2 ** -(self.seen % 3) > 0.3 else Signal.SHORT

    engine = pairloom.Engine(cash={"USD": 100_000}, account="margin")
    engine.trade("A/USD", Powers, size=1)
    with pytest.raises(pairloom.PairloomError, match=r"integer cannot be raised.*write float"):
        engine.backtest({"A/USD": candles()}, interval="1m", progress=False)
