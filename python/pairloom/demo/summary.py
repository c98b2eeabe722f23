"""The summary after a live run: counts per stage, in the order in which events pass them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["summary_text"]


def summary_text(summary: Mapping[str, Any]) -> str:
    """Return the summary as aligned lines, one per figure; groups are indented."""
    rows = list(_rows(summary, 0))
    width = max((len(label) for label, _ in rows), default=0)
    return "\n".join(f"{label.ljust(width)}  {value}".rstrip() for label, value in rows)


def _rows(values: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        label = "  " * depth + name.replace("_", " ")
        if isinstance(value, dict):
            yield label, ""
            yield from _rows(value, depth + 1)
        elif isinstance(value, list | tuple):
            yield label, ", ".join(_shown(name, each) for each in value)
        else:
            yield label, _shown(name, value)


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if name.endswith("_ns"):
        return _duration(float(value))
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _duration(nanoseconds: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.0f} ns"
