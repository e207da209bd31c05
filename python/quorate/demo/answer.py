"""The end of the chain: the engine answers the test images, which nothing before has seen."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..packages import package_of
from ..placing import tiers_of
from ..report.numbers import percent, quantity
from .data import Split

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from quorate import Cascade, Engine, Ensemble, ModelLibrary, Plan

TIMED_IMAGES = 4_096  # a call of predict() when the engine is timed
TIMED_S = 1.5
Z_95 = 1.959964


@dataclass(frozen=True)
class Row:
    committee: str
    models: int
    samples: int
    accuracy: float
    accuracy_low: float  # 95 % interval, Wilson's
    accuracy_high: float
    mean_cost_s: float  # of an image, from the members' costs and the tiers that were asked
    worst_cost_s: float
    images_per_s: float  # measured
    planned_per_s: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def wilson(successes: int, samples: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927)."""
    share, spread = successes / samples, Z_95**2 / samples
    middle = (share + spread / 2) / (1 + spread)
    half = Z_95 * math.sqrt(share * (1 - share) / samples + spread / (4 * samples)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def cost_to_tier(members: list[list[int]], cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """[tiers]: what a sample has cost when that tier has been asked; members run one after the other."""
    return np.cumsum([sum(float(cost[member]) for member in tier) for tier in members])


def images_per_s(engine: Engine, images: NDArray[np.float32]) -> float:
    """The median over calls of TIMED_IMAGES images, the given ones over and over, for about TIMED_S seconds."""
    many = np.resize(images, (TIMED_IMAGES, *images.shape[1:]))
    engine.predict(many[:1024])
    rates: list[float] = []
    end = time.perf_counter() + TIMED_S
    while len(rates) < 3 or time.perf_counter() < end:
        begin = time.perf_counter()
        engine.predict(many)
        rates.append(len(many) / (time.perf_counter() - begin))
    return statistics.median(rates)


def answer(name: str, library: ModelLibrary, committee: Ensemble | Cascade, plan: Plan, test: Split, cost_key: str) -> Row:
    """Runs the committee on the test images and times it. Where it answers and how long it takes are the engine's own."""
    import quorate as qr

    tiers = tiers_of(committee)
    to_tier = cost_to_tier(tiers, library.cost(cost_key))
    with qr.Engine(library, committee, plan) as engine:
        answered = engine.predict(test.images)
        rate = images_per_s(engine, test.images)
    samples = len(test.labels)
    right = int((np.asarray(answered.probs).argmax(-1) == test.labels).sum())
    low, high = wilson(right, samples)
    mean = float(to_tier[np.asarray(answered.tier)].mean())
    models = sum(len(tier) for tier in tiers)
    return Row(name, models, samples, right / samples, low, high, mean, float(to_tier[-1]), rate, plan.throughput)


COLUMNS = ["committee", "models", "accuracy", "95 % interval", "mean cost", "worst cost", "images/s", "planned"]


def cells(row: Row) -> list[str]:
    interval = f"{100 * row.accuracy_low:.1f} to {percent(row.accuracy_high)}"
    costs = [quantity(row.mean_cost_s, "s"), quantity(row.worst_cost_s, "s")]
    rates = [f"{row.images_per_s:,.0f}", f"{row.planned_per_s:,.0f}"]
    return [row.committee, str(row.models), percent(row.accuracy), interval, *costs, *rates]


def how_they_run(library: ModelLibrary, names: list[str], why_not: str) -> str:
    """The members' form in words; `why_not`: what kept them from being compiled, empty where nothing did."""
    compiled = sum(package_of(library, name) is not None for name in names)
    if compiled == len(names):
        return "with the members compiled by AOTInductor"
    some = f"with {compiled} of {len(names)} members compiled, the others" if compiled else "with the members"
    return f"{some} as TorchScript ({why_not})"


def notes(single: Row, ensemble: Row, cascade: Row, members: str) -> list[str]:
    """What was hoped for, and whether the data say so; `members`: as how_they_run() says."""
    more = 100 * (ensemble.accuracy - single.accuracy)
    less = 100 * (ensemble.accuracy - cascade.accuracy)
    share = cascade.mean_cost_s / ensemble.mean_cost_s
    first = "is at least as accurate as" if more >= 0 else "is LESS accurate than"
    kept = share <= 0.5 and less <= 1.0 + 1e-9
    return [
        f"The ensemble {first} the best single model: {more:+.1f} points on {ensemble.samples} test images.",
        f"The cascade costs {percent(share, 0)} of the ensemble's mean cost at {-less:+.1f} points of its accuracy: "
        + ("at most half within one point." if kept else "NOT at most half within one point."),
        "Cost, which the choices were made by: the members' latency as TorchScript when they were trained, on one core in "
        f"batches of 32, by image. images/s: the engine's, on all planned cores, {members}.",
    ]
