"""What others make of the same library: each gives ensembles, as weights [models]; all are scored by quorate.loss.

AutoGluon's EnsembleSelection and phem's QDO-ES are run as PyPI has them. auto-sklearn is not installed: its
way is bench/select.py's, in NumPy. Pruning for a budget is AutoGluon's as its trainer does it for `infer_limit`, in our
words: it sits inside a class that wants trained models.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import libraries
import numpy as np
from libraries import Library
from numpy.typing import NDArray

import quorate as qr
from quorate.bench.select import numpy_greedy

Weights = NDArray[np.float64]
AUTOGLUON_PICKS = 25  # its default
EVALUATIONS_A_MODEL = 50  # phem's default


@dataclass(frozen=True)
class Outcome:
    """What one side found, and in what time."""

    points: list[tuple[float, float]]  # cost, loss
    taken_s: float


def weights_of(picks: list[int], models: int) -> Weights:
    return np.bincount(picks, minlength=models) / len(picks)


def point(library: Library, predictions: qr.Predictions, metric: str, weights: Weights) -> tuple[float, float]:
    members = np.flatnonzero(weights)
    ensemble = qr.Ensemble(members.tolist(), (weights[members] / weights[members].sum()).tolist())
    return float(library.cost[members].sum()), qr.loss(ensemble, predictions, metric=metric)


def outcome(library: Library, metric: str, find: Callable[[], list[Weights]]) -> Outcome:
    """Scoring what was found is not timed."""
    start = time.perf_counter()
    found = find()
    taken_s = time.perf_counter() - start
    predictions = library.predictions
    return Outcome([point(library, predictions, metric, weights) for weights in found], taken_s)


def ours(library: Library, metric: str, **options: Any) -> Outcome:
    predictions = library.predictions
    start = time.perf_counter()
    front = qr.select(predictions, library.cost, metric=metric, **options)
    taken_s = time.perf_counter() - start
    return Outcome([(ensemble.cost, ensemble.loss) for ensemble in front], taken_s)


def auto_sklearn(library: Library, metric: str, size: int) -> Outcome:
    """Every prefix of its greedy, which does not look at costs."""

    def find() -> list[Weights]:
        picks = numpy_greedy(library.scores, library.labels, library.cost, metric, size)
        return [weights_of(picks[:k], len(library.models)) for k in range(1, size + 1)]

    return outcome(library, metric, find)


def autogluon_metric(name: str) -> Any:
    from autogluon.core import metrics

    if name != "brier":
        return getattr(metrics, name)

    def brier(labels: NDArray[np.int64], probs: NDArray[np.float64]) -> float:
        return float(((probs - np.eye(probs.shape[1])[labels]) ** 2).sum(1).mean())

    return metrics.make_scorer("brier", brier, optimum=0, greater_is_better=False, needs_proba=True)


def autogluon_greedy(library: Library, metric: str, size: int) -> list[int]:
    """Its picks up to the best of their prefixes."""
    from autogluon.core.models.greedy_ensemble.ensemble_selection import EnsembleSelection

    selection = EnsembleSelection(size, "multiclass", autogluon_metric(metric))
    return [int(pick) for pick in selection.fit(list(library.scores), library.labels).indices_]


def autogluon(library: Library, metric: str, size: int) -> Outcome:
    """Without a budget: one ensemble."""
    return outcome(library, metric, lambda: [weights_of(autogluon_greedy(library, metric, size), len(library.models))])


def affordable(cost: NDArray[np.float64], loss_alone: NDArray[np.float64], budget: float) -> list[int]:
    """The models that AutoGluon leaves for its ensemble: those that are within the budget alone, then, the one of
    highest loss alone going first, as many as cost no more than the budget together. Its head-room of 5 % is left out,
    in its favour."""
    kept = [m for m in np.argsort(loss_alone, kind="stable").tolist() if cost[m] <= budget]
    while kept and cost[kept].sum() > budget:
        kept.pop()
    return sorted(kept)


def autogluon_at(library: Library, metric: str, size: int, budgets: NDArray[np.float64]) -> Outcome:
    """A run for each budget, as a user would: prune, select, and answer with the best of that ensemble and of the single
    models within the budget. A point for each budget. Budgets that leave the same models are run once."""
    predictions, models = library.predictions, len(library.models)
    alone = np.array([qr.loss(qr.Ensemble([m], [1.0]), predictions, metric=metric) for m in range(models)])
    known: dict[tuple[int, ...], Weights] = {}

    def find() -> list[Weights]:
        found = []
        for budget in budgets:
            within = np.flatnonzero(library.cost <= budget)
            best = np.eye(models)[within[np.argmin(alone[within])]]
            kept = affordable(library.cost, alone, budget)
            if tuple(kept) not in known:
                picks = autogluon_greedy(library.only(np.array(kept), library.name), metric, size)
                known[tuple(kept)] = weights_of([kept[pick] for pick in picks], models)
            of_ensemble = point(library, predictions, metric, known[tuple(kept)])
            found.append(known[tuple(kept)] if of_ensemble[1] <= alone.min(where=best > 0, initial=np.inf) else best)
        return found

    return outcome(library, metric, find)


def qdo_es(library: Library, metric: str, seed: int = 0) -> Outcome:
    """phem's QDO-ES with the settings that it gives as best, but for what tells ensembles apart: of its two spaces the
    one of ensemble size and loss correlation, as the other needs the models' hyper-parameters. All elites that it holds
    at the end are points, and the ensemble that it answers with; it does not look at costs."""
    vars(np).setdefault("product", np.prod)  # pyribs 0.4.0, which phem pins, calls it by a name that NumPy 2 dropped
    from phem.application_utils.methods_factories import _factory_qdo
    from phem.base_utils.metrics import make_metric
    from phem.methods.ensemble_selection.qdo.behavior_spaces import get_bs_ensemble_size_and_loss_correlation

    def log_loss(labels: NDArray[np.int64], probs: NDArray[np.float64]) -> float:
        return float(-np.log(np.clip(probs[np.arange(len(labels)), labels], 1e-15, 1.0)).mean())

    def brier(labels: NDArray[np.int64], probs: NDArray[np.float64]) -> float:
        return float(((probs - np.eye(probs.shape[1])[labels]) ** 2).sum(1).mean())

    def error(labels: NDArray[np.int64], answers: NDArray[np.int64]) -> float:
        return float((answers != labels).mean())

    function = {"log_loss": log_loss, "brier": brier, "accuracy": error}[metric]
    score = make_metric(function, metric, False, True, metric == "accuracy", 0, requires_confidences=metric != "accuracy")
    given = _factory_qdo(
        seed, score, False, None, 1, "sliding", None, 49, "RandomL2Combinations", 1, "combined_dynamic",
        "two_point_crossover", 0.5, True, 0.5, True, None, None, None, 1.0, None, 40,
    )  # fmt: skip
    arguments = {**given["technique_args"], "behavior_space": get_bs_ensemble_size_and_loss_correlation()}

    def find() -> list[Weights]:
        search = given["technique"]([object()] * len(library.models), **arguments)
        search.ensemble_fit(list(library.scores.astype(np.float64)), library.labels)
        return [search.weights_, *(elite.sol for elite in search.archive)]

    return outcome(library, metric, find)


def warm_up() -> None:
    """What is imported and compiled at first use is not timed."""
    library = libraries.drawn(6, 100, 3, 0)
    for metric in ("log_loss", "brier", "accuracy"):
        ours(library, metric, max_size=2)
        autogluon(library, metric, 2)
        qdo_es(library, metric)


def versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("autogluon.core", "phem", "ribs", "numpy")}
