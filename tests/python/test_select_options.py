"""What select() can be asked for besides a plain greedy: other metrics, combinations, several costs, budgets, bags."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from numpy.typing import NDArray

import quorate as qr

Array = NDArray[Any]


def library(models: int = 6, samples: int = 300, classes: int = 4, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, samples)
    logits = rng.normal(size=(models, samples, classes))
    logits[:, np.arange(samples), labels] += 1.0
    probs = np.exp(logits)
    return (probs / probs.sum(-1, keepdims=True)).astype(np.float32), labels


def combined(probs: Array, ensemble: qr.Ensemble) -> Array:
    members = probs[ensemble.members].astype(float)
    weights = np.array(ensemble.weights)[:, None, None]
    if ensemble.combine == "logits":
        scores = np.exp((weights * np.log(members.astype(np.float32)).astype(float)).sum(0))
        return np.asarray(scores / scores.sum(-1, keepdims=True))
    if ensemble.combine == "vote":
        members = np.eye(members.shape[-1])[members.argmax(-1)]
    return np.asarray((weights * members).sum(0))


def metric_of(metric: str, scores: Array, labels: Array, weight: Array | None) -> float:
    answers = (scores >= scores.max(-1, keepdims=True) - 1e-12).argmax(-1)
    if metric == "log_loss":
        return float(np.average(-np.log(np.clip(scores[np.arange(len(labels)), labels], 1e-15, 1)), weights=weight))
    if metric == "brier":
        return float(np.average(((scores - np.eye(scores.shape[1])[labels]) ** 2).sum(1), weights=weight))
    if metric == "accuracy":
        return float(1 - sklearn.metrics.accuracy_score(labels, answers, sample_weight=weight))
    if metric == "balanced_accuracy":
        return float(1 - sklearn.metrics.balanced_accuracy_score(labels, answers, sample_weight=weight))
    return float(1 - sklearn.metrics.f1_score(labels, answers, average="macro", sample_weight=weight))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("combine", ["mean", "logits", "vote"])
@pytest.mark.parametrize("metric", ["log_loss", "brier", "accuracy", "balanced_accuracy", "macro_f1"])
def test_losses_are_scikit_learns(metric: str, combine: str, weighted: bool) -> None:
    probs, labels = library()
    weight = np.random.default_rng(1).uniform(0, 2, len(labels)) if weighted else None
    predictions = qr.Predictions(probs, labels)
    front = qr.select(predictions, np.arange(1.0, 7.0), metric=metric, combine=combine, max_size=5, sample_weight=weight)
    assert len(front) > 1
    for point in front:
        assert point.combine == combine
        assert point.loss == pytest.approx(metric_of(metric, combined(probs, point), labels, weight), abs=1e-7)
        assert point.loss == qr.loss(point, predictions, metric, sample_weight=weight)


def test_values_are_selected_by_squared_error() -> None:
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(200, 2)).astype(np.float32)
    values = (targets + rng.normal(size=(5, 200, 2))).astype(np.float32)
    predictions = qr.Predictions.from_values(values, targets)
    front = qr.select(predictions, np.ones(5), metric="mse", max_size=5)
    best = front[-1]
    mean = np.average(values[best.members].astype(float), axis=0, weights=best.weights)
    assert best.loss == pytest.approx(sklearn.metrics.mean_squared_error(targets, mean), rel=1e-6)
    assert best.loss < front[0].loss / 2
    with pytest.raises(ValueError, match="metric is log_loss, which needs classes, but the predictions are values"):
        qr.select(predictions, np.ones(5))


def test_several_costs() -> None:
    probs, labels = library()
    cost = {"latency_s": np.arange(1.0, 7.0), "memory_bytes": np.arange(6.0, 0.0, -1.0)}
    front = qr.select(qr.Predictions(probs, labels), cost, max_size=4, parallel=["latency_s"])
    for point in front:
        assert point.costs["latency_s"] == point.cost == cost["latency_s"][point.members].max()
        assert point.costs["memory_bytes"] == cost["memory_bytes"][point.members].sum()
    small = front.within({"memory_bytes": 5.0, "latency_s": 4.0})
    assert small.costs["memory_bytes"] <= 5 and small.costs["latency_s"] <= 4
    assert front.within(3.0).cost <= 3
    again = qr.EnsembleFront.from_json(front.to_json())
    assert list(again) == list(front)


def test_budgets() -> None:
    probs, labels = library()
    predictions = qr.Predictions(probs, labels)
    cost = {"latency_s": np.arange(1.0, 7.0), "memory_bytes": np.arange(6.0, 0.0, -1.0)}
    front = qr.select(predictions, cost, budget={"latency_s": 6.0, "memory_bytes": 8.0})
    assert all(point.costs["latency_s"] <= 6 and point.costs["memory_bytes"] <= 8 for point in front)
    assert all(point.cost <= 2.5 for point in qr.select(predictions, np.arange(1.0, 7.0), budget=2.5))


def test_bags_depend_on_the_seed_alone() -> None:
    probs, labels = library(models=30, samples=120)
    predictions = qr.Predictions(probs, labels)

    cost = np.random.default_rng(0).uniform(1, 3, 30)

    def front(seed: int, threads: int) -> str:
        options: dict[str, Any] = {"max_size": 4, "bags": 9, "seed": seed, "caps": 0, "swaps": False, "threads": threads}
        return qr.select(predictions, cost, **options).to_json()

    assert front(0, 1) == front(0, 2)
    assert "bagged greedy" in front(0, 1)
    assert front(0, 1) != front(1, 1)


def test_sorted_start_and_patience() -> None:
    probs, labels = library()
    predictions = qr.Predictions(probs, labels)
    alone = [qr.loss(qr.Ensemble([m], [1.0]), predictions) for m in range(6)]
    path = qr.greedy(predictions, np.ones(6), sorted_start=3, max_size=6)
    assert path.picks[:3] == list(np.argsort(alone)[:3])
    full = qr.greedy(predictions, np.ones(6), max_size=40)
    short = qr.greedy(predictions, np.ones(6), max_size=40, patience=2)
    assert short.picks == full.picks[: len(short.picks)]
    assert min(short.losses) == min(short.losses[:-2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"combine": "max"}, 'combine is "max", but must be one of mean, logits, vote'),
        ({"metric": "auc"}, 'metric is "auc", but must be one of log_loss'),
        ({"metric": "mse"}, "metric is mse, which needs values, but the predictions are probabilities"),
        ({"budget": 0.5}, "the budget of cost is 0.5, but must be at least 1, the cheapest model's"),
        ({"budget": float("nan")}, "the budget of cost is nan, but must be a number"),
        ({"budget": {"usd": 1.0}}, 'budget names "usd", which cost does not have'),
        ({"parallel": ["usd"]}, 'parallel names "usd", which cost does not have'),
        ({"parallel": 3.5}, "parallel is 3.5, but must be True, False or names of costs"),
        ({"cost": {}}, "cost is {}, but must name at least one"),
        ({"cost": {"a": np.ones(6), "b": np.ones(6)}, "budget": 2.0}, "budget is one number, but cost has 2 names"),
        ({"cost": {"usd": np.ones(5)}}, "usd has 5 entries, but there are 6 models"),
        ({"sample_weight": np.zeros(300)}, "sample_weight sums to 0, but must have a positive, finite sum"),
        ({"sample_weight": np.ones(7)}, "sample_weight has 7 entries, but there are 300 samples"),
        ({"sample_weight": -np.ones(300)}, r"sample_weight\[0\] is -1, but must be finite and not negative"),
        ({"bags": 2, "bag_fraction": 2.0}, "bag_fraction is 2, but must be above 0 and at most 1"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    probs, labels = library()
    given: dict[str, Any] = {"cost": np.arange(1.0, 7.0)} | arguments
    with pytest.raises(ValueError, match=message):
        qr.select(qr.Predictions(probs, labels), **given)


def test_a_tier_averages_probabilities_only() -> None:
    probs, labels = library()
    predictions = qr.Predictions(probs, labels)
    vote = qr.Ensemble([0, 1], [0.5, 0.5], combine="vote")
    with pytest.raises(ValueError, match="the ensemble's combine is vote, but must be mean: tiers average probabilities"):
        qr.evaluate(vote, predictions, np.ones(6))
