"""A portfolio: thirty markets share one account, and every position is a share of its equity.

The strategy is a built-in one, which runs in Rust on every core; `lanes` in the summary says so.  The same account
can hold Python strategies beside it.
"""

import pairloom
from pairloom import Engine

PAIRS = [f"COIN{number:02}/USD" for number in range(30)]


def main():
    data = pairloom.synthetic(PAIRS, rows=5_000, interval="1h", volatility=0.008, seed=11)
    engine = Engine(cash={"USD": 100_000}, fee=0.0005)
    # 3% of the equity for each of thirty positions leaves a tenth of the cash for what the winners grow by.
    engine.trade("*", "sma_cross", fast=24, slow=120, side="long", size={"equity": 0.03})
    result = engine.backtest(data)
    print(result)

    traders = result.stats.traders.to_pandas().sort_values("pnl")
    print("\nThe best and the worst three markets:")
    shown = traders[["pair", "pnl", "trades", "win_rate", "max_drawdown"]]
    print(shown.iloc[[-1, -2, -3, 2, 1, 0]].to_string(index=False))


if __name__ == "__main__":
    main()
