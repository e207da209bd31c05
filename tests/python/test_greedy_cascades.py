import numpy as np
import pytest

import quorate as qr


def pool(models=30, samples=800, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, samples)
    hardness = rng.normal(size=samples)
    skill = np.linspace(-0.5, 2.0, models)[:, None]
    sure = 1 / (1 + np.exp(-2 * (skill - hardness + 0.5 * rng.normal(size=(models, samples)))))
    right = rng.random((models, samples)) < sure
    votes = np.where(right, labels, (labels + 1) % 5).astype(np.int32)
    return qr.Predictions.from_votes(votes, labels, confidence=sure.astype(np.float32)), np.exp(skill[:, 0] * 1.5)


def test_front_is_what_evaluation_says_and_keeps_its_constraint():
    predictions, cost = pool()
    front = qr.greedy_cascades(predictions, cost)
    reference = min(qr.evaluate(qr.Cascade([qr.Tier([m])]), predictions, cost).loss for m in range(30))
    assert len(front) > 5
    for cascade in front:
        report = qr.evaluate(cascade, predictions, cost)
        assert report.loss == cascade.loss and report.mean_cost == pytest.approx(cascade.cost, rel=1e-12)
        assert cascade.found_by.startswith("greedy (Streeter 2018): at most ")
        allowed = float(cascade.found_by.split("at most ")[1].split(" above")[0])
        assert cascade.loss <= reference + allowed + 1e-9
        assert all(len(tier.members) == 1 for tier in cascade.tiers)


def test_limits_are_kept():
    predictions, cost = pool()
    assert all(len(c.tiers) <= 2 for c in qr.greedy_cascades(predictions, cost, max_depth=2))
    limit = float(cost.max()) * 1.1
    assert all(c.worst_cost <= limit for c in qr.greedy_cascades(predictions, cost, max_worst_cost=limit))
    one = qr.greedy_cascades(predictions, cost, reference=3, max_loss_increase=0.0, signal="margin")
    assert len(one) == 1 and "model 3" in one[0].found_by and one[0].tiers[0].signal == "margin"
    assert len(qr.greedy_cascades(predictions, cost, max_loss_increase=[0.0, 0.3])) == 2


def test_costs_of_each_sample():
    predictions, cost = pool(models=5, samples=50)
    each = cost[:5, None] * np.random.default_rng(1).uniform(0.5, 1.5, (5, 50))
    for cascade in qr.greedy_cascades(predictions, each):
        assert qr.evaluate(cascade, predictions, each).mean_cost == pytest.approx(cascade.cost, rel=1e-12)


def test_bad_input_is_named():
    predictions, cost = pool(models=3, samples=20)
    with pytest.raises(ValueError, match="reference is 3, but must be a model, from 0 to 2"):
        qr.greedy_cascades(predictions, cost, reference=3)
    with pytest.raises(ValueError, match=r"max_loss_increase\[1\] is nan, but must be from 0 to 1"):
        qr.greedy_cascades(predictions, cost, max_loss_increase=[0.0, float("nan")])
    with pytest.raises(ValueError, match="max_worst_cost is 0, but must be at least"):
        qr.greedy_cascades(predictions, cost, max_worst_cost=0)
    with pytest.raises(ValueError, match="max_depth is 65"):
        qr.greedy_cascades(predictions, cost, max_depth=65)
    with pytest.raises(ValueError, match="cost"):
        qr.greedy_cascades(predictions, cost[:2])
