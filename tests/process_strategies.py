"""Strategies for the process lane, in a module that workers import by name."""

from __future__ import annotations

import ctypes
import decimal
import logging
import os
import signal
import sys
import time
import warnings
from typing import Any

import numpy as np

import pairloom
from pairloom import Signal, Strategy
from pairloom import indicators as ta


class Moody(Strategy):
    """Looks at everything, keeps state, draws random numbers, uses limit orders and hooks."""

    fast: int = 4
    slow: int = 11
    work: int = 0

    window = 5
    schedule = "15m"

    def setup(self, ctx: Any) -> None:
        self.f = ctx.indicator(ta.Ema(self.fast))
        self.s = ctx.indicator(ta.Sma(self.slow))
        self.seen = 0
        self.fills: list[float] = []
        self.pending: int | None = None

    def generate_signal(self, ctx: Any) -> Any:
        self.seen += 1
        for number in range(self.work):
            self.last = number * number
        if ctx.random.random() < 0.05:
            return Signal.REVERSE if ctx.position else None
        if self.pending is None and ctx.random.random() < 0.1:
            self.pending = ctx.buy(0.5, limit=float(ctx.low.min()) * 0.999, tag="dip")
        elif self.pending is not None and ctx.random.random() < 0.2:
            ctx.cancel(self.pending)
            self.pending = None
        if self.f.value > self.s.value:
            return Signal.LONG
        return Signal.CLOSE if ctx.equity > 0 and self.seen % 3 else None

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.fills.append(fill.price)
        if fill.tag == "dip":
            self.pending = None

    def on_time(self, ctx: Any, event: Any) -> Any:
        return Signal.CLOSE if len(self.fills) % 5 == 4 else None

    def on_stop(self, ctx: Any) -> None:
        self.stopped = True


class OnQuotes(Strategy):
    """Trades on quotes and sees trades of its market, too."""

    events = ("quote", "trade")

    def setup(self, ctx: Any) -> None:
        self.mean = ctx.indicator(ta.Sma(3))
        self.flow = 0.0

    def generate_signal(self, ctx: Any) -> Any:
        if hasattr(ctx.event, "price"):
            self.flow += ctx.trade.quantity
            return None
        middle = (ctx.quote.bid + ctx.quote.ask) / 2
        return Signal.LONG if middle > self.mean.value and self.flow > 1 else Signal.CLOSE


class Doomed(Strategy):
    """Behaves until its event number ``at``, and then does its worst."""

    how: str = "raise"
    at: int = 40

    def setup(self, ctx: Any) -> None:
        self.seen = 0
        self.hoard: list[Any] = []
        if self.how == "exit in setup":
            os._exit(9)

    def generate_signal(self, ctx: Any) -> Any:
        self.seen += 1
        if self.seen == self.at:
            getattr(self, self.how)()
        return Signal.LONG if self.seen % 4 == 0 else Signal.CLOSE

    def fault(self) -> None:
        raise Unlucky("no luck", 13)

    def odd(self) -> None:
        raise Unpicklable("cannot travel")

    def exit(self) -> None:
        os._exit(3)

    def fork(self) -> None:
        os.fork()

    def crash(self) -> None:
        ctypes.string_at(0)

    def loop(self) -> None:
        while True:
            pass

    def loop_in_c(self) -> None:
        sum(range(10**15))

    def hoard_all(self) -> None:
        while True:
            self.hoard.append(bytearray(10**7))

    def kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def leave(self) -> None:
        sys.exit(4)


class AtHook(Doomed):
    """Does its worst in a hook instead."""

    at: int = -1
    where: str = "on_fill"

    schedule = "5m"

    def on_start(self, ctx: Any) -> None:
        self.reach("on_start")

    def on_fill(self, ctx: Any, fill: Any) -> None:
        self.reach("on_fill")

    def on_time(self, ctx: Any, event: Any) -> None:
        self.reach("on_time")

    def on_stop(self, ctx: Any) -> None:
        self.reach("on_stop")

    def reach(self, hook: str) -> None:
        if self.where == hook:
            getattr(self, self.how)()


class Leaking(Strategy):
    """Keeps more memory with each event."""

    def setup(self, ctx: Any) -> None:
        self.hoard: list[Any] = []

    def generate_signal(self, ctx: Any) -> Any:
        self.hoard.append(bytearray(2 * 10**7))
        return None


class Changeable(Strategy):
    """Asks for something else each time that it is made, and dies once."""

    mark: str = ""
    at: int = 40

    def setup(self, ctx: Any) -> None:
        self.seen = 0
        self.again = os.path.exists(self.mark)

    def generate_signal(self, ctx: Any) -> Any:
        self.seen += 1
        if self.seen == self.at and not self.again:
            with open(self.mark, "w"):
                pass
            os._exit(1)
        return Signal.LONG if (self.seen % 2 == 0) ^ self.again else Signal.CLOSE


