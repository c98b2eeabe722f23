"""Real markets: every fill of the engine equals that of the exact reference model."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from reference import api
from reference.compare import assert_equal, rows_of
from reference.model import Reference, Settings
from reference.package import SECOND, Entry, Scenario, on_model, on_package
from reference.strategies import sma_cross

pytest.importorskip("pairloom._native", reason="the native module is not built")

pytestmark = pytest.mark.slow

MINUTE = 60 * SECOND
PRICES = ("open", "high", "low", "close", "volume")
FAST, SLOW = 10, 30

STRATEGY_FILE = '''
"""The moving-average cross of the README."""

from pairloom import Signal, Strategy, indicators as ta


class SmaCross(Strategy):
    fast: int = 10
    slow: int = 30
    side: str = "both"

    def setup(self, ctx):
        self.f = ctx.indicator(ta.Sma(self.fast))
        self.s = ctx.indicator(ta.Sma(self.slow))

    def generate_signal(self, ctx):
        if self.f.value > self.s.value:
            return Signal.LONG
        return Signal.CLOSE if self.side == "long" else Signal.SHORT
'''

CASES = [
    pytest.param(account, side, fill, size, id=f"{account}-{fill}-{next(iter(size))}")
    for account, side in (("spot", "long"), ("margin", "both"))
    for fill in ("next_open", "close")
    for size in ({"base": 10}, {"quote": 1})
]


@lru_cache(maxsize=1)
def seven_pairs(folder: Path) -> dict[str, dict[str, Any]]:
    """The seven recorded markets as plain lists."""
    import pyarrow.parquet as pq

    data: dict[str, dict[str, Any]] = {}
    for file in sorted((folder / "candles_btc_5m").glob("*.parquet")):
        table = pq.read_table(file)
        times = table.column("date").cast("int64").to_pylist()
        columns = {name: table.column(name).to_pylist() for name in PRICES}
        data[file.stem.replace("_", "/")] = {"candle": {"ts": times, "interval": 5 * MINUTE, **columns}}
    assert len(data) == 7
    return data


def crosses(data: dict[str, Any], side: str, size: Any, **parameters: int) -> list[Entry]:
    """One cross a pair, named as `trade(pairs, …, name="cross")` names several."""

    def define(names: Any) -> Any:
        return sma_cross(names, fast=parameters.get("fast", FAST), slow=parameters.get("slow", SLOW), side=side)

    return [Entry(f"cross {pair}", pair, define, size) for pair in sorted(data)]


def account_of(account: str, fill: str) -> Settings:
    leverage = 2 if account == "margin" else 1
    return Settings(cash=10, currency="BTC", account=account, leverage=leverage, fill=fill)


def command(*arguments: str) -> dict[str, Any]:
    """`pairloom …` as a person runs it; the document on its standard output."""
    call = [sys.executable, "-c", "import sys; from pairloom.cli import main; sys.exit(main())", *arguments]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def config_file(folder: Path, data: Path, strategy: str, case: tuple[str, str, str, dict[str, int]]) -> Path:
    """A config like the README's, beside its strategy file."""
    account, side, fill, size = case
    (folder / "strategies.py").write_text(STRATEGY_FILE)
    ((key, amount),) = size.items()
    path = folder / "run.toml"
    path.write_text(
        f"""
[engine]
cash = {{ BTC = 10 }}
fee = 0.001
account = "{account}"
leverage = {2 if account == "margin" else 1}
fill = "{fill}"
[data]
path = {json.dumps(str(data / "candles_btc_5m"))}
[[trader]]
name = "cross"
pairs = ["*"]
strategy = "{strategy}"
size = {{ {key} = {amount} }}
options = {{ fast = {FAST}, slow = {SLOW}, side = "{side}" }}
"""
    )
    return path


