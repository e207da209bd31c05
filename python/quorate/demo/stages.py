"""Stages whose results are files: done once for the same inputs, done again where inputs or files have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from ..files import read_json, write_json


def digest(*parts: object) -> str:
    """SHA-256 of the parts' texts; a Path stands for its file's content."""
    total = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else repr(part).encode()
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


class Stages:
    """The record, in one file of the run folder, of which stage wrote which files from which inputs.

    A stage is on record only after its files are whole, so a process that dies in between does it again."""

    def __init__(self, record: Path) -> None:
        self._path = record
        self._record = read_json(record) if record.is_file() else {}

    def is_done(self, name: str, inputs: str, files: Sequence[Path]) -> bool:
        """Whether the stage ran with these inputs and its files are still what it wrote."""
        done = self._record.get(name)
        return (
            isinstance(done, dict)
            and done.get("inputs") == inputs
            and all(file.is_file() for file in files)
            and done.get("files") == {file.name: digest(file) for file in files}
        )

    def run(self, name: str, inputs: str, files: Sequence[Path], make: Callable[[], None]) -> bool:
        """Calls `make`, which writes `files`, unless it is done; says whether it was called."""
        if self.is_done(name, inputs, files):
            return False
        make()
        self._record[name] = {"inputs": inputs, "files": {file.name: digest(file) for file in files}}
        write_json(self._path, self._record)
        return True
