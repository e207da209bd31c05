"""The search for cascades beside NumPy, which is what those who search for cascades use today.

Two ways in NumPy, on the same right/wrong tables and confidences, for all pairs of models and every threshold:

- prefix sums: samples sorted once for each first model, errors of all last models by one cumulative sum, the cheapest for
  each number of errors by `np.minimum.at`. The fastest that we could write.
- naive: for each pair and threshold the mask of samples that stop, the error rate and the mean cost, as in the papers'
  appendices. Timed on a part and scaled, since the whole takes hours.

NumPy's front must be ours, to the last bit, before either is timed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import quorate as qr

from .table import Row, in_turns


@dataclass(frozen=True)
class Table:
    """Right/wrong and confidence [models, samples] of generated classifiers, and what a sample costs on each."""

    wrong: NDArray[np.bool_]
    confidence: NDArray[np.float32]
    cost: NDArray[np.float64]

    @property
    def predictions(self) -> qr.Predictions:
        """Votes: class 0 is the right one, 1 a wrong one."""
        return qr.Predictions.from_votes(
            self.wrong.astype(np.int32), np.zeros(self.wrong.shape[1], np.int32), confidence=self.confidence
        )

    def __str__(self) -> str:
        return f"{self.wrong.shape[0]:,} x {self.wrong.shape[1]:,}"


def generated(models: int, samples: int, seed: int = 0) -> Table:
    """Models of accuracy 60 to 90 % at costs over a range of 50, with calibrated confidences; hard samples are hard for all,
    and where one errs the others err more often than their confidences say, as classifiers of one task do."""
    rng = np.random.default_rng(seed)
    difficulty, shared = rng.normal(size=(2, samples))
    wrong = np.empty((models, samples), bool)
    confidence = np.empty((models, samples), np.float32)
    for m in range(models):
        logit = 1.2 * rng.normal(size=samples) - 2.0 * difficulty
        right = 1.0 / (1.0 + np.exp(-(logit + lead(logit, 0.6 + 0.3 * m / max(models - 1, 1)))))
        luck = 0.6 * shared + 0.8 * rng.normal(size=samples)
        wrong[m] = (np.argsort(np.argsort(luck)) + 0.5) / samples > right
        confidence[m] = np.maximum(right, 0.1)
    return Table(wrong, confidence, 50.0 ** (np.arange(models) / models))


def lead(logit: NDArray[np.float64], accuracy: float) -> float:
    """What added to the logits makes their mean probability this, by bisection."""
    low, high = -10.0, 10.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if (1.0 / (1.0 + np.exp(-(logit + middle)))).mean() < accuracy else (low, middle)
    return low


Front = list[tuple[float, float]]


def as_front(best: NDArray[np.float64]) -> Front:
    """(cost, loss) of what no other beats in both, from the least cost for each number of errors."""
    front: Front = []
    least = np.inf
    for errors, cost in enumerate(best):
        if cost < least:
            least = float(cost)
            front.append((least, errors / (len(best) - 1)))
    return front[::-1]


def numpy_prefix_sums(table: Table, firsts: int | None = None) -> Front:
    models, samples = table.wrong.shape
    best = np.full(samples + 1, np.inf)
    np.minimum.at(best, table.wrong.sum(1), table.cost)
    share = np.arange(samples - 1, -1, -1) / samples
    for first in range(models if firsts is None else firsts):
        order = np.argsort(-table.confidence[first], kind="stable")
        sure = table.confidence[first][order]
        ends = np.append(sure[1:] != sure[:-1], True)
        change = table.wrong[first][order][:, None].astype(np.int8) - table.wrong[:, order].T.astype(np.int8)
        errors = (table.wrong.sum(1) + np.cumsum(change, 0, dtype=np.int32))[ends]
        cost = (table.cost[first] + table.cost * share[:, None])[ends]
        lasts = np.arange(models) != first
        np.minimum.at(best, errors[:, lasts], cost[:, lasts])
    return as_front(best)


def numpy_naive(table: Table, thresholds: int) -> None:
    """One pair's first `thresholds` thresholds."""
    wrong, confidence, cost = table.wrong, table.confidence, table.cost
    points = []
    for threshold in np.sort(confidence[0])[:thresholds]:
        stops = confidence[0] >= threshold
        loss = np.where(stops, wrong[0], wrong[-1]).mean()
        points.append((cost[0] + cost[-1] * (1.0 - stops.mean()), loss))


