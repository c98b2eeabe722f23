"""Which combinations a sweep runs: the values asked for, checked, and what ``where`` leaves of them."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, product
from typing import TYPE_CHECKING, Any

from pairloom._show.numbers import clean, described
from pairloom._words import listing, nearest
from pairloom.errors import ConfigError, ParameterError

if TYPE_CHECKING:
    from pairloom._traders import Assignment

__all__ = ["MOST_COMBINATIONS", "Parameters", "combinations", "value_lists"]

MOST_COMBINATIONS = 1_000_000

Where = Callable[..., object]


class Parameters(dict[str, Any]):
    """The parameters of one combination, by key or by attribute."""

    def __getattr__(self, name: str) -> Any:
        """Read a parameter by its name."""
        if name in self:
            return self[name]
        raise AttributeError(f"no parameter {name!r}{nearest(name, self) or f'; there are {listing(self)}'}")

    def __str__(self) -> str:
        """As one would write them in a call."""
        return ", ".join(f"{name}={clean(repr(value))}" for name, value in self.items())


def value_lists(
    assignments: Sequence[Assignment], options: object, parameters: dict[str, object]
) -> dict[str, list[Any]]:
    """Return the values of each parameter, in the order given; a wrong name or no value raises ``ConfigError``."""
    given = _joined(options, parameters)
    if not given:
        raise ConfigError(
            "a sweep needs parameters with their values, as in engine.sweep(data, fast=range(5, 55, 5))",
            code="config.sweep",
        )
    for name in given:
        _check_known(assignments, name)
    lists = {name: _values(name, values) for name, values in given.items()}
    count = 1
    for values in lists.values():
        count *= len(values)
    if count > MOST_COMBINATIONS:
        raise ConfigError(
            f"{count:,} combinations are more than the {MOST_COMBINATIONS:,} that a sweep may have; give fewer values",
            code="config.sweep",
        )
    return lists


def combinations(lists: dict[str, list[Any]], where: Where | None) -> list[Parameters]:
    """Return every combination that ``where`` lets pass, the last parameter changing fastest."""
    found = [Parameters(zip(lists, values, strict=True)) for values in product(*lists.values())]
    if where is None:
        return found
    passes = _test(where, list(lists))
    kept = [each for each in found if passes(each)]
    if not kept:
        raise ConfigError(f"where leaves none of the {len(found):,} combinations", code="config.where")
    return kept


def _joined(options: object, parameters: dict[str, object]) -> dict[str, object]:
    if options is None:
        return parameters
    if not isinstance(options, Mapping):
        raise ConfigError(
            f"options={options!r} must be a dict of values, as in {{'fast': [5, 10]}}", code="config.options"
        )
    both = sorted(options.keys() & parameters.keys())
    if both:
        raise ConfigError(
            f"{listing(both)} given both in options and as a keyword; give it once", code="config.options"
        )
    return {**parameters, **{str(name): values for name, values in options.items()}}


def _check_known(assignments: Sequence[Assignment], name: str) -> None:
    # A plug-in tells what it has only by refusing the rest, when its traders are made.
    if any(name in each.names or each.plugin is not None for each in assignments):
        return
    if len(assignments) == 1:
        # It knows best what is wrong with the name.
        assignments[0].with_parameters({name: None})
    known = list(dict.fromkeys(word for each in assignments for word in each.names))
    hint = nearest(name, known) or (f"; there are {listing(known)}" if known else "; they have none")
    raise ParameterError(f"no strategy of the engine has a parameter {name!r}{hint}")


def _values(name: str, values: Any) -> list[Any]:
    """Return the values as a list; what is no list stands for itself."""
    if _is_array(values):
        # A list of what it holds would have times as numbers; one without a dimension is a value.
        values = list(values) if values.ndim else [values[()]]
    elif isinstance(values, Iterable):
        # Other libraries' values as Python's own.
        values = getattr(values, "tolist", lambda: values)()
    if not isinstance(values, Iterable):
        values = [values]
    if isinstance(values, str | bytes):
        return [_own(values)]
    if isinstance(values, Mapping | set | frozenset):
        raise ConfigError(f"{name}={values!r} has no order; give its values as a list", code="config.sweep")
    # One more than there may be: a range of any length is refused at once.
    taken = islice(values, MOST_COMBINATIONS + 1)
    found = [_own(value) for value in taken]
    if not found:
        raise ConfigError(f"{name}={values!r} is empty; give the values to try", code="config.sweep")
    if len(found) > MOST_COMBINATIONS:
        raise ConfigError(
            f"{name} has more than {MOST_COMBINATIONS:,} values, and a sweep may have so many combinations; give fewer",
            code="config.sweep",
        )
    _check_once(name, found)
    return found


def _is_array(value: object) -> bool:
    # Whoever has an array has imported NumPy; a sweep that is refused need not.
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def _own(value: Any) -> Any:
    """Return a scalar of NumPy as Python's own; all else, its times and arrays too, stays what it is."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(value, numpy.number | numpy.bool_ | numpy.character):
        return value
    return value if isinstance(value, numpy.timedelta64) else value.item()


def _check_once(name: str, values: list[Any]) -> None:
    hashed: set[Any] = set()
    others: list[Any] = []
    for value in values:
        try:
            twice = value in hashed
            hashed.add(value)
        except Exception:
            # A value need not have a hash; then it is looked for by identity and equality.
            twice = any(_same(value, other) for other in hashed)
            others.append(value)
            before = others[:-1]
        else:
            before = others
        if twice or any(_same(value, other) for other in before):
            raise ConfigError(f"{name} has {clean(repr(value))} twice; give each value once", code="config.sweep")


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal as a whole, arrays and frames too, whose ``==`` answers for each element."""
    if one is other:
        return True
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    try:
        if _is_array(one) or _is_array(other):
            return type(one) is type(other) and bool(sys.modules["numpy"].array_equal(one, other))
        if callable(getattr(one, "equals", None)):
            return type(one) is type(other) and bool(one.equals(other))
        return bool(one == other)
    except Exception:
        # What cannot be compared is not known to be the same.
        return False


def _test(where: Where, names: list[str]) -> Callable[[Parameters], bool]:
    """Return ``where`` as a function of one combination, however it takes its parameters."""
    if not callable(where):
        raise ConfigError(
            f"where={where!r} must be a function, as in where=lambda fast, slow: fast < slow", code="config.where"
        )
    call = _call(where, names)

    def passes(parameters: Parameters) -> bool:
        try:
            return bool(call(parameters))
        except Exception as error:
            raise ConfigError(f"where failed for {parameters}: {described(error)}", code="config.where") from error

    return passes


def _call(where: Where, names: list[str]) -> Callable[[Parameters], object]:
    try:
        signature = inspect.signature(where)
    except (TypeError, ValueError):
        return where
    asked = [each for each in signature.parameters.values() if each.kind is not each.VAR_POSITIONAL]
    if any(each.kind is each.VAR_KEYWORD for each in asked):
        return lambda parameters: where(**parameters)
    wanted = [each.name for each in asked if each.name in names]
    others = [each.name for each in asked if each.name not in names and each.default is each.empty]
    if wanted and not others:
        return lambda parameters: where(**{name: parameters[name] for name in wanted})
    if len(others) == 1 and not wanted:
        # A name of its own choice stands for the whole combination.
        return where
    raise ConfigError(
        f"where takes {listing(others)}; the parameters of this sweep are {listing(names)}", code="config.where"
    )
