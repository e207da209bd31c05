"""Files that appear whole or not at all, and JSON files that say what is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ._core import FileError, write_file


def write_text(path: Path, text: str) -> None:
    """`text` as UTF-8, replaced in one step."""
    write_file(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """`value` as indented JSON, replaced in one step."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file. Raises FileError with the path where it is missing, no JSON or no object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise FileError(f"{path}: is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise FileError(f"{path}: holds a {type(value).__name__}, but must hold an object")
    return value
