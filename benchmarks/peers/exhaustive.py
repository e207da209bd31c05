"""All ensembles of up to `size` picks, scored in plain NumPy: what a front is measured against; and hypervolume."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]  # cost, loss


def multisets(models: int, size: int) -> NDArray[np.int64]:
    """[ensembles, models]: so many picks of each, 1 to `size` in all; every multiset once."""
    rows = [
        np.bincount(picks, minlength=models)
        for picked in range(1, size + 1)
        for picks in itertools.combinations_with_replacement(range(models), picked)
    ]
    return np.array(rows)


def losses(
    counts: NDArray[np.int64], probs: NDArray[np.float32], labels: NDArray[np.int64], metric: str
) -> NDArray[np.float64]:
    """[ensembles]: of the mean of the picks' probabilities [models, samples, classes]."""
    models, samples, classes = probs.shape
    sizes = counts.sum(1)
    total = np.zeros(len(counts))
    products, of_truth = np.zeros((models, models)), np.zeros(models)
    ensembles_at_once, samples_at_once = 4096, 200
    for begin in range(0, samples, samples_at_once):
        part = probs[:, begin : begin + samples_at_once].astype(np.float64)
        truth = labels[begin : begin + samples_at_once]
        true_class = part[:, np.arange(len(truth)), truth]
        flat = part.reshape(models, -1)
        if metric == "brier":
            products += flat @ flat.T
            of_truth += true_class.sum(1)
            continue
        for first in range(0, len(counts), ensembles_at_once):
            these = slice(first, first + ensembles_at_once)
            weights = counts[these].astype(np.float64)
            if metric == "log_loss":
                mean = weights @ true_class / sizes[these, None]
                total[these] -= np.log(np.clip(mean, 1e-15, 1.0)).sum(1)
            else:
                summed = (weights @ flat).reshape(len(weights), len(truth), classes)
                total[these] += (summed.argmax(2) != truth).sum(1)
    if metric == "brier":  # the sum of squares of (mean - truth), multiplied out
        weights = counts / sizes[:, None]
        total = np.einsum("em,mn,en->e", weights, products, weights, optimize=True) - 2 * weights @ of_truth + samples
    return total / samples


def front_of(points: Iterable[Point]) -> list[Point]:
    """Those that no other is both no dearer and no worse than, cheapest first."""
    kept: list[Point] = []
    for cost, loss in sorted(points):
        if not kept or loss < kept[-1][1]:
            kept.append((cost, loss))
    return kept


def reference_of(front: list[Point]) -> Point:
    """A tenth of the front's extent beyond its worst corner (Ishibuchi et al. 2018), so that its ends count, too. What
    all of its points have in common has the extent of its value."""

    def beyond(values: tuple[float, ...]) -> float:
        return max(values) + 0.1 * ((max(values) - min(values)) or abs(values[0]) or 1.0)

    costs, values = zip(*front, strict=True)
    return beyond(costs), beyond(values)


def hypervolume(points: Iterable[Point], reference: Point) -> float:
    """The area that is dearer and worse than some point, up to the reference."""
    inside = [(cost, loss) for cost, loss in front_of(points) if cost < reference[0] and loss < reference[1]]
    if not inside:
        return 0.0
    ends = [*(cost for cost, _ in inside[1:]), reference[0]]
    return sum((end - cost) * (reference[1] - loss) for (cost, loss), end in zip(inside, ends, strict=True))
