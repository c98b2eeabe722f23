"""What ``Engine.trade`` was told: strategies on pairs, their names and sizes.

An `Assignment` is one call of ``trade``; at the start of a run `traders` turns all of
them, in order, into one trader per pair, which is the order of commit.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from pairloom._builtins import BUILTINS, builtin_parameters
from pairloom._parameter_types import check_types
from pairloom._plugins import Plugin, is_plugin, plugin_named, plugin_names
from pairloom._settings import size_setting, split_pair
from pairloom._versions import version_of
from pairloom._words import listing, nearest
from pairloom.errors import ConfigError, DataError, ParameterError
from pairloom.numbers import whole_number
from pairloom.strategy import Strategy, foreign_hooks, misspelt_hooks, overridden_hooks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Mapping, Sequence

__all__ = ["Assignment", "Taken", "check_start", "traders"]

KINDS = ("candle", "quote", "trade")
MOST_WINDOW = 10_000_000

# A trader wakes for market events, at its start and at its times; other hooks only follow orders.
_WAKING = ("generate_signal", "on_start", "on_time")


class Assignment:
    """A strategy on some pairs, as one call of ``Engine.trade`` asked for it."""

    def __init__(
        self,
        pairs: object,
        strategy: object,
        *,
        size: object,
        name: object,
        options: Mapping[str, Any] | None,
        parameters: dict[str, Any],
        currency: str,
    ) -> None:
        """Check the arguments; raises ``ConfigError`` and makes nothing else."""
        self.pairs = _pairs(pairs, currency)
        parameters = _joined(options, parameters)
        if isinstance(strategy, str) and strategy not in BUILTINS:
            strategy = _named(strategy)
        self.plugin = Plugin.of(strategy, parameters) if is_plugin(strategy) else None
        self.template, self.builtin, self.parameters = (
            (None, None, {}) if self.plugin else _strategy(strategy, parameters)
        )
        if name is not None and (not isinstance(name, str) or not name.strip()):
            raise ConfigError(f"name={name!r} must be a text that is not empty", code="config.name")
        self.given_name = name
        own = self.plugin.name if self.plugin else self.builtin or type(self.template).__name__
        self.label = name or own
        self.size = size_setting(size)
        self.shape = {}
        if self.template is not None:
            check_types(self.template)
            self.shape = _shape(self.template)

    def trader_name(self, pair: str) -> str:
        """The trader's own name: the given one for a single pair, else ``NAME PAIR``."""
        if self.given_name and len(self.pairs) == 1 and "*" not in self.pairs[0]:
            return self.given_name
        return f"{self.label} {pair}"

    @property
    def version(self) -> str:
        """The version of its strategy, which each order can be traced back to; raises ``ConfigError``."""
        return version_of(self.template, self.builtin) if self.plugin is None else self.plugin.version

    @property
    def names(self) -> list[str]:
        """The names of its strategy's parameters; of a plug-in, which does not tell them, those it was given."""
        if self.plugin is not None:
            return list(self.plugin.parameters)
        return list(self.parameters if self.template is None else self.template.parameters())

    def varied(self, changes: Mapping[str, Any], known: Container[str]) -> Assignment:
        """The same with other values of those parameters that its strategy has; a wrong one raises ``ConfigError``.

        A plug-in is asked for those, too, that are not among the ``known`` names of all strategies.
        """
        asked = self.plugin is not None
        own = {name: changes[name] for name in changes if name in self.names or (asked and name not in known)}
        return self.with_parameters(own)

    def with_parameters(self, changes: Mapping[str, Any]) -> Assignment:
        """The same with these parameters; raises ``ParameterError`` for one that its strategy does not have."""
        made = copy(self)
        if self.plugin is not None:
            made.plugin = Plugin.of(self.plugin.strategy, {**self.plugin.parameters, **changes})
        elif self.template is not None:
            made.template = self.template.fresh(**changes)
            check_types(made.template)
            made.shape = _shape(made.template)
        else:
            made.parameters = builtin_parameters(str(self.builtin), {**self.parameters, **changes})
        return made

    def resolved(self, available: Collection[str], currency: str) -> list[str]:
        """The pairs it trades in these data, patterns in alphabetical order."""
        found = []
        for pattern in self.pairs:
            if "*" not in pattern:
                if pattern not in available:
                    hint = nearest(pattern, available)
                    raise DataError(
                        f"the data have no pair {pattern!r}{hint}; they have {listing(sorted(available))}",
                        code="data.unknown_pair",
                    )
                found.append(pattern)
                continue
            matching = sorted(pair for pair in available if _matches(pattern, pair))
            if not matching:
                raise DataError(
                    f"no pair of the data matches {pattern!r}; they have {listing(sorted(available))}",
                    code="data.unknown_pair",
                )
            for pair in matching:
                _check_quoted(pair, currency, among=matching if pattern == "*" else ())
            found.extend(matching)
        return found

    def __repr__(self) -> str:
        """The call, in short."""
        what: object = self.template
        if self.plugin is not None:
            what = f"{self.plugin.name!r} {self.plugin.parameters}"
        elif self.builtin is not None:
            what = f"{self.builtin!r} {self.parameters}"
        size = "" if self.size is None else f", size={self.size}"
        return f"{listing(self.pairs)}: {what}{size}"


