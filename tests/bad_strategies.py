"""Every kind of bad strategy we could think of, made anew for each run."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pairloom import ConfigError, Signal, Strategy, StrategyError
from pairloom import indicators as ta
from scripted import MINUTE, START

AT = 20
"""The event, counted from 0, at which a bad strategy errs; until then it behaves."""

LATE = START + (AT + 1) * MINUTE
FIRST = START + MINUTE
LAST = START + 80 * MINUTE


@dataclass(frozen=True)
class Case:
    """A bad strategy and what its quarantine must say."""

    name: str
    make: Callable[[], type[Strategy]]
    kind: str = "raised"
    error: type[BaseException] = Exception
    text: str = ""
    ts: int | None = LATE


def strategy(body: dict[str, Any], **attributes: Any) -> type[Strategy]:
    return type("Bad", (Strategy,), {"__module__": __name__, **body, **attributes})


def erring(act: Callable[[Any, Any], Any], **attributes: Any) -> Callable[[], type[Strategy]]:
    """A strategy whose event number AT is ``act(self, ctx)``."""

    def make() -> type[Strategy]:
        def setup(self: Any, ctx: Any) -> None:
            self.count = -1

        def generate_signal(self: Any, ctx: Any) -> Any:
            self.count += 1
            return act(self, ctx) if self.count == AT else None

        return strategy({"setup": setup, "generate_signal": generate_signal}, **attributes)

    return make


def raising(error: Any) -> Callable[[], type[Strategy]]:
    def act(self: Any, ctx: Any) -> None:
        raise error() if callable(error) and not isinstance(error, type) else error

    return erring(act)


def hook(name: str, act: Callable[..., Any], **attributes: Any) -> Callable[[], type[Strategy]]:
    """A strategy that trades a little and errs in a hook."""

    def make() -> type[Strategy]:
        def setup(self: Any, ctx: Any) -> None:
            self.count = -1

        def generate_signal(self: Any, ctx: Any) -> Any:
            self.count += 1
            if self.count == 3:
                ctx.sell(1)  # short on a spot account: refused
            return Signal.LONG if self.count == AT else None

        body = {"setup": setup, "generate_signal": generate_signal, name: act}
        return strategy(body, **attributes)

    return make


def fails(*_: Any) -> None:
    raise ValueError("in a hook")


class Own(BaseException):
    pass


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


class Unpicklable(Exception):
    def __reduce__(self) -> Any:
        raise RuntimeError("no copies")

    def __init__(self) -> None:
        super().__init__("alone")


class Named(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name")


class Nameless(Exception, metaclass=Named):
    pass


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Pretender:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return Signal


class FalseNone:
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def circular() -> BaseException:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


def endless(self: Any, ctx: Any) -> Any:
    return endless(self, ctx)


def nested(self: Any, ctx: Any) -> Any:
    """Recursion through C code, with a frame of the interpreter for each."""
    return max([0], key=lambda _: nested(self, ctx))


def leave(self: Any, ctx: Any) -> None:
    sys.exit("good bye")


def clear(self: Any, ctx: Any) -> Any:
    self.__dict__.clear()
    return self.count


def delete(self: Any, ctx: Any) -> Any:
    del self.count
    return self.count


def of_another_thread(self: Any, ctx: Any) -> None:
    caught: list[BaseException] = []

    def work() -> None:
        try:
            ctx.buy(1)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise caught[0]


def written(self: Any, ctx: Any) -> None:
    ctx.close[0] = 1.0


def with_setup(act: Callable[[Any, Any], Any], signal: Any = None) -> Callable[[], type[Strategy]]:
    def make() -> type[Strategy]:
        return strategy({"setup": act, "generate_signal": signal or (lambda self, ctx: None)})

    return make


def body(**attributes: Any) -> Callable[[], type[Strategy]]:
    return lambda: strategy(dict(attributes))


async def asynchronous(self: Any, ctx: Any) -> None:
    return None


def generator(self: Any, ctx: Any) -> Any:
    yield Signal.LONG


async def asynchronous_generator(self: Any, ctx: Any) -> Any:
    yield Signal.LONG


def guarded() -> type[Strategy]:
    class Hidden(Strategy):
        def generate_signal(self, ctx: Any) -> None:
            return None

        def __getattribute__(self, name: str) -> Any:
            if name == "generate_signal":
                raise PermissionError("not yours")
            return super().__getattribute__(name)

    return Hidden


class Meta(type):
    def __getattribute__(cls, name: str) -> Any:
        # Only while a strategy runs: the class itself must be usable before.
        if name == "trap":
            raise PermissionError("the class says no")
        return super().__getattribute__(name)


def with_metaclass() -> type[Strategy]:
    class Trapped(Strategy, metaclass=Meta):
        def setup(self, ctx: Any) -> None:
            self.count = -1

        def generate_signal(self, ctx: Any) -> Any:
            self.count += 1
            return type(self).trap if self.count == AT else None

    return Trapped


def other_state(self: Any, ctx: Any) -> None:
    self.generate_signal = 7


NAN = float("nan")

RAISES = [
    Case(f"raises {error.__name__}", raising(error), error=error)
    for error in (
        ValueError,
        KeyError,
        ZeroDivisionError,
        AttributeError,
        AssertionError,
        ImportError,
        OSError,
        MemoryError,
        RecursionError,
        StopIteration,
        StopAsyncIteration,
        GeneratorExit,
        SystemExit,
        BaseException,
        UserWarning,
        asyncio.CancelledError,
        ConfigError,
        StrategyError,
        Own,
        Silent,
        Unpicklable,
    )
] + [
    Case("raises one without a name", raising(lambda: Nameless("anonymous")), error=Nameless),
    Case("raises one whose text raises", raising(lambda: Silent("quiet")), error=Silent, text=""),
    Case("raises a circle of causes", raising(circular), error=ValueError, text="first"),
    Case("raises what is no exception", raising("text"), error=TypeError, text="exceptions must derive"),
    Case("exits", erring(leave), error=SystemExit, text="good bye"),
    Case("recurses without end", erring(endless), error=RecursionError),
    Case("recurses without end through C", erring(nested), error=RecursionError),
]

RETURNS = [
    Case(f"returns {name}", erring(lambda self, ctx, value=value: value), "not_a_signal", StrategyError, text)
    for name, value, text in (
        ("a text", "LONG", "Bad.generate_signal returned 'LONG'; return Signal.LONG"),
        ("an int", 1, "returned 1"),
        ("True", True, "returned True"),
        ("False", False, "returned False"),
        ("a float", 0.5, "returned 0.5"),
        ("NaN", NAN, "returned nan"),
        ("a list", [Signal.LONG], "returned [Signal.LONG]"),
        ("a dict", {"side": "long"}, "returned {"),
        ("Signal.long uncalled", Signal.long, "call it, or use Signal.LONG"),
        ("Signal.short uncalled", Signal.short, "call it, or use Signal.SHORT"),
        ("Signal.target uncalled", Signal.target, "call it with a size"),
        ("the class", Signal, "returned <class 'pairloom.Signal'>"),
        ("NotImplemented", NotImplemented, "returned NotImplemented"),
        ("an exception", ValueError("kept"), "returned ValueError('kept')"),
        ("what has no repr", Mute(), "returned a Mute"),
        ("what says it is a signal", Pretender(), "Bad.generate_signal returned"),
        ("what equals everything", FalseNone(), "Bad.generate_signal returned"),
        ("an array", np.zeros(3), "returned array([0., 0., 0.])"),
        ("an endless text", "x" * 100_000, "xxx..."),
    )
]

METHODS = [
    Case(
        "is async",
        body(generate_signal=asynchronous),
        "not_a_signal",
        StrategyError,
        "write it with def, not async def",
        FIRST,
    ),
    Case(
        "is a generator",
        body(generate_signal=generator),
        "not_a_signal",
        StrategyError,
        "write return, not yield",
        FIRST,
    ),
    Case(
        "is an async generator",
        body(generate_signal=asynchronous_generator),
        "not_a_signal",
        StrategyError,
        "write return, not yield",
        FIRST,
    ),
    Case("takes no ctx", body(generate_signal=lambda self: None), error=TypeError, text="argument", ts=FIRST),
    Case("hides its method", guarded, error=PermissionError, text="not yours", ts=FIRST),
    Case("has a method that is none", with_setup(other_state), error=TypeError, text="not callable", ts=FIRST),
    Case("has a metaclass that raises", with_metaclass, error=PermissionError, text="the class says no"),
]

HOOKS = [
    Case("errs in setup", with_setup(fails), error=ValueError, text="in a hook", ts=FIRST),
    Case(
        "returns from setup",
        with_setup(lambda self, ctx: 1),
        "not_a_signal",
        StrategyError,
        "Bad.setup returned 1",
        FIRST,
    ),
    Case("exits in setup", with_setup(leave), error=SystemExit, ts=FIRST),
    Case("errs in on_start", hook("on_start", fails), error=ValueError, ts=FIRST),
    Case("errs in on_fill", hook("on_fill", fails), error=ValueError, ts=None),
    Case("errs in on_order", hook("on_order", fails), error=ValueError, ts=None),
    Case("errs in on_refused", hook("on_refused", fails), error=ValueError, ts=None),
    Case("errs in on_time", hook("on_time", fails, schedule="15m"), error=ValueError, ts=None),
    Case("errs in on_stop", hook("on_stop", fails), error=ValueError, ts=LAST),
    Case(
        "returns a signal from on_start",
        hook("on_start", lambda self, ctx: Signal.LONG),
        "not_a_signal",
        StrategyError,
        "only generate_signal, on_fill and on_time may return a signal",
        FIRST,
    ),
    Case(
        "returns a text from on_fill",
        hook("on_fill", lambda self, ctx, fill: "sell"),
        "not_a_signal",
        StrategyError,
        "Bad.on_fill returned 'sell'",
        None,
    ),
    Case("takes too little in on_fill", hook("on_fill", lambda self, ctx: None), error=TypeError, ts=None),
]

MISUSES = [
    Case(name, erring(act), error=error, text=text)
    for name, act, error, text in (
        ("orders a text", lambda self, ctx: ctx.buy("one"), TypeError, "quantity is 'one'"),
        ("orders nothing", lambda self, ctx: ctx.buy(None), TypeError, "quantity is None"),
        ("orders a bool", lambda self, ctx: ctx.sell(True), TypeError, "quantity is True"),
        ("names no known time in force", lambda self, ctx: ctx.buy(1, tif="DAY"), ValueError, "'GTC', 'IOC', 'FOK'"),
        ("gives an unknown argument", lambda self, ctx: ctx.buy(1, price=3), TypeError, "price"),
        ("limits by a text", lambda self, ctx: ctx.buy(1, limit="market"), TypeError, "limit is 'market'"),
        ("cancels a text", lambda self, ctx: ctx.cancel("all"), TypeError, ""),
        ("sizes by a text", lambda self, ctx: Signal.target("much"), TypeError, "size is 'much'"),
        ("sizes by an unknown unit", lambda self, ctx: Signal.long({"percent": 5}), TypeError, "{'equity': 0.1}"),
        ("sizes by two units", lambda self, ctx: Signal.long({"base": 5, "quote": 1}), TypeError, "size is {"),
        (
            "reads an array without a window",
            lambda self, ctx: ctx.close,
            StrategyError,
            "declare its length: window: int = 200",
        ),
        ("reads what ctx has not", lambda self, ctx: ctx.price, AttributeError, "price"),
        ("assigns to ctx", lambda self, ctx: setattr(ctx, "ts", 1), AttributeError, ""),
        ("adds to ctx", lambda self, ctx: setattr(ctx, "mine", 1), AttributeError, "mine"),
        ("reads quotes that are not there", lambda self, ctx: ctx.quote, StrategyError, "use ctx.candle"),
        (
            "asks for an indicator late",
            lambda self, ctx: ctx.indicator(ta.Sma(3)),
            StrategyError,
            "only be called in Bad.setup",
        ),
        ("makes a SystemCtx", lambda self, ctx: type(ctx)(), TypeError, ""),
        ("lends ctx to a thread", of_another_thread, StrategyError, "valid only inside"),
        ("forgets its state", clear, AttributeError, "count"),
        ("deletes its state", delete, AttributeError, "count"),
    )
] + [
    Case("writes to an array", erring(written, window=5), error=ValueError, text="read-only", ts=None),
    Case(
        "reads an unknown column",
        erring(lambda self, ctx: ctx.column("nope"), window=5),
        error=StrategyError,
        text="score",
        ts=None,
    ),
    Case(
        "asks for no indicator",
        with_setup(lambda self, ctx: ctx.indicator(3)),
        error=TypeError,
        text="ta.Sma(20), not 3",
        ts=FIRST,
    ),
    Case(
        "asks for an indicator uncalled",
        with_setup(lambda self, ctx: ctx.indicator(ta.Sma)),
        error=TypeError,
        text="call it, as in ta.Sma(20)",
        ts=FIRST,
    ),
    Case(
        "asks for an indicator of no column",
        with_setup(lambda self, ctx: ctx.indicator(ta.Sma(3, on="nope"))),
        error=ConfigError,
        text="nope",
        ts=FIRST,
    ),
    Case(
        "looks at its market in setup",
        with_setup(lambda self, ctx: ctx.candle),
        error=StrategyError,
        text="on_start",
        ts=FIRST,
    ),
]

CASES = RAISES + RETURNS + METHODS + HOOKS + MISUSES


def replaced(self: Any, ctx: Any) -> None:
    self.generate_signal = fails


def swallowing(self: Any, ctx: Any) -> None:
    try:
        fails()
    except ValueError:
        return


def thread_that_fails(self: Any, ctx: Any) -> None:
    hook_before, threading.excepthook = threading.excepthook, lambda _: None
    try:
        thread = threading.Thread(target=fails)
        thread.start()
        thread.join()
    finally:
        threading.excepthook = hook_before


HARMLESS = [
    Case("cancels an unknown number", erring(lambda self, ctx: ctx.cancel(99))),
    Case("replaces an unknown number", erring(lambda self, ctx: ctx.replace(99, quantity=1))),
    Case("replaces its method while it runs", erring(replaced)),
    Case("swallows its own error", erring(swallowing)),
    Case("starts a thread that fails", erring(thread_that_fails)),
    Case("sizes by NaN", erring(lambda self, ctx: Signal.long(NAN)), text="not_finite"),
    Case("orders infinitely much", erring(lambda self, ctx: ctx.buy(float("inf")) and None), text="not_finite"),
    Case("orders less than nothing", erring(lambda self, ctx: ctx.buy(-1) and None), text="not_positive"),
    Case("targets next to nothing", erring(lambda self, ctx: Signal.target(1e-12)), text="below_lot"),
    Case("sells what it has not", erring(lambda self, ctx: ctx.sell(1) and None), text="short_sale"),
    Case("buys more than the account has", erring(lambda self, ctx: Signal.target({"quote": 10**9})), text="cash"),
    Case("targets more than can be counted", erring(lambda self, ctx: Signal.target(10**30)), text="overflow"),
]
