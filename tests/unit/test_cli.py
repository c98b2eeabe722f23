"""The command line: exit statuses, what goes to which stream, and errors without tracebacks."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import warnings

import pytest

import pairloom
from pairloom import DataError, Engine, QuarantineWarning, RefusalWarning, StrategyError
from pairloom.cli import main, make_parser
from unit.result_fakes import START, result

CONFIG = """\
[engine]
cash = { BTC = 10 }
[data]
path = "candles"
[[trader]]
pairs = "ETH/BTC"
strategy = "rsi"
size = { quote = 1 }
"""


class Runs:
    """Stands in for the core: remembers what was to be run, and gives what it is told to."""

    def __init__(self):
        self.calls = []
        self.parts = {}
        self.error = None
        self.warned = ()

    def __call__(self, engine, data, **options):
        self.calls.append((engine, data, options))
        for category, text in self.warned:
            warnings.warn(text, category, stacklevel=2)
        if self.error is not None:
            raise self.error
        return result(**self.parts)


@pytest.fixture
def runs(monkeypatch):
    made = Runs()
    monkeypatch.setattr(Engine, "backtest", lambda self, data, **options: made(self, data, **options))
    monkeypatch.setattr(
        Engine, "paper", lambda self, data, **options: made(self, data, **{"driver": "paper", **options})
    )
    return made


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(CONFIG)
    return path


def quarantine():
    try:
        raise ZeroDivisionError("a fault of the strategy's")
    except ZeroDivisionError as error:
        raised = error
    return {
        "trader": "S ETH/BTC",
        "pair": "ETH/BTC",
        "strategy": "S",
        "ts": START,
        "error": raised,
        "kind": "raised",
    }


def test_a_backtest_prints_the_result(runs, config, capsys):
    assert main(["backtest", str(config)]) == 0
    out, err = capsys.readouterr()
    assert out == f"{result()}\n"
    assert err == ""
    ((engine, data, options),) = runs.calls
    assert repr(engine).startswith("Engine: 10 BTC")
    assert data == str(config.parent / "candles")
    assert options == {}


def test_json_is_one_document_with_the_fields_of_the_contract(runs, config, capsys):
    runs.warned = [(RefusalWarning, "2 orders refused: cash 2")]
    assert main(["backtest", str(config), "--json", "--threads", "3"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert list(document) == [
        *("equity", "total_return", "fees", "orders", "fills", "trades", "refusals", "quarantined"),
        *("events", "elapsed_s", "events_per_s", "threads", "lanes", "digest", "stats", "assumptions"),
        "refusals_by_check",
    ]
    assert document["threads"] == 3
    assert err == "pairloom: 2 orders refused: cash 2\n"


def test_the_summary_for_people_says_refusals_itself(runs, config, capsys):
    runs.warned = [(RefusalWarning, "2 orders refused"), (QuarantineWarning, "1 of 2 traders quarantined")]
    main(["backtest", str(config)])
    assert capsys.readouterr().err == ""


def test_numbers_that_json_lacks_are_null(runs, config, capsys):
    runs.parts = {"elapsed": 0.0}
    main(["backtest", str(config), "--json"])
    document = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(name))
    assert document["events_per_s"] is None


def test_a_strategy_alone_trades_everything(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["--data", "candles", "--cash", "BTC=10", "--size", "quote=1", "--set", "engine.fee=0.002"]
    assert main(["backtest", "rsi", *arguments]) == 0
    ((engine, data, _),) = runs.calls
    (trader,) = engine._assignments
    assert (trader.builtin, trader.pairs, trader.size) == ("rsi", ["*"], {"quote": "1"})
    assert engine._settings["taker_fee"] == "0.002"
    assert data == str(tmp_path / "candles")


def test_a_config_may_be_changed_from_the_command_line(runs, config, tmp_path):
    changes = ["--set", "trader.0.options.period=5", "--set", "data.start=2024-01-01", "--data", str(tmp_path)]
    assert main(["backtest", str(config), *changes]) == 0
    ((engine, data, options),) = runs.calls
    assert engine._assignments[0].parameters["period"] == 5
    assert data == str(tmp_path)
    assert str(options["start"]) == "2024-01-01"


def test_paper_takes_speed_and_duration(runs, config):
    assert main(["paper", str(config), "--speed", "10", "--duration", "2"]) == 0
    ((_, _, options),) = runs.calls
    assert options == {"driver": "paper", "speed": "10", "duration": "2"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["backtest", "none.toml"], "none.toml: there is no such file"),
        (["backtest", "CONFIG", "--set", "engine.fees=1"], "[engine] key 'fees' is unknown; did you mean 'fee'"),
        (["backtest", "CONFIG", "--set", "engine.risk={max_position=1}"], "'risk' is unknown; write it as [risk]"),
        (["backtest", "CONFIG", "--set", "engine=1"], "[engine] must be a table"),
        (["backtest", "CONFIG", "--threads", "0"], "num_threads=0 must be from 1"),
        (["backtest", "CONFIG", "--set", "engine=1", "--threads", "2"], "--threads: engine is 1"),
        (["backtest", "CONFIG", "--cash", "BTC=1"], "--cash is for a strategy given alone"),
        (["backtest", "rsi"], "--cash is missing"),
        (["backtest", "rsi", "--cash", "10", "--data", "x"], "--cash '10': write --cash BTC=10"),
        (["backtest", "rsi", "--cash", "BTC=10"], "no data"),
        (["backtest", "rsi", "--cash", "BTC=ten", "--data", "x"], "cash.BTC='ten' is not a number"),
        (["backtest", "rsi", "--cash", "BTC=1", "--data", "x", "--size", "quote="], "write --size quote=1"),
        (["backtest", "rsy", "--cash", "BTC=10", "--data", "x"], "did you mean 'rsi'"),
        (["broker", "--socket", "", "--books", "b"], "as in --socket='/run/user/1000/broker.sock'"),
        (["demo", "--markets", "0"], "--markets=0 must be from 1"),
        (["demo", "--rate", "nan"], "--rate nan must be more than 0"),
    ],
)
def test_wrong_usage_is_status_2_in_one_line(runs, config, capsys, arguments, message):
    given = [str(config) if each == "CONFIG" else each for each in arguments]
    assert main(given) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert runs.calls == []


def test_wrong_options_are_status_2(capsys):
    for arguments in (["backtst"], ["backtest", "x", "--colour"], ["backtest"], []):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    assert capsys.readouterr().out == ""


def test_wrong_data_are_status_2(runs, config, capsys):
    runs.error = DataError("candles: there is no such file", code="data.missing")
    assert main(["backtest", str(config), "--json"]) == 2
    assert capsys.readouterr() == ("", "pairloom: candles: there is no such file\n")


def test_quarantined_traders_are_status_3_with_their_traceback(runs, config, capsys):
    runs.parts = {"quarantined": [quarantine()], "traders": [("S ETH/BTC", "ETH/BTC"), ("other", "LTC/BTC")]}
    assert main(["backtest", str(config), "--json"]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["quarantined"][0]["kind"] == "raised"
    assert "Traceback" in err
    assert "ZeroDivisionError: a fault of the strategy's" in err


def test_all_quarantined_is_status_1_with_the_document(runs, config, capsys):
    record = quarantine()
    runs.error = StrategyError("the only trader was quarantined", result=result(quarantined=[record]))
    assert main(["backtest", str(config), "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["quarantined"][0]["trader"] == "S ETH/BTC"
    assert "a fault of the strategy's" in err
    assert err.endswith("pairloom: the only trader was quarantined\n")


def test_an_interrupted_run_still_prints_its_result(runs, config, capsys):
    runs.parts = {"interrupted": True}
    assert main(["backtest", str(config), "--json"]) == 1
    out, err = capsys.readouterr()
    assert "interrupted" in " ".join(json.loads(out)["assumptions"])
    assert err == "pairloom: interrupted; this is the result so far\n"


def test_an_interrupt_before_the_run_is_no_traceback(runs, config, capsys):
    runs.error = KeyboardInterrupt()
    assert main(["backtest", str(config)]) == 1
    assert capsys.readouterr() == ("", "pairloom: interrupted\n")


def test_help_shows_examples_and_every_command(capsys):
    for command in ([], ["demo"], ["backtest"], ["paper"]):
        with pytest.raises(SystemExit) as caught:
            main([*command, "--help"])
        assert caught.value.code == 0
        assert "examples:" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert all(name in out for name in ("demo", "backtest", "paper", "schema"))


def leaves(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parsers of all commands that do something."""
    inside = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return [leaf for action in inside for each in action.choices.values() for leaf in leaves(each)] or [parser]


def test_every_command_takes_help_and_json(capsys):
    commands = leaves(make_parser())
    assert len(commands) == 15
    for command in commands:
        assert {"--help", "--json"} <= set(command._option_string_actions), command.prog
    printed = [main(arguments) or capsys.readouterr().out for arguments in (["schema"], ["schema", "--json"])]
    assert printed[0] == printed[1] and json.loads(printed[0])["title"] == "Pairloom config"


def test_version_and_schema(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"pairloom {pairloom.__version__}\n"
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["engine"]


def test_the_module_runs_and_a_closed_pipe_is_quiet():
    # A reader that is gone before anything is written, as `| head -0` would be.
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "pairloom", "schema"], stdout=out, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