class Taken:
    """The names that traders have already, kept so that ten thousand calls of ``Engine.trade`` take no longer each."""

    def __init__(self) -> None:
        """Nobody trades yet."""
        self._names: set[str] = set()
        # For each label the pairs that it trades by name, and its patterns, which are few.
        self._pairs: dict[str, set[str]] = {}
        self._patterns: dict[str, list[str]] = {}

    def add(self, new: Assignment) -> None:
        """Note another one, unless a trader of its name is there; raises ``ConfigError``."""
        if len(set(new.pairs)) < len(new.pairs):
            twice = next(pair for pair in new.pairs if new.pairs.count(pair) > 1)
            raise ConfigError(f"pairs: {twice!r} is given twice; name it once", code="config.name")
        for pair in new.pairs:
            if self._overlaps(new.label, pair):
                raise _twice(new.label, pair)
        named = [pair for pair in new.pairs if "*" not in pair]
        for pair in new.pairs:
            name = new.trader_name(pair)
            if name in self._names:
                raise ConfigError(f"a trader is called {name!r} already; give another name=", code="config.name")
        self._names.update(new.trader_name(pair) for pair in named)
        self._pairs.setdefault(new.label, set()).update(named)
        self._patterns.setdefault(new.label, []).extend(pair for pair in new.pairs if "*" in pair)

    def _overlaps(self, label: str, pair: str) -> bool:
        pairs, patterns = self._pairs.get(label, set()), self._patterns.get(label, [])
        if pair in pairs or any(_matches(pattern, pair) for pattern in patterns):
            return True
        return "*" in pair and any(_matches(pair, other) for other in (*pairs, *patterns))


def check_start(assignments: Sequence[Assignment], account: str) -> None:
    """Refuse what cannot begin: an engine without traders, short sales on a spot account; raises ``ConfigError``."""
    if not assignments:
        raise ConfigError(
            "the engine has no traders; call engine.trade('ETH/BTC', MyStrategy(), size=1) first",
            code="config.no_traders",
        )
    if account != "spot":
        return
    for assignment in assignments:
        if assignment.builtin == "sma_cross" and assignment.parameters["side"] == "both":
            raise ConfigError(
                "sma_cross with side='both' sells short, which a spot account cannot; "
                "use side='long' or Engine(account='margin')",
                code="config.short_on_spot",
            )


def traders(
    assignments: Sequence[Assignment],
    available: Sequence[str],
    currency: str,
    span: Callable[[list[str]], tuple[int, int] | None],
) -> list[dict[str, Any]]:
    """Return one description per trader, in commit order, as the core takes them.

    ``span`` tells the first and last time, ns UTC, at which these pairs trade.
    """
    placed: list[tuple[Assignment, str, str]] = []
    names: set[str] = set()
    labels: set[tuple[str, str]] = set()
    known = dict.fromkeys(available)  # In their order, and quick to ask.
    for assignment in assignments:
        for pair in assignment.resolved(known, currency):
            name = assignment.trader_name(pair)
            if name in names or (assignment.label, pair) in labels:
                raise _twice(assignment.label, pair)
            names.add(name)
            labels.add((assignment.label, pair))
            placed.append((assignment, name, pair))
    times = None
    if any(assignment.shape.get("schedule") for assignment, _, _ in placed):
        times = span(sorted({pair for _, _, pair in placed}))
    return [_description(assignment, name, pair, times) for assignment, name, pair in placed]


