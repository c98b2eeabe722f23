"""What a program has set for its whole process, and a worker is given, too.

Environment and current folder a worker inherits anyway; of modules it has its own, see `_outline`.
"""

from __future__ import annotations

import contextlib
import decimal
import os
import pickle
import sys
import warnings
from typing import Any

__all__ = ["as_set", "set_again"]


def as_set() -> dict[str, Any]:
    """Return what is set in this process; what cannot travel is left out."""
    kept: dict[str, Any] = {"recursion": sys.getrecursionlimit(), "decimal": decimal.getcontext().copy()}
    if sys.flags.ignore_environment:
        # Its interpreter is not to follow them, and a strategy may still read them.
        kept["environment"] = {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        kept["numpy"] = {name: value for name, value in numpy.geterr().items() if value != "call"}
    kept["warnings"] = []
    for action, message, category, module, line in warnings.filters:
        # A category that only this process knows is no warning of a worker's.
        with contextlib.suppress(Exception):
            kept["warnings"].append(pickle.dumps((action, _text(message), category, _text(module), line)))
    return kept


def set_again(kept: dict[str, Any]) -> None:
    """Set in this process what is set in that of the engine."""
    sys.setrecursionlimit(kept["recursion"])
    decimal.setcontext(kept["decimal"])
    os.environ.update(kept.get("environment", {}))
    if "numpy" in kept:
        import numpy

        numpy.seterr(**kept["numpy"])
    warnings.resetwarnings()
    for packed in reversed(kept["warnings"]):
        # The category may be of a module that only the engine's process can import.
        with contextlib.suppress(Exception):
            action, message, category, module, line = pickle.loads(packed)
            warnings.filterwarnings(action, message, category, module, line)


def _text(pattern: Any) -> str:
    """A filter's pattern as a text that ``filterwarnings`` takes; the interpreter's own filters have plain names."""
    import re

    if pattern is None:
        return ""
    return rf"{re.escape(pattern)}\Z" if isinstance(pattern, str) else str(pattern.pattern)
