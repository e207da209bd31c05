"""Arrivals for `simulate`: a recorded trace at another rate, or a random stream."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ._core import FileError
from .csv_rows import rows_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def arrivals_from(
    path: str | os.PathLike[str], rate: float | None = None, samples: int | None = None, *, column: str = "t_s"
) -> NDArray[np.float64]:
    """[samples] seconds from the first arrival, ascending, out of a CSV file (or one compressed as .gz) with a header.

    column: holds the moments, in seconds. samples: the first so many, None: all; where the trace has fewer it begins again,
    one mean gap after its end. rate: samples/s that the result has on average; the time between arrivals is stretched or
    shortened alike everywhere, so bursts stay bursts. None: as recorded.

    ``ValueError`` for a rate that is not above 0 or fewer than 2 samples; ``quorate.FileError``, naming the line, for a file
    that cannot be read, has no such column, fewer than 2 arrivals, or moments that are no numbers or go back.
    """
    import numpy as np

    _check(rate, samples)
    recorded: NDArray[np.float64] = np.array(_moments(Path(path), column))
    recorded -= recorded[0]
    wanted = len(recorded) if samples is None else samples
    span = recorded[-1] + recorded[-1] / (len(recorded) - 1)
    again = -(-wanted // len(recorded))
    arrivals: NDArray[np.float64] = (recorded[None, :] + span * np.arange(again)[:, None]).ravel()[:wanted]
    if rate is None:
        return arrivals
    if arrivals[-1] == 0.0:
        raise FileError(f"{path}: its first {wanted} arrivals are all at one moment, so they have no rate to scale")
    arrivals *= (wanted - 1) / rate / arrivals[-1]
    return arrivals


def poisson_arrivals(rate: float, samples: int, seed: int = 0) -> NDArray[np.float64]:
    """[samples] seconds from the first arrival of a stream without memory, `rate` samples/s on average. ``ValueError`` for a
    rate that is not above 0 or fewer than 2 samples."""
    import numpy as np

    _check(rate, samples)
    gaps = np.random.default_rng(seed).exponential(1.0 / rate, samples)
    gaps[0] = 0.0
    arrivals: NDArray[np.float64] = np.cumsum(gaps)
    return arrivals


def _check(rate: float | None, samples: int | None) -> None:
    if rate is not None and not (rate > 0.0 and math.isfinite(rate)):
        raise ValueError(f"rate is {rate}, but must be above 0 and finite")
    if samples is not None and samples < 2:
        raise ValueError(f"samples is {samples}, but must be at least 2")


def _moments(path: Path, column: str) -> list[float]:
    moments: list[float] = []
    for row in rows_of(path, [column]):
        moments.append(row.number(column, moments[-1] if moments else -math.inf))
    if len(moments) < 2:
        raise FileError(f"{path}: holds {len(moments)} arrivals, but must hold at least 2")
    return moments
