"""Config files: read, checked, changed, and made into an engine; every fault names file, section and key."""

from __future__ import annotations

import copy
import pickle
import sys
import textwrap
from pathlib import Path

import jsonschema
import pytest

from pairloom import ConfigError, Strategy
from pairloom.config import apply_change, config_schema, load_strategy, make_plan, read_document
from pairloom.config.keys import SECTIONS

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "command_line" / "portfolio.toml"

GOOD = """\
[engine]
cash = { BTC = 10 }
fee = { maker = 0.0002, taker = 0.001 }
num_threads = 2
[engine.instruments."ETH/BTC"]
tick = "0.000001"
[data]
path = "candles/"
start = 2024-01-01
[[trader]]
pairs = ["ETH/BTC", "LTC/BTC"]
strategy = "mine.py:Cross"
size = { quote = 1 }
options = { fast = 5 }
[[trader]]
pairs = "*"
strategy = "rsi"
name = "oversold"
"""

STRATEGY = """\
from helper_beside import VALUE
from pairloom import Strategy

class Cross(Strategy):
    fast: int = VALUE

    def generate_signal(self, ctx):
        return None

class Other(Cross):
    pass

number = 5
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a strategy, its neighbour and a config; imports are forgotten afterwards."""
    (tmp_path / "mine.py").write_text(STRATEGY)
    (tmp_path / "helper_beside.py").write_text("VALUE = 10\n")
    (tmp_path / "run.toml").write_text(GOOD)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def plan(folder, text=None, changes=()):
    path = folder / "run.toml"
    if text is not None:
        path.write_text(textwrap.dedent(text))
    document = read_document(path)
    for change in changes:
        apply_change(document, change)
    return make_plan(document, base=path.parent, where="run.toml")


def as_json(document):
    """The document as a JSON reader would have it: TOML's dates are texts there."""
    if isinstance(document, dict):
        return {key: as_json(value) for key, value in document.items()}
    if isinstance(document, list):
        return [as_json(value) for value in document]
    return document if isinstance(document, str | int | float) else str(document)


def test_a_config_becomes_an_engine_with_its_traders(folder):
    made = plan(folder)
    assert made.engine._settings["maker_fee"] == "0.0002"
    assert made.engine._settings["instruments"]["ETH/BTC"]["tick"] == "0.000001"
    assert made.engine.num_threads == 2
    assert made.data == str(folder / "candles")
    assert str(made.options["start"]) == "2024-01-01"
    first, second = made.engine._assignments
    assert repr(first) == "ETH/BTC, LTC/BTC: Cross(fast=5), size={'quote': '1'}"
    assert (second.builtin, second.label, second.pairs) == ("rsi", "oversold", ["*"])


