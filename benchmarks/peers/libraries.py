"""Libraries of models to select from: probabilities or votes, labels, and what each model costs.

The real ones lie outside the repository; each folder says in its README where it came from. Probabilities are scaled to sum
to 1 in float32, as AutoGluon does inside, so that all sides see the same.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import quorate as qr

DEFAULT_DATA = Path(__file__).parents[2].parent / "shared" / "data"


@dataclass(frozen=True)
class Library:
    name: str
    scores: NDArray[Any]  # probabilities [models, samples, classes] float32, or votes [models, samples] int32
    labels: NDArray[np.int64]
    costs: dict[str, NDArray[np.float64]]  # of one sample, by name, [models]; the first is the one that is meant by default
    models: tuple[str, ...]

    @property
    def cost(self) -> NDArray[np.float64]:
        return next(iter(self.costs.values()))

    @property
    def predictions(self) -> qr.Predictions:
        if self.scores.ndim == 2:
            return qr.Predictions.from_votes(self.scores, self.labels, names=list(self.models))
        return qr.Predictions(self.scores, self.labels, names=list(self.models))

    def only(self, models: NDArray[np.int64], name: str) -> Library:
        """These models, in that order."""
        costs = {key: of[models] for key, of in self.costs.items()}
        return replace(
            self, name=name, scores=self.scores[models], costs=costs, models=tuple(self.models[m] for m in models)
        )

    def on(self, samples: NDArray[np.int64]) -> Library:
        return replace(self, scores=np.ascontiguousarray(self.scores[:, samples]), labels=self.labels[samples])


def halves(library: Library, seed: int) -> tuple[Library, Library]:
    """To select on and to report on: disjoint, by a seed."""
    order = np.random.default_rng(seed).permutation(len(library.labels))
    middle = len(order) // 2
    return library.on(np.sort(order[:middle])), library.on(np.sort(order[middle:]))


def sums_of_one(probs: NDArray[Any]) -> NDArray[np.float32]:
    exact = probs.astype(np.float64)
    return (exact / exact.sum(-1, keepdims=True)).astype(np.float32)


def cnn_pool(data: Path) -> Library:
    """10 convolutional networks. Latency is per image at batch 32 on one thread."""
    folder = data / "cifar10_cnn_pool"
    told = json.loads((folder / "models.json").read_text())
    with np.load(folder / "probs.npz") as arrays:
        return Library(
            "cifar10_cnn_pool",
            sums_of_one(arrays["probs"]),
            arrays["y"].astype(np.int64),
            {
                "latency_s": np.array([model["latency_s_per_sample_batch32"] for model in told]),
                "macs": np.array([float(model["macs"]) for model in told]),
            },
            tuple(model["name"] for model in told),
        )


def macs_of(name: str, features: int, classes: int = 10, trained_on: int = 40_000) -> float:
    """Of a scikit-learn model, after its name: multiplications with what it learnt, a tree's comparison counted as one (a
    depth that is not limited as log2 of the training images). What makes the features is not counted, nor is it in the
    latency."""
    kind, *words = name.split("_")
    if kind == "qda":
        return float(classes * features * (features + 1))
    if kind == "knn":
        return float(trained_on * features)
    if kind in ("rf", "et"):
        numbers = [int(word) for word in words if word.isdigit()]
        return numbers[0] * (numbers[1] if len(numbers) > 1 else math.log2(trained_on))
    layers = [features, *(int(width) for width in words[1].split("x"))] if kind == "mlp" else [features]
    return float(sum(a * b for a, b in zip(layers, [*layers[1:], classes], strict=True)))


def sklearn_pool(data: Path) -> Library:
    """25 scikit-learn models on the same images."""
    folder = data / "cifar10_25models_probs"
    told = json.loads((folder / "models.json").read_text())
    with np.load(folder / "probs.npz") as arrays:
        return Library(
            "cifar10_25models_probs",
            sums_of_one(arrays["probs"]),
            arrays["y"].astype(np.int64),
            {
                "latency_s": np.array([1e-6 * model["predict_us_per_sample"] for model in told]),
                "macs": np.array([macs_of(model["model"], model["n_features"]) for model in told]),
            },
            tuple(model["model"] for model in told),
        )


def both_pools(data: Path) -> Library:
    first, second = cnn_pool(data), sklearn_pool(data)
    assert (first.labels == second.labels).all()
    return Library(
        "both CIFAR-10 pools",
        np.concatenate([first.scores, second.scores]),
        first.labels,
        {name: np.concatenate([of, second.costs[name]]) for name, of in first.costs.items()},
        first.models + second.models,
    )


def digits(data: Path) -> Library:
    """5 models, of which nothing says what they cost: drawn."""
    with np.load(data / "digits_5models_probs" / "probs.npz") as arrays:
        probs, labels = arrays["probs"], arrays["y"].astype(np.int64)
    cost = np.exp(np.random.default_rng(0).uniform(0.0, 4.0, len(probs)))
    return Library(
        "digits_5models_probs", sums_of_one(probs), labels, {"drawn": cost}, tuple(str(m) for m in range(len(probs)))
    )


def published_votes(data: Path) -> Library:
    """Votes of 30 published image classifiers. Nothing says what they cost: one each."""
    with np.load(data / "cifar10_30models_votes" / "preds.npz") as arrays:
        votes, labels = arrays["pred"].astype(np.int32), arrays["y"].astype(np.int64)
        names = tuple(str(name) for name in arrays["models"])
    return Library("cifar10_30models_votes", votes, labels, {"models": np.ones(len(votes))}, names)


def drawn(models: int, samples: int, classes: int, seed: int) -> Library:
    """Generated: dearer models tend to be better, each is better at some classes than at others, and errors are shared in
    part. Costs range over two orders of magnitude."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, samples)
    cost = np.exp(rng.uniform(0.0, math.log(100.0), models))
    lead = 1.0 + 0.35 * np.log(cost) + rng.normal(0.0, 0.4, models)
    shared = rng.normal(size=(samples, classes))
    probs = np.empty((models, samples, classes), np.float32)
    for m in range(models):
        logits = 0.8 * shared + rng.normal(size=shared.shape)
        logits[np.arange(samples), labels] += lead[m] + rng.normal(0.0, 0.7, classes)[labels]
        probs[m] = np.exp(rng.uniform(0.6, 1.4) * logits)
    name = f"generated {models} x {samples:,} x {classes}, seed {seed}"
    return Library(name, sums_of_one(probs), labels, {"drawn": cost}, tuple(str(m) for m in range(models)))
