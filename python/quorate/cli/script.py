"""A search script: a Python file that says what to train."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def load_script(path: Path) -> ModuleType:
    """The file as a module of its own name, importable from worker processes too. Raises ValueError where it cannot be."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    name = path.stem
    if path.suffix != ".py" or not name.isidentifier():
        raise ValueError(f"{path} is no module's name, but must be: letters, digits and _, ending in .py")
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    module = importlib.import_module(name)
    if Path(module.__file__ or "").resolve() != path.resolve():
        raise ValueError(f"{path} has the name of another module, {name} ({module.__file__}); rename it")
    return module


def required(module: ModuleType, name: str, what: str) -> Any:
    """A name that the script must define."""
    if not hasattr(module, name):
        raise ValueError(f"{module.__file__} defines no `{name}`, but must: {what}")
    return getattr(module, name)
