"""A sweep through an executor: what travels there, and what comes back."""

from __future__ import annotations

import os
import pickle
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pairloom import _native
from pairloom._show.numbers import clean, described
from pairloom._sweep.plan import Plan
from pairloom.errors import ConfigError, PairloomError, StrategyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor, Future

    from pairloom._sweep.grid import Parameters
    from pairloom._traders import Assignment

    Job = tuple[int, Parameters]
    Summaries = list[tuple[int, dict[str, Any]]]
    # What came of it, whether Ctrl-C ended it, and the seconds it took.
    Batch = tuple[Summaries, bool, float]

__all__ = ["check_executor", "check_plugins", "run_through", "work"]

# A batch takes about so long: what is done comes back while it is young, and Ctrl-C loses little.
BATCH_S = 0.5
# Data travel with every batch; where they are large, batches take longer, so that the journey does not count.
BYTES_PER_S = 50_000_000
# Batches that are there for each worker at a time, so that none waits for its next one.
BATCHES_PER_WORKER = 2
POLL_S = 0.05
# Workers that heard of Ctrl-C, too, come back with what they have; who does not in this time is not waited for.
LAST_S = 2.0


def check_executor(executor: object) -> None:
    """Refuse what cannot be submitted to; raises ``ConfigError``."""
    if isinstance(executor, type):
        raise ConfigError(
            f"executor={executor.__name__} is a class; give one of it: {executor.__name__}()", code="config.executor"
        )
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise ConfigError(
            f"executor={executor!r} has no submit(); give a concurrent.futures.Executor, such as ProcessPoolExecutor()",
            code="config.executor",
        )


def check_plugins(assignments: Sequence[Assignment], executor: object) -> None:
    """Refuse plug-ins that cannot travel to an executor's workers; raises ``ConfigError``."""
    for each in assignments:
        if executor is None or each.plugin is None:
            continue
        try:
            pickle.dumps(each.plugin.strategy)
        except Exception:
            raise ConfigError(
                f"executor: {each.plugin.name} is a native plug-in, which cannot travel to its workers; leave "
                "executor= out, since plug-ins are swept on all cores without one",
                code="config.executor",
            ) from None


def run_through(
    executor: Executor,
    plan: Plan,
    run: dict[str, Any],
    jobs: Sequence[Job],
    progress: Callable[[float], object] | None,
) -> tuple[Summaries, bool]:
    """Run the jobs in batches; what came of them, and whether Ctrl-C ended it before all had."""
    batches = _Batches(executor, _packed(plan), run, jobs)
    try:
        while not batches.interrupted and not batches.over:
            batches.submit()
            batches.collect(POLL_S)
            if progress is not None:
                progress(len(batches.done) / len(jobs))
    except KeyboardInterrupt:
        batches.interrupted = True
    finally:
        batches.end()
    return batches.done, batches.interrupted


