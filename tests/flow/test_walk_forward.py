"""Walk-forward: what goes wrong in a test is said, and what is chained is what one account would have had."""

from __future__ import annotations

import math
import re
import signal
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import pairloom
from pairloom import ConfigError, Engine, Signal, Strategy, SweepWarning

HOUR = 3_600_000_000_000


class Until(Strategy):
    """In and out by turns, until a time from which on it raises."""

    n: int = 2
    until: int = 0

    def setup(self, ctx: Any) -> None:
        self.seen = 0

    def generate_signal(self, ctx: Any) -> Signal:
        self.seen += 1
        if self.until and ctx.ts >= self.until:
            raise ValueError("as asked for")
        return Signal.LONG if self.seen % self.n else Signal.CLOSE


@pytest.fixture(scope="module")
def data() -> Any:
    """Two markets of hours over 25 days."""
    return pairloom.synthetic(["A/USD", "B/USD"], rows=600, interval="1h", seed=11)


def walked(data: Any, *, first: int = 0, second: int = 0, **asked: Any) -> Any:
    """A walk-forward of two traders, of which each may raise from a time on."""
    engine = Engine(cash={"USD": 1_000})
    engine.trade("A/USD", Until(until=first), size={"quote": 100}, name="one")
    engine.trade("B/USD", Until(until=second), size={"quote": 100}, name="two")
    return engine.sweep(data, n=[2, 3], maximize="equity", progress=False, **asked)


