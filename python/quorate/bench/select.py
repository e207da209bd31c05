"""Greedy selection beside the way auto-sklearn does it, in NumPy.

That way, after the published algorithm (Caruana et al. 2004; Feurer et al. 2015): at each step, for each model, the mean
prediction with that model added, then the metric of that mean. It is written here, with buffers made once and the metric in
plain NumPy rather than through scikit-learn's checks, which makes it faster than the original. Its picks must be ours before
either is timed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import quorate as qr

from .table import Row, in_turns

METRICS = ("log_loss", "brier", "accuracy")


@dataclass(frozen=True)
class Case:
    models: int
    samples: int
    classes: int
    picks: int

    def __str__(self) -> str:
        return f"{self.models} x {self.samples:,} x {self.classes}, {self.picks} picks"


SMALL = Case(models=50, samples=2000, classes=20, picks=16)
LARGE = Case(models=200, samples=10_000, classes=100, picks=50)


def generated(case: Case, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Probabilities [models, samples, classes]: a part that models share, a part of their own, and a lead for the truth."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, case.classes, case.samples)
    shared = rng.normal(size=(case.samples, case.classes)).astype(np.float32)
    shared[np.arange(case.samples), labels] += 2.0
    probs = np.empty((case.models, case.samples, case.classes), np.float32)
    for of_model in probs:
        np.exp(shared + rng.normal(size=shared.shape).astype(np.float32), out=of_model)
        of_model /= of_model.sum(1, keepdims=True)
    return probs, labels


def metric_of(metric: str, mean: NDArray[np.float64], labels: NDArray[np.int64], one_hot: NDArray[np.float64]) -> float:
    if metric == "log_loss":
        return float(-np.log(np.clip(mean[np.arange(len(labels)), labels], 1e-15, 1.0)).mean())
    if metric == "accuracy":
        return float((mean.argmax(1) != labels).mean())
    return float(((mean - one_hot) ** 2).sum(1).mean())


def numpy_greedy(
    probs: NDArray[np.float32], labels: NDArray[np.int64], cost: NDArray[np.float64], metric: str, size: int
) -> list[int]:
    """The picks, each step's ties to the cheapest and then the earliest model as ours."""
    picks: list[int] = []
    one_hot = np.eye(probs.shape[2])[labels]
    total = np.zeros(probs.shape[1:])
    mean = np.empty_like(total)
    for step in range(size):
        losses = np.empty(len(probs))
        for m, of_model in enumerate(probs):
            np.add(total, of_model, out=mean)
            np.multiply(mean, 1.0 / (step + 1), out=mean)
            losses[m] = metric_of(metric, mean, labels, one_hot)
        tied = np.flatnonzero(losses <= losses.min() + 1e-12 * (1.0 + losses.min()))
        picks.append(int(min(tied, key=lambda m: (cost[m], m))))
        total += probs[picks[-1]]
    return picks


def copy_bytes_per_s(size: int = 1 << 27) -> float:
    """Bytes read and written a second by the best of five copies of an array that no cache holds."""
    source, target = np.ones(size // 8), np.zeros(size // 8)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - start)
    return 2 * source.nbytes / best


def real(folder: Path) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """25 classical models and 10 CNNs on the same 10,000 images of CIFAR-10, as the two folders hold them."""
    pools = [np.load(folder / name / "probs.npz") for name in ("cifar10_25models_probs", "cifar10_cnn_pool")]
    return np.concatenate([pool["probs"] for pool in pools]), pools[0]["y"].astype(np.int64)


def rows(*, full: bool, repeats: int) -> list[Row]:
    case = LARGE if full else SMALL
    bandwidth = copy_bytes_per_s()
    result = rows_of(case, str(case), *generated(case), bandwidth, repeats)
    folder = Path(__file__).resolve().parents[4] / "shared" / "data"  # beside the checkout
    if folder.is_dir():
        probs, labels = real(folder)
        found = Case(len(probs), len(labels), probs.shape[2], case.picks)
        result += rows_of(found, f"CIFAR-10, {found}", probs, labels, bandwidth, repeats)
    return result


def rows_of(
    case: Case,
    name: str,
    probs: NDArray[np.float16] | NDArray[np.float32],
    labels: NDArray[np.int64],
    bandwidth: float,
    repeats: int,
) -> list[Row]:
    cost = np.random.default_rng(1).uniform(1.0, 10.0, case.models)
    predictions = qr.Predictions(probs, labels)
    as_floats = probs.astype(np.float32)  # what NumPy is fast with
    result = []
    for metric in METRICS:
        arguments: dict[str, Any] = {"cost": cost, "metric": metric, "max_size": case.picks}
        ours, theirs = qr.greedy(predictions, **arguments).picks, numpy_greedy(as_floats, labels, cost, metric, case.picks)
        if ours != theirs:
            raise AssertionError(f"{metric}, {name}: ours picked {ours}, NumPy {theirs}")
        taken = in_turns(
            {
                "greedy": partial(qr.greedy, predictions, **arguments),
                "front": partial(qr.select, predictions, **arguments),
                "numpy": partial(numpy_greedy, as_floats, labels, cost, metric, case.picks),
            },
            repeats,
        )
        read_bytes = probs.nbytes // (case.classes if metric == "log_loss" else 1)
        limit_s = read_bytes / bandwidth
        peer, peer_s = "NumPy, as auto-sklearn", taken["numpy"]
        note = f"same picks; {read_bytes / 1e6:.3g} MB at {bandwidth / 1e9:.3g} GB/s"
        result.append(Row(f"{metric}: {name}", taken["greedy"], peer, peer_s, limit_s, note))
        result.append(
            Row(
                f"{metric}: {name}, the whole front",
                taken["front"],
                peer,
                peer_s,
                limit_s,
                "the peer finds one path, no front",
            )
        )
    return result
