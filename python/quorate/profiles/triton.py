"""Triton Model Analyzer's tables as a Profile."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from .._core import FileError
from ..csv_rows import Row, rows_of
from .table import Cells

if TYPE_CHECKING:
    from .. import Profile

MEMORY_COLUMNS = ("Max GPU Memory Usage (MB)", "GPU Memory Usage (MB)")  # as versions of it call the column
PLACE = ("Model", "Batch", "Concurrency", "Model Config Path")


def from_model_analyzer(
    inference: str | os.PathLike[str],
    gpu: str | os.PathLike[str],
    *,
    kind: str,
    server_only: str | os.PathLike[str] | None = None,
) -> Profile:
    """A Profile of one kind of device from what ``model-analyzer profile`` wrote.

    inference: metrics-model-inference.csv. gpu: metrics-model-gpu.csv, for memory. kind: how to call the device, the tables
    do not say. server_only: metrics-server-only.csv; what the empty server held is taken from the memory of each model.

    Only configurations of one instance count, and of each model and batch size the rows of least concurrency: with more
    requests at once the server may merge them into larger batches than the table says. Of configurations that remain the
    one of highest throughput. A whole batch takes batch / throughput; memory is the most that a GPU held. Raises
    ``quorate.FileError``, naming the file and the line, for what is not such a table and where nothing remains.
    """
    base_mb = 0.0 if server_only is None else max(_memory_mb(row) for row in _rows(server_only, ()))
    memory_mb: dict[tuple[str, ...], float] = {}
    for row in _rows(gpu, PLACE):
        place = tuple(row.text(column) for column in PLACE)
        memory_mb[place] = max(memory_mb.get(place, 0.0), _memory_mb(row))

    best: dict[tuple[str, int], tuple[int, float, Row]] = {}  # concurrency, throughput
    for row in rows_of(inference, [*PLACE, "Instance Group", "Throughput (infer/sec)"]):
        if _instances(row) != 1:
            continue
        model, batch = row.text("Model"), row.integer("Batch", 1)
        concurrency, rate = row.integer("Concurrency", 1), row.number("Throughput (infer/sec)", 0.0, above=True)
        known = best.get((model, batch))
        if known is None or (concurrency, -rate) < (known[0], -known[1]):
            best[model, batch] = concurrency, rate, row
    if not best:
        raise FileError(f"{inference}: holds no configuration of one instance, but must hold at least one")

    cells = Cells(Path(inference))
    for (model, batch), (_, rate, row) in best.items():
        place = tuple(row.text(column) for column in PLACE)
        if place not in memory_mb:
            where = ", ".join(f"{column} {value}" for column, value in zip(PLACE, place, strict=True))
            raise FileError(f"{gpu}: has no row for {where}, but {inference}:{row.line} has")
        held = max(memory_mb[place] - base_mb, 0.0)
        cells.add(row, (kind, model, batch), batch / rate, math.ceil(held * 1e6))
    return cells.profile()


def _rows(path: str | os.PathLike[str], columns: tuple[str, ...]) -> list[Row]:
    rows = list(rows_of(path, columns))
    if not any(column in rows[0].cells for column in MEMORY_COLUMNS):
        raise FileError(f"{path}: has no column {MEMORY_COLUMNS[1]!r}; it has {', '.join(map(repr, rows[0].cells))}")
    return rows


def _memory_mb(row: Row) -> float:
    return row.number(next(column for column in MEMORY_COLUMNS if column in row.cells), 0.0)


def _instances(row: Row) -> int:
    """ "1/GPU", "2:GPU" and "1/GPU + 1/CPU", as versions of it write them: how many in all."""
    counts = re.findall(r"(\d+)\s*[/:]\s*[A-Za-z]", row.cells["Instance Group"])
    if not counts:
        raise row.fail("Instance Group", 'as in "1/GPU"')
    return sum(map(int, counts))