def _description(assignment: Assignment, name: str, pair: str, times: tuple[int, int] | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": name,
        "label": assignment.label,
        "version": assignment.version,
        "pair": pair,
        "size": assignment.size,
        "events": None,
        "window": 0,
        "schedule": [],
    }
    plugin = assignment.plugin
    if plugin is not None:
        return {
            **described,
            "plugin": plugin.strategy,
            "parameters": plugin.parameters,
            "events": plugin.events,
            "window": whole_number(plugin.window, f"{plugin.name}.window", least=0, most=MOST_WINDOW),
        }
    if assignment.template is None:
        return {**described, "builtin": assignment.builtin, "parameters": assignment.parameters}
    if getattr(type(assignment.template), "__compiled__", None) is not None:
        from pairloom._compiled.lane import binder

        bind = binder(assignment.template, pair)
        if bind is not None:
            described["compiled"] = bind
    shape = assignment.shape
    if shape["schedule"] and times is not None:
        from pairloom.schedule import expand

        described["schedule"] = expand(shape["schedule"], shape["session"], *times)
    return {
        **described,
        "events": shape["events"],
        "window": shape["window"],
        "factory": assignment.template.fresh,
        "hooks": shape["hooks"],
    }


def _named(name: str) -> Any:
    """Return the strategy of that name which an installed wheel brings."""
    found = plugin_named(name)
    if found is None:
        known = [*BUILTINS, *plugin_names()]
        hint = nearest(name, known) or f"; there are {listing(known)}"
        raise ConfigError(f"strategy={name!r} is no built-in or installed strategy{hint}", code="config.strategy")
    if not is_plugin(found) and not isinstance(found, Strategy) and not isinstance(found, type):
        raise ConfigError(f"strategy={name!r}: {found!r} is no strategy", code="config.plugin")
    return found


def _joined(options: Mapping[str, Any] | None, parameters: dict[str, Any]) -> dict[str, Any]:
    if options is None:
        return parameters
    try:
        values = {str(key): value for key, value in options.items()}
    except AttributeError:
        raise ConfigError(
            f"options={options!r} must be a dict of parameters, as in {{'fast': 10}}", code="config.options"
        ) from None
    both = sorted(values.keys() & parameters.keys())
    if both:
        raise ConfigError(
            f"{listing(both)} given both in options and as a keyword; give it once", code="config.options"
        )
    return {**values, **parameters}


def _strategy(strategy: object, parameters: dict[str, Any]) -> tuple[Strategy | None, str | None, dict[str, Any]]:
    """Return the template (a copy), or the built-in's name and its parameters."""
    if isinstance(strategy, str):
        return None, strategy, builtin_parameters(strategy, parameters)
    if isinstance(strategy, Strategy):
        template = strategy.fresh(**parameters)
    elif isinstance(strategy, type) and issubclass(strategy, Strategy):
        # fresh() also refuses a class whose __init__ was replaced after it was made.
        template = strategy(**parameters).fresh()
    else:
        kind = f"class {strategy.__name__}" if isinstance(strategy, type) else repr(strategy)
        raise ConfigError(
            f"strategy: {kind} is no strategy; derive a class from pairloom.Strategy, "
            f"or name a built-in: {listing(BUILTINS)}",
            code="config.strategy",
        )
    return template, None, {}


