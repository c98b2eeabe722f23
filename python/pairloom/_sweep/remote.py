"""A sweep through an executor: what travels there, and what comes back."""

from __future__ import annotations

import os
import pickle
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pairloom import _native
from pairloom._show.numbers import described
from pairloom._sweep.plan import Plan
from pairloom.errors import ConfigError, PairloomError, StrategyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor, Future

    from pairloom._sweep.grid import Parameters

    Job = tuple[int, Parameters]
    Summaries = list[tuple[int, dict[str, Any]]]

__all__ = ["check_executor", "run_through", "work"]

# Batches for each worker: enough that none is idle for long at the end, few enough that the data seldom travel.
BATCHES_PER_WORKER = 8
POLL_S = 0.05


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


def run_through(
    executor: Executor,
    plan: Plan,
    run: dict[str, Any],
    jobs: Sequence[Job],
    progress: Callable[[float], object] | None,
) -> tuple[Summaries, bool]:
    """Run the jobs in batches; what came of them, and whether Ctrl-C ended it before all had."""
    from concurrent.futures import FIRST_COMPLETED, wait

    payload = _packed(plan)
    # Executors of other libraries do not say how many workers they have.
    workers = getattr(executor, "_max_workers", None) or os.cpu_count() or 1
    size = -(-len(jobs) // (workers * BATCHES_PER_WORKER))
    batches = [jobs[first : first + size] for first in range(0, len(jobs), size)]
    waiting: dict[Future[tuple[Summaries, bool]], Sequence[Job]] = {}
    done: Summaries = []
    interrupted = False
    try:
        for batch in batches:
            waiting[_submitted(executor, payload, run, batch)] = batch
        while waiting:
            for future in wait(waiting, timeout=POLL_S, return_when=FIRST_COMPLETED).done:
                found, stopped = _outcome(future, waiting.pop(future))
                done += found
                interrupted |= stopped
            if progress is not None:
                progress(len(done) / len(jobs))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        for future in waiting:
            future.cancel()
        # With an executor of threads, this process is the worker too.
        _unpacked.cache_clear()
    return done, interrupted


def _submitted(
    executor: Executor, payload: bytes, run: dict[str, Any], batch: Sequence[Job]
) -> Future[tuple[Summaries, bool]]:
    try:
        return executor.submit(work, payload, run, batch)
    except RuntimeError as error:
        # One that was shut down, or whose processes died before, takes nothing.
        raise ConfigError(
            f"executor={executor!r} takes no work: {described(error)}; give a fresh one", code="config.executor"
        ) from error


def work(payload: bytes, run: dict[str, Any], jobs: Sequence[Job]) -> tuple[Summaries, bool]:
    """Run a batch where the executor is; everything that comes back can be pickled."""
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
    return [*done, *failed], interrupted


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


def _outcome(future: Future[tuple[Summaries, bool]], batch: Sequence[Job]) -> tuple[Summaries, bool]:
    """What a batch came to; one whose worker failed is a failure of each of its combinations."""
    try:
        return future.result()
    except ConfigError:
        # The workers cannot begin at all, and none of them could.
        raise
    except Exception as error:
        lost = PairloomError(f"the executor failed: {described(error)}", code="sweep.executor")
        return [(number, {"error": lost}) for number, _ in batch], False


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
