"""vectorbt on W1 to W4: `run_vectorbt.py WORKLOAD DATA.npz`, in an environment with vectorbt.

It computes whole columns and then simulates a matrix of orders; no code of the user's runs at an event. What it
compiles, it compiles on a few rows before the clock runs.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt

CASH, FEE, EVERY, FAST, SLOW = 10_000_000, 0.001, 10_000, 10, 30
PAIRS = [(fast, slow) for fast in range(5, 55, 5) for slow in range(60, 160, 10)]


def cross(closes: Any, fast: Any, slow: Any, **options: Any) -> Any:
    """The rule of W1, W3 and W4; lists of lengths make one column for each pair of them."""
    quick = vbt.MA.run(closes, fast, short_name="quick").ma.values
    steady = vbt.MA.run(closes, slow, short_name="steady").ma.values
    wanted = np.where(np.isnan(steady), np.nan, np.where(quick > steady, 1.0, -1.0))
    prices = closes.to_frame() if isinstance(fast, list) else closes
    return vbt.Portfolio.from_orders(
        prices, size=wanted, size_type="targetamount", fees=FEE, init_cash=CASH, freq="1min", **options
    )


def every_nth(bids: Any, asks: Any) -> Any:
    """The rule of W2."""
    mid = pd.Series((bids + asks) * 0.5)
    vbt.MA.run(mid, 50, ewm=True)
    size = np.full(len(bids), np.nan)
    size[EVERY - 1 :: EVERY] = np.resize([1.0, -1.0], len(bids) // EVERY)
    price = np.where(size > 0, asks, bids)
    return vbt.Portfolio.from_orders(mid, size=size, price=price, fees=FEE, init_cash=CASH, freq="1s")


def prepared(workload: str, data: Any) -> Any:
    """A function of a number of rows that runs the workload on them."""
    if workload == "W2":
        return lambda rows: every_nth(data["bid"][0][:rows], data["ask"][0][:rows])
    index = pd.to_datetime(data["ts"][0])
    if workload == "W3":
        table = pd.DataFrame(np.ascontiguousarray(data["close"].T), index=index)
        return lambda rows: cross(table.iloc[:rows], FAST, SLOW, group_by=True, cash_sharing=True)
    closes = pd.Series(data["close"][0], index=index)
    if workload == "W4":
        fast, slow = ([pair[side] for pair in PAIRS] for side in (0, 1))
        return lambda rows: cross(closes[:rows], fast, slow)
    return lambda rows: cross(closes[:rows], FAST, SLOW)


def main() -> None:
    """One run, and one line about it."""
    workload, data = sys.argv[1], np.load(sys.argv[2])
    run = prepared(workload, data)
    np.sum(run(20_000 if workload == "W2" else 200).final_value())
    began = time.perf_counter()
    found = run(None)
    equity = float(np.sum(found.final_value()))
    elapsed = time.perf_counter() - began
    print(json.dumps({"run_s": elapsed, "orders": int(np.sum(found.orders.count())), "equity": equity}))


if __name__ == "__main__":
    main()