def said(call: Any) -> tuple[Any, list[str]]:
    """What it returns, and the text of its warnings, all of which point here."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = call()
    assert all(each.category is SweepWarning and each.filename == __file__ for each in caught)
    return found, [str(each.message) for each in caught]


def test_a_test_whose_traders_are_all_quarantined_is_a_failure_of_its_fold(data: Any) -> None:
    healthy, nothing = said(lambda: walked(data, folds=2))
    assert nothing == [] and healthy.failed_folds == [] and [fold.error for fold in healthy.folds] == [None, None]
    late = healthy.folds[1].split + 10 * HOUR
    walk, lines = said(lambda: walked(data, first=late, second=late, folds=2))
    assert walk.failed == [], "no training saw that time"
    assert walk.failed_folds == [walk.folds[1]]
    error = walk.folds[1].error
    assert re.fullmatch(r"all 2 traders were quarantined; first one at .* UTC: ValueError: as asked for", error)
    [line] = lines
    assert line.startswith("1 of 2 folds failed in the test; first folds[1], tested from ") and line.endswith(error)
    assert str(walk).splitlines()[0] == f"! {line}"
    assert line in walk._repr_html_()
    assert error in repr(walk.folds[1])
    assert walk.folds[1].test.digest != healthy.folds[1].test.digest


def test_a_test_with_some_quarantined_is_said_too(data: Any) -> None:
    late = walked(data, folds=1).folds[0].split + 10 * HOUR
    walk, lines = said(lambda: walked(data, second=late, folds=1))
    assert re.fullmatch(r"1 of 2 traders quarantined: two at .* UTC: ValueError: as asked for", walk.folds[0].error)
    assert len(lines) == 1 and "1 of 1 fold failed in the test" in lines[0]
    document = pairloom.sweep.to_json(walk)
    assert document["folds"][0]["error"] == walk.folds[0].error and document["failed"] == 0


class Spends(Strategy):
    """Sells what it does not have, from a time on."""

    n: int = 1
    since: int = 0

    def generate_signal(self, ctx: Any) -> Signal | None:
        return Signal.SHORT if ctx.ts >= self.since else None


class Patient(Strategy):
    """Never has enough rows."""

    window = 5_000

    def generate_signal(self, ctx: Any) -> None:
        raise AssertionError


def test_orders_refused_in_tests_are_said(data: Any) -> None:
    late = walked(data, folds=2).folds[0].split
    engine = Engine(cash={"USD": 1_000})
    engine.trade("A/USD", Spends(since=late), size=1)
    walk, lines = said(lambda: engine.sweep(data, n=[1], maximize="equity", folds={"anchored": 2}, progress=False))
    refused = [len(fold.test.refusals) for fold in walk.folds]
    assert all(refused)
    [line] = [each for each in lines if "in the test of 2 folds" in each]
    assert line.startswith(f"{sum(refused):,} orders refused in the test of 2 folds: short_sale {sum(refused):,}; ")
    assert "account='margin'" in line
    assert f"! {line}" in str(walk).splitlines()


def test_a_combination_run_again_says_what_a_backtest_says(data: Any) -> None:
    def engine(**parameters: Any) -> Engine:
        made = Engine(cash={"USD": 1_000})
        made.trade("A/USD", Spends(**parameters), size=1)
        made.trade("B/USD", Patient(), size=1)
        return made

    sweep, _ = said(lambda: engine().sweep(data, n=[1, 2], maximize="equity", progress=False))
    with pytest.warns(pairloom.RefusalWarning) as there:
        result = sweep[1].backtest()
    with pytest.warns(pairloom.RefusalWarning) as here:
        alone = engine(n=2).backtest(data, progress=False)
    assert [str(each.message) for each in there] == [str(each.message) for each in here]
    assert there[0].filename == __file__
    assert result.assumptions == alone.assumptions
    assert any("never called" in line for line in result.assumptions)


def test_a_combination_run_again_raises_where_a_backtest_does(data: Any) -> None:
    engine = Engine(cash={"USD": 1_000})
    engine.trade("A/USD", Until(until=1), size=1)
    sweep, _ = said(lambda: engine.sweep(data, n=[2, 3], progress=False))
    with pytest.raises(pairloom.StrategyError, match="the only trader was quarantined") as caught:
        sweep[0].backtest()
    with pytest.raises(pairloom.StrategyError) as alone:
        engine.backtest(data, progress=False)
    assert str(caught.value) == str(alone.value)
    assert caught.value.result.quarantined and isinstance(caught.value.__cause__, ValueError)
    some, _ = said(lambda: walked(data, first=int(np.datetime64("2024-01-05", "ns").astype(int))))
    with pytest.warns(pairloom.QuarantineWarning, match="1 of 2 traders quarantined: one at"):
        some[0].backtest()


class Leveraged(Strategy):
    """Holds more than there is cash for."""

    n: int = 1

    def generate_signal(self, ctx: Any) -> Signal:
        return Signal.LONG


def crashing(parts: int, falls: dict[int, float]) -> dict[str, Any]:
    """Days of which as many make one part as there are parts, flat but for falls in the middle of some parts."""
    days = np.arange(parts * 20)
    close = np.full(len(days), 100.0)
    for part, fall in falls.items():
        close[part * 20 + 10 :] *= 1 - fall
    before = np.concatenate(([close[0]], close[:-1]))
    return {
        "ts": np.datetime64("2024-01-01", "ns") + days * np.timedelta64(1, "D"),
        "open": close,
        "high": np.maximum(close, before),
        "low": close,
        "close": close,
        "volume": np.ones(len(days)),
    }


@pytest.mark.filterwarnings("ignore::pairloom.SweepWarning")
@pytest.mark.parametrize("falls", [{1: 0.36, 2: 0.3}, {1: 0.36}, {1: 0.1, 2: 0.36, 3: 0.3}])
def test_nothing_is_chained_behind_a_test_that_lost_everything(falls: dict[int, float]) -> None:
    engine = Engine(cash={"USD": 1_000}, account="margin", leverage=10, fee=0)
    engine.trade("A/USD", Leveraged(), size={"equity": 5})
    walk = engine.sweep({"A/USD": crashing(5, falls)}, n=[1], maximize="equity", folds=4, progress=False)
    ends = [fold.test.equity / 1_000 for fold in walk.folds]
    ruined = next(number for number, end in enumerate(ends) if end <= 0)
    assert ruined < 3
    stats = walk.out_of_sample
    assert stats.total_return == pytest.approx(math.prod(ends[: ruined + 1]) - 1) and stats.total_return < -1
    assert stats.pnl == pytest.approx(1_000 * stats.total_return)
    assert all(math.isnan(stats[name]) for name in ("cagr", "calmar", "sharpe", "sortino", "volatility"))
    assert stats.max_drawdown == pytest.approx(stats.total_return)
    tests = [fold.test for fold in walk.folds[: ruined + 1]]
    assert stats.trades == sum(len(test.trades) for test in tests)
    assert stats.turnover == pytest.approx(sum(test.stats.turnover for test in tests))
    assert "out_of_sample chains no return behind it" in "".join(walk.assumptions)


def of_length(data: Any, hours: int, offset: int = 0) -> dict[str, Any]:
    """Hours as longer candles, from an hour of the first day on."""
    rows = (len(data["ts"]) - offset) // hours * hours
    grid = {name: column[offset : offset + rows].reshape(-1, hours) for name, column in data.items()}
    return {
        "ts": grid["ts"][:, 0],
        "open": grid["open"][:, 0],
        "high": grid["high"].max(axis=1),
        "low": grid["low"].min(axis=1),
        "close": grid["close"][:, -1],
        "volume": grid["volume"].sum(axis=1),
    }


@pytest.mark.parametrize("mode", ["rolling", "anchored"])
@pytest.mark.parametrize(("hours", "offset"), [(24, 0), (24, 5), (7, 0)])
def test_no_training_knows_what_lies_behind_its_split(data: Any, mode: str, hours: int, offset: int) -> None:
    mixed = {"A/USD": data["A/USD"], "B/USD": of_length(data["B/USD"], hours, offset)}
    walk = walked(mixed, folds={mode: 5})
    curves = []
    for fold in walk.folds:
        for each in fold.train:
            assert each.backtest().equity_curve.column("ts").max() <= np.datetime64(fold.split, "ns")
        curves.append(fold.test.equity_curve.column("ts"))
        assert np.datetime64(fold.split, "ns") < curves[-1].min()
    # Each test goes on until the last moment before the next one: no hour is left out.
    for before, after in pairwise(curves):
        assert before.max() + np.timedelta64(1, "h") == after.min()
    # Daily returns of the chained curve, put together by hand.
    ends: dict[Any, float] = {}
    equity = 1_000.0
    for fold in walk.folds:
        table = fold.test.equity_curve
        for ts, value in zip(table.column("ts"), table.column("equity"), strict=True):
            ends[ts.astype("datetime64[D]")] = equity * value / 1_000
        equity *= fold.test.equity / 1_000
    values = [1_000.0, *ends.values()]
    returns = np.diff(values) / values[:-1]
    assert walk.out_of_sample.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(365))


def test_a_split_within_candles_of_one_grid_has_the_same_rows_on_either_side(data: Any) -> None:
    fold = walked(data, folds=6).folds[0]
    first = int(data["A/USD"]["ts"][0].astype(np.int64))
    cut = first + 599 * HOUR // 7
    assert cut % HOUR and fold.split == -(-cut // HOUR) * HOUR
    engine = Engine(cash={"USD": 1_000})
    engine.trade("A/USD", Until(n=fold.best.parameters.n), size={"quote": 100}, name="one")
    engine.trade("B/USD", Until(n=fold.best.parameters.n), size={"quote": 100}, name="two")
    alone = engine.backtest(data, start=np.datetime64(cut, "ns"), end=np.datetime64(fold.end, "ns"), progress=False)
    assert alone.digest == fold.test.digest
    assert engine.backtest(data, end=np.datetime64(cut, "ns"), progress=False).digest == fold.best.digest


def test_candles_that_never_close_together_have_no_folds(data: Any) -> None:
    late = {**data["B/USD"], "ts": data["B/USD"]["ts"] + np.timedelta64(30, "m")}
    with pytest.raises(ConfigError, match=r"a candle of some market is always open.*candles that close together"):
        walked({"A/USD": data["A/USD"], "B/USD": late}, folds=2)


class Pressing(Until):
    """Presses Ctrl-C from a time on."""

    presses: int = 3

    def generate_signal(self, ctx: Any) -> Signal:
        if self.until and ctx.ts >= self.until and self.n == self.presses:
            signal.raise_signal(signal.SIGINT)
        self.seen += 1
        return Signal.LONG if self.seen % self.n else Signal.CLOSE


def interrupted(data: Any, until: int, presses: int) -> Any:
    """A walk-forward that always chooses n=2, and ends where a combination comes to a time."""
    engine = Engine(cash={"USD": 1_000})
    engine.trade("A/USD", Pressing(until=until, presses=presses), size={"quote": 100})
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return engine.sweep(data, n=[2, 3, 4], maximize=lambda each: -each.parameters.n, folds=3, progress=False)
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_keeps_what_was_run_of_a_training(data: Any) -> None:
    whole = interrupted(data, 0, 0)
    walk = interrupted(data, whole.folds[0].split + 5 * HOUR, 3)
    assert walk.interrupted and not whole.interrupted
    assert [len(fold.train) for fold in walk.folds] == [3, 1], "n=3 pressed in the training of the second fold"
    assert [each.digest for each in walk] == [each.digest for each in whole[:4]]
    assert walk.folds[0].test.digest == whole.folds[0].test.digest
    assert walk.folds[1].train.interrupted and walk.folds[1].best is walk.folds[1].test is None
    assert walk.best() is walk.folds[0].best, "what was cut short chooses nothing"
    assert walk.column("fold").tolist() == [0, 0, 0, 1]
    assert dict(walk.out_of_sample) == pytest.approx(dict(whole.folds[0].test.stats), nan_ok=True)
    assert walk.assumptions[-1] == "interrupted in the training of fold 2 of 3"
    assert str(walk).startswith("! interrupted: 4 of 9 combinations were run, and 1 fold tested\n")


def test_ctrl_c_in_a_test_keeps_the_choice(data: Any) -> None:
    whole = interrupted(data, 0, 0)
    walk = interrupted(data, whole.folds[2].split + 5 * HOUR, 2)
    assert walk.interrupted and len(walk) == 9
    assert walk.folds[2].test is None and walk.best() is walk.folds[2].best
    assert walk.folds[2].best.parameters == {"n": 2}
    assert [fold.test.digest for fold in walk.folds[:2]] == [fold.test.digest for fold in whole.folds[:2]]
    assert "not tested" in repr(walk.folds[2]) and walk.assumptions[-1] == "interrupted in the test of fold 3 of 3"
    assert str(walk).startswith("! interrupted: 9 of 9 combinations were run, and 2 folds tested\n")
    assert pairloom.sweep.to_json(walk)["folds"][2]["test"] is None
