"""Cascade and placement chosen together: the binding; the loop itself is tested in C++."""

import numpy as np
import pytest

import quorate as qr

NAMES = ["small", "middle", "large"]
OPTIONS = dict(levels=3, max_rounds=4, max_depth=2, max_iterations=50, time_limit_s=60.0, threads=1)


def problem(samples=200, memory_bytes=10_000):
    rng = np.random.default_rng(0)
    difficulty = rng.normal(size=samples)
    sure = 1 / (1 + np.exp(difficulty - np.array([[0.5], [1.2], [2.0]]) + 0.5 * rng.normal(size=(3, samples))))
    wrong = (rng.random((3, samples)) > sure).astype(np.int32)
    predictions = qr.Predictions.from_votes(
        wrong, np.zeros(samples, np.int32), confidence=sure.astype(np.float32), names=NAMES
    )
    latency = np.array([[[1.0, 4.0], [2.0, 8.0], [4.0, 20.0]], [[1.5, 6.0], [9.0, 60.0], [40.0, 300.0]]]) * 1e-3
    # The profile holds a model that nobody asks, first.
    latency = np.concatenate([latency[:, :1], latency], axis=1)
    profile = qr.Profile(["other", *NAMES], [1, 8], ["gpu", "cpu"], latency, np.full((2, 4, 2), 1000))
    devices = [
        qr.Device("gpu:0", kind="gpu", memory_bytes=memory_bytes, usd_per_hour=2.0),
        qr.Device("cpu:0", kind="cpu", memory_bytes=memory_bytes, usd_per_hour=0.25),
    ]
    return predictions, profile, devices


def test_pairs_fit_together():
    predictions, profile, devices = problem()
    found = qr.co_plan(predictions, profile, devices, **OPTIONS)
    assert len(found.front) > 1 and len(found.in_turn) == 3 and found.why == ""
    for point in found.front:
        report = qr.evaluate(point.cascade, predictions, np.ones(3), draws=0, compare=False)
        assert point.loss == report.loss and (point.demand == report.demand).all()
        assert point.plan.models == profile.models and point.plan.demand.tolist() == [0, *report.demand]
        assert point.throughput == point.plan.throughput and point.usd_per_million > 0
    losses, speeds = [p.loss for p in found.front], [p.throughput for p in found.front]
    assert losses == sorted(losses, reverse=True) and speeds == sorted(speeds, reverse=True)
    for point in found.in_turn:
        assert found.best(point.loss).throughput >= point.throughput
    assert found.best(-1.0) is None and found.best(1.0) == found.front[0]
    assert f"CoPlan of {len(found.front)} pairs" in repr(found) and "usd_per_million" in repr(found.front[0])
    assert qr.co_plan(predictions, profile, devices, **OPTIONS).front == found.front


def test_one_loss_and_own_costs():
    predictions, profile, devices = problem()
    found = qr.co_plan(predictions, profile, devices, 0.3, cost=[1.0, 2.0, 4.0], **OPTIONS)
    assert len(found.in_turn) == 1 and found.in_turn[0].loss <= 0.3 and found.best(0.3) is not None


def test_money():
    predictions, profile, devices = problem()
    cheap = qr.co_plan(predictions, profile, devices, objective="money", rate=10.0, **OPTIONS)
    dear = qr.co_plan(predictions, profile, devices, objective="money", rate=1500.0, **OPTIONS)
    for found, rate in ((cheap, 10.0), (dear, 1500.0)):
        costs = [point.usd_per_hour for point in found.front]
        assert costs and costs == sorted(costs)
        assert all(point.throughput >= rate and point.usd_per_hour == point.plan.usd_per_hour for point in found.front)
        for point in found.in_turn:
            assert found.best(point.loss).usd_per_hour <= point.usd_per_hour
    assert cheap.front[0].usd_per_hour == 0.25 and dear.front[0].usd_per_hour >= 2.0
    none = qr.co_plan(predictions, profile, devices, objective="money", rate=1e9, **OPTIONS)
    assert none.front == [] and "rate is 1e+09 samples/s" in none.why


def test_what_fits_nowhere_is_an_answer():
    found = qr.co_plan(*problem(memory_bytes=1), **OPTIONS)
    assert found.front == [] and "short" in found.why and found.why in repr(found)


@pytest.mark.parametrize(
    "arguments, what",
    [
        (dict(levels=0), "levels is 0"),
        (dict(max_rounds=0), "max_rounds is 0"),
        (dict(max_loss=-1.0), "max_loss is -1, but the least that a cascade has is"),
        (dict(cost=[1.0]), "cost"),
        (dict(signal="guess"), "guess"),
        (dict(objective="speed"), 'objective is "speed", but must be "throughput" or "money"'),
        (dict(objective="money"), "rate is 0"),
        (dict(time_limit_s=-1.0), "time_limit_s is -1"),
        (dict(devices=[]), "devices is empty"),
    ],
)
def test_bad_arguments_are_named(arguments, what):
    predictions, profile, devices = problem()
    given = dict(predictions=predictions, profile=profile, devices=devices) | OPTIONS | arguments
    with pytest.raises(ValueError, match=what):
        qr.co_plan(**given)


def test_models_must_be_in_the_profile():
    predictions, _, devices = problem()
    other = qr.Profile(["x"], [1], ["gpu"], [[[1.0]]], [[[1]]])
    with pytest.raises(ValueError, match='the profile has no model "small", but the predictions do; it has x'):
        qr.co_plan(predictions, other, devices[:1])
