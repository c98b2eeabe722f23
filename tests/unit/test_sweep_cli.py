"""`pairloom sweep`: values and conditions on the command line, its document, its exit statuses."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

import pairloom
from pairloom import Engine
from pairloom.cli import main
from pairloom.cli.sweep import _parameter, _range

STRATEGY = """
from pairloom import Signal, Strategy

class Every(Strategy):
    n: int = 2
    side: str = "long"

    def setup(self, ctx):
        self.seen = 0

    def generate_signal(self, ctx):
        self.seen += 1
        if self.n == 4:
            raise ValueError("as asked for")
        return Signal.LONG if self.seen % self.n else Signal.CLOSE
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a strategy, a config, and hours of two markets."""
    (tmp_path / "candles").mkdir()
    for name, columns in pairloom.synthetic(["ETH/BTC", "LTC/BTC"], rows=200, interval="1h", seed=2).items():
        lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
        path = tmp_path / "candles" / f"{name.replace('/', '_')}.csv"
        path.write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "mine.py").write_text(STRATEGY, encoding="utf-8")
    (tmp_path / "run.toml").write_text(
        '[engine]\ncash = { BTC = 1000 }\n[data]\npath = "candles"\n[[trader]]\npairs = "*"\nstrategy = "sma_cross"\n'
        'size = { quote = 1 }\noptions = { side = "long" }\n',
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_config_is_swept(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["sweep", "run.toml", "--param", "fast=3,5", "--param", "slow=10:31:10", "--where", "fast * 3 < slow"]
    assert main([*asked, "--maximize", "equity", "--json"]) == 0
    found = document(capsys)
    assert found["parameters"] == {"fast": [3, 5], "slow": [10, 20, 30]}
    assert [each["parameters"] for each in found["combinations"]] == [
        {"fast": 3, "slow": 10},
        {"fast": 3, "slow": 20},
        {"fast": 3, "slow": 30},
        {"fast": 5, "slow": 20},
        {"fast": 5, "slow": 30},
    ]
    assert found["best"]["equity"] == max(each["equity"] for each in found["combinations"])
    assert (found["asked"], found["run"], found["failed"], found["interrupted"]) == (5, 5, 0, False)
    assert found["folds"] == [] and found["out_of_sample"] is None
    engine = Engine(cash={"BTC": 1000})
    engine.trade("*", "sma_cross", size={"quote": 1}, side="long", fast=3, slow=20)
    assert engine.backtest("candles", progress=False).digest == found["combinations"][1]["digest"]


def test_people_see_the_best_and_a_heat_map(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "run.toml", "--param", "fast=3,5", "--param", "slow=10,20"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Sweep of 4 combinations of fast (2) x slow (2), by sharpe")
    assert "fast \\ slow" in shown and "*" in shown


def test_a_strategy_alone_is_swept_and_its_errors_are_status_3(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = ["sweep", "mine.py:Every", "--data", "candles", "--cash", "BTC=1000", "--size", "quote=1"]
    assert main([*alone, "--param", "n=2,4", "--param", "side=long,both", "--json"]) == 3
    found = document(capsys)
    assert [each["parameters"]["side"] for each in found["combinations"]] == ["long", "both"] * 2
    assert "was quarantined: ValueError: as asked for" in found["combinations"][2]["error"]
    assert found["combinations"][2]["parameters"] == {"n": 4, "side": "long"}
    assert main([*alone, "--param", "n=4"]) == 1, "nothing is left"
    assert main([*alone, "--param", "n=2", "--where", "n > 1", "--folds", "anchored=2", "--json"]) == 0
    capsys.readouterr()


def test_folds_are_in_the_document(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["sweep", "run.toml", "--param", "fast=3,5", "--maximize", "total_return", "--json"]
    assert main([*asked, "--folds", "3"]) == 0
    found = document(capsys)
    assert len(found["folds"]) == 3 and found["run"] == 6
    assert {"total_return", "sharpe", "trades"} <= found["out_of_sample"].keys()
    assert found["folds"][0]["best"]["parameters"]["fast"] in (3, 5)


def test_traders_quarantined_in_a_test_are_status_3(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # The hours go from the first day of 2024 to the ninth, so the last days are in the test alone.
    text = STRATEGY.replace("if self.n == 4:", "if ctx.ts >= 1_704_585_600 * 10**9:")
    (here / "mine.py").write_text(text, encoding="utf-8")
    alone = ["sweep", "mine.py:Every", "--data", "candles", "--cash", "BTC=1000", "--size", "quote=1"]
    assert main([*alone, "--param", "n=2,3", "--maximize", "equity", "--folds", "1"]) == 3
    assert capsys.readouterr().out.startswith("! 1 of 1 fold failed in the test; first folds[0], tested from ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a sweep needs --param"),
        (["--param", "fast"], "write NAME=VALUES"),
        (["--param", "fast=1:x"], "write FIRST:END:STEP"),
        (["--param", "fast=1:9:0"], "write FIRST:END:STEP"),
        (["--param", "fast=1:1000000000"], "are more than 100,000"),
        (["--param", "fast=9:1"], "fast=[] is empty"),
        (["--param", "fast=3", "--param", "fast=5"], "names a parameter twice"),
        (["--param", "fats=3,5"], "sma_cross has no parameter 'fats'; did you mean 'fast'?"),
        (["--param", "fast=3", "--where", "fast <"], "write a condition"),
        (["--param", "fast=3", "--where", "fats < 3"], "where failed for fast=3: NameError: name 'fats'"),
        (["--param", "fast=3", "--where", "open('x')"], "NameError: name 'open'"),
        (["--param", "fast=3", "--where", "fast > 3"], "where leaves none"),
        (["--param", "fast=3", "--maximize", "sharp"], "did you mean 'sharpe'?"),
        (["--param", "fast=3", "--folds", "many"], "--folds many: write a number"),
        (["--param", "fast=3", "--folds", "anchord=3"], "did you mean 'anchored'?"),
        (["--param", "fast=3", "--folds", "0"], "folds"),
    ],
)
def test_wrong_usage_is_status_2_in_one_line(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["sweep", "run.toml", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert message in shown.err and shown.err.count("\n") == 1


def test_an_interrupted_sweep_prints_what_there_is(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = STRATEGY.replace("if self.n == 4:", "if self.n == 4:\n            import signal; signal.raise_signal(2)")
    (here / "mine.py").write_text(text, encoding="utf-8")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        alone = ["sweep", "mine.py:Every", "--data", "candles", "--cash", "BTC=1000", "--size", "quote=1"]
        assert main([*alone, "--param", "n=2,4,5", "--json"]) == 1
    finally:
        signal.signal(signal.SIGINT, before)
    shown = capsys.readouterr()
    assert json.loads(shown.out)["run"] == 1
    assert "interrupted; this is the result so far" in shown.err


def test_values_are_read_as_what_they_are() -> None:
    assert _parameter("n=1,2.5,long,true,'x y'") == ("n", [1, 2.5, "long", True, "x y"])
    assert _range("", "0.1:0.5:0.1") == [0.1, 0.2, 0.3, 0.4]
    assert _range("", "5:8") == [5, 6, 7]
    assert _range("", "10:0:-5") == [10, 5]
