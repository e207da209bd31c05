"""How often a calibrated cascade breaks its promise, and what it costs: promise.py shared/data --resamples 1000.

For each data set a cascade is found on one part of the samples; the rest is taken for the whole population. Calibration
samples are drawn from it with replacement, every rule sets the thresholds on the same draws, and each result is compared
with the truth: does its error rate on the population exceed the last tier's by more than epsilon, and what does it cost,
divided by the cost of the cheapest thresholds of the same path that keep epsilon there (the oracle). Prints a table in
Markdown.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

import quorate as qr

Floats = NDArray[np.float64]
RULES = ("exact", "betting", "plug_in", "plain")


@dataclass
class System:
    """A cascade over a population, with what each tier says of each sample: certainty and wrong [depth, samples]."""

    name: str
    cascade: qr.Cascade
    population: qr.Predictions
    certainty: Floats
    wrong: Floats

    @property
    def cost(self) -> list[float]:
        return [tier.cost for tier in self.cascade.tiers]

    def truth(self, thresholds: list[float]) -> tuple[float, float]:
        """Increase of the error rate over the last tier's, and mean cost."""
        stop = np.full(self.population.samples, len(self.cost) - 1)
        for k in reversed(range(len(thresholds))):
            stop[self.certainty[k] >= thresholds[k]] = k
        loss = self.wrong[stop, np.arange(len(stop))].mean() - self.wrong[-1].mean()
        reach = [np.mean(stop >= k) for k in range(len(self.cost))]
        return float(loss), float(np.dot(reach, self.cost))

    def oracle(self, epsilon: float) -> float:
        """The least cost on the path that keeps epsilon on the population."""
        best = self.truth([2.0] * (len(self.cost) - 1))[1]
        for thresholds in self.path():
            increase, cost = self.truth(thresholds)
            if increase <= epsilon and cost < best:
                best = cost
        return best

    def path(self) -> Iterator[list[float]]:
        if len(self.cost) == 2:
            values = np.unique(self.certainty[0])
            yield from ([float(v)] for v in values[:: max(1, len(values) // 4000)])
            return
        start = np.clip([t.threshold for t in self.cascade.tiers[:-1]], 1e-9, 1 - 1e-9)
        for shift in np.arange(20, -20, -0.01):
            yield [float(t) for t in 1 / (1 + np.exp(-(np.log(start / (1 - start)) + shift)))]

    def best_of_all(self, epsilon: float, steps: int = 120) -> float:
        """The same over a grid of quantiles of each threshold, whatever path: depth 3."""
        grids = [np.quantile(c, np.linspace(0, 1, steps)) for c in self.certainty[:-1]]
        best = np.inf
        for first in grids[0]:
            for second in grids[1]:
                increase, cost = self.truth([float(first), float(second)])
                if increase <= epsilon:
                    best = min(best, cost)
        return float(best)


def of_votes(name: str, costs: tuple[float, float], right: NDArray[np.bool_], sure: Floats) -> System:
    """Two models that are right (class 0) or wrong (class 1), with a certainty: both [2, samples]."""
    sure = sure.astype(np.float32)
    population = qr.Predictions.from_votes(np.where(right, 0, 1), np.zeros(right.shape[1], int), confidence=sure)
    cascade = qr.Cascade([qr.Tier([0], threshold=0.9, cost=costs[0]), qr.Tier([1], cost=costs[1])])
    return System(name, cascade, population, sure.astype(float), (~right).astype(float))


def systems(data: Path) -> Iterator[System]:
    rng = np.random.default_rng(0)
    with np.load(data / "imagenet_top1_confidence" / "preds.npz") as a:
        order = rng.permutation(len(a["y"]))
        right, sure = (a["pred"] == a["y"])[::-1], a["top1_prob"][::-1]
    rest = order[5000:]
    yield of_votes("imagenet_top1_confidence, depth 2", (1.0, 10.0), right[:, rest], sure[:, rest])

    with np.load(data / "llm_two_tier" / "gsm8k.npz") as a:
        right, chars = a["correct"], a["prompt_chars"].astype(float)
    short = 1 - (chars - chars.min()) / (np.ptp(chars) + 1)
    sure = np.array([short, np.ones_like(short)])
    yield of_votes("llm_two_tier, depth 2", (1.0, 20.0), right, sure)

    with np.load(data / "cifar10_25models_probs" / "probs.npz") as a:
        probs, labels = a["probs"].astype(np.float32), a["y"].astype(int)
    probs /= probs.sum(-1, keepdims=True)
    profile = {m["model"]: m for m in json.loads((data / "cifar10_25models_probs" / "models.json").read_text())}
    with np.load(data / "cifar10_25models_probs" / "probs.npz") as a:
        cost = np.array([profile[str(m)]["predict_us_per_sample"] for m in a["models"]])
    order = rng.permutation(len(labels))
    search, rest = order[:2500], order[2500:]
    front = qr.find_cascades(qr.Predictions(probs[:, search], labels[search]), cost, max_depth=3)
    loss = (probs[:, search].argmax(-1) != labels[search]).mean(1)
    for depth in (2, 3):
        points = [p for p in front if len(p.tiers) == depth and p.tiers[-1].members == [int(loss.argmin())]]
        best = min(point.loss for point in front)
        point = min((p for p in points), key=lambda p: (max(p.loss - best - 0.01, 0), p.cost))
        members = [t.members[0] for t in point.tiers]
        tiers = [qr.Tier([k], threshold=t.threshold, cost=t.cost) for k, t in enumerate(point.tiers)]
        scores = np.ascontiguousarray(probs[members][:, rest])
        wrong = (scores.argmax(-1) != labels[rest]).astype(float)
        name = f"cifar10_25models_probs, depth {depth}"
        population = qr.Predictions(scores, labels[rest])
        yield System(name, qr.Cascade(tiers), population, scores.max(-1).astype(float), wrong)


@dataclass
class Tally:
    trials: int = 0
    broken: int = 0
    nothing: int = 0
    cost: float = 0.0
    seconds: float = 0.0

    def add(self, broken: bool, nothing: bool, cost: float, seconds: float) -> None:
        self.trials += 1
        self.broken += broken
        self.nothing += nothing
        self.cost += cost
        self.seconds += seconds

    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's, 95 %."""
        low = beta.ppf(0.025, self.broken, self.trials - self.broken + 1) if self.broken else 0.0
        high = beta.ppf(0.975, self.broken + 1, self.trials - self.broken) if self.broken < self.trials else 1.0
        return float(low), float(high)


def run(
    system: System, samples: int, epsilon: float, delta: float, resamples: int, rules: tuple[str, ...], seed: int
) -> dict[str, Tally]:
    rng, tallies = np.random.default_rng(seed), {rule: Tally() for rule in rules}
    for trial in range(resamples):
        calib = system.population.take(rng.integers(0, system.population.samples, samples))
        for rule in rules:
            begin = time.perf_counter()
            result = qr.calibrate(system.cascade, calib, epsilon, delta, trial, rule=rule, threads=1)
            seconds = time.perf_counter() - begin
            thresholds = [t.threshold for t in result.tiers[:-1]]
            increase, cost = system.truth(thresholds)
            tallies[rule].add(increase > epsilon + 1e-12, min(thresholds) > 1, cost, seconds)
    return tallies


def samples_needed(system: System, epsilon: float, delta: float, samples: int, resamples: int, seed: int = 0) -> str:
    """What samples_needed says of thresholds that truly lose epsilon / 2, and how often that many certify them."""
    asked = max((t for t in system.path() if system.truth(t)[0] <= epsilon / 2), key=lambda t: -system.truth(t)[1])
    tiers = [
        qr.Tier(t.members, threshold=threshold, cost=t.cost)
        for t, threshold in zip(system.cascade.tiers[:-1], asked, strict=True)
    ]
    cascade = qr.Cascade([*tiers, system.cascade.tiers[-1]])
    rng = np.random.default_rng(seed)

    def calibrated(n: int) -> qr.Cascade:
        calib = system.population.take(rng.integers(0, system.population.samples, n))
        return qr.calibrate(cascade, calib, epsilon, delta)

    said = []
    for _ in range(resamples):
        taken = calibrated(samples)
        assert taken.certificate is not None
        if taken.tiers[0].threshold > asked[0]:
            said.append(taken.certificate.samples_needed)
    given = np.array([n for n in said if n > 0])
    if not len(given):
        return "certified at once"
    low, middle, high = (int(q) for q in np.quantile(given, [0.25, 0.5, 0.75]))
    reached = np.mean([calibrated(middle).tiers[0].threshold <= asked[0] for _ in range(resamples)])
    return f"{middle} [{low}, {high}], no number {100 * (1 - len(given) / len(said)):.0f} %; reached {100 * reached:.0f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder with the data sets")
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--samples", type=int, nargs="+", default=[300, 1000, 3000, 10000])
    parser.add_argument("--epsilon", type=float, nargs="+", default=[0.005, 0.01, 0.02])
    parser.add_argument("--delta", type=float, nargs="+", default=[0.05, 0.1])
    parser.add_argument("--rules", nargs="+", default=list(RULES))
    parser.add_argument("--only", default="", help="systems whose name holds this")
    parser.add_argument("--needed", action="store_true", help="check samples_needed instead")
    arguments = parser.parse_args()
    if arguments.needed:
        for system in systems(arguments.data):
            for samples in arguments.samples:
                said = samples_needed(system, arguments.epsilon[0], arguments.delta[0], samples, arguments.resamples)
                print(f"{system.name}, epsilon {arguments.epsilon[0]}, from {samples} samples: {said}", flush=True)
        return
    print("| system | epsilon | delta | samples | rule | broken % [95 %] | cost / oracle | no early stop % | ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for system in systems(arguments.data):
        if arguments.only not in system.name:
            continue
        for epsilon in arguments.epsilon:
            oracle = system.oracle(epsilon)
            always = system.truth([2.0] * (len(system.cost) - 1))[1]
            over = f", {oracle / system.best_of_all(epsilon):.3f} of the best off the path" if len(system.cost) == 3 else ""
            print(f"| {system.name} | {epsilon} | | | oracle | | 1 (never stopping: {always / oracle:.3f}{over}) | | |")
            for delta in arguments.delta:
                for samples in arguments.samples:
                    tallies = run(system, samples, epsilon, delta, arguments.resamples, tuple(arguments.rules), samples)
                    for rule, t in tallies.items():
                        low, high = (100 * end for end in t.interval())
                        print(
                            f"| {system.name} | {epsilon} | {delta} | {samples} | {rule} | {100 * t.broken / t.trials:.1f} "
                            f"[{low:.1f}, {high:.1f}] | {t.cost / t.trials / oracle:.3f} | "
                            f"{100 * t.nothing / t.trials:.0f} | {1000 * t.seconds / t.trials:.1f} |",
                            flush=True,
                        )


if __name__ == "__main__":
    main()
