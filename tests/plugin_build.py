"""Plug-ins in C for tests: compiled against the header, so they share nothing with the engine but that."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HEADERS = ROOT / "rust" / "strategy" / "include"
SOURCES = ROOT / "tests" / "plugins"
# Sums and products are rounded one by one, as in Python, whatever the processor offers.
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "-ffp-contract=off", "-shared", "-fPIC")


def build(name: str, folder: Path) -> ctypes.CDLL:
    """The library of ``tests/plugins/NAME.c``."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler, "a C compiler is part of what the tests need"
    built = folder / f"{name}.so"
    subprocess.run([compiler, *FLAGS, f"-I{HEADERS}", str(SOURCES / f"{name}.c"), "-o", str(built)], check=True)
    return ctypes.CDLL(str(built))


def capsule(address: int, name: bytes = b"pairloom.strategy") -> Any:
    """A capsule around an address, as an author in C would make it."""
    make = ctypes.pythonapi.PyCapsule_New
    make.restype = ctypes.py_object
    make.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return make(address, name, None)


def functions(library: ctypes.CDLL, symbol: str) -> Any:
    """The capsule of one of the library's tables of functions."""
    return capsule(ctypes.addressof(ctypes.c_char.in_dll(library, symbol)))
