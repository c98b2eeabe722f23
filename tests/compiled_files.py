"""Sources of strategies as files: what is compiled is read from the file of its module."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from typing import Any

COUNT = itertools.count()


def imported(folder: Path, source: str) -> Any:
    """Write a module, under a name that no other has, and import it."""
    path = folder / f"compiled_source_{next(COUNT)}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[path.stem] = made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made
