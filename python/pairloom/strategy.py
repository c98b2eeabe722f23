"""``Strategy``: the class a person derives from to trade a market pair.

Annotated class attributes are parameters, given by keyword::

    class SmaCross(Strategy):
        fast: int = 10
        slow: int = 30

    SmaCross(fast=5)

An instance is plain: parameters and state are ordinary attributes, because every
look-up happens once per market event.
"""

# ruff: noqa: ARG002 (the hooks' defaults do nothing with what their overrides are given)

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_origin

from pairloom._words import listing, nearest
from pairloom.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Self, dataclass_transform

    from pairloom._native import Fill, Order, Refusal, Signal, SystemCtx, TimeEvent
    from pairloom.schedule import Session
else:
    # typing_extensions is for type checkers alone, so a run does not need it.
    def dataclass_transform(**_: object) -> Any:
        return lambda cls: cls


__all__ = ["HOOKS", "Strategy", "foreign_hooks", "misspelt_hooks", "overridden_hooks", "parameter_annotations"]

T = TypeVar("T")

HOOKS: tuple[str, ...] = (
    "setup",
    "generate_signal",
    "on_start",
    "on_fill",
    "on_order",
    "on_time",
    "on_refused",
    "on_stop",
    "state",
    "restore",
)
"""The methods that a strategy may override, in the order of a trader's life."""

_RESERVED = frozenset((*HOOKS, "parameters", "fresh"))
_NO_INIT = "put state in setup(self, ctx); parameters are annotated class attributes"


class _Missing:
    """The default of a parameter that has none."""

    def __repr__(self) -> str:
        return "(required)"


MISSING = _Missing()


