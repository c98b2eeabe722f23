"""Whether the values of parameters can be what their annotations say."""

from __future__ import annotations

import numbers
import re
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from pairloom._words import with_article
from pairloom.errors import ParameterError
from pairloom.strategy import MISSING, parameter_annotations

if TYPE_CHECKING:
    from pairloom.strategy import Strategy

__all__ = ["check_types"]

_KINDS: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool, "None": NoneType}
_OPTIONAL = re.compile(r"(?:\w+\.)?(Optional|Union)\[(.*)\]")


def check_types(template: Strategy) -> None:
    """Refuse a value that plainly is not what its annotation says; raises ``ParameterError``.

    Only ``int``, ``float``, ``str``, ``bool``, ``None`` and unions of them are looked at. A default may be anything.
    """
    cls = type(template)
    for name, annotation in parameter_annotations(cls).items():
        value, kinds = getattr(template, name), _kinds(annotation)
        if kinds is None or value is getattr(cls, name, MISSING) or any(_fits(value, kind) for kind in kinds):
            continue
        wanted = " or ".join("None" if kind is NoneType else with_article(kind.__name__) for kind in kinds)
        raise ParameterError(
            f"{cls.__name__}.{name}={value!r} must be {wanted}, as its annotation says{_hint(value, kinds)}"
        )


def _fits(value: Any, kind: type) -> bool:
    if kind is not NoneType and getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()  # A scalar of NumPy is what it holds.
    if kind is float:
        return isinstance(value, numbers.Real)
    if kind is int:
        return isinstance(value, numbers.Integral)
    if kind is bool:
        return isinstance(value, numbers.Integral) and value in (0, 1)
    return isinstance(value, kind)


def _hint(value: Any, kinds: tuple[type, ...]) -> str:
    """What to write instead, where that is plain."""
    for kind in kinds:
        if kind not in (int, float) or not isinstance(value, str | float):
            continue
        try:
            meant = kind(value)
        except (ValueError, OverflowError):
            continue
        if isinstance(value, str) or meant == value:
            return f"; write {meant!r}"
    return ""


def _kinds(annotation: object) -> tuple[type, ...] | None:
    """The plain types of an annotation; ``None`` where it says anything else."""
    if isinstance(annotation, str):
        return _kinds_of_text(annotation)
    if annotation is None:
        return (NoneType,)
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    found = tuple(part for part in parts if isinstance(part, type) and part in _KINDS.values())
    return found if len(found) == len(parts) else None


def _kinds_of_text(text: str) -> tuple[type, ...] | None:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return _kinds_of_text(text[1:-1])
    inside = _OPTIONAL.fullmatch(text)
    if inside is not None:
        words = [*inside[2].split(","), *(("None",) if inside[1] == "Optional" else ())]
    else:
        words = text.split("|")
    found = [_KINDS.get(word.strip()) for word in words]
    known = tuple(kind for kind in found if kind is not None)
    return known if len(known) == len(found) else None
