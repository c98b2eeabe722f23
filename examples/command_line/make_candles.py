"""Write the candles that portfolio.toml reads: a CSV file for each of three pairs, in `candles/` beside this file."""

import csv
from pathlib import Path

import pairloom

folder = Path(__file__).parent / "candles"
folder.mkdir(exist_ok=True)
data = pairloom.synthetic(
    ["ETH/BTC", "LTC/BTC", "XLM/BTC"],
    rows=5000,
    interval="15m",
    price={"ETH/BTC": 0.05, "LTC/BTC": 0.002, "XLM/BTC": 0.00001},
    digits={"ETH/BTC": 6, "LTC/BTC": 6, "XLM/BTC": 9},
    volatility=0.004,
    seed=7,
)
for pair, columns in data.items():
    columns["ts"] = columns["ts"].astype("datetime64[s]").astype(str)  # 2024-01-31T09:30:00
    path = folder / (pair.replace("/", "_") + ".csv")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    print(f"wrote {path.name}")
