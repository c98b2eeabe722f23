"""``Engine``: an account, the traders on it, and the runs over market data."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

from pairloom import _native
from pairloom._announce import announce
from pairloom._exit import end_live_runs_with_the_process
from pairloom._interrupts import heard, load_numpy
from pairloom._journal import asked, driven, journal_path
from pairloom._not_used import never_called, refuse_misspelt_pairs, times_without_schedule, what_is_not_used
from pairloom._progress import Bar, progress_callback
from pairloom._risk_process import refuse_process
from pairloom._run_arguments import no_latency, refuse_in_real_time, run_options, speed_text, whole_span
from pairloom._settings import choice, engine_settings
from pairloom._span import kinds, span
from pairloom._times import duration_ns
from pairloom._traders import Assignment, Taken, check_start, traders
from pairloom._workers import refuse_workers, workers_of
from pairloom.broker import broker_settings, refuse_faults
from pairloom.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Executor
    from datetime import date, datetime, timedelta
    from os import PathLike

    from pairloom._data import Loaded
    from pairloom._native import MarketData, RunOutput
    from pairloom.broker import Faults, Reconcile
    from pairloom.feed import SyntheticFeed
    from pairloom.instruments import Fees, Instrument
    from pairloom.numbers import Number
    from pairloom.result import Result
    from pairloom.risk import RiskLimits
    from pairloom.run import Run
    from pairloom.strategy import Strategy
    from pairloom.sweep import Combination, SweepResult

    Moment = str | date | datetime
    Progress = bool | Callable[[float], object]
    Size = Number | Mapping[str, Number]

__all__ = ["Engine"]

CANDLE_TIMES = ("open", "close")
REPAIRS = ("drop",)
# How far ahead a schedule is laid out for a run in real time that has no end yet.
MOST_LIVE_NS = 31 * 24 * 3_600 * 10**9


class Engine:
    """One account and the traders that share it.

    All arguments are keywords. ``cash`` names its currencies, ``{"BTC": 10}``; with
    several, ``currency`` says which one the account is counted in. ``account`` is
    ``"spot"`` or ``"margin"``, where ``leverage`` limits the exposure to that many times
    the equity. ``fee`` is a fraction of the notional, or `Fees`. ``fill`` is
    ``"next_open"`` or ``"close"`` (optimistic: at the close that was decided on).
    ``slippage_bps`` worsens market orders by that many hundredths of a percent and rounds
    the price, against the trader, to the digits of the data's prices; ``latency`` delays
    orders by that many simulated seconds where markets have quotes, or trades alone.
    ``instruments`` maps pairs to `Instrument`, ``risk`` is `RiskLimits` that orders have to meet.
    ``num_threads`` defaults to all cores, and never changes a result.
    ``workers`` is the number of processes for strategies that are Python classes: each has its
    own interpreter and its share of the traders, so that they run on several cores, and one that
    crashes or never returns costs only itself. The result is the same. ``time_limit`` is how many
    seconds one call may last there, ``"auto"`` (10) by default, ``None`` or ``"off"`` for no
    limit; ``memory_limit`` is what a worker may allocate, in bytes or as in ``"512MB"``.
    ``block`` is the number of events that a native trader which looks at its own market alone
    may be evaluated ahead in a backtest: by default the engine decides, 0 forbids it, and no
    result depends on it.
    ``on_error="close"`` closes the position of a trader that erred. ``journal`` is a file that
    keeps what a run decides: one that was killed goes on where it was when the same run is made
    on the same file. ``risk_socket`` is where ``pairloom risk`` listens: in `paper` and `start` no
    order leaves without that process's word, given within ``risk_timeout`` seconds, 1 by default.
    ``seed`` feeds ``ctx.random``. ``faults`` are `Faults` between the engine and the paper broker,
    ``reconcile`` is `Reconcile`, how the engine compares itself with what that says, and ``broker_socket``
    is where ``pairloom broker`` listens, the paper broker in a process of its own; `backtest` refuses
    all three. An engine may run many times. Wrong arguments raise ``ConfigError``.
    """

    def __init__(
        self,
        *,
        cash: Mapping[str, Number],
        currency: str | None = None,
        account: Literal["spot", "margin"] = "spot",
        leverage: Number = 1,
        fee: Number | Fees = 0.001,
        fill: Literal["next_open", "close"] = "next_open",
        slippage_bps: Number = 0,
        latency: Number = 0,
        instruments: Mapping[str, Instrument] | None = None,
        risk: RiskLimits | None = None,
        num_threads: int | None = None,
        workers: int = 0,
        time_limit: Number | Literal["auto", "off"] | None = "auto",
        memory_limit: int | str | None = None,
        block: int | None = None,
        on_error: Literal["keep", "close"] = "keep",
        journal: str | PathLike[str] | None = None,
        risk_socket: str | PathLike[str] | None = None,
        risk_timeout: Number | None = None,
        seed: int = 0,
        faults: Faults | None = None,
        reconcile: Reconcile | None = None,
        broker_socket: str | PathLike[str] | None = None,
    ) -> None:
        """Check the settings; nothing else happens before a run."""
        self._settings = engine_settings(
            cash=cash,
            currency=currency,
            account=account,
            leverage=leverage,
            fee=fee,
            fill=fill,
            slippage_bps=slippage_bps,
            latency=latency,
            instruments=instruments,
            risk=risk,
            num_threads=num_threads,
            workers=workers,
            time_limit=time_limit,
            memory_limit=memory_limit,
            block=block,
            on_error=on_error,
            risk_socket=risk_socket,
            risk_timeout=risk_timeout,
            seed=seed,
        )
        self._settings.update(broker_settings(faults, reconcile, journal, broker_socket))
        self._assignments: list[Assignment] = []
        self._taken = Taken()
        self._journal = journal_path(journal)
        # What a journal keeps so that `replay` can make the engine anew; in a replay, what had written the journal.
        self._origin: dict[str, Any] = {}
        self._replays: str | None = None

    @property
    def currency(self) -> str:
        """The currency that the account is counted in."""
        return str(self._settings["currency"])

    @property
    def num_threads(self) -> int | None:
        """The number of threads asked for; ``None`` means all cores."""
        threads: int | None = self._settings["num_threads"]
        return threads

    def trade(
        self,
        pairs: str | Iterable[str],
        strategy: Strategy | type[Strategy] | str,
        *,
        size: Size | None = None,
        name: str | None = None,
        options: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> None:
        """Let a strategy trade pairs, one trader each.

        ``pairs`` is one pair, a list, ``"*"`` (all of the data) or ``"*/BTC"``. ``strategy``
        is a `Strategy` instance (a template), a class, or the name of a built-in:
        ``sma_cross``, ``rsi``, ``simple``, ``heikin_ashi``. ``size`` is a number (of the base
        currency), ``{"base": q}``, ``{"quote": n}`` or ``{"equity": fraction}``; without one a
        signal that names no size is refused. Parameters are given as keywords, or as
        ``options`` where their names clash with ``size`` or ``name``.

        Raises ``ConfigError``, and ``ParameterError`` (also a ``TypeError``) for parameters.
        """
        assignment = Assignment(
            pairs,
            strategy,
            size=size,
            name=name,
            options=options,
            parameters=parameters,
            currency=self.currency,
        )
        self._taken.add(assignment)
        self._assignments.append(assignment)

    def backtest(
        self,
        data: Any,
        *,
        start: Moment | None = None,
        end: Moment | None = None,
        interval: Any = None,
        candle_time: Literal["open", "close"] = "open",
        repair: Literal["drop"] | None = None,
        progress: Progress | None = None,
        _handover: Literal["auto", "always", "never"] = "auto",
        _shuffle_seed: int | None = None,
    ) -> Result:
        """Run over market data and return the `Result`.

        ``data`` is a path (CSV, Parquet, Feather, or a folder of them), a data frame,
        anything with ``__arrow_c_stream__``, a dict of arrays, or a dict of pair to one of
        these. ``start`` and ``end`` bound the rows that trade, ``[start, end)``; earlier rows
        warm up. ``interval`` is the candles' length, or a dict by pair; without it and without
        a ``close_time`` column it is their commonest gap, and of months and days that are
        shorter their own. Ten and more equal gaps in a row that are longer are longer
        candles, and refused. ``candle_time`` says which end of a candle its time is;
        ``repair="drop"`` drops rows that are wrong. ``progress`` is ``None`` (a bar on a
        terminal), ``True``, ``False`` or a function of the fraction done.

        Ctrl-C ends the run and returns the result so far. Raises ``ConfigError``,
        ``DataError``, and ``StrategyError`` (with ``.result``) when every trader erred.
        """
        refuse_process(self._settings, "a backtest")
        run = run_options(start, end, _handover, _shuffle_seed)
        return self._run("backtest", data, run, interval, candle_time, repair, progress)

    def paper(
        self,
        feed: Any,
        *,
        duration: Number | timedelta | None = None,
        speed: Literal["max"] | Number = "max",
        start: Moment | None = None,
        end: Moment | None = None,
        interval: Any = None,
        candle_time: Literal["open", "close"] = "open",
        repair: Literal["drop"] | None = None,
        progress: Progress | None = None,
        _handover: Literal["auto", "always", "never"] = "auto",
        _shuffle_seed: int | None = None,
    ) -> Result:
        """Run through the live driver with the paper broker.

        ``feed`` is whatever `backtest` takes, and runs on its own clock: the result's digest
        is the backtest's. ``speed`` is ``"max"`` or a multiple of real time, ``duration`` ends
        the run after that many seconds. The other arguments and the errors are those of
        `backtest`. A `SyntheticFeed` runs in real time, and needs a ``duration``.
        """
        from pairloom.feed import SyntheticFeed

        run = run_options(start, end, _handover, _shuffle_seed)
        run["duration"] = duration_ns("duration", duration)
        run["speed"] = speed_text(speed)
        if not isinstance(feed, SyntheticFeed):
            return self._run("paper", feed, run, interval, candle_time, repair, progress)
        refuse_workers(self._settings, "a feed in real time", "give recorded data, or use Engine(workers=0)")
        recorded_only = {"speed": speed != "max", "interval": interval is not None, "repair": repair is not None}
        recorded_only |= {"start": start is not None, "end": end is not None, "progress": bool(progress)}
        refuse_in_real_time({**recorded_only, "candle_time": candle_time != "open"})
        if run["duration"] is None:
            raise ConfigError("a synthetic feed never ends; give duration=, in seconds", code="config.duration")
        with self._start_live(feed, run) as live:
            return live.wait()

    def start(
        self,
        feed: Any,
        *,
        duration: Number | timedelta | None = None,
        speed: Literal["max"] | Number = 1,
        interval: Any = None,
        candle_time: Literal["open", "close"] = "open",
        repair: Literal["drop"] | None = None,
    ) -> Run:
        """Start in the background, with the paper broker, and return the `Run`.

        ``feed`` is a `SyntheticFeed`, or whatever `backtest` takes, which then runs as fast as it
        was recorded, or ``speed`` times as fast. ``duration`` ends the run after that many
        seconds; else it lasts until it is stopped, or recorded data end. In real time a strategy's
        ``schedule`` then reaches 31 days ahead. A run that goes on from a journal has made again what
        that has when this returns; until then Ctrl-C ends it.
        """
        from pairloom.feed import SyntheticFeed

        refuse_workers(self._settings, "a run in the background", "use backtest or paper, or Engine(workers=0)")
        run = run_options(None, None, "auto", None)
        run["duration"] = duration_ns("duration", duration)
        run["speed"] = speed_text(speed)
        if isinstance(feed, SyntheticFeed):
            recorded_only = {"speed": speed != 1, "interval": interval is not None, "repair": repair is not None}
            refuse_in_real_time({**recorded_only, "candle_time": candle_time != "open"})
            return self._start_live(feed, run)
        check_start(self._assignments, self._settings["account"])
        described, loaded, market, load_s = self._read(feed, run, interval, candle_time, repair)
        self._ask_for_journal("paper", described, run, market)
        between = whole_span(loaded, described)
        return self._started(described, market, run, loaded.assumptions, load_s, between)

    def sweep(
        self,
        data: Any,
        *,
        where: Callable[..., object] | None = None,
        maximize: str | Callable[[Combination], float] = "sharpe",
        folds: int | Mapping[str, int] | None = None,
        executor: Executor | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        interval: Any = None,
        candle_time: Literal["open", "close"] = "open",
        repair: Literal["drop"] | None = None,
        progress: Progress | None = None,
        options: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> SweepResult:
        """Run all combinations of parameters over the same data, and return the `SweepResult`.

        Parameters of the strategies are given with the values to try, as in ``fast=range(5, 55, 5)``, or as
        ``options`` where a name is taken; each goes to every strategy that has it. ``where`` says which
        combinations to run: ``lambda fast, slow: fast < slow``. ``maximize`` is what the best has most of: a
        statistic, ``"equity"``, or a function of a `Combination`.

        ``folds=5`` walks forward: the time is cut into six parts, and the best on each but the last is tested on the
        part after it (``{"anchored": 5}``: the best on all parts before). Parts end where all candles are closed.
        Native strategies run on all of the engine's threads at once, Python ones one after another, or where an
        ``executor`` (of ``concurrent.futures``) takes them. The other arguments are those of `backtest`.

        Combinations and tests of folds that fail are reported, not raised. Ctrl-C returns what there is so far.
        Raises ``ConfigError``, also where no combination could begin, and ``DataError``.
        """
        from pairloom._sweep.plan import Plan
        from pairloom._sweep.run import announce_sweep, request, run_sweep

        if self._journal is not None:
            raise ConfigError("a sweep keeps no journal; use Engine(journal=None)", code="config.journal")
        refuse_faults(self._settings, "a sweep")
        refuse_process(self._settings, "a sweep")
        refuse_workers(self._settings, "a sweep", "give executor=ProcessPoolExecutor(), with Engine(workers=0)")
        asked = request(
            self._assignments,
            where=where,
            maximize=maximize,
            folds=folds,
            executor=executor,
            options=options,
            parameters=parameters,
        )
        run = run_options(start, end, "auto", None)
        callback = progress_callback(progress)
        _, loaded, market, load_s = self._read(data, run, interval, candle_time, repair)
        plan = Plan(self._settings, self._assignments, loaded, market)
        with heard():
            result = run_sweep(asked, plan, run, callback, load_s)
        announce_sweep(result)
        return result

    def _start_live(self, feed: SyntheticFeed, run: dict[str, Any]) -> Run:
        """Start on a feed in real time, whose span is from now to the end of the run."""
        check_start(self._assignments, self._settings["account"])
        now = time.time_ns()
        last = now + (run["duration"] or MOST_LIVE_NS)
        described = traders(self._assignments, feed.pairs, self.currency, lambda _: (now, last))
        refuse_misspelt_pairs(self._settings, {each["pair"] for each in described}, feed.pairs)
        limits: RiskLimits | None = self._settings["risk"]
        run["risk"] = limits and limits._between(now, last)
        if self._settings["latency"] and feed.kind == "candle":
            raise no_latency(feed.pairs[0])
        self._ask_for_journal("real time", described, run, None)
        return self._started(described, feed._native, run, times_without_schedule(self._assignments), 0.0, (now, last))

    def _started(
        self,
        described: list[dict[str, Any]],
        source: Any,
        run: dict[str, Any],
        assumptions: list[str],
        load_s: float,
        between: tuple[int, int],
    ) -> Run:
        from pairloom.run import Run

        end_live_runs_with_the_process()
        native = driven(lambda: _native.start(self._settings, described, source, run), "paper", run)
        return Run(native, assumptions, load_s, between)

    def _run(  # the one way to the core, for both drivers
        self,
        driver: Literal["backtest", "paper"],
        data: Any,
        run: dict[str, Any],
        interval: Any,
        candle_time: str,
        repair: str | None,
        progress: Any,
    ) -> Result:
        from pairloom.result import Result

        if driver == "backtest":
            refuse_faults(self._settings, "a backtest")
        callback = progress_callback(progress)
        check_start(self._assignments, self._settings["account"])
        described, loaded, market, load_s = self._read(data, run, interval, candle_time, repair)
        drive = _native.backtest if driver == "backtest" else _native.paper
        self._ask_for_journal(driver, described, run, market)
        if self._settings["workers"]:
            run["workers"] = workers_of(self._settings, described)
        if driver == "paper":
            end_live_runs_with_the_process()
        try:
            with heard():
                output: RunOutput = driven(lambda: drive(self._settings, described, market, run, callback), driver, run)
        finally:
            if isinstance(callback, Bar):
                callback.close()
        unasked = never_called(loaded, described, run, output)
        result = Result(output, [*loaded.assumptions, *unasked], load_s)
        announce(result)
        return result

    def _ask_for_journal(
        self, driver: str, described: list[dict[str, Any]], run: dict[str, Any], market: MarketData | None
    ) -> None:
        """Tell the run what the core takes as its journal, if it has one."""
        if self._journal is not None:
            run["journal"] = asked(
                self._journal,
                driver=self._replays or driver,
                settings=self._settings,
                assignments=self._assignments,
                described=described,
                run=run,
                market=market,
                origin=self._origin,
                replay=self._replays is not None,
            )

    def _read(
        self, data: Any, run: dict[str, Any], interval: Any, candle_time: str, repair: str | None
    ) -> tuple[list[dict[str, Any]], Loaded, MarketData, float]:
        """Read the data and check them against traders and settings."""
        choice("candle_time", candle_time, CANDLE_TIMES)
        if repair is not None:
            choice("repair", repair, REPAIRS)
        # A run is what needs this, and NumPy with it; importing the package does not.
        load_numpy()
        from pairloom._data import to_native

        began = time.perf_counter()
        loaded = self._load(data, interval, candle_time, repair)
        described = traders(
            self._assignments,
            loaded.pairs,
            self.currency,
            lambda pairs: span(loaded, pairs, run["start"], run["end"]),
        )
        self._check_latency(loaded, described)
        if self._settings["risk"] is not None:
            run["risk"] = self._settings["risk"]._between(*whole_span(loaded, described))
        refuse_misspelt_pairs(self._settings, {each["pair"] for each in described}, loaded.available)
        loaded.assumptions += what_is_not_used(loaded, described, self._settings, run)
        loaded.assumptions += times_without_schedule(self._assignments)
        market = to_native(loaded)
        return described, loaded, market, time.perf_counter() - began

    def _load(self, data: Any, interval: Any, candle_time: str, repair: str | None) -> Loaded:
        """Read and check the data, and say what was assumed."""
        from pairloom._data import load

        return load(
            data,
            pairs=self._named_pairs(),
            currency=self.currency,
            interval=interval,
            candle_time=candle_time,
            repair=repair,
        )

    def _named_pairs(self) -> list[str]:
        """The pairs and patterns asked for, in order, each once."""
        return list(dict.fromkeys(pair for each in self._assignments for pair in each.pairs))

    def _check_latency(self, loaded: Loaded, described: list[dict[str, Any]]) -> None:
        if not self._settings["latency"]:
            return
        of = kinds(loaded)
        for trader in described:
            if of[trader["pair"]] == {"candle"}:
                raise no_latency(trader["pair"])

    def __repr__(self) -> str:
        """The account and the traders, for a notebook."""
        settings = self._settings
        cash = ", ".join(f"{amount} {name}" for name, amount in settings["cash"].items())
        head = (
            f"Engine: {cash} on a {settings['account']} account in {self.currency}, "
            f"fee {settings['maker_fee']}/{settings['taker_fee']}, fill={settings['fill']!r}"
        )
        lines = [f"  {assignment!r}" for assignment in self._assignments] or ["  no traders yet"]
        return "\n".join([head, *lines])
