"""Finding a strategy by what a person wrote: FILE:CLASS, package.module:Class, or a name."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pairloom._builtins import BUILTINS
from pairloom._plugins import is_plugin, plugin_named, plugin_names
from pairloom._words import listing, nearest
from pairloom.errors import ConfigError
from pairloom.strategy import Strategy

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["load_strategy"]

# One file is one module however often it is named, so that its classes are the same objects.
_loaded: dict[Path, ModuleType] = {}


def load_strategy(spec: str, base: Path) -> Any:
    """Return the class or plug-in that ``spec`` names, or the name of a built-in or plug-in.

    Files are relative to ``base``. Raises ``ConfigError`` naming the file, and the line
    where its code is at fault.
    """
    if spec in BUILTINS:
        return spec
    place, colon, name = spec.rpartition(":")
    if not colon or not place or not name:
        named = plugin_named(spec)
        if named is not None:
            return spec
        bare = spec.rstrip(":")
        if bare.endswith(".py") or "/" in bare:
            classes = _classes(_from_file(_resolved(bare, base)))
            example = classes[0] if classes else "MyStrategy"
            raise ConfigError(f"strategy={spec!r} names no class; write {bare}:{example}", code="config.strategy")
        known = [*BUILTINS, *plugin_names()]
        hint = nearest(spec, known) or f"; there are {listing(known)}"
        raise ConfigError(
            f"strategy={spec!r} is no built-in or installed strategy, nor FILE:CLASS or package.module:Class{hint}",
            code="config.strategy",
        )
    is_file = place.endswith(".py") or "/" in place or "\\" in place
    module = _from_file(_resolved(place, base)) if is_file else _from_package(place, base)
    return _class(module, name, place)


def _resolved(place: str, base: Path) -> Path:
    path = (base / Path(place).expanduser()).resolve()
    if not path.is_file():
        raise ConfigError(f"strategy file {path}: there is no such file", code="config.strategy_file")
    return path


def _from_file(path: Path) -> ModuleType:
    if path in _loaded:
        return _loaded[path]
    name = _module_name(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"strategy file {path}: its name must end in .py", code="config.strategy_file")
    _search(path.parent)
    module = importlib.util.module_from_spec(spec)
    # Before it runs: pickling and string annotations look the module up by name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise _fault(error, str(path), path) from error
    _loaded[path] = module
    return module


def _from_package(place: str, base: Path) -> ModuleType:
    _search(base.resolve())
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{place}.".startswith(f"{error.name}."):
            raise _fault(error, place, None) from error
        raise ConfigError(
            f"strategy module {place!r} is not found: no module named {error.name!r}; write FILE.py:CLASS for a file",
            code="config.strategy_file",
        ) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _fault(error, place, None) from error


def _class(module: ModuleType, name: str, place: str) -> Any:
    found = getattr(module, name, None)
    if isinstance(found, type) and issubclass(found, Strategy) and found is not Strategy:
        return found
    if found is not None and is_plugin(found):
        return found
    classes = _classes(module)
    if found is not None and found is not Strategy:
        raise ConfigError(
            f"{place}: {name} is no strategy; derive the class from pairloom.Strategy", code="config.strategy"
        )
    hint = nearest(name, classes) or f"; its strategies: {listing(classes)}"
    raise ConfigError(f"{place} has no strategy {name!r}{hint}", code="config.strategy")


def _classes(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Strategy) and value is not Strategy
    ]


def _search(folder: Path) -> None:
    """Let the strategy import its neighbours, as it could if it were run as a script."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _module_name(path: Path) -> str:
    stem = path.stem
    if stem.isidentifier() and stem not in sys.modules and stem not in sys.stdlib_module_names:
        return stem
    # Another module has this name already; the file's path makes one of its own.
    return f"strategy_file_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"


def _fault(error: BaseException, place: str, path: Path | None) -> ConfigError:
    """Say which line of the user's code is at fault, without a traceback through ours."""
    if isinstance(error, SyntaxError):
        code = (error.text or "").strip()
        shown = f": {code}" if code else ""
        return ConfigError(
            f"{error.filename or place}, line {error.lineno}: {type(error).__name__}: {error.msg}{shown}",
            code="config.strategy_file",
        )
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if path is not None and frame.filename == str(path)]
    if path is None:
        own = [frame for frame in frames if "importlib" not in frame.filename and frame.filename != __file__]
    spot = f"{own[-1].filename}, line {own[-1].lineno}" if own else place
    return ConfigError(f"{spot}: {type(error).__name__}: {error}", code="config.strategy_file")
