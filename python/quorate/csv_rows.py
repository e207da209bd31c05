"""Rows of a CSV file by column, with errors that name the file, the line and the value."""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ._core import FileError


@dataclass(frozen=True)
class Row:
    """A line of a file; `cells` by the header's names."""

    path: Path
    line: int
    cells: dict[str, str]

    def fail(self, column: str, wanted: str) -> FileError:
        return FileError(f"{self.path}:{self.line}: {column} is {self.cells[column]!r}, but must be {wanted}")

    def text(self, column: str) -> str:
        if not self.cells[column]:
            raise self.fail(column, "a name")
        return self.cells[column]

    def number(self, column: str, least: float, above: bool = False, infinite: bool = False) -> float:
        """At least `least` (`above`: more than that). Thousands may be parted by commas; `infinite`: inf is a value too."""
        try:
            value = float(self.cells[column].replace(",", ""))
        except ValueError:
            value = math.nan
        fits = value > least if above else value >= least
        if not fits or (math.isinf(value) and not infinite):
            raise self.fail(column, f"a number {'above' if above else 'of at least'} {least:g}")
        return value

    def integer(self, column: str, least: int) -> int:
        value = self.number(column, least)
        if value != int(value):
            raise self.fail(column, "a whole number")
        return int(value)


def read_text(path: Path) -> str:
    """A file's text, decompressed where its name ends in .gz. FileError where that fails."""
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def rows_of(path: str | os.PathLike[str], columns: Sequence[str]) -> Iterator[Row]:
    """All rows of a file that has at least these columns, and at least one row."""
    path = Path(path)
    reader = csv.DictReader(io.StringIO(read_text(path)), restval="", skipinitialspace=True)
    found = list(reader.fieldnames or [])
    for column in columns:
        if column not in found:
            raise FileError(f"{path}: has no column {column!r}; it has {', '.join(map(repr, found))}")
    empty = True
    for cells in reader:
        empty = False
        yield Row(path, reader.line_num, {key: value.strip() for key, value in cells.items() if key is not None})
    if empty:
        raise FileError(f"{path}: holds no row, but must hold at least one")
