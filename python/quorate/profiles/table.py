"""Measured cells put together to a Profile, and our own CSV."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .._core import FileError
from ..csv_rows import Row, rows_of

if TYPE_CHECKING:
    from .. import Profile


@dataclass
class Cells:
    """What was measured, by kind, model and batch size. Names come in the order in which they were first seen."""

    path: Path
    latency_s: dict[tuple[str, str, int], float] = field(default_factory=dict)
    memory_bytes: dict[tuple[str, str, int], int] = field(default_factory=dict)
    weights_bytes: dict[tuple[str, str], int] = field(default_factory=dict)  # by kind and model, where known
    slowdown: dict[tuple[str, str, str], float] = field(default_factory=dict)  # by kind, model and the one beside it

    def add(
        self,
        row: Row,
        place: tuple[str, str, int],
        latency_s: float,
        memory_bytes: int,
        weights_bytes: int | None = None,
    ) -> None:
        kind, model, batch = place
        if place in self.latency_s:
            raise FileError(f'{row.path}:{row.line}: holds model "{model}" on kind "{kind}" at batch {batch} again')
        self.latency_s[place] = latency_s
        self.memory_bytes[place] = memory_bytes
        if weights_bytes is not None and self.weights_bytes.setdefault((kind, model), weights_bytes) != weights_bytes:
            raise row.fail("weights_bytes", f'{self.weights_bytes[kind, model]} as for model "{model}" before')

    def profile(self) -> Profile:
        """Cells that nobody measured do not run. FileError where that leaves a model nowhere to run."""
        import numpy as np

        import quorate as qr

        kinds = list(dict.fromkeys(kind for kind, _, _ in self.latency_s))
        models = list(dict.fromkeys(model for _, model, _ in self.latency_s))
        batches = sorted({batch for _, _, batch in self.latency_s})
        shape = len(kinds), len(models), len(batches)
        latency_s, memory_bytes = np.full(shape, np.inf), np.zeros(shape, np.int64)
        for (kind, model, batch), seconds in self.latency_s.items():
            at = kinds.index(kind), models.index(model), batches.index(batch)
            latency_s[at], memory_bytes[at] = seconds, self.memory_bytes[kind, model, batch]
        weights = None
        if self.weights_bytes:
            weights = np.array([[self.weights_bytes.get((kind, model), 0) for model in models] for kind in kinds])
        slowdown = None
        if self.slowdown:
            slowdown = np.ones((len(kinds), len(models), len(models)))
            for (kind, model, beside), factor in self.slowdown.items():
                slowdown[kinds.index(kind), models.index(model), models.index(beside)] = factor
        try:
            return qr.Profile(models, batches, kinds, latency_s, memory_bytes, weights, slowdown)
        except ValueError as error:
            raise FileError(f"{self.path}: {error}") from error


def from_csv(
    path: str | os.PathLike[str], *, slowdown: str | os.PathLike[str] | None = None, sparse: bool = False
) -> Profile:
    """A Profile from a CSV file (or one compressed as .gz) with the columns kind, model, batch, latency_s and memory_bytes.

    A row is one kind of device, one model and one batch size: the seconds of a whole batch (inf: the model does not run
    there) and the bytes of an instance. A column weights_bytes may say how much of these stays between batches, alike for
    all batch sizes of a model on a kind. sparse: rows may be missing; what has no row does not run.

    slowdown: a second file with the columns kind, model, beside and slowdown: by which factor, 1 at least, a batch of the
    model takes longer where the device hosts the model `beside` too. Pairs without a row: 1.

    Raises ``quorate.FileError``, naming the line, for a file that cannot be read, values that are not of that kind, a place
    or a pair twice, a pair of what the first file does not hold and, unless sparse, a hole.
    """
    cells = Cells(Path(path))
    for row in rows_of(path, ["kind", "model", "batch", "latency_s", "memory_bytes"]):
        place = row.text("kind"), row.text("model"), row.integer("batch", 1)
        latency_s = row.number("latency_s", 0.0, above=True, infinite=True)
        weights = math.ceil(row.number("weights_bytes", 0.0)) if "weights_bytes" in row.cells else None
        cells.add(row, place, latency_s, math.ceil(row.number("memory_bytes", 0.0)), weights)
    if not sparse:
        _require_whole(cells)
    if slowdown is not None:
        _read_slowdown(cells, slowdown)
    return cells.profile()


def _read_slowdown(cells: Cells, path: str | os.PathLike[str]) -> None:
    kinds, models, _ = (set(names) for names in zip(*cells.latency_s, strict=True))
    for row in rows_of(path, ["kind", "model", "beside", "slowdown"]):
        pair = row.text("kind"), row.text("model"), row.text("beside")
        for column, name, known in zip(("kind", "model", "beside"), pair, (kinds, models, models), strict=True):
            if name not in known:
                raise row.fail(column, f"one that {cells.path} holds")
        if pair in cells.slowdown:
            raise FileError(f'{row.path}:{row.line}: holds model "{pair[1]}" beside "{pair[2]}" on kind "{pair[0]}" again')
        if pair[1] == pair[2]:
            raise row.fail("beside", "another model")
        cells.slowdown[pair] = row.number("slowdown", 1.0)


def _require_whole(cells: Cells) -> None:
    kinds, models, batches = (sorted(set(names)) for names in zip(*cells.latency_s, strict=True))
    for kind in kinds:
        for model in models:
            for batch in batches:
                if (kind, model, batch) not in cells.latency_s:
                    raise FileError(
                        f'{cells.path}: has no row for model "{model}" on kind "{kind}" at batch {batch}; '
                        "say sparse=True where a missing row means that it does not run"
                    )
