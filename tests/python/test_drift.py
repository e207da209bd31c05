import json
import math

import numpy as np
import pytest

import quorate as qr


def votes(confidence, seed=0):
    """Two models that always answer 0, with these confidences [2, samples]."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(confidence.shape[1]) < 0.2).astype(np.int32)
    return qr.Predictions.from_votes(np.zeros(confidence.shape, np.int32), labels, confidence=confidence.astype(np.float32))


def cascade(threshold=0.5):
    return qr.Cascade([qr.Tier([0], threshold=threshold, cost=1.0), qr.Tier([1], cost=10.0)], cost=6.0, worst_cost=11.0)


def uniform(samples, seed, power=1.0):
    return np.random.default_rng(seed).random((2, samples)) ** power


def seen(confidence, threshold=0.5):
    """The tier that answers each sample and its certainty, as the engine says them."""
    stops = confidence[0].astype(np.float32) >= threshold
    return np.where(stops, 0, 1), np.where(stops, confidence[0], confidence[1])


def test_alarm_after_a_change_and_not_before():
    monitor = qr.DriftMonitor(cascade(), votes(uniform(2000, 0)), delta=0.01, seed=1)
    monitor.observe(*seen(uniform(20_000, 1)))
    assert not monitor.alarm and monitor.at is None and monitor.drifted == ""
    assert monitor.evidence < math.log(100) and monitor.cascade() == cascade()
    monitor.observe(*seen(uniform(2000, 2, power=1.5)))
    assert monitor.alarm and 20_000 < monitor.at < 21_000 and monitor.evidence >= math.log(100)
    assert monitor.samples == 22_000 and "alarm at" in repr(monitor)
    assert [part.what for part in monitor.parts] == ["exits", "certainty of tier 0", "certainty of tier 1"]
    assert monitor.drifted in [part.what for part in monitor.parts]
    np.testing.assert_allclose(monitor.expected_share, [0.5, 0.5], atol=0.05)
    safe = monitor.cascade()
    assert safe.tiers[0].threshold > 1 and safe.cost == safe.worst_cost == 11.0 and "fall-back" in safe.found_by


def test_one_at_a_time_and_in_pieces_with_restarts(tmp_path):
    calib, (tier, certainty) = votes(uniform(300, 0)), seen(uniform(1500, 3, power=1.2))
    whole = qr.DriftMonitor(cascade(), calib, seed=5)
    whole.observe(tier, certainty)
    single = qr.DriftMonitor(cascade(), calib, seed=5)
    for k, c in zip(tier, certainty, strict=True):
        single.observe(int(k), float(c))
    pieces = qr.DriftMonitor(cascade(), calib, seed=5, threads=2)
    for part in np.array_split(np.arange(1500), 7):
        pieces.observe(tier[part], certainty[part])
        pieces.save(tmp_path / "monitor.json")
        pieces = qr.DriftMonitor.load(tmp_path / "monitor.json")
    assert whole.to_json() == single.to_json() == pieces.to_json()


def test_false_alarms_over_many_streams():
    """A small version of scripts/campaigns/drift.py."""
    alarms = 0
    for seed in range(200):
        monitor = qr.DriftMonitor(cascade(), votes(uniform(100, seed)), delta=0.1, seed=seed)
        monitor.observe(*seen(uniform(2000, 10_000 + seed)))
        alarms += monitor.alarm
    assert alarms <= 20


def test_bad_input_is_named():
    calib = votes(uniform(100, 0))
    for delta in (0.0, 1.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=r"delta is .*, but must be above 0 and below 1"):
            qr.DriftMonitor(cascade(), calib, delta=delta)
    with pytest.raises(ValueError, match="but must be from 0 to 1"):
        qr.DriftMonitor(qr.Cascade([qr.Tier([7])]), calib)
    monitor = qr.DriftMonitor(cascade(), calib)
    with pytest.raises(ValueError, match="tier is 2, but must be from 0 to 1"):
        monitor.observe(2, 0.5)
    with pytest.raises(ValueError, match=r"certainty is 1\.5, but must be from 0 to 1"):
        monitor.observe(0, 1.5)
    with pytest.raises(ValueError, match="certainty is nan"):
        monitor.observe(0, float("nan"))
    with pytest.raises(ValueError, match=r"tier\[1\] is -1, but must be from 0 to 1"):
        monitor.observe(np.array([0, -1]), np.array([0.9, 0.9]))
    with pytest.raises(ValueError, match="certainty has 1 values, but must have 2"):
        monitor.observe(np.array([0, 1]), np.array([0.9]))
    with pytest.raises(ValueError, match="must be of integers"):
        monitor.observe(np.array([0.5, 1.0]), np.array([0.9, 0.9]))
    assert monitor.samples == 0


def test_an_edited_file_is_refused():
    monitor = qr.DriftMonitor(cascade(), votes(uniform(100, 0)))
    monitor.observe(*seen(uniform(50, 1)))
    document = json.loads(monitor.to_json())
    for field, value, message in [
        ("delta", 0.0, "delta is 0.0, but must be above 0"),
        ("at", 3, "at is 3, but must be null"),
        ("observed_exits", [1, 2], r"observed_certainty\[0\] is"),
        ("observed_exits", [50, 50], "counts of .* samples in all"),
        ("placing", [0.5, 0.6], "shares that sum to 1"),
        ("seed", "1.5", "an integer of 64 bits"),
        ("parts", [], "an array of 3"),
    ]:
        with pytest.raises(qr.FileError, match=message):
            qr.DriftMonitor.from_json(json.dumps(document | {field: value}))
