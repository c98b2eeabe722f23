"""Random limits for random portfolios, near what their orders are: each control refuses some and passes others."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from .market import PRICES
from .package import Scenario

Draw = Callable[[], Any]
OF_THE_ACCOUNT = ("max_gross_exposure", "max_net_exposure", "max_daily_loss", "max_drawdown")


def typical_price(kinds: dict[str, Any]) -> float:
    """A price of a market, in the middle of its rows."""
    kind, table = next(iter(kinds.items()))
    column = table[PRICES[kind][-1]]
    return float(column[len(column) // 2])


def by_pair(rng: Random, pairs: list[str], draw: Callable[[str | None], Any]) -> Any:
    """One number for all, or a dict that may lack a pair."""
    roll = rng.random()
    if roll < 0.5:
        return draw(None)
    found = {pair: draw(pair) for pair in pairs if rng.random() < 0.7}
    if roll < 0.85 or not found:
        found["*"] = draw(None)
    return found


def pace(rng: Random) -> tuple[int, Any]:
    """So many in so many seconds."""
    return rng.choice((1, 2, 3, 7)), rng.choice((1, 60, 90, "300.5", 3_600))


def choices(rng: Random, scenario: Scenario) -> dict[str, Draw]:
    """What each limit may be."""
    pairs = list(scenario.data)
    prices = {pair: typical_price(kinds) for pair, kinds in scenario.data.items()}
    whole = max(prices.values())

    def some(values: tuple[Any, ...]) -> Callable[[str | None], Any]:
        return lambda _: rng.choice(values)

    def worth(pair: str | None, *times: float) -> str:
        return f"{prices.get(pair or '', whole) * rng.choice(times):.9f}"

    def band(pair: str | None) -> tuple[str, str]:
        price = prices.get(pair or "", whole)
        return f"{price * rng.choice((0, 0.8, 0.95)):.9f}", f"{price * rng.choice((1.02, 1.3, 50)):.9f}"

    def listed() -> Any:
        return rng.choice((True, [pair for pair in pairs if rng.random() < 0.5], [pairs[0]]))

    def hours(_: str | None) -> dict[str, str]:
        return {"open": rng.choice(("21:00", "22:10", "22:20")), "close": rng.choice(("22:30", "23:00", "01:00"))}

    seconds = some((1, 30, "90.000000001", 240))
    return {
        "max_order_quantity": lambda: by_pair(rng, pairs, some((0.5, 1, "1.5", 3, 8))),
        "max_order_notional": lambda: by_pair(rng, pairs, lambda pair: worth(pair, 0.4, 1.01, 2, 7)),
        "price_collar": lambda: by_pair(rng, pairs, some((0.005, 0.02, "0.05", 0.2))),
        "price_band": lambda: by_pair(rng, pairs, band),
        "max_position": lambda: by_pair(rng, pairs, some((0.5, 1, 2, "4.5", 20))),
        "max_gross_exposure": lambda: worth(None, 0.5, 1, 2.5, 9),
        "max_net_exposure": lambda: worth(None, 0.5, 1, 2.5, 9),
        "max_order_rate": lambda: by_pair(rng, pairs, lambda _: pace(rng)),
        "max_cancel_rate": lambda: by_pair(rng, pairs, lambda _: pace(rng)),
        "max_repeats": lambda: pace(rng),
        "duplicate_window": lambda: seconds(None),
        "prevent_self_trade": lambda: True,
        "max_daily_loss": lambda: worth(None, 0, 0.01, 0.2, 1),
        "max_drawdown": lambda: rng.choice((0.0001, 0.01, "0.2")),
        "max_data_age": lambda: by_pair(rng, pairs, seconds),
        "refuse_crossed_quotes": lambda: True,
        "max_price_gap": lambda: by_pair(rng, pairs, some((0.01, 0.03, "0.1"))),
        "known_instruments_only": lambda: True,
        "halted": listed,
        "restricted": listed,
        "session": lambda: by_pair(rng, pairs, hours),
        "reduce_only": listed,
    }


def add_limits(scenario: Scenario, seed: int, only: str | None = None) -> Scenario:
    """Give the scenario limits: a few of all controls, or one of them."""
    rng = Random(seed)
    draws = choices(rng, scenario)
    # What stops everything hides what the others do.
    rare = ("halted", "restricted", "known_instruments_only", "session", "reduce_only")

    def drawn(without: tuple[str, ...]) -> dict[str, Any]:
        found = {}
        for name, draw in draws.items():
            chance = 0.04 if name in rare else 0.22
            if name not in without and (rng.random() < chance if only is None else name == only):
                found[name] = draw()
        return found

    risk = drawn(())
    if only is None or only not in OF_THE_ACCOUNT:
        own = {entry.name: drawn(OF_THE_ACCOUNT) for entry in scenario.entries if rng.random() < 0.3}
        risk["per_trader"] = {name: limits for name, limits in own.items() if limits}
    scenario.settings.risk = {name: value for name, value in risk.items() if value not in ([], {})}
    if only == "refuse_crossed_quotes" or rng.random() < 0.15:
        cross_some_quotes(rng, scenario)
    return scenario


def cross_some_quotes(rng: Random, scenario: Scenario) -> None:
    """Let some quotes have their bid above their ask."""
    for kinds in scenario.data.values():
        table = kinds.get("quote")
        if table is not None:
            for i in range(len(table["ts"])):
                if rng.random() < 0.3:
                    table["bid"][i], table["ask"][i] = table["ask"][i], table["bid"][i]
