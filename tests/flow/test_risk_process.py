"""The risk process: no order leaves without its word, and with it nothing else changes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

import journals
import pairloom
from journals import Crosses, books_of, data
from pairloom import ConfigError, Engine, Faults, Reconcile, RiskLimits, Signal, Strategy, SyntheticFeed

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "risk_process_loop"
# Long enough for any machine: where the process is up, no test may depend on how fast it is.
SLOW_S = 60

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the risk process needs Linux"),
    pytest.mark.filterwarnings("ignore::pairloom.RefusalWarning", "ignore::pairloom.QuarantineWarning"),
]


class Process:
    """`pairloom risk`, and what it says."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket, self.log = folder / "r.sock", folder / "verdicts.log"
        command = [
            sys.executable,
            "-m",
            "pairloom",
            "risk",
            "--socket",
            str(self.socket),
            "--log",
            str(self.log),
            "--json",
        ]
        self.child = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_for(self, event: str) -> dict[str, Any]:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            said: dict[str, Any] = json.loads(line)
            if said["event"] == event:
                return said
        raise AssertionError(f"it ended without saying {event!r}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.child.send_signal(how)
        return self.child.wait()

    def words(self) -> list[list[str]]:
        lines = [line.split("\t") for line in self.log.read_text().splitlines()]
        return [line for line in lines if line[1] in ("yes", "no")]


Start = Callable[..., Process]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts processes, which end with the test."""
    made: list[Process] = []

    def begin(*options: str, listens: bool = True) -> Process:
        made.append(Process(tmp_path, *options))
        if listens:
            made[-1].wait_for("listening")
        return made[-1]

    yield begin
    for each in made:
        if each.child.poll() is None:
            each.child.kill()
        each.child.communicate()


@pytest.fixture
def process(start: Start) -> Process:
    """One that listens."""
    return start()


def limits() -> RiskLimits:
    """Some that are met now and then."""
    return RiskLimits(
        max_order_notional=400,
        max_position={"S0001/USD": 2.5, "*": 4},
        max_gross_exposure=1_000,
        price_collar=0.2,
        max_order_rate=(3, 120),
        max_repeats=(6, 600),
        duplicate_window=60,
        prevent_self_trade=True,
        max_daily_loss=300,
        max_drawdown=0.4,
        max_data_age=600,
        max_price_gap=0.2,
    )


def portfolio(socket: Path | None = None, **settings: Any) -> Engine:
    process = {} if socket is None else {"risk_socket": socket, "risk_timeout": SLOW_S}
    return journals.portfolio(risk=limits(), **process, **settings)


@pytest.mark.parametrize("account", [{}, {"account": "margin", "leverage": 3}])
@pytest.mark.parametrize("kept", [False, True])
def test_with_the_process_a_recorded_run_is_the_same(
    process: Process, tmp_path: Path, account: dict[str, Any], kept: bool
) -> None:
    alone = portfolio(**account).paper(data(), progress=False)
    journal = tmp_path / "run.db" if kept else None
    asked = portfolio(process.socket, journal=journal, **account).paper(data(), progress=False)
    assert asked.digest == alone.digest
    assert len(alone.refusals_by_check) > 3
    words = process.words()
    sent = [
        order
        for order, status in zip(asked.orders.column("order_id"), asked.orders.column("status"), strict=True)
        if status != "refused"
    ]
    assert [int(word[2]) for word in words] == sent
    assert {word[1] for word in words} == {"yes"}


@pytest.mark.parametrize(
    "venue",
    [
        {"reconcile": Reconcile(interval=600)},
        {"faults": Faults(seed=5, lose_reply=0.05, lose_request=0.02, delay=(0.1, 20), disconnect=(0.005, 300))},
    ],
)
@pytest.mark.parametrize("account", ["spot", "margin"])
def test_nor_does_it_change_a_run_whose_venue_is_asked(process: Process, account: str, venue: dict[str, Any]) -> None:
    """Such a venue says how much it filled, and the process has to hear of that."""
    alone = portfolio(account=account, **venue).paper(data(), progress=False)
    asked = portfolio(process.socket, account=account, **venue).paper(data(), progress=False)
    assert len(alone.fills) > 100
    assert asked.refusals_by_check == alone.refusals_by_check
    assert asked.digest == alone.digest
    assert {word[1] for word in process.words()} == {"yes"}


def test_without_the_process_no_run_begins(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"start it with pairloom risk --socket") as raised:
        portfolio(tmp_path / "nobody.sock").paper(data())
    assert raised.value.code == "risk.unreachable"


def test_what_sends_no_orders_has_no_process(tmp_path: Path) -> None:
    engine = portfolio(tmp_path / "r.sock")
    with pytest.raises(ConfigError, match="risk_socket: a backtest sends no orders"):
        engine.backtest(data())
    with pytest.raises(ConfigError, match="risk_socket: a sweep sends no orders"):
        engine.sweep(data(), period=[5, 6])


def test_wrong_arguments() -> None:
    with pytest.raises(ConfigError, match="risk_timeout is for a risk process"):
        Engine(cash={"USD": 1}, risk_timeout=1)
    with pytest.raises(ConfigError, match="longer than the 100 bytes"):
        Engine(cash={"USD": 1}, risk_socket="/" + "a" * 120)
    for wrong in (5, ""):
        with pytest.raises(ConfigError, match="risk_socket="):
            Engine(cash={"USD": 1}, risk_socket=wrong)  # type: ignore[arg-type]


class Places(Strategy):
    """Sends a limit order that rests at each quote, and tells of each refusal."""

    refused: ClassVar[list[str]] = []

    def generate_signal(self, ctx: Any) -> None:
        ctx.buy(1, limit=ctx.quote.bid * 0.5)

    def on_refused(self, ctx: Any, refusal: Any) -> None:
        self.refused.append(refusal.check)


def test_its_kill_switch_stops_the_engine(process: Process) -> None:
    engine = Engine(cash={"USD": 1_000_000}, risk_socket=process.socket, risk_timeout=SLOW_S)
    engine.trade("*", Places())
    with engine.start(SyntheticFeed(2, rate=200)) as run:
        while run.status()["working_orders"] < 5:
            assert not run.finished
        process.child.send_signal(signal.SIGUSR1)
        process.wait_for("killed")
        # Until it has refused something, too: stopping a run lets nothing new be asked for.
        while not run.status()["killed"] or run.status()["working_orders"] or "killed" not in Places.refused:
            assert not run.finished
        result = run.stop()
    assert set(result.refusals_by_check) == {"killed"}
    assert "killed" in Places.refused
    assert set(result.orders.column("status")) == {"cancelled", "refused"}
    cancelled = result.orders.column("order_id")[result.orders.column("status") == "cancelled"]
    yes = {int(word[2]) for word in process.words() if word[1] == "yes"}
    # One that was taken back while it waited for the word never left.
    assert yes <= set(cancelled.tolist())
    assert process.end() == 0
    assert not process.socket.exists()


def test_orders_that_wait_for_its_word_are_taken_back_when_the_run_ends(process: Process) -> None:
    engine = Engine(cash={"USD": 1_000_000}, risk_socket=process.socket, risk_timeout=SLOW_S)
    engine.trade("*", Places())
    with engine.start(SyntheticFeed(2, rate=200)) as run:
        while run.status()["working_orders"] < 3:
            assert not run.finished
        process.child.send_signal(signal.SIGSTOP)
        asked = run.status()["working_orders"]
        # It says nothing more, so none of these ever leaves.
        while run.status()["working_orders"] < asked + 3:
            assert not run.finished
        result = run.stop()
    process.child.send_signal(signal.SIGCONT)
    assert set(result.orders.column("status")) <= {"cancelled", "refused"}
    assert result.reserved == 0


def test_a_status_says_whether_the_process_can_be_asked(process: Process) -> None:
    engine = Engine(cash={"USD": 1_000_000}, risk_socket=process.socket, risk_timeout=SLOW_S)
    engine.trade("*", Places())
    with engine.start(SyntheticFeed(2, rate=200)) as run:
        assert run.status()["risk_process"] == "reconciled"
        process.end(signal.SIGKILL)
        while run.status()["risk_process"] == "reconciled" or not run.status()["refusals"]:
            assert not run.finished
        assert "not there" in run.status()["risk_process"]
        result = run.stop()
    assert "risk_unreachable" in result.refusals_by_check


class WantsIn(Strategy):
    """Asks for a position until it has one, from its 20th event on."""

    def setup(self, ctx: Any) -> None:
        self.n = 0

    def generate_signal(self, ctx: Any) -> Signal | None:
        self.n += 1
        return Signal.LONG if self.n >= 20 else None


def test_an_outage_of_the_process_is_no_repetition_and_its_end_is_seen(start: Start) -> None:
    process = start()
    few = RiskLimits(max_repeats=(3, 3600), max_order_rate=(3, 3600), duplicate_window=3600)
    engine = Engine(cash={"USD": 1_000_000}, risk=few, risk_socket=process.socket, risk_timeout=SLOW_S)
    engine.trade("A/USD", WantsIn(), size=1)
    with engine.start(SyntheticFeed(["A/USD"], rate=200)) as run:
        process.end(signal.SIGKILL)
        while run.status()["refusals"] < 10:
            assert not run.finished
        start()
        # The order that was refused so often passes now, and tells it how all stands.
        while run.status()["risk_process"] != "reconciled" or not run.status()["traders"][0]["position"]:
            assert not run.finished
        result = run.stop()
    assert set(result.refusals_by_check) == {"risk_unreachable"}
    assert len(result.fills) == 1


def test_a_status_says_that_the_process_is_there_before_any_order(start: Start) -> None:
    process = start()
    engine = Engine(cash={"USD": 1_000_000}, risk_socket=process.socket, risk_timeout=SLOW_S)
    engine.trade("A/USD", Rests())
    with engine.start(SyntheticFeed(["A/USD"], rate=200)) as run:
        process.end(signal.SIGKILL)
        while run.status()["risk_process"] == "reconciled":
            assert not run.finished
        start()
        while "it is there" not in run.status()["risk_process"]:
            assert not run.finished
        result = run.stop()
    assert not len(result.orders)


class Rests(Strategy):
    """Wants nothing."""

    def generate_signal(self, ctx: Any) -> None: ...


class BuysOnce(Strategy):
    """Buys one at its first event."""

    def setup(self, ctx: Any) -> None:
        self.bought = False

    def generate_signal(self, ctx: Any) -> None:
        if not self.bought:
            ctx.buy(1)
        self.bought = True


class Between:
    """Stands between engine and process, and can hold answers back: each is a frame whose first byte is 2."""

    ANSWER = 2

    def __init__(self, folder: Path, process: Path) -> None:
        self.socket, self.process = folder / "between.sock", process
        self.answers, self.free = 0, threading.Event()
        self.hold_from: int | None = None
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(self.socket))
        self.listening.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                engine, _ = self.listening.accept()
                process = socket.socket(socket.AF_UNIX)
                process.connect(str(self.process))
                threading.Thread(target=self.pass_on, args=(engine, process, False), daemon=True).start()
                threading.Thread(target=self.pass_on, args=(process, engine, True), daemon=True).start()

    def pass_on(self, come: socket.socket, go: socket.socket, answers: bool) -> None:
        with contextlib.suppress(OSError, EOFError), come.makefile("rb") as frames:
            while head := frames.read(4):
                frame = frames.read(int.from_bytes(head, "little"))
                if answers and frame[0] == self.ANSWER and self.hold_from is not None:
                    self.answers += 1
                    if self.answers >= self.hold_from:
                        self.free.wait()
                go.sendall(head + frame)


def test_an_order_that_left_while_others_of_its_step_wait_is_taken_back_from_the_broker(
    process: Process, tmp_path: Path
) -> None:
    between = Between(tmp_path, process.socket)
    # More than one question holds; their orders rest at the broker for longer than the test lasts.
    pairs = [f"P{number}/USD" for number in range(1_200)]
    database = tmp_path / "run.db"
    engine = Engine(
        cash={"USD": 1e9}, latency=SLOW_S, journal=database, risk_socket=between.socket, risk_timeout=SLOW_S
    )
    engine.trade(pairs, BuysOnce())
    between.hold_from = 2
    with engine.start(SyntheticFeed(pairs, rate=1, seed=1)) as run:
        while between.answers < 2:
            assert not run.finished
        run.kill()
        between.free.set()
        while run.status()["working_orders"]:
            assert not run.finished
        result = run.stop()
    between.listening.close()
    assert set(result.orders.column("status")) <= {"cancelled", "refused"}
    books = books_of(database)
    accepted, taken_back = ({row[0] for row in books[table]} for table in ("accepted", "cancels"))
    # What the engine says that it took back, the broker was asked to.
    assert accepted and accepted <= taken_back


CONFIG = """
[engine]
cash = { USD = 2000 }
account = "margin"
[data]
path = "data"
[[trader]]
pairs = "*"
strategy = "sma_cross"
size = 2
options = { fast = 3, slow = 9 }
"""
TIGHT = '[risk]\nmax_position = { "S0001/USD" = 1, "*" = 3 }\n'


def tight(start: Start, folder: Path) -> Process:
    """A process with limits of its own, which refuse what the engine's gate lets pass."""
    (folder / "limits.toml").write_text(TIGHT)
    return start("--config", str(folder / "limits.toml"))


def write_data(folder: Path) -> None:
    folder.mkdir()
    for pair, columns in pairloom.synthetic(3, rows=300, seed=8, volatility=0.01).items():
        lines = zip(*columns.values(), strict=True)
        text = "\n".join([",".join(columns), *(",".join(map(str, line)) for line in lines)])
        (folder / f"{pair.replace('/', '_')}.csv").write_text(text + "\n")


@pytest.mark.parametrize("name", ["max_cancel_rate = [1, 60]", "cancel_on_disconnect = true"])
def test_limits_of_cancellations_are_none_of_the_process(start: Start, tmp_path: Path, name: str) -> None:
    config = tmp_path / "limits.toml"
    config.write_text(f"[risk]\nmax_position = 3\n{name}\n")
    refused = start("--config", str(config), listens=False)
    _, said = refused.child.communicate()
    assert refused.child.returncode == 2
    assert "about cancellations" in said and name.split()[0] in said


def test_limits_of_its_own_and_a_replay_without_it(start: Start, tmp_path: Path) -> None:
    """What it refused ends again when the run is made again, and nobody is asked twice."""
    write_data(tmp_path / "data")
    (tmp_path / "run.toml").write_text(CONFIG)
    process = tight(start, tmp_path)
    command = [sys.executable, "-m", "pairloom", "paper", str(tmp_path / "run.toml"), "--json"]
    command += ["--set", f"engine.risk_socket={process.socket}", "--set", f"engine.risk_timeout={SLOW_S}"]

    def paper(*more: str) -> dict[str, Any]:
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    whole = paper()
    refused = [word for word in process.words() if word[1] == "no"]
    assert {(word[4], word[8]) for word in refused} == {("S0001/USD", "position")}
    journal = tmp_path / "run.db"
    assert paper("--journal", str(journal))["digest"] == whole["digest"]
    asked = len(process.words())
    # Finished: it is compared from end to end.
    assert paper("--journal", str(journal))["digest"] == whole["digest"]
    assert len(process.words()) == asked, "of what is in the journal nobody is asked"
    assert process.end() == 0
    replay = [sys.executable, "-m", "pairloom", "replay", str(journal), "--json"]
    replayed = subprocess.run(replay, capture_output=True, text=True, check=False)
    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert json.loads(replayed.stdout)["digest"] == whole["digest"]


def test_a_run_that_was_ended_goes_on_with_a_process_that_is_new(start: Start, tmp_path: Path) -> None:
    settings = {"risk_timeout": SLOW_S, "account": "margin"}

    def run(process: Process, journal: Path, stop_at: int | None) -> Any:
        Crosses.stop_at = stop_at
        engine = journals.portfolio(journal=journal, risk_socket=process.socket, **settings)
        try:
            return engine.paper(data(), progress=False)
        finally:
            Crosses.stop_at = None

    process = tight(start, tmp_path)
    whole = run(process, tmp_path / "whole.db", None)
    assert "position" in whole.refusals_by_check
    parts = tmp_path / "parts.db"
    for stop_at in (40, 41, 200):
        assert run(process, parts, stop_at).interrupted
        process.end(signal.SIGKILL)
        process = tight(start, tmp_path)
    result = run(process, parts, None)
    assert result.resumed_at_step > 0
    assert result.digest == whole.digest
    assert journals.rows_of(parts) == journals.rows_of(tmp_path / "whole.db")
    assert books_of(parts) == books_of(tmp_path / "whole.db")
    assert process.end() == 0


def test_two_processes_do_not_share_a_socket(process: Process, start: Start) -> None:
    other = start(listens=False)
    assert "another process listens there" in other.child.communicate()[1]
    assert other.child.returncode == 2
    # A process that was killed leaves its socket behind, which is no hindrance.
    process.end(signal.SIGKILL)
    assert process.socket.exists()
    assert start().end(signal.SIGINT) == 0


def test_without_its_log_it_gives_no_word(start: Start) -> None:
    full = start("--log", "/dev/full", listens=False)
    assert "the log of verdicts cannot be written" in full.child.communicate()[1]
    assert full.child.returncode == 2


def as_nobody(socket_path: Path) -> str:
    """What another user hears who connects: an error's name, or what came."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as one:
                one.connect(str(socket_path))
                said = repr(one.recv(1000))
        except OSError as error:
            said = type(error).__name__
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as out:
        return out.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="to be another user takes root")
def test_another_user_is_not_spoken_to(start: Start) -> None:
    with tempfile.TemporaryDirectory(prefix="pl-") as folder:
        os.chmod(folder, 0o755)
        where = Path(folder) / "r.sock"
        process = start("--socket", str(where))
        assert as_nobody(where) == "PermissionError", "the mode lets nobody in"
        # Somebody opened it; then the system still says who comes.
        where.chmod(0o666)
        assert as_nobody(where) == "b''", "closed without a word"
        assert process.wait_for("lost")["detail"] == "user 65534"
        assert process.end() == 0


def test_kills_and_stops_under_load() -> None:
    command = [sys.executable, str(SCRIPT), "--kills", "3", "--stops", "3", "--orders", "20"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONWARNINGS": "ignore"}
    )
    # The seed is in the first line of what it says; with --seed kills and stops come in the same order.
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["accepted"] > 100
    assert found["unreachable"] > 0
    assert found["cancels"] > 0
