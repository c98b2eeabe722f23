"""A running engine: how it stands, and what a person may tell it."""

from __future__ import annotations

import warnings
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pairloom._announce import announce
from pairloom.errors import ConfigError, PairloomError, RefusalWarning
from pairloom.numbers import decimal_text

if TYPE_CHECKING:
    from types import TracebackType

    from pairloom._native import LiveRun
    from pairloom.numbers import Number
    from pairloom.result import Result
    from pairloom.risk import RiskLimits

__all__ = ["Run"]

# What the end of the process stops, see `_exit`.
RUNNING: WeakSet[Run] = WeakSet()


class Run:
    """An engine that runs in the background, as `Engine.start` returns it.

    A trader is named by its name, or all traders on a pair by the pair. Commands travel
    to the engine as market events do, and return when the step that commits them is over; a
    name that nobody has, or a run that is over, is a ``ConfigError``. At the end of a ``with``
    block the run is stopped; `stop` returns its `Result`, as often as it is asked.
    """

    def __init__(self, native: LiveRun, assumptions: list[str], load_s: float, between: tuple[int, int]) -> None:
        """Wrap what the core started."""
        self._native = native
        self._assumptions = assumptions
        self._load_s = load_s
        self._between = between
        self._result: Result | None = None
        self._failure: Exception | None = None
        self._restarted = False
        self._ending = Lock()
        RUNNING.add(self)

    @property
    def finished(self) -> bool:
        """Whether the run is over: stopped, or at the end of its feed."""
        return self._native.finished

    def status(self) -> dict[str, Any]:
        """Return how things stand, or stood at the end.

        The keys are ``ts, elapsed, equity, cash, working_orders, killed, connected, reconciled, halted``
        (pairs about which the venue and the engine differ), ``differences`` (those so far, as in
        `Result.differences`), ``risk_process`` ("reconciled", or why it is not; ``None`` without one),
        ``refusals, events, steps`` and
        ``traders``, a list with ``trader, pair, state`` ("active", "paused" or "quarantined"),
        ``position, entry_price, unrealized_pnl, realized_pnl, last_price, last_signal,
        evaluations, inbox`` (events that wait), ``late`` and ``working_orders`` of each. ``realized_pnl`` is what its
        fills have brought beyond what its position cost, fees taken off: with ``unrealized_pnl`` all that it brought.
        """
        return self._native.status()

    def force_exit(self, name: str) -> None:
        """Cancel a trader's orders and close its position at the market."""
        self._native.force_exit(_name(name))

    def close_all(self) -> None:
        """Cancel the orders and close the position of every trader."""
        self._native.close_all()

    def add_position(self, name: str, quantity: Number) -> None:
        """Buy, or with a negative quantity sell, at the market for one trader."""
        self._native.add_position(_name(name), decimal_text(quantity, "quantity"))

    def pause(self, name: str) -> None:
        """Do not call a trader's strategy until it is resumed; its orders and position stay."""
        self._native.pause(_name(name))

    def resume(self, name: str) -> None:
        """Call a paused trader's strategy again."""
        self._native.resume(_name(name))

    def restart(self, name: str) -> None:
        """Give a trader a fresh strategy, also after it erred; its position stays."""
        self._native.restart(_name(name))
        self._restarted = True

    def kill(self, *, flatten: bool = False) -> None:
        """Cancel all orders and block new ones for the rest of the run; ``flatten`` closes all positions, too.

        What closes a position because a person wants it so goes on, however often this is said; `stop` ends it.

        In a run on recorded data it waits for a call of a strategy that lasts; what that call wants is held back.
        What a person sends to make a position smaller, `force_exit` say, still passes; but not while a risk process
        cannot be asked: then it is refused as ``risk_unreachable``, and has to be sent again.
        """
        self._native.kill()
        if flatten:
            self._native.close_all()

    def set_limits(self, limits: RiskLimits | None, *, by: str) -> None:
        """Put other limits in force from the next step on, or with ``None`` take all away.

        They take the place of all that were in force. ``by`` says who does so; `Result.risk_changes` keeps it, with the
        time. What the gate remembers of orders, prices and equity it goes on remembering. Raises ``ConfigError``, and
        warns of pairs that this run does not trade: a list may serve several runs, but a halt may be mistyped.
        """
        from pairloom.risk import limits_of

        laid_out = None if limits is None else limits_of(limits)._between(*self._between)
        self._native.set_limits(laid_out, _by(by), repr(limits))
        traded = {trader["pair"] for trader in self.status()["traders"]}
        others = [] if limits is None else [pair for pair in limits_of(limits)._pairs() if pair not in traded]
        if others:
            text = f"limits of pairs that this run does not trade, which they do not stop: {', '.join(sorted(others))}"
            warnings.warn(text, RefusalWarning, stacklevel=2)

    def enable(self, name: str, *, by: str) -> None:
        """Let a trader send orders again that ``max_repeats`` has stopped, or a pair that reconciliation has halted.

        ``name`` is a trader's or a pair's: a pair's lets its traders go on, too. ``by`` says who does so. Raises
        ``ConfigError`` where there is none of that name.
        """
        self._native.enable(_name(name), _by(by))

    def abandon(self) -> None:
        """Ask the run to end without waiting for it; the end of the process does so."""
        if self._result is None:
            self._native.ask_to_stop()

    def stop(self) -> Result:
        """End the run and return its `Result`; the same one when asked again.

        A call of a strategy that has not come back after a second is given up: then the result is ``interrupted``, its
        step does not count, and `assumptions` say whose it was.
        """
        if self._result is None:
            self._native.ask_to_stop()
        return self.wait()

    def wait(self) -> Result:
        """Wait for the end of the run and return its `Result`. Ctrl-C ends the run."""
        first = self._end()
        result = self._result
        assert result is not None
        if first:
            announce(result, self._stopped())
        return result

    def _stopped(self) -> int | None:
        """How many traders are quarantined at the end, where some were restarted; else their records tell."""
        if not self._restarted:
            return None
        states = [trader["state"] for trader in self.status()["traders"]]
        return states.count("quarantined")

    def _end(self) -> bool:
        """Wait for the end and keep what came of it; whether nobody had it before. Several threads may wait."""
        with self._ending:
            if self._failure is not None:
                raise self._failure
            if self._result is not None:
                return False
            from pairloom.result import Result

            try:
                output = self._native.wait()
            except Exception as failure:
                self._failure = failure
                raise
            self._result = Result(output, self._assumptions, self._load_s)
            return True

    def __enter__(self) -> Run:
        """Return the run itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the run. An error inside the block goes on, but where all it says is that the run is over, why it is."""
        if error is None:
            self.stop()
            return
        if self._result is None and self._failure is None:
            self._native.ask_to_stop()
            # Why it failed is kept, and so is what came of it: whoever catches the error may ask for it.
            with suppress(PairloomError):
                self._end()
        if self._failure is not None and getattr(error, "code", None) == "run.over":
            raise self._failure from error


def _by(by: object) -> str:
    if not isinstance(by, str) or not by.strip():
        raise ConfigError(f"by={by!r} must say who does this, as in by='Ada'", code="config.by")
    return by


def _name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise ConfigError(f"{name!r} must be the name of a trader, or a pair", code="config.trader")
    return name