BAD = [
    ("[engin]\ncash={BTC=1}\n", "run.toml: section 'engin' is unknown; did you mean 'engine'"),
    ("fee = 1\n[engine]\ncash={BTC=1}\n", "run.toml: section 'fee' is unknown; put it under [engine]"),
    ("[[trader]]\npairs='*'\nstrategy='rsi'\n", "run.toml: section [engine] is missing"),
    ("[engine]\ncash={BTC=1}\n", "run.toml: section [[trader]] is missing"),
    ("engine = 5\n", "run.toml: [engine] must be a table"),
    ("[engine]\ncash={BTC=1}\n[trader]\npairs='*'\n", "run.toml: trader must be tables: write [[trader]]"),
    ("[engine]\ncash={BTC=1}\nfees=1\n", "run.toml: [engine] key 'fees' is unknown; did you mean 'fee'"),
    ("[engine]\nfee=0.1\n", "run.toml: [engine] key 'cash' is missing"),
    ("[engine]\ncash={BTC=1}\nfee=2\n[[trader]]\npairs='*'\nstrategy='rsi'\n", "run.toml: [engine] fee=2 must be less"),
    ("[engine]\ncash=10\n[[trader]]\npairs='*'\nstrategy='rsi'\n", "run.toml: [engine] cash must name its currency"),
    ("[engine]\ncash={BTC=1}\nrisk={max_position=1}\n", "[engine] key 'risk' is unknown; write it as [risk]"),
    ("[engine]\ncash={BTC=1}\n[engine.risk]\nmax_position=1\n", "[engine] key 'risk' is unknown; write it as [risk]"),
    ("[engine]\ncash={BTC=1}\ntrader=[]\n", "[engine] key 'trader' is unknown; write it as [[trader]]"),
    ("[engine]\ncash={BTC=1}\nmax_position=1\n", "[engine] key 'max_position' is unknown; put it under [risk]"),
    ("[engine]\ncash={BTC=1}\n[data]\nfee=1\n", "[data] key 'fee' is unknown; put it under [engine]"),
    (
        "[engine]\ncash={BTC=1}\n[data]\npth='x'\n[[trader]]\npairs='*'\nstrategy='rsi'\n",
        "run.toml: [data] key 'pth' is unknown; did you mean 'path'",
    ),
    (
        "[engine]\ncash={BTC=1}\n[[trader]]\npairs='*'\n",
        "run.toml: [[trader]] 1 key 'strategy' is missing",
    ),
    (
        "[engine]\ncash={BTC=1}\n[[trader]]\npairs='*'\nstrategy='rsi'\noptions={perid=3}\n",
        "run.toml: [[trader]] 1 rsi has no parameter 'perid'; did you mean 'period'",
    ),
    (
        "[engine]\ncash={BTC=1}\n[[trader]]\npairs='*'\nstrategy='rsi'\n[[trader]]\npairs='*'\nstrategy=5\n",
        "run.toml: [[trader]] 2 strategy=5 must be a text",
    ),
    (
        "[engine]\ncash={BTC=1}\n[[trader]]\npairs='*'\nstrategy='rsi'\n",
        'run.toml: no data: write path = "candles/" under [data], or give --data PATH',
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=lambda value: value[-50:])
def test_a_fault_names_file_section_and_key(folder, text, message):
    with pytest.raises(ConfigError) as caught:
        plan(folder, text)
    assert message in str(caught.value)


def test_files_that_cannot_be_read_are_named(folder):
    for name, content, message in [
        ("none.toml", None, "none.toml: there is no such file"),
        ("odd.toml", b"\xff\xfe", "odd.toml: not UTF-8 text at byte 0"),
        ("bad.toml", b"[engine]\nfee = = 1\n", "bad.toml: not valid TOML: "),
    ]:
        if content is not None:
            (folder / name).write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            read_document(folder / name)
        assert message in str(caught.value)
    assert "line 2" in str(caught.value)
    with pytest.raises(ConfigError, match="is a folder"):
        read_document(folder)


@pytest.mark.parametrize(
    ("change", "path", "value"),
    [
        ("engine.fee=0.002", ("engine", "fee"), 0.002),
        ("engine.cash={ETH=1}", ("engine", "cash"), {"ETH": 1}),
        ("engine.cash.ETH = 1", ("engine", "cash"), {"BTC": 10, "ETH": 1}),
        ('engine.instruments."ETH/BTC".tick="0.1"', ("engine", "instruments", "ETH/BTC", "tick"), "0.1"),
        ("trader.0.options.fast=7", ("trader", 0, "options"), {"fast": 7}),
        ("trader.1.size.quote=2", ("trader", 1, "size"), {"quote": 2}),
        ("data.path=other/place", ("data", "path"), "other/place"),
        ('data.path="a = b"', ("data", "path"), "a = b"),
        ("data.repair=drop", ("data", "repair"), "drop"),
    ],
)
def test_one_key_may_be_changed(folder, change, path, value):
    document = read_document(folder / "run.toml")
    apply_change(document, change)
    for step in path:
        document = document[step]
    assert document == value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("engine.fee", "write KEY=VALUE"),
        ("=5", "is no dotted key"),
        ("engine..fee=1", "is no dotted key"),
        ("engine.fee=", "is no TOML value"),
        ("engine.fee=[1", "is no TOML value"),
        ("engine.fee=1\nx=2", "one value in one line"),
        ("engine.seed.x=1", "--set engine.seed.x=1: engine.seed is 3, which has no keys inside"),
        ("trader.5.size=1", "there are 2, counted from 0"),
        ("trader.first.size=1", "write a number"),
    ],
)
def test_a_wrong_change_is_refused(folder, change, message):
    document = read_document(folder / "run.toml")
    document["engine"]["seed"] = 3
    before = copy.deepcopy(document)
    with pytest.raises(ConfigError) as caught:
        apply_change(document, change)
    assert message in str(caught.value)
    assert document == before


