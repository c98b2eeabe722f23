"""The lane in which this interpreter runs ordinary Python classes."""

from __future__ import annotations

import sys

#: Whether the interpreter was built without a global lock and nothing has turned it on.
FREE_THREADED = not getattr(sys, "_is_gil_enabled", lambda: True)()

CLASSES = "free-threaded" if FREE_THREADED else "python"
