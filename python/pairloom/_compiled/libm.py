"""The C library's functions of numbers, by names that the optimiser behind numba does not know.

CPython calls these very functions. Called by their own names they would be replaced where the optimiser knows better:
``pow(x, 2)`` by a product, a root by another, a constant by its value, several calls by one of a vector library. Each
of these may differ in the last digit. The addresses are entered anew in every process, before anything that was kept is
loaded, so that what names them can be kept.
"""

# mypy: ignore-errors
# numba has no annotations.

from __future__ import annotations

import ctypes
import ctypes.util
import sys

from llvmlite import binding
from numba import types

__all__ = ["of_c"]


def of_c(name: str, numbers: int) -> types.ExternalFunction | None:
    """The function of so many floats that C calls ``name``; ``None`` where this process has none."""
    for library in _libraries():
        try:
            address = ctypes.cast(getattr(ctypes.CDLL(library), name), ctypes.c_void_p).value
        except (OSError, AttributeError):
            continue
        binding.add_symbol(f"pairloom_c_{name}", address)
        return types.ExternalFunction(f"pairloom_c_{name}", types.float64(*[types.float64] * numbers))
    return None


def _libraries() -> tuple[str | None, ...]:
    """Where they are: in the process itself, which CPython has loaded them into, else in a library of its own."""
    if sys.platform == "win32":
        return ("ucrtbase",)
    return (None, ctypes.util.find_library("m"))
