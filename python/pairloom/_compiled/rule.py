"""``compiled``: the mark on a class or a function, and what a marked one is.

A marked class is an ordinary `Strategy`; the mark alone decides the lane, and
``uncompiled`` takes it off again for debugging.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, overload

from pairloom._words import listing, with_article
from pairloom.errors import ConfigError
from pairloom.strategy import Strategy, overridden_hooks

__all__ = ["Rule", "compiled", "rule_of", "uncompiled"]

FALLBACKS = (None, "python")
MARK = "__compiled__"


@dataclass(frozen=True)
class Rule:
    """What is compiled of a marked strategy."""

    function: FunctionType
    """The function whose source is compiled: ``generate_signal``, or the one that was marked."""
    method: FunctionType
    """What the class has for it as ``generate_signal``; a subclass may have another."""
    fallback: str | None
    """``"python"`` to run in the python lane what cannot be compiled."""
    is_method: bool
    """Whether the first parameter is ``self``."""
    indicators: tuple[str, ...] = ()
    """The parameters of a marked function that are indicators."""
    parameters: tuple[str, ...] = ()
    """The parameters of a marked function that are the strategy's parameters."""

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.function.__qualname__.replace("<locals>.", "").rpartition("<")[2]


@overload
def compiled(target: type[Strategy], /) -> type[Strategy]: ...
@overload
def compiled(target: Callable[..., Any], /) -> type[Strategy]: ...
@overload
def compiled(
    *,
    window: int = 0,
    events: str | tuple[str, ...] | None = None,
    indicators: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
    fallback: str | None = None,
) -> Callable[[Any], type[Strategy]]: ...
def compiled(
    target: Any = None,
    /,
    *,
    window: int = 0,
    events: str | tuple[str, ...] | None = None,
    indicators: Mapping[str, Any] | None = None,
    state: Mapping[str, Any] | None = None,
    fallback: str | None = None,
) -> Any:
    """Compile a strategy with numba, so that it runs on all cores beside the native ones.

    On a class, a `Strategy` whose ``generate_signal`` numba can compile::

        @pairloom.compiled
        class Cross(pairloom.Strategy):
            fast: int = 10

            def setup(self, ctx):  # ordinary Python, once per trader
                self.average = ctx.indicator(ta.Sma(self.fast))
                self.seen = 0  # state: numbers, bools and NumPy arrays, typed by this value

            def generate_signal(self, ctx):  # compiled
                self.seen += 1
                return Signal.LONG if ctx.candle.close > self.average.value else None

    On a function of ``ctx``; its further arguments are the indicators that ``indicators``
    names, ``state`` (what the mapping ``state`` holds) and, with a default, parameters::

        @pairloom.compiled(indicators={"average": lambda p: ta.Sma(p["fast"])}, state={"seen": 0})
        def cross(ctx, average, state, fast: int = 10): ...

    What is there: parameters, state, indicators (``value``, ``ready``, ``[-1]``, ``[-2]``, outputs,
    crossings), ``ctx.candle``, ``quote``, ``trade``, ``open`` to ``volume`` (declare ``window``),
    ``position``, ``equity``, ``cash``, ``ts``, ``len(ctx.orders)``, ``buy``, ``sell``, ``replace``,
    ``cancel``; at most 64 orders, replacements and cancellations in one call. Functions of the module
    may be called.

    ``**``, ``/``, comparisons, ``round``, ``int`` and the functions of ``math`` give to the bit what
    Python's do and raise what they raise, but in lambdas and in what numba compiled before. Refused are
    ``math.gamma``, ``lgamma``, ``hypot`` and ``ldexp``. Integers have 64 bits: where those of Python
    grow beyond, ``+``, ``-``, ``*``, ``<<`` and ``**`` keep the lowest 64 bits and nothing is raised, so
    that a count, a product or a shift that may become so large belongs into a float or an uncompiled
    strategy; one that is written out beyond 64 bits is refused. An integer to the power of another
    takes ``float(...)``; ``x * x`` is faster than ``x**2``; of a chain of more than two
    comparisons what is a call takes a name first. A field that begins as a float cannot be given an
    integer of more than 53 bits, such as ``ctx.ts``, and raises: begin it as an integer, with 0 and not
    0.0. A variable that is an integer in one branch and a float in another is a float in both.

    Functions of NumPy that numba writes anew (sums, ``mean``, ``std``, ``percentile``, ``quantile``,
    ``exp``, ``log`` and their like, powers of arrays; ``sum`` of a list, too) may differ from NumPy's
    in the last digit, which may lead to other orders, as ``argsort`` may that meets equals. Elements of
    arrays are Python's numbers here and NumPy's uncompiled. Here dividing one by zero raises, and so
    does a broken power of a negative one, of which NumPy only warns; ``round`` is Python's, and a
    comparison with a long integer is exact. Written with ``float``, as in ``round(float(ctx.close[-1]),
    1)``, it is the same in both. A variable that was not assigned has some value. What is read of
    modules and of the class is taken as it is when a run begins; arrays that others have, too, can be
    read alone: those of the class, the parameters and the module, those that cannot be written, and those
    that a second setup gives again, as a cache does. One that is shared in another way is copied for each
    trader, which cannot be told here: copy it in setup, or leave it uncompiled. Signals are compared with
    ``==``; ``is`` takes a constant, such as ``Signal.LONG``, and no numbers or members of enums. Of
    ``ctx.position`` there are its truth and its numbers, of ``ctx.orders`` truth and length. ``ready`` of a
    ``Vwap`` is refused, since it may be true without a number. Functions that call themselves are refused,
    as are numbers of other NumPy types than float64, int64 and bool.
    Random numbers are drawn in ``setup``, with ``ctx.random``. ``fallback="python"`` runs what cannot be compiled
    as ordinary Python; without it, or without numba, the run is refused with ``ConfigError`` naming
    the line.
    """
    if fallback not in FALLBACKS:
        raise ConfigError(f"compiled(fallback={fallback!r}): it is 'python' or None", code="config.compiled")
    given = {"window": window, "events": events, "indicators": indicators, "state": state}
    if target is None:
        return lambda marked: _marked(marked, fallback, given)
    return _marked(target, fallback, given)


