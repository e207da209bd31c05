"""Tables of recorded learning curves: what each configuration's validation loss was, and when.

Both sets of data lie outside the repository; each folder says in its README where it came from.
"""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Curves:
    name: str
    losses: NDArray[np.float64]  # [configurations, R + 1]: validation loss by resource; NaN: diverged; 0: untrained
    times_s: NDArray[np.float64]  # [configurations, R + 1]: training clock since the start, ascending, 0 at resource 0

    @property
    def max_resource(self) -> int:
        return self.losses.shape[1] - 1

    def best(self, configurations: Sequence[int]) -> float:
        return float(np.nanmin(self.losses[configurations, 1:]))


def taskset(folder: Path, max_resource: int = 27) -> Iterator[Curves]:
    """1,000 configurations a task, 50 steps each; resource r is step r * 50 / R, rounded up. There is no clock in the data:
    each step takes one second, for all alike."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as arrays:
            losses = arrays["valid_loss"].astype(np.float64)
        steps = np.ceil(np.arange(max_resource + 1) * (losses.shape[1] - 1) / max_resource).astype(int)
        yield Curves(path.stem, losses[:, steps], np.tile(steps.astype(np.float64), (len(losses), 1)))


def algoperf(folder: Path, max_resource: int = 27, least_runs: int = 150) -> Iterator[Curves]:
    """A configuration is a run with n >= R evaluations; resource r is its evaluation number r * n / R, rounded up, with the
    training clock's time there. So runs are as long as they were. Workloads with too few runs are left out."""
    workloads = {}
    with gzip.open(folder / "trials.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            workloads[row["trial_id"]] = row["workload"]
    runs: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    with gzip.open(folder / "curves.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            loss = float(row["validation/loss"] or "nan")
            runs[workloads[row["trial_id"]]][row["trial_id"]].append((float(row["submission_time_s"]), loss))
    for workload, curves in sorted(runs.items()):
        long = [np.array(sorted(curve)) for curve in curves.values() if len(curve) >= max_resource]
        if len(long) < least_runs:
            continue
        losses = np.full((len(long), max_resource + 1), np.nan)
        times_s = np.zeros_like(losses)
        for i, curve in enumerate(long):
            rows = np.ceil(np.arange(1, max_resource + 1) * len(curve) / max_resource).astype(int) - 1
            times_s[i, 1:], losses[i, 1:] = curve[rows].T
        yield Curves(workload, losses, times_s)


def all_curves(data: Path) -> Iterator[tuple[str, Curves]]:
    """(set, table) of what the folder has."""
    for name, read in (("taskset", taskset), ("algoperf", algoperf)):
        folder = data / f"{name}_curves"
        if folder.is_dir():
            for curves in read(folder):
                yield name, curves