def test_a_class_is_loaded_once_however_its_file_is_named(folder):
    one = load_strategy("mine.py:Cross", folder)
    two = load_strategy(f"{folder}/../{folder.name}/mine.py:Cross", Path("/"))
    assert one is two
    assert issubclass(one, Strategy)
    assert pickle.loads(pickle.dumps(one(fast=3))).fast == 3


def test_a_class_of_a_module_and_a_builtin(folder):
    package = folder / "shop_of_strategies"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "deep.py").write_text(STRATEGY)
    assert load_strategy("shop_of_strategies.deep:Cross", folder).__name__ == "Cross"
    assert load_strategy("heikin_ashi", folder) == "heikin_ashi"


def test_a_file_named_as_a_module_of_python_does_not_replace_it(folder):
    import statistics

    (folder / "statistics.py").write_text(STRATEGY)
    assert load_strategy("statistics.py:Cross", folder).__name__ == "Cross"
    assert sys.modules["statistics"] is statistics


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("mine.py:Crss", "mine.py has no strategy 'Crss'; did you mean 'Cross'"),
        ("mine.py:Strategy", "mine.py has no strategy 'Strategy'"),
        ("mine.py:number", "number is no strategy; derive the class from pairloom.Strategy"),
        ("mine.py", "strategy='mine.py' names no class; write mine.py:Cross"),
        ("mine.py:", "names no class"),
        ("none.py:Cross", "none.py: there is no such file"),
        (
            "rsy",
            "is no built-in or installed strategy, nor FILE:CLASS or package.module:Class; did you mean 'rsi'",
        ),
        ("no_such_package.x:Cross", "no module named 'no_such_package'"),
        ("syntax.py:Cross", "syntax.py, line 2: SyntaxError: invalid syntax: x = = 1"),
        ("raises.py:Cross", "raises.py, line 3: ZeroDivisionError: division by zero"),
        ("leaves.py:Cross", "leaves.py, line 1: SystemExit: 3"),
        ("lacks.py:Cross", "lacks.py, line 1: ModuleNotFoundError: No module named 'no_such_thing'"),
        ("init.py:Cross", "init.py, line 2: ParameterError: Cross has an __init__"),
    ],
)
def test_a_strategy_that_cannot_be_loaded_names_file_and_line(folder, spec, message):
    for name, text in {
        "syntax": "a = 1\nx = = 1\n",
        "raises": "def f():\n    pass\n1 / 0\n",
        "leaves": "raise SystemExit(3)\n",
        "lacks": "import no_such_thing\n",
        "init": "from pairloom import Strategy\nclass Cross(Strategy):\n    def __init__(self):\n        pass\n",
    }.items():
        (folder / f"{name}.py").write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_strategy(spec, folder)
    assert message in str(caught.value)


def test_the_example_is_what_the_schema_and_the_reader_accept():
    document = read_document(EXAMPLE)
    jsonschema.Draft202012Validator(config_schema()).validate(as_json(document))
    made = make_plan(document, base=EXAMPLE.parent, where=EXAMPLE.name)
    assert len(made.engine._assignments) == len(document["trader"])


def test_the_schema_is_a_schema_and_knows_every_key(folder):
    schema = config_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(as_json(read_document(folder / "run.toml")))
    assert set(schema["properties"]) == set(SECTIONS)
    for section in SECTIONS.values():
        for key in section.keys:
            assert key.meaning.endswith("."), f"{section.title} {key.name}"


@pytest.mark.parametrize(
    "change",
    [
        "engine.fees=1",
        "engine.cash=10",
        "engine.account=sport",
        "engine.fee={maker=1}",
        "engine.num_threads=0",
        "trader.0.size={base=1,quote=1}",
        "trader.0.size.quotes=1",
        "trader.0.pairs=[]",
        "trader.0.colour=red",
        "data.repair=fill",
        "nothing.here=1",
    ],
)
def test_what_the_schema_refuses_the_reader_and_the_run_refuse_too(folder, change):
    document = read_document(folder / "run.toml")
    apply_change(document, change)
    assert not jsonschema.Draft202012Validator(config_schema()).is_valid(as_json(document))
    with pytest.raises(ConfigError):
        made = make_plan(document, base=folder, where="run.toml")
        made.engine.backtest(made.data, **made.options)
