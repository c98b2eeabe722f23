"""The floor: each workload by hand in plain Python, for its one rule; no engine, nothing that could be asked for later.

The data are lists already when a loop begins, because a loop over an array costs more.
"""

from __future__ import annotations

from .workloads import ALPHA, CASH, EVERY, FAST, FEE, GRID, SLOW, Data, Outcome


def one_market(closes: list[float], fast: int = FAST, slow: int = SLOW) -> Outcome:
    """W1: two running sums."""
    cash, held, orders = float(CASH), 0, 0
    quick = steady = 0.0
    for row, close in enumerate(closes):
        quick += close
        steady += close
        if row >= fast:
            quick -= closes[row - fast]
        if row >= slow:
            steady -= closes[row - slow]
        if row >= slow - 1:
            wanted = 1 if quick / fast > steady / slow else -1
            if wanted != held:
                traded = wanted - held
                cash -= traded * close + abs(traded) * close * FEE
                held = wanted
                orders += 1
    return Outcome(orders, cash + held * closes[-1])


def quotes(bids: list[float], asks: list[float]) -> Outcome:
    """W2: the average of the mid, and an order at every so many quotes."""
    cash, held, seen, orders, side = float(CASH), 0, 0, 0, 1
    average = mid = 0.0
    for bid, ask in zip(bids, asks, strict=True):
        mid = (bid + ask) * 0.5
        average = mid if seen == 0 else average + ALPHA * (mid - average)
        seen += 1  # noqa: SIM113 - counted by hand, as the strategies have to
        if seen % EVERY == 0:
            price = ask if side > 0 else bid
            cash -= side * price + price * FEE
            held += side
            side = -side
            orders += 1
    return Outcome(orders, cash + held * mid)


def many_markets(markets: list[list[float]]) -> Outcome:
    """W3: one account, bar by bar over all markets, as a shared account needs it."""
    cash, orders = float(CASH), 0
    held = [0] * len(markets)
    quick, steady = [0.0] * len(markets), [0.0] * len(markets)
    for row in range(len(markets[0])):
        for index, closes in enumerate(markets):
            close = closes[row]
            q = quick[index] + close
            s = steady[index] + close
            if row >= FAST:
                q -= closes[row - FAST]
            if row >= SLOW:
                s -= closes[row - SLOW]
            quick[index] = q
            steady[index] = s
            if row >= SLOW - 1:
                wanted = 1 if q / FAST > s / SLOW else -1
                if wanted != held[index]:
                    traded = wanted - held[index]
                    cash -= traded * close + abs(traded) * close * FEE
                    held[index] = wanted
                    orders += 1
    return Outcome(orders, cash + sum(held[index] * closes[-1] for index, closes in enumerate(markets)))


def pairs() -> list[tuple[int, int]]:
    """The pairs of lengths of W4."""
    return [(fast, slow) for fast in GRID["fast"] for slow in GRID["slow"]]


def total(outcomes: list[Outcome]) -> Outcome:
    """What many runs came to together."""
    return Outcome(sum(each.orders for each in outcomes), sum(each.equity for each in outcomes))


def many_pairs(closes: list[float]) -> Outcome:
    """W4: the loop for one market, once for each pair."""
    return total([one_market(closes, fast, slow) for fast, slow in pairs()])


def columns(data: Data, name: str) -> list[list[float]]:
    """One column of every market as lists."""
    return [market[name].tolist() for market in data.values()]
