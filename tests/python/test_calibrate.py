"""What calibrate() promises, and a small version of scripts/campaigns/promise.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import quorate as qr

Array = NDArray[Any]


def draw(samples: int, seed: int) -> tuple[Array, Array]:
    """Three models of two classes: two state how sure they are, the last is right nine times out of ten."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, samples)
    probs = np.empty((3, samples, 2), np.float32)
    for model, least in enumerate((0.5, 0.65)):
        sure = rng.uniform(least, 1, samples)
        says = np.where(rng.uniform(size=samples) < sure, labels, 1 - labels)
        probs[model, np.arange(samples), says] = sure
        probs[model, np.arange(samples), 1 - says] = 1 - sure
    probs[2] = np.eye(2)[np.where(rng.uniform(size=samples) < 0.9, labels, 1 - labels)]
    return probs, labels


def predictions(samples: int, seed: int) -> qr.Predictions:
    return qr.Predictions(*draw(samples, seed))


def cascade(depth: int) -> qr.Cascade:
    tiers = [qr.Tier([0], threshold=0.9, cost=1.0), qr.Tier([1], threshold=0.9, cost=3.0), qr.Tier([2], cost=20.0)]
    return qr.Cascade([tiers[0], tiers[2]] if depth == 2 else tiers)


class Truth:
    """The population is a finite one, so that what a cascade does on it is known."""

    def __init__(self, depth: int, samples: int = 6000) -> None:
        self.population = predictions(samples, 99)
        self.cost = [1.0, 3.0, 20.0]
        self.reference = qr.evaluate(qr.Cascade([qr.Tier([2])]), self.population, self.cost).loss
        self.cascade = cascade(depth)

    def increase_and_cost(self, taken: qr.Cascade) -> tuple[float, float]:
        report = qr.evaluate(taken, self.population, self.cost)
        return report.loss - self.reference, report.mean_cost

    def oracle(self, epsilon: float) -> float:
        tiers, best = self.cascade.tiers, np.inf
        for shift in np.arange(8, -8, -0.05):
            moved = [
                qr.Tier(t.members, threshold=float(1 / (1 + np.exp(-(np.log(t.threshold / (1 - t.threshold)) + shift)))))
                for t in tiers[:-1]
            ]
            increase, cost = self.increase_and_cost(qr.Cascade([*moved, tiers[-1]]))
            if increase <= epsilon:
                best = min(best, cost)
        return float(best)


# 300 draws, each broken with probability 0.1 at most: 49 or more with probability 5e-4, and the seeds are fixed.
@pytest.mark.parametrize("depth", [2, 3])
def test_promise_is_kept_where_plug_in_thresholds_break_it(depth: int) -> None:
    truth, epsilon, trials = Truth(depth), 0.02, 300
    rng, broken, spent = np.random.default_rng(0), dict.fromkeys(("exact", "plug_in"), 0), 0.0
    for _ in range(trials):
        calib = truth.population.take(rng.integers(0, truth.population.samples, 2000))
        for rule in broken:
            taken = qr.calibrate(truth.cascade, calib, epsilon, 0.1, rule=rule)
            assert taken.certificate is not None and taken.certificate.holds == (rule == "exact")
            increase, cost = truth.increase_and_cost(taken)
            broken[rule] += increase > epsilon
            spent += cost / trials if rule == "exact" else 0.0
    assert broken["exact"] < 49
    assert broken["plug_in"] > trials / 4
    assert spent < 1.25 * truth.oracle(epsilon)


def test_betting_keeps_it_too_and_the_plain_rule_promises_nothing() -> None:
    truth, epsilon, trials = Truth(2), 0.02, 100
    rng, broken = np.random.default_rng(1), 0
    for trial in range(trials):
        calib = truth.population.take(rng.integers(0, truth.population.samples, 2000))
        taken = qr.calibrate(truth.cascade, calib, epsilon, 0.1, seed=trial, rule="betting")
        broken += truth.increase_and_cost(taken)[0] > epsilon
    assert broken < 21
    plain = qr.calibrate(truth.cascade, truth.population, epsilon, rule="plain").certificate
    assert plain is not None and not plain.holds and plain.samples == 100 and "guarantees nothing" in plain.method