class _Batches:
    """Jobs on their way through an executor."""

    def __init__(self, executor: Executor, payload: bytes, run: dict[str, Any], jobs: Sequence[Job]) -> None:
        """Sort out the jobs that cannot travel; nothing is submitted yet."""
        self.done: Summaries = []
        self.interrupted = False
        self._executor = executor
        self._payload = payload
        self._run = run
        self._left = _travelling_jobs(executor, jobs, self.done)
        # Executors of other libraries do not say how many workers they have.
        self._workers = getattr(executor, "_max_workers", None) or os.cpu_count() or 1
        self._size = 1
        self._waiting: dict[Future[Batch], Sequence[Job]] = {}
        self._accepted = False

    @property
    def over(self) -> bool:
        """Whether there is nothing left to run or to wait for."""
        return not self._left and not self._waiting

    def submit(self) -> None:
        """Give every worker something to do; jobs that the executor does not take have failed."""
        from concurrent.futures import Future

        while self._left and len(self._waiting) < self._workers * BATCHES_PER_WORKER:
            batch = self._left[: self._size]
            try:
                future = self._executor.submit(work, self._payload, self._run, batch)
                if not isinstance(future, Future):
                    raise TypeError(f"submit() returned a {type(future).__name__}, not a concurrent.futures.Future")
            except Exception as error:
                self._refused(error)
                return
            self._accepted = True
            self._waiting[future] = batch
            self._left = self._left[self._size :]

    def _refused(self, error: Exception) -> None:
        if isinstance(error, RuntimeError) and not self._accepted:
            # One that was shut down, or whose processes died before, takes nothing.
            raise ConfigError(
                f"executor={self._executor!r} takes no work: {described(error)}; give a fresh one",
                code="config.executor",
            ) from error
        self.done += _lost(error, self._left)
        self._left = []

    def collect(self, timeout: float) -> None:
        """Take what has ended, after waiting for the first of it."""
        from concurrent.futures import FIRST_COMPLETED, wait

        for future in wait(self._waiting, timeout=timeout, return_when=FIRST_COMPLETED).done:
            found, stopped, took = _outcome(future, self._waiting.pop(future))
            self.done += found
            self.interrupted |= stopped
            target = BATCH_S + len(self._payload) / BYTES_PER_S
            self._size = next_size(len(found), took, target, -(-len(self._left) // self._workers))

    def end(self) -> None:
        """Take back what has not begun; after Ctrl-C, keep what workers bring that heard of it, too."""
        from concurrent.futures import wait

        running = [future for future in self._waiting if not future.cancel()]
        try:
            if self.interrupted and running:
                for future in wait(running, timeout=LAST_S).done:
                    if future.exception() is None:
                        self.done += future.result()[0]
        except KeyboardInterrupt:
            # Who presses it twice does not want to wait.
            pass
        finally:
            # With an executor of threads, this process is the worker too.
            _unpacked.cache_clear()


def next_size(size: int, took: float, target: float, share: int) -> int:
    """How many jobs the next batch has, after one took so long: at most twice as many, or a worker's share."""
    fitting = int(size * target / took) if took > 0.0 else 2 * size
    return max(1, min(fitting, 2 * size, share))


def _travelling_jobs(executor: Executor, jobs: Sequence[Job], failed: Summaries) -> list[Job]:
    """Return the jobs whose parameters can be pickled; the others have failed, and name the parameter."""
    from concurrent.futures import ThreadPoolExecutor

    if isinstance(executor, ThreadPoolExecutor):
        return list(jobs)
    # Combinations share the values, so each is tried once.
    known: dict[int, ConfigError | None] = {}
    able = []
    for number, parameters in jobs:
        for name, value in parameters.items():
            if id(value) not in known:
                known[id(value)] = _untravelling(name, value)
        error = next((found for value in parameters.values() if (found := known[id(value)]) is not None), None)
        if error is None:
            able.append((number, parameters))
        else:
            failed.append((number, {"error": error}))
    return able


def _untravelling(name: str, value: object) -> ConfigError | None:
    try:
        pickle.dumps(value)
    except Exception as error:
        return ConfigError(
            f"executor: {name}={clean(repr(value))} cannot travel to its workers: {described(error)}; give a value "
            "that pickle takes, or leave executor= out",
            code="config.executor",
        )
    return None


def work(payload: bytes, run: dict[str, Any], jobs: Sequence[Job]) -> Batch:
    """Run a batch where the executor is; everything that comes back can be pickled."""
    began = time.perf_counter()
    plan = _unpacked(payload)
    failed: Summaries = []
    done, interrupted = _native.sweep(
        plan.settings, prepared(plan, run, jobs, failed), len(jobs), plan.market, run, None
    )
    for _, summary in [*done, *failed]:
        if "error" in summary:
            summary["error"] = _travelling(summary["error"])
        for record in summary.get("quarantined", ()):
            record["error"] = _travelling(record["error"])
    return [*done, *failed], interrupted, time.perf_counter() - began


def prepared(plan: Plan, run: dict[str, Any], jobs: Sequence[Job], failed: Summaries) -> Any:
    """Yield each job's number and traders; those whose parameters are wrong go to ``failed``."""
    for number, parameters in jobs:
        try:
            traders = plan.traders(parameters, run)
        except KeyboardInterrupt:
            raise
        except Exception as error:
            failed.append((number, {"error": error}))
        else:
            yield number, traders


def _outcome(future: Future[Batch], batch: Sequence[Job]) -> Batch:
    """What a batch came to; one whose worker failed is a failure of each of its combinations."""
    try:
        found, stopped, took = future.result()
    except ConfigError:
        # The workers cannot begin at all, and none of them could.
        raise
    except Exception as error:
        return _lost(error, batch), False, 0.0
    return found, stopped, took


def _lost(error: Exception, jobs: Sequence[Job]) -> Summaries:
    lost = PairloomError(f"the executor failed: {described(error)}", code="sweep.executor")
    return [(number, {"error": lost}) for number, _ in jobs]


def _packed(plan: Plan) -> bytes:
    # One thread each: the executor's workers are what runs beside each other.
    settings = {**plan.settings, "num_threads": 1}
    try:
        return pickle.dumps((settings, plan.assignments, plan.loaded), protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise ConfigError(
            f"executor: the strategies cannot travel to its workers: {described(error)}; define the class at the top "
            "level of a module, and give parameters that pickle takes",
            code="config.executor",
        ) from error


@lru_cache(maxsize=1)
def _unpacked(payload: bytes) -> Plan:
    """Return the plan; a worker converts the data once, whatever the number of its batches."""
    from pairloom._data import to_native

    try:
        settings, assignments, loaded = pickle.loads(payload)
    except Exception as error:
        raise ConfigError(
            f"executor: a worker cannot load the strategies: {described(error)}; define the class in a module that "
            "the workers can import",
            code="config.executor",
        ) from None
    return Plan(settings, assignments, loaded, to_native(loaded))


def _travelling(error: BaseException) -> BaseException:
    """Return the error if it survives the journey, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return StrategyError(described(error))
    return error
