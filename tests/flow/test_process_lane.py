"""The process lane: strategies in worker processes, with the python lane's results and nobody else's troubles."""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import logging
import os
import random
import select
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

import pairloom
from pairloom import Engine, Signal, Strategy
from process_strategies import AtHook, Changeable, Doomed, Leaking, Moody, Once, OnQuotes, Slow, Talking, Unlucky
from reference.package import on_package
from reference.scenarios import Shape, scenario

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="worker processes need Linux")

DOOMED = "Doomed S0018/USD"
LIMIT_S = 30.0


# The same result.


def portfolio(**settings: Any) -> Engine:
    engine = Engine(cash={"USD": 5_000}, account="margin", leverage=2, seed=5, **settings)
    engine.trade([f"S{number:04}/USD" for number in range(1, 8)], Moody(), size={"quote": 300})
    engine.trade("S0001/USD", Moody(fast=2), name="second", size={"equity": 0.1})
    engine.trade("S0008/USD", "sma_cross", size=2, fast=3, slow=9)
    return engine


@pytest.fixture(scope="module")
def candles() -> Any:
    return pairloom.synthetic(8, rows=300, seed=3, volatility=0.01, missing=0.05)


def quiet(run: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run()


@pytest.fixture(scope="module")
def expected(candles: Any) -> Any:
    result = quiet(lambda: portfolio().backtest(candles, progress=False))
    assert len(result.fills) > 300
    assert {"limit", "market"} <= set(result.orders.column("type"))
    return result


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_digest_is_that_of_the_python_lane(candles: Any, expected: Any, workers: int, threads: int) -> None:
    engine = portfolio(workers=workers, num_threads=threads)
    result = quiet(lambda: engine.backtest(candles, progress=False))
    assert result.digest == expected.digest
    assert result.counters["evaluations"] == expected.counters["evaluations"]
    assert result.lanes == {"process": 8, "native": 1}
    assert result.counters["workers"] == workers
    again = quiet(lambda: engine.backtest(candles, progress=False))
    assert again.digest == expected.digest


@pytest.mark.parametrize("workers", [1, 2])
def test_paper_on_recorded_data_gives_the_same_digest(candles: Any, expected: Any, workers: int) -> None:
    result = quiet(lambda: portfolio(workers=workers).paper(candles, progress=False))
    assert result.digest == expected.digest
    assert result.counters["evaluations"] == expected.counters["evaluations"]
    assert result.lanes == {"process": 8, "native": 1}


def test_a_feed_in_real_time_has_no_workers_yet(candles: Any) -> None:
    feed = pairloom.SyntheticFeed(["A/USD"], rate=10)
    engine = Engine(cash={"USD": 1_000}, workers=1)
    engine.trade("A/USD", Moody(), size=1)
    for run in (lambda: engine.paper(feed, duration=1), lambda: engine.start(feed), lambda: engine.start(candles)):
        with pytest.raises(pairloom.ConfigError, match=r"workers=1: .* has no worker processes yet"):
            run()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_with_bounds_warms_up_there_too(candles: Any, workers: int) -> None:
    bounds: Any = {"start": "2024-01-01 01:00", "end": "2024-01-01 04:00", "progress": False}
    here = quiet(lambda: portfolio().backtest(candles, **bounds))
    there = quiet(lambda: portfolio(workers=workers).backtest(candles, **bounds))
    assert len(here.fills) > 50
    assert there.digest == here.digest


def test_quotes_and_trades(candles: Any) -> None:
    markets = pairloom.synthetic(3, rows=400, seed=1, kind="quote", volatility=0.01)
    trades = pairloom.synthetic(3, rows=400, seed=2, kind="trade", volatility=0.01)
    data = {pair: {"quote": rows, "trade": trades[pair]} for pair, rows in markets.items()}

    def run(workers: int) -> Any:
        engine = Engine(cash={"USD": 10_000}, latency=2, workers=workers)
        engine.trade("*", OnQuotes(), size=1)
        return quiet(lambda: engine.backtest(data, progress=False))

    here = run(0)
    assert len(here.fills) > 50
    assert [run(workers).digest for workers in (1, 2, 3)] == [here.digest] * 3


@pytest.mark.parametrize("seed", [*range(8), pytest.param(range(8, 60), marks=pytest.mark.slow)])
def test_random_portfolios_that_ask_for_everything(monkeypatch: pytest.MonkeyPatch, seed: Any) -> None:
    pytest.importorskip("cloudpickle")
    for number in seed if isinstance(seed, range) else [seed]:
        rng = random.Random(number)
        shape = Shape(
            seed=number,
            markets=rng.randint(1, 4),
            rows=rng.randint(3, 40),
            traders=rng.randint(1, 5),
            account=rng.choice(("spot", "margin")),
            fill=rng.choice(("next_open", "close")),
            bounded=rng.random() < 0.5,
            orders=rng.random() < 0.7,
            erring=rng.random() < 0.3,
            latency=rng.random() < 0.2,
        )
        here = on_package(scenario(shape)[0])
        with monkeypatch.context() as patch:
            patch.setattr(pairloom, "Engine", functools.partial(Engine, workers=1 + number % 3))
            there = on_package(scenario(shape)[0], driver="paper" if number % 2 else "backtest")
        assert there.digest == here.digest, shape
        assert said(there) == said(here), shape


def said(result: Any) -> list[tuple[Any, ...]]:
    return [(each.trader, each.ts, each.kind, type(each.error), str(each.error)) for each in result.quarantined]


# Where strategies come from.

SCRIPT = """
import sys
import pairloom
from pairloom import Engine, Signal, Strategy

class Mishap(Exception):
    pass

LIMIT = 100.0

class Here(Strategy):
    low: float = 1.0

    def setup(self, ctx):
        self.seen = 0

    def generate_signal(self, ctx):
        self.seen += 1
        if ctx.pair == "S0002/USD" and self.seen == 20:
            raise Mishap("of main")
        return Signal.LONG if ctx.candle.close > LIMIT * self.low else Signal.CLOSE

data = pairloom.synthetic(3, rows=50, seed=4, volatility=0.01)
digests = []
for workers in (0, 2):
    engine = Engine(cash={"USD": 1000}, workers=workers)
    engine.trade("*", Here(), size=1)
    result = engine.backtest(data, progress=False)
    digests.append(result.digest)
    record = result.quarantined[0]
    assert type(record.error) is Mishap, record
    assert "raise Mishap" in record.traceback, record.traceback
print(len(set(digests)), len(result.fills), result.lanes)
"""


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    pytest.importorskip("cloudpickle")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    different, fills, lanes = done.stdout.split(maxsplit=2)
    assert int(different) == 1
    assert int(fills) > 0
    assert "'process': 3" in lanes


def test_a_class_inside_a_function_travels_whole(candles: Any) -> None:
    pytest.importorskip("cloudpickle")
    least = 99.0

    class Inside(Strategy):
        def generate_signal(self, ctx: Any) -> Any:
            return Signal.LONG if ctx.candle.close > least else Signal.CLOSE

    def run(workers: int) -> Any:
        engine = Engine(cash={"USD": 1_000}, workers=workers)
        engine.trade("*", Inside(), size=0.1)
        return quiet(lambda: engine.backtest(candles, progress=False))

    assert run(2).digest == run(0).digest


def test_without_cloudpickle_an_error_says_what_to_do(candles: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Inside(Strategy):
        def generate_signal(self, ctx: Any) -> None:
            return None

    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    engine = Engine(cash={"USD": 1_000}, workers=2)
    engine.trade("*", Inside(), size=1)
    with pytest.raises(pairloom.ConfigError, match=r"Inside.*function.*pip install 'pairloom\[workers\]'") as caught:
        engine.backtest(candles, progress=False)
    assert caught.value.code == "config.workers"


def test_a_script_without_cloudpickle_is_told_what_to_do(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nsys.modules['cloudpickle'] = None\n" + SCRIPT)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "ConfigError: workers: Here needs what is defined in __main__" in done.stderr
    assert "pip install 'pairloom[workers]'" in done.stderr


class Locked(Strategy):
    lock: Any = None

    def generate_signal(self, ctx: Any) -> None:
        return None


def test_what_cannot_be_pickled_is_an_error_that_names_it(candles: Any) -> None:
    engine = Engine(cash={"USD": 1_000}, workers=2)
    engine.trade("*", Locked(lock=threading.Lock()), size=1)
    with pytest.raises(pairloom.ConfigError, match=r"Locked cannot travel.*lock.*in setup"):
        engine.backtest(candles, progress=False)


def test_a_module_that_a_worker_cannot_import_is_an_error(candles: Any, tmp_path: Path) -> None:
    file = tmp_path / "vanishing_strategy.py"
    file.write_text("from process_strategies import Doomed\nclass Gone(Doomed):\n    pass\n")
    sys.path.insert(0, str(tmp_path))
    try:
        from vanishing_strategy import Gone  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(tmp_path))
    engine = Engine(cash={"USD": 1_000}, workers=1)
    engine.trade("S0001/USD", Gone(at=-1), size=1)
    # No path leads there any more, but the file does.
    quiet(lambda: engine.backtest(candles, progress=False))
    file.unlink()
    with pytest.raises(pairloom.ConfigError, match=r"cannot load the strategies.*vanishing_strategy"):
        engine.backtest(candles, progress=False)


# Deaths, each alone among thirty traders.


@pytest.fixture(scope="module")
def thirty() -> Any:
    return pairloom.synthetic(30, rows=120, seed=7, volatility=0.01)


def among_thirty(doomed: Strategy | None, **settings: Any) -> Engine:
    engine = Engine(cash={"USD": 100_000}, account="margin", **settings)
    for number in range(1, 31):
        pair = f"S{number:04}/USD"
        if number != 18:
            engine.trade(pair, Moody(), size={"quote": 200})
        elif doomed is not None:
            engine.trade(pair, doomed, size={"quote": 200})
    return engine


def fills_of_the_others(result: Any) -> list[tuple[Any, ...]]:
    columns = [result.fills.column(name) for name in ("trader", "ts", "side", "quantity", "price", "fee")]
    return [row for row in zip(*columns, strict=True) if "S0018" not in row[0]]


@pytest.fixture(scope="module")
def undisturbed(thirty: Any) -> list[tuple[Any, ...]]:
    fills = fills_of_the_others(among_thirty(None).backtest(thirty, progress=False))
    assert len(fills) > 200
    return fills


@pytest.mark.parametrize(
    ("how", "kind", "text", "settings"),
    [
        ("fault", "raised", "no luck", {}),
        ("odd", "raised", "Unpicklable: cannot travel", {}),
        ("leave", "raised", "4", {}),
        ("exit", "died", "ended with status 3", {}),
        ("exit in setup", "died", "ended with status 9", {}),
        ("crash", "died", "segmentation fault", {}),
        ("kill", "died", "SIGKILL", {}),
        ("loop", "time_limit", "time_limit=0.5 s", {"time_limit": 0.5}),
        ("loop_in_c", "time_limit", "time_limit=0.5 s", {"time_limit": "0.5"}),
        ("hoard_all", "raised", "", {"memory_limit": "700MB"}),
    ],
)
@pytest.mark.parametrize(("driver", "workers"), [("backtest", 1), ("backtest", 2), ("paper", 2)])
def test_a_death_costs_only_its_own_trader(
    thirty: Any,
    undisturbed: Any,
    how: str,
    kind: str,
    text: str,
    settings: Any,
    workers: int,
    driver: str,
    capfd: Any,
) -> None:
    before = descriptors()
    engine = among_thirty(Doomed(how=how), workers=workers, **settings)
    with pytest.warns(pairloom.QuarantineWarning, match=r"Doomed S0018/USD"):
        result = getattr(engine, driver)(thirty, progress=False)
    assert fills_of_the_others(result) == undisturbed
    (record,) = result.quarantined
    assert (record.trader, record.kind) == (DOOMED, kind)
    assert text in str(record.error)
    if how == "fault":
        assert isinstance(record.error, Unlucky)
        assert record.error.number == 13
        assert "raise Unlucky" in record.traceback
    if how == "hoard_all":
        assert isinstance(record.error, MemoryError)
    # It erred at the candle that it was to err at, as in any other lane.
    opening = thirty["S0018/USD"]["ts"][0 if "setup" in how else 39].astype("datetime64[ns]").astype(int)
    assert record.ts == opening + 60 * 10**9
    assert descriptors() == before
    assert not workers_of(os.getpid())


@pytest.mark.parametrize("where", ["on_start", "on_fill", "on_time", "on_stop"])
@pytest.mark.parametrize(("how", "kind"), [("fault", "raised"), ("exit", "died"), ("loop", "time_limit")])
def test_a_death_in_a_hook_costs_only_its_own_trader(
    thirty: Any, undisturbed: Any, where: str, how: str, kind: str
) -> None:
    here = quiet(lambda: among_thirty(AtHook(how="fault", where=where)).backtest(thirty, progress=False))
    engine = among_thirty(AtHook(how=how, where=where), workers=2, time_limit=0.5)
    there = quiet(lambda: engine.backtest(thirty, progress=False))
    assert fills_of_the_others(there) == undisturbed
    assert [(each.trader, each.kind) for each in there.quarantined] == [("AtHook S0018/USD", kind)]
    # It erred in the step in which the same error would have come here.
    assert [each.ts for each in there.quarantined] == [each.ts for each in here.quarantined]


def test_a_copy_of_a_worker_answers_nothing(thirty: Any, undisturbed: Any) -> None:
    never = among_thirty(Doomed(at=0)).backtest(thirty, progress=False)
    for workers in (1, 2):
        result = among_thirty(Doomed(how="fork"), workers=workers).backtest(thirty, progress=False)
        assert not result.quarantined
        assert fills_of_the_others(result) == undisturbed
        assert result.digest == never.digest
    assert not workers_of(os.getpid())


class Copies(Strategy):
    """Makes a copy of its worker, which goes on, and writes down in which process each call was."""

    calls: str = ""

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def generate_signal(self, ctx: Any) -> None:
        self.n += 1
        if self.n == 5 and ctx.pair == "S0001/USD":
            os.fork()
        with Path(self.calls).open("a") as calls:
            calls.write(f"{ctx.pair} {self.n} {os.getpid()}\n")


def test_a_copy_of_a_worker_calls_none_of_its_neighbours(thirty: Any, tmp_path: Path) -> None:
    engine = Engine(cash={"USD": 100_000}, workers=1)
    engine.trade(["S0001/USD", "S0002/USD"], Copies(calls=str(tmp_path / "calls")), size=1)
    engine.backtest(thirty, progress=False)
    calls = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    worker = calls[0][2]
    strangers = [(pair, n) for pair, n, process in calls if process != worker]
    # The copy comes back from the call in which it was made, and ends.
    assert strangers == [("S0001/USD", "5")]


class SaysSo(Strategy):
    """Logs and prints as it is set up, and has its worker killed once."""

    killed: str = ""

    def setup(self, ctx: Any) -> None:
        self.n = 0
        logging.getLogger("says.so").warning("set up")
        print("set up", flush=True)

    def generate_signal(self, ctx: Any) -> None:
        self.n += 1
        if self.n == 10 and not Path(self.killed).exists():
            Path(self.killed).touch()
            os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_made_again_sets_up_in_silence(
    thirty: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = Engine(cash={"USD": 100_000}, workers=1)
    engine.trade("S0001/USD", SaysSo(killed=str(tmp_path / "killed")), size=1)
    result = engine.backtest(thirty, progress=False)
    assert result.counters["worker_restarts"] == 1
    assert [record.getMessage() for record in caplog.records if record.name == "says.so"] == ["set up"]
    assert capfd.readouterr().out.count("set up") == 1


def test_several_traders_may_die_in_one_step(thirty: Any) -> None:
    engine = Engine(cash={"USD": 100_000}, workers=2)
    for number in range(1, 31):
        how = ("exit", "fault", "crash", "none")[number % 4]
        engine.trade(f"S{number:04}/USD", Doomed(how=how, at=40 if number % 4 < 3 else -1), size=1)
    result = quiet(lambda: engine.backtest(thirty, progress=False))
    kinds = [record.kind for record in result.quarantined]
    assert (kinds.count("died"), kinds.count("raised")) == (15, 8)
    assert len({record.ts for record in result.quarantined}) == 1
    assert len(set(result.fills.column("trader"))) == 30


def test_where_all_die_the_run_ends(thirty: Any) -> None:
    engine = Engine(cash={"USD": 100_000}, workers=2)
    engine.trade(["S0001/USD", "S0002/USD", "S0003/USD"], Doomed(how="exit"), size=1)
    with pytest.raises(pairloom.StrategyError, match="all 3 traders were quarantined") as caught:
        engine.backtest(thirty, progress=False)
    assert [record.kind for record in caught.value.result.quarantined] == ["died"] * 3


def test_a_leak_is_found_before_it_harms_others(thirty: Any, undisturbed: Any) -> None:
    engine = among_thirty(Leaking(), workers=2, memory_limit="900MB")
    result = quiet(lambda: engine.backtest(thirty, progress=False))
    assert fills_of_the_others(result) == undisturbed
    assert [(each.trader, type(each.error)) for each in result.quarantined] == [("Leaking S0018/USD", MemoryError)]


def test_a_death_that_does_not_come_again_costs_nobody(thirty: Any, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.touch()
    never = among_thirty(Once(mark=str(mark))).backtest(thirty, progress=False)
    mark.unlink()
    result = among_thirty(Once(mark=str(mark)), workers=2).backtest(thirty, progress=False)
    assert mark.exists()
    assert result.counters["worker_restarts"] == 1
    assert result.digest == never.digest


def test_who_asks_for_something_else_when_built_anew_is_quarantined(
    thirty: Any, undisturbed: Any, tmp_path: Path
) -> None:
    engine = among_thirty(Changeable(mark=str(tmp_path / "mark")), workers=2)
    result = quiet(lambda: engine.backtest(thirty, progress=False))
    assert fills_of_the_others(result) == undisturbed
    assert [(each.trader, each.kind) for each in result.quarantined] == [("Changeable S0018/USD", "not_reproducible")]


# Killed from outside.


def stat_of(pid: int) -> tuple[str, int] | None:
    """A process's state and parent."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])


def workers_of(parent: int) -> list[int]:
    """The worker processes that a process has, dead ones that nobody asked for included."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = stat_of(int(entry.name))
            if stat is not None and stat[1] == parent and is_worker(int(entry.name), stat[0]):
                found.append(int(entry.name))
    return found


def is_worker(pid: int, state: str) -> bool:
    try:
        return state == "Z" or b"pairloom._worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def descriptors() -> list[str]:
    """What this process has open."""
    gc.collect()
    return sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if fd_is_open(fd))


def fd_is_open(fd: str) -> bool:
    try:
        target = os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return False
    return "/proc/" not in target


@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_killed_from_outside_at_random_moments(thirty: Any, kills: int) -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = random.Random(seed)
    expected = among_thirty(Moody(work=400)).backtest(thirty, progress=False)
    before = descriptors()
    killed = 0
    over = threading.Event()

    def killer() -> None:
        nonlocal killed
        while killed < kills and not over.wait(rng.uniform(0.0, 0.25)):
            victims = workers_of(os.getpid())
            # A worker may have ended by itself since it was seen, as at the end of a run.
            with contextlib.suppress(ProcessLookupError):
                if victims:
                    os.kill(rng.choice(victims), signal.SIGKILL)
                    killed += 1

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        while killed < kills and thread.is_alive():
            result = among_thirty(Moody(work=400), workers=2).backtest(thirty, progress=False)
            assert not result.quarantined
            assert result.digest == expected.digest
    finally:
        over.set()
        thread.join()
    assert killed == kills
    assert descriptors() == before
    assert not workers_of(os.getpid())


ORPHANS = """
import signal
import pairloom
# Whoever runs the tests in the background of a shell has them ignore the interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
from process_strategies import {name}
engine = pairloom.Engine(cash={{"USD": 1000}}, workers=2, time_limit=None)
engine.trade("*", {name}({arguments}), size=1)
engine.backtest(pairloom.synthetic(4, rows=100, seed=1), progress=False)
"""


def asleep(name: str = "Slow", arguments: str = "") -> subprocess.Popen[str]:
    """A process whose workers are inside of a strategy's call."""
    program = ORPHANS.format(name=name, arguments=arguments)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    # A process that does not come so far is ended, so that nobody waits for it.
    ending = threading.Timer(LIMIT_S, process.kill)
    ending.start()
    # Both workers are in a call.
    said = [process.stdout.readline() for _ in range(2)]
    ending.cancel()
    if said != ["asleep\n"] * 2:
        process.kill()
        raise AssertionError((said, process.communicate()))
    return process


def wait_for_the_end(pids: list[int]) -> None:
    for pid in pids:
        try:
            watched = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([watched], [], [], LIMIT_S)[0], f"worker {pid} did not end"
        finally:
            os.close(watched)


def test_workers_end_when_the_engine_is_killed() -> None:
    process = asleep()
    pids = workers_of(process.pid)
    assert len(pids) == 2
    process.kill()
    process.communicate()
    wait_for_the_end(pids)


def test_ctrl_c_ends_a_run_whose_workers_do_not_answer() -> None:
    process = asleep()
    pids = workers_of(process.pid)
    process.send_signal(signal.SIGINT)
    ending = threading.Timer(LIMIT_S, process.kill)
    ending.start()
    _, errors = process.communicate()
    ending.cancel()
    assert process.returncode == 0, errors
    wait_for_the_end(pids)


# The rest of what a strategy may do.


def test_what_strategies_print_and_log_is_there(candles: Any, capfd: Any, caplog: pytest.LogCaptureFixture) -> None:
    engine = Engine(cash={"USD": 1_000}, workers=2)
    engine.trade(["S0001/USD", "S0002/USD"], Talking(), size=1)
    with caplog.at_level(logging.WARNING):
        engine.backtest(candles, progress=False)
    assert sorted(capfd.readouterr().out.split("\n")) == ["", "said by S0001/USD", "said by S0002/USD"]
    assert sorted((each.name, each.getMessage(), each.pair) for each in caplog.records) == [
        ("pairloom.trader", "logged at 3", "S0001/USD"),
        ("pairloom.trader", "logged at 3", "S0002/USD"),
    ]


def test_beside_a_json_document_strategies_print_to_standard_error(candles: Any, tmp_path: Path) -> None:
    pair = "S0001/USD"
    rows = candles[pair]
    lines = ["ts,open,high,low,close"]
    lines += [",".join(str(rows[name][at]) for name in ("ts", "open", "high", "low", "close")) for at in range(50)]
    (tmp_path / "S0001_USD.csv").write_text("\n".join(lines))
    source = Path(__file__).parents[1] / "process_strategies.py"
    command = [sys.executable, "-m", "pairloom", "backtest", f"{source}:Talking", "--data", str(tmp_path)]
    options = ["--cash", "USD=100", "--workers", "2", "--json"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["lanes"] == {"process": 1}
    assert "said by S0001/USD" in done.stderr


def test_a_limit_that_a_worker_cannot_begin_with_is_an_error(candles: Any) -> None:
    engine = portfolio(workers=1, memory_limit="1MB")
    with pytest.raises(pairloom.ConfigError, match=r"memory_limit=1000000: a worker needs \d+ bytes before"):
        engine.backtest(candles, progress=False)


def test_native_traders_need_no_workers(candles: Any) -> None:
    engine = Engine(cash={"USD": 1_000}, workers=2)
    engine.trade("S0001/USD", "simple", size=1)
    assert "workers" not in engine.backtest(candles, progress=False).counters


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workers": -1}, "workers=-1 must be from 0"),
        ({"workers": 1.5}, "workers=1.5 is not a whole number"),
        ({"workers": 1, "time_limit": 0}, "time_limit=0 must be more than 0"),
        ({"workers": 1, "memory_limit": "many"}, "memory_limit='many' is no amount of memory"),
        ({"time_limit": 5}, "time_limit needs worker processes"),
        ({"time_limit": "of"}, "time_limit needs worker processes"),
        ({"memory_limit": "1GB"}, "memory_limit needs worker processes"),
    ],
)
def test_wrong_arguments(settings: Any, message: str) -> None:
    with pytest.raises(pairloom.ConfigError, match=message):
        Engine(cash={"USD": 1}, **settings)


def test_a_sweep_says_what_to_use_instead(candles: Any) -> None:
    with pytest.raises(pairloom.ConfigError, match=r"a sweep has no worker processes yet; give executor="):
        portfolio(workers=2).sweep(candles, fast=[2, 3])


def test_slow_is_what_it_says() -> None:
    assert Slow().window == 0
