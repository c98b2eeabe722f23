"""A sweep from its arguments to its result."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pairloom import _native
from pairloom._progress import Bar
from pairloom._show.numbers import counted
from pairloom._sweep.grid import Parameters, combinations, value_lists
from pairloom._sweep.remote import check_executor, check_plugins, prepared, run_through
from pairloom._sweep.walk import Spans, fold_setting, fold_spans
from pairloom._times import utc_text
from pairloom.errors import ConfigError, DataError, PairloomError, SweepWarning
from pairloom.sweep import Combination, Fold, Maximize, SweepResult, check_maximize

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from pairloom._sweep.plan import Plan
    from pairloom._traders import Assignment
    from pairloom.result import Result

    Progress = Callable[[float], object] | None
    Run = dict[str, Any]

__all__ = ["Request", "announce_sweep", "request", "run_sweep"]

# announce_sweep <- Engine.sweep <- the line the user wrote
_USERS_LINE = 3


class Request(NamedTuple):
    """What a sweep was asked for, checked; no data have been read yet."""

    jobs: list[Parameters]
    values: dict[str, list[Any]]
    maximize: Maximize
    folds: tuple[str, int] | None
    executor: Executor | None


def request(  # one parameter for each argument of Engine.sweep that has nothing to do with data
    assignments: Sequence[Assignment],
    *,
    where: Callable[..., object] | None,
    maximize: object,
    folds: object,
    executor: Any,
    options: object,
    parameters: dict[str, object],
) -> Request:
    """Check the arguments of a sweep; raises ``ConfigError``."""
    if not assignments:
        raise ConfigError(
            "the engine has no traders; call engine.trade('ETH/BTC', MyStrategy(), size=1) first",
            code="config.no_traders",
        )
    check_executor(executor)
    check_plugins(assignments, executor)
    values = value_lists(assignments, options, parameters)
    return Request(combinations(values, where), values, check_maximize(maximize), fold_setting(folds), executor)


def run_sweep(asked: Request, plan: Plan, run: Run, progress: Progress, load_s: float) -> SweepResult:
    """Run what was asked for; Ctrl-C ends it, and what there is so far comes back."""
    try:
        if asked.folds is None:
            return _whole(asked, plan, run, progress, load_s)
        return _walk(asked, plan, run, progress, load_s)
    finally:
        if isinstance(progress, Bar):
            progress.close()


def announce_sweep(sweep: SweepResult) -> None:
    """Warn once of combinations that failed, once of tests of folds, and once each of the orders refused in them."""
    from pairloom._show.sweep import troubles

    for line in troubles(sweep):
        warnings.warn(line, SweepWarning, stacklevel=_USERS_LINE)


def _whole(asked: Request, plan: Plan, run: Run, progress: Progress, load_s: float) -> SweepResult:
    """Run all combinations over one span."""
    began = time.perf_counter()
    jobs = list(enumerate(asked.jobs))
    if asked.executor is not None:
        found, _ = run_through(asked.executor, plan, run, jobs, progress)
    else:
        failed: list[tuple[int, dict[str, Any]]] = []
        source = prepared(plan, run, jobs, failed)
        found, _ = _native.sweep(plan.settings, source, len(jobs), plan.market, run, progress)
        found += failed
    found.sort(key=lambda each: each[0])
    _raise_if_none_could_start(found, len(jobs))
    rows = [Combination(asked.jobs[number], summary, plan, run) for number, summary in found]
    for row in rows:
        row.judge(asked.maximize)
    notes = list(plan.loaded.assumptions)
    notes += next((row.assumptions for row in rows if row.error is None), [])
    if len(rows) < len(jobs):
        notes.append(f"interrupted after {len(rows):,} of {len(jobs):,} combinations; the result holds those")
    return SweepResult(
        rows,
        values=asked.values,
        maximize=asked.maximize,
        asked=len(jobs),
        folds=(),
        assumptions=notes,
        interrupted=len(rows) < len(jobs),
        ran_on=_ran_on(asked, plan),
        elapsed=time.perf_counter() - began,
        load_s=load_s,
    )


def _walk(asked: Request, plan: Plan, run: Run, progress: Progress, load_s: float) -> SweepResult:
    """Run all combinations over the training of each fold, and its choice over its test."""
    began = time.perf_counter()
    assert asked.folds is not None
    pairs = sorted({trader["pair"] for trader in _any_traders(asked, plan, run)})
    spans = fold_spans(asked.folds, plan.loaded, pairs, run["start"], run["end"])
    folds: list[Fold] = []
    notes: list[str] = []
    ended = False
    for number, span in enumerate(spans):
        train: SweepResult | None = None
        best: Combination | None = None
        test: Result | None = None
        try:
            train = _whole(asked, plan, _over(run, span.start, span.split), _part(progress, number, len(spans)), 0.0)
            ended = train.interrupted
            if not ended:
                best, why = _choice(train, span)
                notes += why
            if best is not None:
                test = plan.backtest(best.parameters, _over(run, span.split, span.end))
                ended = test.interrupted
        except KeyboardInterrupt:
            ended = True
        if ended:
            notes.append(
                f"interrupted in the {'training' if best is None else 'test'} of fold {number + 1} of {len(spans)}"
            )
            # A part of a test proves nothing.
            test = None
        elif test is not None:
            notes += _spent(test, span)
        if train:
            folds.append(Fold(span, train, best, test))
        if ended:
            break
    return SweepResult(
        [each for fold in folds for each in fold.train],
        values=asked.values,
        maximize=asked.maximize,
        asked=len(asked.jobs) * len(spans),
        folds=folds,
        assumptions=[*plan.loaded.assumptions, *notes],
        interrupted=ended,
        ran_on=_ran_on(asked, plan),
        elapsed=time.perf_counter() - began,
        load_s=load_s,
    )


def _over(run: Run, start: int, end: int) -> Run:
    return {**run, "start": start, "end": end}


def _choice(train: SweepResult, span: Spans) -> tuple[Combination | None, list[str]]:
    try:
        return train.best(), []
    except PairloomError as error:
        return None, [f"nothing was chosen on {utc_text(span.start)} to {utc_text(span.split)}: {error}"]


def _spent(test: Result, span: Spans) -> list[str]:
    if test.equity > 0.0:
        return []
    spent = f"the test from {utc_text(span.split)} to {utc_text(span.end)} ended without equity"
    return [f"{spent}; out_of_sample chains no return behind it"]


def _any_traders(asked: Request, plan: Plan, run: Run) -> list[dict[str, Any]]:
    """The traders of the first combination that has any: all have the same pairs."""
    first: Exception | None = None
    for parameters in asked.jobs:
        try:
            return plan.traders(parameters, run)
        except ConfigError as error:
            first = first or error
    raise first or ConfigError("there is no combination", code="config.sweep")


def _raise_if_none_could_start(found: list[tuple[int, dict[str, Any]]], asked: int) -> None:
    """What is wrong with every combination is wrong with the sweep."""
    errors = [summary["error"] for _, summary in found if "error" in summary]
    if len(errors) == asked and all(isinstance(error, ConfigError | DataError) for error in errors):
        raise errors[0]


def _part(progress: Progress, number: int, count: int) -> Progress:
    if progress is None:
        return None
    told = progress
    return lambda share: told((number + share) / count)


def _ran_on(asked: Request, plan: Plan) -> str:
    """Where the runs took place, for people."""
    if asked.executor is not None:
        return type(asked.executor).__name__
    if plan.has_called_python:
        return "the calling thread"
    return counted(plan.settings["num_threads"] or os.cpu_count() or 1, "thread")
