"""The shared recordings load as pandas reads them, and nothing but NumPy is needed for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from pairloom._data import load

PAIRS = [f"{base}/BTC" for base in ("ADA", "DASH", "ETH", "LTC", "TRX", "XLM", "ZEC")]


def test_seven_markets_of_candles(shared_data: Path) -> None:
    folder = shared_data / "candles_btc_5m"
    loaded = load(folder, pairs=["*"], currency="BTC")
    assert loaded.pairs == PAIRS and loaded.rows == 40_269
    assert len(loaded.assumptions) == 1 and "interval 5m" in loaded.assumptions[0]
    for series in loaded.series:
        frame = pd.read_parquet(folder / f"{series.pair.replace('/', '_')}.parquet")
        times = frame["date"].dt.tz_localize(None).to_numpy().astype("datetime64[ns]")
        assert (series.ts == times.astype(np.int64)).all()
        assert series.interval == 300 * 10**9
        for name in ("open", "high", "low", "close", "volume"):
            assert (series.columns[name] == frame[name].to_numpy()).all()


def test_trades_with_sides(shared_data: Path) -> None:
    path = shared_data / "trades_XRP_ETH.parquet"
    [series] = load(path, pairs=["XRP/ETH"], currency="ETH").series
    frame = pd.read_parquet(path)
    assert (series.kind, len(series.ts)) == ("trade", 12_477)
    assert (series.ts == frame["timestamp"].to_numpy() * 1_000_000).all()
    assert (series.columns["quantity"] == frame["amount"].to_numpy()).all()
    assert (series.columns["side"] == np.where(frame["side"] == "buy", 1, -1)).all()
    assert list(series.extra) == ["cost"]


BARE = """
import sys
for name in {absent!r}:
    sys.modules[name] = None
from pairloom._data import load
assert "numpy" not in sys.modules
from pathlib import Path
folder = Path({folder!r})
if "pandas" not in {absent!r}:
    import pandas as pd
    one = pd.DataFrame({{"date": pd.date_range("2018-01-10", periods=3, freq="5min", tz="UTC"),
        "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "pair": "ETH/BTC"}})
    assert load(one, pairs=["*"], currency="BTC").rows == 3
    one.drop(columns="pair").to_csv(folder / "ETH_BTC.csv", index=False)
else:
    (folder / "ETH_BTC.csv").write_text("date,open,high,low,close\\n2018-01-10,1,1,1,1\\n2018-01-11,1,1,1,1\\n")
print(load(folder, pairs=["*"], currency="BTC").pairs)
"""


def test_no_data_frame_library_is_needed(tmp_path: Path) -> None:
    for absent in (["pyarrow"], ["pyarrow", "pandas", "polars"]):
        code = BARE.format(absent=absent, folder=str(tmp_path))
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert (run.returncode, run.stdout) == (0, "['ETH/BTC']\n"), run.stderr