@dataclass_transform(kw_only_default=True)
class Strategy:
    """The parent of every Python strategy.

    The instance given to ``Engine.trade`` is a template: each trader gets its own, made
    from class and parameters, and then ``setup``. Parameters without a default are
    required; ``ClassVar``s and names with a leading ``_`` are no parameters. Wrong
    parameters raise ``ParameterError``, which is a ``TypeError`` and a ``ConfigError``.
    """

    events: str | tuple[str, ...] | None = None
    """The kinds that wake the strategy: of ``"candle"``, ``"quote"``, ``"trade"``. By
    default the first of these that its market has."""

    schedule: str | tuple[str, ...] | None = None
    """When ``on_time`` runs: ``"1d"``, ``"1mo"``, ``"15m"``, ``"market_open"``, ... or a
    tuple of them; see `pairloom.schedule`."""

    session: Session | None = None
    """Opening hours and time zone for the schedule; without one midnight is UTC's."""

    window: int = 0
    """How many events the arrays of ``ctx`` hold (``ctx.close`` and the others)."""

    version: Any = None
    """What its orders can be traced back to, a text or a number; without one a fingerprint of the source."""

    __parameters: ClassVar[dict[str, Any]] = {}
    __given: dict[str, Any]

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Check the new class and find its parameters, once."""
        super().__init_subclass__(**keywords)
        _check_class(cls)
        names: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            if base is not Strategy and base is not object:
                names.update(dict.fromkeys(_annotated_parameters(base)))
        # The default is what attribute look-up finds, so that an override without an
        # annotation, here or in a mixin, is the new default.
        cls.__parameters = {name: getattr(cls, name, MISSING) for name in names}

    def __init__(self, *positional: object, **parameters: Any) -> None:
        """Make an instance with these parameters and the defaults of the others."""
        cls = type(self)
        _refuse_init(cls)
        known = cls.__parameters
        if positional:
            first = next(iter(known), "name")
            raise ParameterError(
                f"{cls.__name__} takes its parameters by keyword: {cls.__name__}({first}={positional[0]!r})"
            )
        _check_parameters(cls, known, parameters)
        # Not through __dict__: an object whose dict was ever asked for keeps its attributes where the interpreter reads
        # them the slow way, and every event reads some.
        for name, default in known.items():
            object.__setattr__(self, name, parameters[name] if name in parameters else _copied(default))
        self.__given = parameters

    # What a strategy may do: each hook may order; on_fill and on_time may return a signal.

    def setup(self, ctx: SystemCtx) -> None:
        """Prepare the state: indicators, counters. Runs once per trader, before anything."""

    def generate_signal(self, ctx: SystemCtx) -> Signal | None:
        """Decide at an event; ``None`` changes nothing.

        Runs once per event, as soon as the indicators and the window are full.
        """
        return None

    def on_start(self, ctx: SystemCtx) -> None:
        """Run once, at the trader's first step that may trade."""

    def on_fill(self, ctx: SystemCtx, fill: Fill) -> Signal | None:
        """Run after each fill of an own order; may return a signal."""
        return None

    def on_order(self, ctx: SystemCtx, order: Order) -> None:
        """Run at every change of an own order's status, after ``on_fill``."""

    def on_time(self, ctx: SystemCtx, event: TimeEvent) -> Signal | None:
        """Run at each time event of the ``schedule``; may return a signal."""
        return None

    def on_refused(self, ctx: SystemCtx, refusal: Refusal) -> None:
        """Run when an own order, or a part of it, was refused; ``refusal.check`` says by what."""

    def on_stop(self, ctx: SystemCtx) -> None:
        """Run once at the end; what it orders is discarded."""

    def state(self) -> Any:
        """Return what a copy of this object needs beside its parameters.

        By default every attribute. Used by ``pickle`` and ``copy``, and for the snapshots in a journal, where
        indicators, ``ctx`` and ``ctx.random`` may be among them.
        """
        values = dict(self.__dict__)
        # A dict of its own, since the one that was asked for would make each attribute slow to read; see __init__.
        self.__dict__ = dict(values)
        values.pop(_GIVEN, None)
        return values

    def restore(self, state: Any) -> None:
        """Take over what ``state`` returned; the parameters are set already."""
        for name, value in state.items():
            object.__setattr__(self, name, value)

    # What Pairloom asks of it.

    def parameters(self) -> dict[str, Any]:
        """Return the parameters and their present values, by name."""
        return {name: getattr(self, name) for name in type(self).__parameters}

    def fresh(self, **changes: Any) -> Self:
        """Return a new instance of the same class and parameters, without any state.

        ``changes`` replace parameters. Values are shared by reference; lists, dicts and
        sets that came from a default are copied.
        """
        _refuse_init(type(self))
        values = self.parameters()
        given = self.__given
        for name, default in type(self).__parameters.items():
            if name not in given and isinstance(default, list | dict | set):
                values[name] = _copied(values[name])
        made = type(self)(**{**values, **changes})
        # A copied default stays one, so that copies of the copy are not joined either.
        made.__given = {**given, **changes}
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as class, parameters and `state`."""
        given = {name: getattr(self, name) for name in self.__given}
        # Through the class: an attribute of the instance may be called "state".
        return (_rebuild, (type(self), given), type(self).state(self))

    def __setstate__(self, state: Any) -> None:
        """Unpickle through `restore`."""
        type(self).restore(self, state)

    def __repr__(self) -> str:
        """The class and its parameters, as one would write them."""
        inside = ", ".join(f"{name}={value!r}" for name, value in self.parameters().items())
        return f"{type(self).__name__}({inside})"


_GIVEN = "_Strategy__given"


def overridden_hooks(cls: type[Strategy]) -> list[str]:
    """Return the hooks that the class or one of its parents defines, in `HOOKS` order."""
    return [name for name in HOOKS if getattr(cls, name) is not getattr(Strategy, name)]


def parameter_annotations(cls: type[Strategy]) -> dict[str, object]:
    """Return the annotations of its parameters, those of parents too, as they were written."""
    known = cls._Strategy__parameters  # type: ignore[attr-defined]
    found: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        found.update((name, annotation) for name, annotation in _annotations(base) if name in known)
    return found


def misspelt_hooks(cls: type[Strategy]) -> list[str]:
    """Return a sentence for each method that looks like a hook written wrongly: it would never be called."""
    methods = {
        name
        for base in cls.__mro__[: cls.__mro__.index(Strategy)]
        for name, value in vars(base).items()
        if callable(value) and not name.startswith("_") and not hasattr(Strategy, name)
    }
    # Only what begins like a hook: other methods are a strategy's own business, whatever they are called.
    suspects = sorted(
        name for name in methods if name.lower().startswith(("on", "generate", "gen_", "setup", "set_up"))
    )
    if not suspects:
        return []
    import difflib

    found = ((name, difflib.get_close_matches(name, HOOKS, n=1, cutoff=0.8)) for name in suspects)
    return [f"{name}() is no hook, did you mean {near[0]}()?" for name, near in found if near]


# What other engines call for an event. Here they would be silent.
_FOREIGN_HOOKS = (
    "next",
    "on_bar",
    "on_candle",
    "on_data",
    "on_event",
    "on_quote",
    "on_quote_tick",
    "on_tick",
    "on_trade",
)


def foreign_hooks(cls: type[Strategy]) -> list[str]:
    """Return a sentence for each method that another engine would call at an event, and this one never does."""
    return [
        f"{name}() is no hook; generate_signal(self, ctx) is called for each event"
        for name in _FOREIGN_HOOKS
        if callable(getattr(cls, name, None))
    ]


def _rebuild(cls: type[Strategy], given: dict[str, Any]) -> Strategy:
    return cls(**given)


def _check_class(cls: type) -> None:
    _refuse_init(cls)
    for base in cls.__mro__:
        if base is Strategy:
            break
        for name in _RESERVED & (base.__dict__.keys() | set(_annotated_parameters(base))):
            value = base.__dict__.get(name, MISSING)
            if not callable(value) and not isinstance(value, classmethod | staticmethod):
                raise ParameterError(
                    f"{base.__name__}.{name}: a method of every strategy has this name; "
                    "call the attribute something else"
                )


def _refuse_init(cls: type) -> None:
    # Asked when an instance is made too: a decorator such as @dataclass adds one later.
    if cls.__init__ is not Strategy.__init__:  # type: ignore[misc]
        raise ParameterError(f"{cls.__name__} has an __init__: {_NO_INIT}")


def _check_parameters(cls: type, known: dict[str, Any], given: dict[str, Any]) -> None:
    for name, value in given.items():
        if name in known:
            continue
        default = getattr(cls, name, MISSING)
        if default is not MISSING and name not in _RESERVED and not name.startswith("_"):
            kind = type(value if default is None else default).__name__
            raise ParameterError(f"{cls.__name__}.{name} is not a parameter; annotate it: {name}: {kind} = {default!r}")
        hint = nearest(name, known) or f"; it has {listing(known)}"
        raise ParameterError(f"{cls.__name__} has no parameter {name!r}{hint}")
    missing = [name for name, default in known.items() if default is MISSING and name not in given]
    if missing:
        example = ", ".join(f"{name}=..." for name in missing)
        raise ParameterError(
            f"{cls.__name__} needs {listing(missing)}: write {cls.__name__}({example}). "
            "An annotated class attribute without a value is a required parameter; "
            "state is assigned in setup(self, ctx)"
        )


def _annotated_parameters(cls: type) -> Iterator[str]:
    for name, annotation in _annotations(cls):
        if not name.startswith("_") and not _is_class_variable(cls, annotation):
            yield name


def _annotations(cls: type) -> Iterable[tuple[str, object]]:
    if sys.version_info >= (3, 14):
        # Annotations are computed when asked for; as texts they need nothing defined.
        import annotationlib

        found: dict[str, object] = dict(annotationlib.get_annotations(cls, format=annotationlib.Format.STRING))
    else:
        found: dict[str, object] = cls.__dict__.get("__annotations__", {})  # noqa: RUF063 (inspect is slow to import)
    return found.items()


def _is_class_variable(cls: type, annotation: object) -> bool:
    if not isinstance(annotation, str):
        return annotation is ClassVar or get_origin(annotation) is ClassVar
    # A text: look its leading name up where the class was written, so that
    # "ClassVar[int]", "typing.ClassVar" and any alias of it are known.
    scope: object = sys.modules.get(cls.__module__)
    names = annotation.partition("[")[0].strip().split(".")
    if names[-1] == "ClassVar":
        return True
    for name in names:
        scope = getattr(scope, name.strip(), None)
    return scope is ClassVar


def _copied(default: Any) -> Any:
    """Copy lists, dicts and sets, nested ones too, so that no two traders share one."""
    if type(default) is list:
        return [_copied(item) for item in default]
    if type(default) is dict:
        return {key: _copied(value) for key, value in default.items()}
    if isinstance(default, list | dict | set):
        import copy

        return copy.copy(default)
    return default