def check_document(document: dict[str, Any], result: Any, reference: Reference) -> None:
    """The command line prints counts and the digest, which stands for every order and fill."""
    assert document["digest"] == result.digest
    assert document["fills"] == len(reference.fills)
    assert document["orders"] == len(reference.orders)
    assert document["trades"] == len(reference.trades)
    assert document["refusals"] == len(reference.refusals)
    assert document["equity"] == pytest.approx(float(reference.equity), rel=1e-8)
    assert document["fees"] == pytest.approx(float(reference.fees), rel=1e-8)
    assert document["quarantined"] == []


@pytest.mark.parametrize(("account", "side", "fill", "size"), CASES)
def test_seven_real_pairs(
    shared_data: Path, tmp_path: Path, account: str, side: str, fill: str, size: dict[str, int]
) -> None:
    """Python and the command line, a class and the built-in: every fill is the model's."""
    data = seven_pairs(shared_data)
    made = Scenario(data, account_of(account, fill), crosses(data, side, size))
    reference = on_model(made)
    assert len(reference.fills) > 1000
    result = on_package(made)
    assert_equal(result, reference, "a Python class")
    case = (account, side, fill, size)
    for strategy in ("strategies.py:SmaCross", "sma_cross"):
        config = config_file(tmp_path, shared_data, strategy, case)
        document = command("backtest", str(config), "--json")
        check_document(document, result, reference)


def test_an_account_short_of_cash(shared_data: Path) -> None:
    """Sized by equity, with slippage and lots: commit order decides who is refused."""
    data = seven_pairs(shared_data)
    settings = replace(account_of("spot", "next_open"), cash=1, slippage_bps=5, taker_fee="0.0025")
    settings.instruments = {"ETH/BTC": {"lot": "0.001"}, "TRX/BTC": {"lot": "1"}}
    made = Scenario(data, settings, crosses(data, "long", {"equity": 0.4}))
    reference = on_model(made)
    assert {"cash"} <= {row["check"] for row in reference.refusals}
    assert_equal(on_package(made), reference)


def merged(table: dict[str, Any], minutes: int) -> dict[str, Any]:
    """Longer candles out of 5-minute ones, gaps and all."""
    length = minutes * MINUTE
    made: dict[str, Any] = {"ts": [], "interval": length, **{name: [] for name in PRICES}}
    for i, ts in enumerate(table["ts"]):
        start = ts // length * length
        row = {name: table[name][i] for name in PRICES}
        if made["ts"] and made["ts"][-1] == start:
            made["high"][-1] = max(made["high"][-1], row["high"])
            made["low"][-1] = min(made["low"][-1], row["low"])
            made["close"][-1] = row["close"]
            made["volume"][-1] += row["volume"]
        else:
            made["ts"].append(start)
            for name in PRICES:
                made[name].append(row[name])
    return made


def intervals(folder: Path) -> dict[str, dict[str, Any]]:
    """Markets of 5 minutes, 15 minutes, an hour and four hours."""
    data = seven_pairs(folder)
    lengths = {"ETH/BTC": 60, "LTC/BTC": 5, "DASH/BTC": 15, "XLM/BTC": 240}
    return {pair: {"candle": merged(data[pair]["candle"], minutes)} for pair, minutes in lengths.items()}


@pytest.mark.parametrize("fill", ["next_open", "close"])
def test_markets_of_different_intervals(shared_data: Path, fill: str) -> None:
    """One account over four lengths of candles."""
    data = intervals(shared_data)
    made = Scenario(data, account_of("margin", fill), crosses(data, "both", {"equity": 0.3}, fast=3, slow=8))
    reference = on_model(made)
    assert {row["pair"] for row in reference.fills} == set(data)
    assert_equal(on_package(made), reference)