class Once(Strategy):
    """Dies at one event, the first time only: that is nobody's guilt."""

    mark: str = ""

    def setup(self, ctx: Any) -> None:
        self.seen = 0

    def generate_signal(self, ctx: Any) -> Any:
        self.seen += 1
        if self.seen == 50 and not os.path.exists(self.mark):
            with open(self.mark, "w"):
                pass
            os._exit(1)
        return Signal.LONG if self.seen % 4 == 0 else Signal.CLOSE


class Talking(Strategy):
    """Prints and logs."""

    def setup(self, ctx: Any) -> None:
        self.seen = 0

    def generate_signal(self, ctx: Any) -> None:
        self.seen += 1
        if self.seen == 3:
            print("said by", ctx.pair)
            ctx.log.warning("logged at %d", self.seen)
            logging.getLogger("mine").info("not asked for")


class Slow(Strategy):
    """Sleeps in its first event, for as long as a test may take."""

    def generate_signal(self, ctx: Any) -> None:
        print("asleep", flush=True)
        time.sleep(600)


class Unlucky(Exception):
    """An error with more than a text."""

    def __init__(self, text: str, number: int) -> None:
        super().__init__(text, number)
        self.number = number


class Unpicklable(Exception):
    """An error that cannot travel."""

    def __reduce__(self) -> Any:
        raise TypeError("not I")


class Harmful(Doomed):
    """Does what outlasts its call, or what comes to light only when its error is packed."""

    how: str = "none"

    def none(self) -> None:
        pass

    def pack_and_exit(self) -> None:
        raise Packed(lambda: os._exit(4))

    def pack_and_crash(self) -> None:
        raise Packed(lambda: ctypes.string_at(0))

    def pack_for_ever(self) -> None:
        raise Packed(self.loop)

    def log_and_exit(self) -> None:
        logging.getLogger("mine").warning("%s", Shown(lambda: os._exit(5)))

    def interrupt(self) -> None:
        raise KeyboardInterrupt("not from you")

    def timer(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)

    def handled(self) -> None:
        signal.signal(signal.SIGALRM, self.too_slow)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)

    def set_again(self) -> None:
        signal.signal(signal.SIGVTALRM, self.and_again)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0005, 0.0005)

    def trace(self) -> None:
        sys.settrace(self.too_slow)

    def profile(self) -> None:
        sys.setprofile(self.of_others)

    def and_again(self, *_: Any) -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0005, 0.0005)

    def of_others(self, frame: Any, *_: Any) -> None:
        if isinstance(frame.f_locals.get("self"), Doomed) and frame.f_locals["self"] is not self:
            raise TimeoutError("too slow")

    def too_slow(self, *_: Any) -> None:
        raise TimeoutError("too slow")


class Packed(Exception):
    """An error that does something when it is packed."""

    def __init__(self, then: Any) -> None:
        super().__init__("to be packed")
        self.then = then

    def __reduce__(self) -> Any:
        return self.then()


class Shown:
    """Something that does something when its text is made."""

    def __init__(self, then: Any) -> None:
        self.then = then

    def __str__(self) -> str:
        return str(self.then())


class Detailed(OSError):
    """An error whose text is made of what it was given."""

    def __init__(self, what: str, *, number: int) -> None:
        super().__init__(number, f"{what} and {number}")
        self.what = what


class Refused(Strategy):
    """Raises an error of its own."""

    def generate_signal(self, ctx: Any) -> None:
        raise Detailed("this", number=7)


class Nesting(Strategy):
    """Makes a run of its own in a hook."""

    workers: int = 0

    def on_start(self, ctx: Any) -> None:
        engine = pairloom.Engine(cash={"USD": 1_000}, workers=self.workers)
        engine.trade("*", Doomed(at=-1), size=0.1)
        self.fills = len(engine.backtest(pairloom.synthetic(1, rows=30, seed=2), progress=False).fills)

    def generate_signal(self, ctx: Any) -> Any:
        return Signal.target(self.fills / 100)


class Surrounded(Strategy):
    """Says what is set for the process that it is in."""

    def generate_signal(self, ctx: Any) -> None:
        warnings.warn("not seen", stacklevel=1)
        try:
            warnings.warn("noticed in time", stacklevel=1)
            heard = "unheard"
        except UserWarning:
            heard = "raised"
        said = (sys.getrecursionlimit(), decimal.getcontext().prec, np.geterr()["over"], "ignored", heard)
        raise RuntimeError(" ".join(map(str, said)))


class _Fatal(Exception):
    """Ends the process that packs it."""

    def __reduce__(self) -> Any:
        os._exit(6)


class Telling(Strategy):
    """Says each call, and dies in one, or as its error is packed."""

    at: int = -1
    how: str = "exit"

    def setup(self, ctx: Any) -> None:
        self.seen = 0

    def generate_signal(self, ctx: Any) -> None:
        self.seen += 1
        print(f"{ctx.pair} {self.seen}", flush=True)
        if self.seen == self.at:
            if self.how == "raise":
                raise _Fatal
            os._exit(5)