def rule_of(strategy: Strategy) -> Rule | None:
    """What is compiled of this strategy; ``None`` for an ordinary one, and for one that must run as ordinary Python.

    Raises ``ConfigError`` for a subclass of a marked class that has what cannot be compiled.
    """
    cls = type(strategy)
    rule: Rule | None = getattr(cls, MARK, None)
    if rule is None:
        return None
    try:
        _check_hooks(cls)
        method = _method(cls)
    except ConfigError:
        if rule.fallback == "python":
            return None
        raise
    # A subclass with a method of its own: that one is compiled.
    return rule if method is rule.method else Rule(method, method, rule.fallback, is_method=True)


def uncompiled(strategy: Any) -> Any:
    """The same strategy in the python lane, for a debugger: a class for a class, an instance for an instance."""
    if isinstance(strategy, Strategy):
        return uncompiled(type(strategy))(**strategy.parameters())
    if not isinstance(strategy, type) or getattr(strategy, MARK, None) is None:
        raise ConfigError(f"uncompiled({strategy!r}): it is no compiled strategy", code="config.compiled")
    made = type(strategy.__name__, (strategy,), {"__module__": strategy.__module__, "__doc__": strategy.__doc__})
    setattr(made, MARK, None)
    return made


def _marked(target: Any, fallback: str | None, given: dict[str, Any]) -> type[Strategy]:
    if isinstance(target, type) and issubclass(target, Strategy):
        wrong = [name for name, value in given.items() if value]
        if wrong:
            raise ConfigError(
                f"compiled({listing(wrong)}=...) is for functions; in the class {target.__name__} write "
                f"{wrong[0]} as an attribute or in setup",
                code="config.compiled",
            )
        return _marked_class(target, fallback)
    if isinstance(target, FunctionType):
        return _class_of(target, fallback, given)
    raise ConfigError(
        f"compiled takes a function or a class derived from pairloom.Strategy, not {target!r}", code="config.compiled"
    )


def _marked_class(cls: type[Strategy], fallback: str | None) -> type[Strategy]:
    _check_hooks(cls)
    if "generate_signal" not in overridden_hooks(cls):
        raise ConfigError(f"{cls.__name__} has no generate_signal(self, ctx) to compile", code="config.compiled")
    method = _method(cls)
    setattr(cls, MARK, Rule(method, method, fallback, is_method=True))
    return cls