def test_the_future_changes_nothing(shared_data: Path) -> None:
    """What a run did before a time does not depend on rows that became known after it."""
    data = intervals(shared_data)
    made = Scenario(data, account_of("margin", "next_open"), crosses(data, "both", {"base": 5}, fast=3, slow=8))
    times = data["LTC/BTC"]["candle"]["ts"]
    cutoff = times[len(times) // 2]
    changed: dict[str, dict[str, Any]] = {}
    for pair, kinds in data.items():
        table = {name: values if name == "interval" else list(values) for name, values in kinds["candle"].items()}
        for i, ts in enumerate(table["ts"]):
            if ts + table["interval"] > cutoff:
                for name in PRICES[:4]:
                    # Doubled, so that the price scale of the input stays what it was.
                    if not (name == "open" and ts <= cutoff):
                        table[name][i] = table[name][i] * 2
                table["high"][i] = max(table[name][i] for name in PRICES[:4])
                table["low"][i] = min(table[name][i] for name in PRICES[:4])
        changed[pair] = {"candle": table}
    columns = ("ts", "trader", "side", "quantity", "price")
    runs = []
    for version in (data, changed):
        result = on_package(replace(made, data=version))
        runs.append([row for row in rows_of(result.fills, columns) if row["ts"] <= cutoff])
    assert runs[0] == runs[1]
    assert len(runs[0]) > 100


def ticks(folder: Path, symbol: str, most: int) -> dict[str, Any]:
    """Recorded best quotes and trades of one symbol, by the time they were received."""
    quotes: dict[str, Any] = {"ts": [], "bid": [], "ask": []}
    trades: dict[str, Any] = {"ts": [], "price": [], "quantity": []}
    file = folder / "binance_spot_ws" / f"{symbol}_20240808.gz"
    with gzip.open(file, "rt") as lines:
        for ts, frame in csv.reader((line.replace(" ", "\t", 1) for line in lines), delimiter="\t", quoting=3):
            message = json.loads(frame)
            stream, event = message.get("stream", ""), message.get("data", {})
            if stream.endswith("@bookTicker"):
                quotes["ts"].append(int(ts))
                quotes["bid"].append(float(event["b"]))
                quotes["ask"].append(float(event["a"]))
            elif stream.endswith("@trade"):
                trades["ts"].append(int(ts))
                trades["price"].append(float(event["p"]))
                trades["quantity"].append(float(event["q"]))
            if len(quotes["ts"]) + len(trades["ts"]) >= most:
                break
    return {"quote": quotes, "trade": trades}


def limit_cross(names: Any) -> Any:
    """On quotes: in with a resting limit order at the bid's side, out at the market."""

    class LimitCross(names.Strategy):  # type: ignore[misc]
        def setup(self, ctx: Any) -> None:
            self.f = ctx.indicator(names.indicators.Sma(20))
            self.s = ctx.indicator(names.indicators.Sma(100))

        def generate_signal(self, ctx: Any) -> Any:
            if self.f.value > self.s.value:
                return names.Signal.long(size=0.01, limit=ctx.quote.bid)
            return names.Signal.CLOSE

    return LimitCross


@pytest.mark.parametrize("latency_ms", [0, 50])
def test_real_quotes_and_trades(shared_data: Path, latency_ms: int) -> None:
    """Quotes fill at their other side, limits on quotes and trades, with and without latency."""
    data = {
        "BTC/USDT": ticks(shared_data, "btcusdt", 12_000),
        "ETH/USDT": ticks(shared_data, "ethusdt", 12_000),
    }
    entries = [
        *crosses(data, "both", {"quote": 500}, fast=20, slow=100),
        *(Entry(f"limits {pair}", pair, limit_cross) for pair in data),
    ]
    settings = Settings(
        cash=100_000,
        currency="USDT",
        account="margin",
        maker_fee="0.0001",
        latency=latency_ms * SECOND // 1000,
    )
    made = Scenario(data, settings, entries)
    reference = on_model(made)
    assert {row["liquidity"] for row in reference.fills} == {"maker", "taker"}
    assert {row["pair"] for row in reference.fills} == set(data)
    assert_equal(on_package(made), reference)


def test_the_model_runs_the_same_bodies() -> None:
    """The bodies above take either side's names; a mistake here would compare nothing."""
    assert issubclass(sma_cross(api, fast=1, slow=2, side="long"), api.Strategy)
    assert issubclass(limit_cross(api), api.Strategy)
