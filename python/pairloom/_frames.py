"""The libraries whose frames are given on request; a run needs neither."""

from __future__ import annotations

from typing import Any

__all__ = ["pandas", "polars"]


def pandas() -> Any:
    """Return the module ``pandas``; raises ``ImportError`` with the way to have it."""
    return _imported("pandas")


def polars() -> Any:
    """Return the module ``polars``; raises ``ImportError`` with the way to have it."""
    return _imported("polars")


def _imported(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # Another module that it lacks is for its own message.
        if error.name is not None and error.name != name:
            raise
        raise ImportError(f"to_{name}() needs {name}: pip install {name}") from None
