"""A run that is ended at random events and made again comes out as if nothing had happened.

On all kinds of data and both accounts, with latency, warm-up, schedules, hooks and liquidations, in both drivers.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, ClassVar

import pytest

import pairloom
from journals import books_of, rows_of
from pairloom import Engine, Journal, Signal, Strategy

pytestmark = pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning", "ignore::pairloom.QuarantineWarning")


class Wild(Strategy):
    """Does whatever its own seeded random numbers say, in every hook."""

    schedule = "1h"
    calls: ClassVar[int] = 0
    stop_at: ClassVar[int | None] = None

    def setup(self, ctx: Any) -> None:
        self.ids: list[int] = []

    def act(self, ctx: Any) -> Any:
        Wild.calls += 1
        if Wild.calls == Wild.stop_at:
            raise KeyboardInterrupt
        dice = ctx.random.random()
        event = ctx.event
        price = getattr(event, "close", None) or getattr(event, "price", None) or getattr(event, "bid", None) or 100.0
        if dice < 0.03:
            self.ids.append(ctx.buy(1 + 5 * ctx.random.random(), limit=price * (0.97 + 0.04 * ctx.random.random())))
        elif dice < 0.06:
            self.ids.append(ctx.sell(3 * ctx.random.random(), tif=ctx.random.choice(["GTC", "IOC", "FOK"])))
        elif dice < 0.08 and self.ids:
            ctx.cancel(ctx.random.choice(self.ids))
        elif dice < 0.10 and self.ids:
            ctx.replace(ctx.random.choice(self.ids), limit=price * 0.99)
        elif dice < 0.2:
            return ctx.random.choice([Signal.LONG, Signal.SHORT, Signal.CLOSE, Signal.REVERSE, Signal.target(4)])
        elif dice > 0.9999:
            raise ArithmeticError("planted")
        return None

    def generate_signal(self, ctx: Any) -> Any:
        return self.act(ctx)

    def on_time(self, ctx: Any, event: Any) -> Any:
        return self.act(ctx)

    def on_fill(self, ctx: Any, fill: Any) -> Any:
        return self.act(ctx)


def engine(case: dict[str, Any], journal: Path | None) -> Engine:
    made = Engine(
        cash={"USD": case["cash"]},
        account=case["account"],
        leverage=case["leverage"],
        latency=case["latency"],
        on_error=case["on_error"],
        seed=case["seed"],
        journal=journal,
    )
    made.trade("*", Wild(), size=3)
    # Much on margin, so that it is liquidated now and then.
    made.trade("*", "simple", size={"equity": 3 if case["account"] == "margin" else 0.2})
    return made


def one_run(driver: str, case: dict[str, Any], journal: Path | None, stop_at: int | None = None) -> Any:
    Wild.calls, Wild.stop_at = 0, stop_at
    made = engine(case, journal)
    options = {"start": "2024-01-01T01:00", "progress": False} if case["warm_up"] else {"progress": False}
    return getattr(made, driver)(case["data"], **options)


@pytest.mark.parametrize("driver", ["backtest", "paper"])
@pytest.mark.parametrize("number", range(6))
def test_random_runs_ended_at_random_events(tmp_path: Path, driver: str, number: int) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    kind = ("candle", "quote", "trade")[number % 3]
    margin = number >= 3
    case = {
        "seed": seed,
        "data": pairloom.synthetic(3, rows=300, kind=kind, seed=seed, volatility=0.02, missing=0.2),
        "account": "margin" if margin else "spot",
        "leverage": 10 if margin else 1,
        "cash": dice.choice([300, 1_000, 5_000]),
        "latency": 0 if kind == "candle" else dice.choice([0, 0.5, 90]),
        "on_error": dice.choice(["keep", "close"]),
        "warm_up": dice.random() < 0.5,
    }
    whole, path = tmp_path / "whole.db", tmp_path / "run.db"
    plain = one_run(driver, case, None)
    calls = Wild.calls
    assert one_run(driver, case, whole).digest == plain.digest
    for _ in range(4):
        # Each time somewhere else, also before the place that it had come to.
        one_run(driver, case, path, dice.randrange(1, calls))
        assert Journal(path).check()["problems"] == []
        kept = rows_of(path)
        expected = rows_of(whole)
        assert all(expected[table][: len(rows)] == rows for table, rows in kept.items())
    result = one_run(driver, case, path)
    assert result.digest == plain.digest
    assert rows_of(path) == rows_of(whole)
    assert len(result.orders) > 20
    if driver == "paper":
        assert books_of(path) == books_of(whole)
        assert books_of(path)["duplicates"] == []