def _shape(template: Strategy) -> dict[str, Any]:
    """Check what a strategy says about itself: hooks, events, window, schedule."""
    owner = type(template).__name__
    hooks = overridden_hooks(type(template))
    misspelt = misspelt_hooks(type(template)) or foreign_hooks(type(template))
    if not any(hook in hooks for hook in _WAKING):
        hint = f"; {misspelt[0]}" if misspelt else ""
        raise ParameterError(
            f"{owner} does nothing: define generate_signal(self, ctx), on_start(self, ctx) or "
            f"on_time(self, ctx, event){hint}"
        )
    if misspelt:
        raise ParameterError(f"{owner}: {misspelt[0]}; a helper of your own needs a name less like it")
    schedule: tuple[str, ...] = ()
    if template.schedule is not None or template.session is not None:
        # Few strategies wait for times, and the others need no calendar.
        from pairloom.schedule import normalized

        schedule = normalized(template.schedule, template.session, owner)
    if schedule and "on_time" not in hooks:
        raise ConfigError(
            f"{owner}.schedule calls nothing: define on_time(self, ctx, event), or leave the schedule out",
            code="strategy.schedule",
        )
    if not schedule and hooks and not any(hook in hooks for hook in _WAKING[:2]):
        raise ConfigError(f'{owner}.on_time is never called: say when, as in schedule = "1d"', code="strategy.schedule")
    return {
        "schedule": schedule,
        "session": template.session,
        "events": _events(template.events, owner),
        "window": whole_number(template.window, f"{owner}.window", least=0, most=MOST_WINDOW),
        "hooks": hooks,
    }


def _events(events: object, owner: str) -> list[str] | None:
    if events is None:
        return None
    kinds = [events] if isinstance(events, str) else events
    if not isinstance(kinds, list | tuple) or not kinds:
        raise ConfigError(
            f'{owner}.events={events!r} names no events; write events = ("candle",)', code="strategy.events"
        )
    for kind in kinds:
        if kind not in KINDS:
            hint = nearest(kind, KINDS) or f"; there are {listing(KINDS)}"
            raise ConfigError(f"{owner}.events: {kind!r} is unknown{hint}", code="strategy.events")
    return list(dict.fromkeys(kinds))


def _pairs(pairs: object, currency: str) -> list[str]:
    if isinstance(pairs, str):
        patterns: list[object] = [pairs]
    else:
        try:
            patterns = list(pairs)  # type: ignore[call-overload]
        except TypeError:
            raise ConfigError(
                f"pairs={pairs!r} must be a pair, a list of pairs or a pattern: 'ETH/BTC', '*', '*/BTC'",
                code="config.pair",
            ) from None
    if not patterns:
        raise ConfigError("pairs=[] is empty; name a pair, or '*' for all of the data", code="config.pair")
    checked = []
    for pattern in patterns:
        if pattern != "*":
            _check_pattern(pattern, currency)
        checked.append(str(pattern))
    return checked


def _check_pattern(pattern: object, currency: str) -> None:
    text = pattern if isinstance(pattern, str) else ""
    if text.startswith("*/"):
        _check_quoted(f"ANY{text[1:]}", currency, shown=text)
        return
    try:
        split_pair(pattern)
    except ConfigError:
        base = text.upper().replace("-", "").replace("_", "").replace("/", "").removesuffix(currency.upper())
        if base and base.isalnum() and currency.upper() in text.upper():
            raise ConfigError(
                f"pairs: {text!r} is no market pair; write '{base}/{currency}'", code="config.pair"
            ) from None
        raise
    if text.partition("/")[2] != currency and text.upper().endswith(f"/{currency}"):
        raise ConfigError(f"pairs: {text!r} is no market pair; write {text.upper()!r}", code="config.pair")
    _check_quoted(text, currency)


def _check_quoted(pair: str, currency: str, shown: str | None = None, among: Sequence[str] = ()) -> None:
    quote = split_pair(pair)[1]
    if quote != currency:
        own = f"pairs quoted in {currency}"
        if any(other.endswith(f"/{currency}") for other in among):
            own = f"'*/{currency}', which is all {own},"
        raise ConfigError(
            f"pairs: {shown or pair!r} is quoted in {quote}, the account is counted in {currency}; "
            f"trade {own} or use an account with currency={quote!r}",
            code="config.pair_currency",
        )


def _matches(pattern: str, pair: str) -> bool:
    if pattern == "*" or pattern == pair:
        return True
    return pattern.startswith("*/") and pair.endswith(pattern[1:])


def _twice(label: str, pair: str) -> ConfigError:
    return ConfigError(f"{label} trades {pair} already; give this one another name=", code="config.name")