def seconds_of(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def front_of(cascades: qr.CascadeFront) -> Front:
    return [(point.cost, point.loss) for point in cascades]


def pairs_row(table: Table, repeats: int, firsts: int | None) -> Row:
    """`firsts`: how many first models NumPy does; scaled to all of them. None: all, and the fronts are compared."""
    predictions = table.predictions
    ours: Callable[[], Any] = partial(qr.find_cascades, predictions, table.cost, 2)
    if firsts is None and front_of(ours()) != numpy_prefix_sums(table):
        raise AssertionError(f"{table}: ours is not NumPy's front")
    taken = in_turns({"ours": ours, "numpy": partial(numpy_prefix_sums, table, firsts)}, repeats)
    models, samples = table.wrong.shape
    numpy_s = taken["numpy"] * (models / firsts if firsts else 1)
    naive_s = seconds_of(partial(numpy_naive, table, 100)) / 100 * models * (models - 1) * samples
    rate = models * (models - 1) * samples / taken["ours"]
    note = f"{rate:.3g} cascades/s; naive {naive_s / taken['ours']:.2g}x, from 100 of them"
    peer = "NumPy, prefix sums" + (f", {firsts} of {models:,} scaled" if firsts else "")
    return Row(f"all pairs, all thresholds: {table}", taken["ours"], peer, numpy_s, note=note)


def deep_row(table: Table, depth: int, repeats: int) -> Row:
    predictions = table.predictions
    found: list[qr.CascadeFront] = []
    ours_s = in_turns({"ours": lambda: found.append(qr.find_cascades(predictions, table.cost, depth))}, repeats)["ours"]
    shallow = qr.find_cascades(predictions, table.cost, depth - 1)
    proofs = sorted({point.found_by for point in found[0]})
    saved = f"mean cost at the same losses {cheaper(found[0], shallow):.3f} of depth {depth - 1}'s"
    return Row(f"depth {depth}: {table}", ours_s, "-", None, note=f"no peer has it exactly; {', '.join(proofs)}; {saved}")


def cheaper(deep: qr.CascadeFront, shallow: qr.CascadeFront) -> float:
    """Mean over the shallow front's losses of what the deep front costs there, over what the shallow one does."""
    costs, losses = np.array([[point.cost, point.loss] for point in deep]).T
    at = [float(costs[losses <= point.loss].min()) / point.cost for point in shallow]
    return float(np.mean(at))


def agreement_rows(samples: int, models: int, repeats: int) -> list[Row]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, samples)
    shared = rng.normal(size=(samples, 10))
    shared[np.arange(samples), labels] += 1.5
    skill = np.linspace(0.6, 1.6, models)[:, None, None]
    scores = np.exp(skill * shared + 0.7 * rng.normal(size=(models, samples, 10))).astype(np.float32)
    predictions = qr.Predictions(scores / scores.sum(2, keepdims=True), labels)
    cost = 50.0 ** (np.arange(models) / models)
    singly = models
    tiers = singly + models * (models - 1) // 2 + models * (models - 1) * (models - 2) // 6
    result = []
    for last, lasts in ((1, singly), (0, tiers)):
        arguments: dict[str, Any] = {
            "max_depth": 2, "signal": "agreement", "parallel": True, "max_tiers": 100_000, "max_last_size": last,
        }  # fmt: skip
        taken = in_turns({"ours": partial(qr.find_cascades, predictions, cost, **arguments)}, repeats)
        candidates = tiers * (lasts - 1) * samples
        note = f"no peer; {tiers:,} tiers before {lasts:,}: {candidates / taken['ours']:.3g} cascades/s, asking included"
        case = f"ensembles of up to 3 of {models} before {'one model' if last == 1 else 'such'}, {samples:,} samples"
        result.append(Row(case, taken["ours"], "-", None, note=note))
    return result


def rows(*, full: bool, repeats: int) -> list[Row]:
    if not full:
        return [
            pairs_row(generated(20, 5000), repeats, None),
            deep_row(generated(8, 2000), 3, repeats),
            *agreement_rows(2000, 8, repeats),
        ]
    return [
        pairs_row(generated(20, 25_000), repeats, None),
        pairs_row(generated(1000, 50_000), repeats, 2),
        deep_row(generated(32, 50_000), 3, repeats),
        deep_row(generated(20, 25_000), 4, repeats),
        *agreement_rows(20_000, 20, repeats),
    ]
