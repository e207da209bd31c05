"""Tables of timm's benchmark.py as a Profile."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..csv_rows import Row, rows_of
from .table import Cells

if TYPE_CHECKING:
    from .. import Profile

COLUMNS = ("model", "infer_samples_per_sec", "infer_batch_size", "infer_macts", "param_count")


def from_timm(
    tables: Mapping[str, str | os.PathLike[str] | Sequence[str | os.PathLike[str]]],
    *,
    models: Collection[str] | None = None,
    bytes_per_value: float = 2.0,
) -> Profile:
    """A Profile from ``benchmark.py --bench inference`` of timm, as it publishes them.

    tables: {kind of device: its CSV file, or several, one for each batch size}; .gz is read too. models: only these; None:
    all. A whole batch takes batch / (samples/s). The tables hold no memory: an instance's is worked out as parameters plus
    the activations of a batch, `bytes_per_value` bytes each (2: half precision), all activations at once, which is more
    than a run holds. Measure where memory is tight. A model that a kind's tables do not hold does not run there.

    Raises ``ValueError`` for no tables or models that no table holds, ``quorate.FileError``, naming the line, for what is
    not such a table and for a model twice at one batch size.
    """
    if not tables:
        raise ValueError("tables is empty, but must hold at least one kind of device")
    if not bytes_per_value > 0.0:
        raise ValueError(f"bytes_per_value is {bytes_per_value}, but must be above 0")
    cells = Cells(Path("timm"))
    for kind, paths in tables.items():
        for path in [paths] if isinstance(paths, str | os.PathLike) else paths:
            cells.path = Path(path)
            for row in rows_of(path, COLUMNS):
                if models is None or row.text("model") in models:
                    _add(cells, row, kind, bytes_per_value)
    missing = sorted(set(models or ()) - {model for _, model, _ in cells.latency_s})
    if missing or not cells.latency_s:
        raise ValueError(f"models holds {', '.join(missing) or 'no name'}, but must hold names that the tables hold")
    return cells.profile()


def _add(cells: Cells, row: Row, kind: str, bytes_per_value: float) -> None:
    batch = row.integer("infer_batch_size", 1)
    rate = row.number("infer_samples_per_sec", 0.0, above=True)
    weights = math.ceil(row.number("param_count", 0.0) * 1e6 * bytes_per_value)
    activations = math.ceil(batch * row.number("infer_macts", 0.0) * 1e6 * bytes_per_value)
    cells.add(row, (kind, row.text("model"), batch), batch / rate, weights + activations, weights)