def test_an_error_rate_is_promised_instead() -> None:
    calib = predictions(3000, 1)
    taken = qr.calibrate(cascade(2), calib, max_loss=0.12, delta=0.1)
    certificate = taken.certificate
    assert certificate is not None and certificate.holds and certificate.max_loss == 0.12
    assert certificate.measured == taken.loss < certificate.bound <= 0.12 and "max_loss=0.12" in repr(certificate)
    assert certificate.max_loss_increase == 0 and "binomial" in certificate.method
    below = qr.calibrate(cascade(2), calib, max_loss=0.05).certificate
    assert below is not None and not below.holds and below.samples_needed == 0 and below.reference_loss > 0.05
    with pytest.raises(ValueError, match=r"max_loss_increase is 0\.01 and max_loss is 0\.1, but only one"):
        qr.calibrate(cascade(2), calib, max_loss_increase=0.01, max_loss=0.1)


def test_the_cheapest_of_several_is_paid_for() -> None:
    calib = predictions(6000, 2)
    alone = qr.Cascade([qr.Tier([2], cost=20.0)])
    taken = qr.calibrate([cascade(2), cascade(3), alone], calib, 0.02)
    assert taken.certificate is not None and taken.certificate.holds and taken.certificate.candidates == 3
    assert taken.cost < 20 and "candidates=3" in repr(taken)
    front = qr.find_cascades(predictions(1500, 3), [1.0, 3.0, 20.0], max_depth=2)
    of_front = qr.calibrate(front, calib, 0.02)
    assert of_front.certificate is not None and of_front.certificate.holds
    assert of_front.certificate.candidates <= 3 and of_front.cost < front[-1].cost
    with pytest.raises(ValueError, match="candidates hold no cascade"):
        qr.calibrate([], calib)


def test_searching_on_the_same_samples_is_paid_for() -> None:
    calib = predictions(6000, 4)
    fresh, searched = (qr.calibrate(cascade(2), calib, 0.02, searched=n) for n in (1, 600))
    assert searched.certificate is not None and searched.certificate.candidates == 600
    assert searched.tiers[0].threshold > fresh.tiers[0].threshold
    with pytest.raises(ValueError, match="searched is 0, but must be at least 1"):
        qr.calibrate(cascade(2), calib, searched=0)


def test_certificates_survive_a_file_and_older_files_are_read(tmp_path: Path) -> None:
    taken = qr.calibrate(cascade(3), predictions(2000, 5), max_loss=0.2)
    taken.save(tmp_path / "cascade.json")
    assert qr.Cascade.load(tmp_path / "cascade.json") == taken
    assert json.loads(taken.to_json())["certificate"]["max_loss"] == 0.2
    document = json.loads(qr.calibrate(cascade(3), predictions(2000, 5), 0.2).to_json())
    assert document["certificate"]["max_loss"] is None and document["certificate"]["candidates"] == 1
    for later in ("max_loss", "candidates", "tiers_sha256"):
        del document["certificate"][later]
    older = qr.Cascade.from_json(json.dumps(document)).certificate
    assert older is not None and older.max_loss is None and older.candidates == 1


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"max_loss_increase": 0.0}, "max_loss_increase is 0, but must be above 0 and below 1"),
        ({"max_loss_increase": float("nan")}, "max_loss_increase is nan, but must be"),
        ({"max_loss": 1.0}, "max_loss is 1, but must be above 0 and below 1"),
        ({"delta": 1.0}, "delta is 1, but must be above 0 and below 1"),
        ({"rule": "grid"}, 'rule is "grid", but must be one of: exact, betting, plug_in, plain'),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        qr.calibrate(cascade(2), predictions(50, 0), **arguments)


def test_fewer_samples_than_thresholds() -> None:
    with pytest.raises(ValueError, match="predictions hold 1 samples, but must hold at least 2, one for each threshold"):
        qr.calibrate(cascade(3), predictions(1, 0))