def _check_hooks(cls: type[Strategy]) -> None:
    """Refuse what compiled code would never call."""
    hooks = [hook for hook in overridden_hooks(cls) if hook not in ("setup", "generate_signal")]
    if hooks:
        raise ConfigError(
            f"{_place(cls, hooks[0])}{cls.__name__}: {listing(hooks)} cannot be compiled, only generate_signal is; "
            f"{_way_out(cls)}",
            code="config.compiled",
        )
    # Object's own, which no class needs to define; Python asks one of these at each ``self.x``.
    for name in ("__getattribute__", "__setattr__"):
        if getattr(cls, name) is not getattr(object, name):
            raise ConfigError(
                f"{_place(cls, name)}{cls.__name__}: {name} cannot be compiled, and fields would pass by it; "
                f"{_way_out(cls)}",
                code="config.compiled",
            )


def _method(cls: type[Strategy]) -> FunctionType:
    """The method that decides, as it stands in the class."""
    method = inspect.getattr_static(cls, "generate_signal")
    if not isinstance(method, FunctionType):
        kind = with_article(type(method).__name__)
        raise ConfigError(
            f"{_place(cls, 'generate_signal')}{cls.__name__}: generate_signal is {kind}, and compiled is a plain "
            f"method: def generate_signal(self, ctx); {_way_out(cls)}",
            code="config.compiled",
        )
    return method


def _way_out(cls: type[Strategy]) -> str:
    if MARK in vars(cls) or getattr(cls, MARK, None) is None:
        return "leave @pairloom.compiled away to run it as ordinary Python"
    return f"write pairloom.uncompiled({cls.__name__}) to run it as ordinary Python"


def _place(cls: type[Strategy], name: str) -> str:
    """File and line of what a class calls by this name, where it is a function or holds one."""
    found = inspect.getattr_static(cls, name)
    for inside in ("__func__", "fget", "func", "__wrapped__"):
        found = getattr(found, inside, None) or found
    code = getattr(found, "__code__", None)
    return f"{code.co_filename}, line {code.co_firstlineno}: " if code is not None else ""


def _class_of(function: FunctionType, fallback: str | None, given: dict[str, Any]) -> type[Strategy]:
    """Make the class that a function stands for; its method calls the function as Python does."""
    specs = dict(given["indicators"] or {})
    state = dict(given["state"] or {})
    arguments = list(inspect.signature(function).parameters.values())
    if not arguments or arguments[0].kind not in (arguments[0].POSITIONAL_ONLY, arguments[0].POSITIONAL_OR_KEYWORD):
        raise ConfigError(f"{function.__name__}: its first argument is ctx", code="config.compiled")
    names = [argument.name for argument in arguments[1:]]
    missing = [name for name in specs if name not in names]
    if missing:
        raise ConfigError(
            f"{function.__name__}: indicators names {listing(missing)}, which is no argument of it",
            code="config.compiled",
        )
    known = {*specs, *(("state",) if state else ())}
    parameters = [argument for argument in arguments[1:] if argument.name not in known]
    for argument in parameters:
        if argument.default is argument.empty:
            raise ConfigError(
                f"{function.__name__}: {argument.name} is no indicator and has no default; parameters need one",
                code="config.compiled",
            )
    own = tuple(argument.name for argument in parameters)

    def setup(self: Any, ctx: Any) -> None:
        values = {name: getattr(self, name) for name in own}
        for name, spec in specs.items():
            setattr(self, name, ctx.indicator(spec(values) if callable(spec) else spec))
        for name, value in state.items():
            setattr(self, name, value.copy() if hasattr(value, "copy") else value)

    def generate_signal(self: Any, ctx: Any) -> Any:
        # Called uncompiled only: the compiled one is made from the function itself.
        further = {"state": self} if state else {}
        return function(ctx, **{name: getattr(self, name) for name in (*specs, *own)}, **further)

    body: dict[str, Any] = {
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "__doc__": function.__doc__,
        "__annotations__": {
            argument.name: Any if argument.annotation is argument.empty else argument.annotation
            for argument in parameters
        },
        **{argument.name: argument.default for argument in parameters},
        "window": given["window"],
        "events": given["events"],
        "setup": setup,
        "generate_signal": generate_signal,
    }
    made: type[Strategy] = type(function.__name__, (Strategy,), body)
    rule = Rule(function, _method(made), fallback, is_method=False, indicators=tuple(specs), parameters=own)
    setattr(made, MARK, rule)
    return made
