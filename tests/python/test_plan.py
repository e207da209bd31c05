"""The plan module's binding: shapes, types, errors, documents; the planner itself is tested in C++."""

import math

import numpy as np
import pytest

import quorate as qr

BATCHES = [1, 8, 32]


def toy_profile(models=5, **changes):
    """Models 1..n times as slow as the first, 1 GB each, on one kind."""
    latency = np.array([[[m * (1 + 0.1 * n) * 1e-3 for n in BATCHES] for m in range(1, models + 1)]])
    arguments = dict(
        models=[f"m{i}" for i in range(models)],
        batch_sizes=BATCHES,
        kinds=["toy"],
        latency_s=latency,
        memory_bytes=np.full((1, models, 3), 1e9),
    )
    return qr.Profile(**(arguments | changes))


def toys(n=2, memory_bytes=4_000_000_000):
    return [qr.Device(f"toy:{i}", kind="toy", memory_bytes=memory_bytes) for i in range(n)]


def test_profile_keeps_arrays_in_their_shape():
    profile = toy_profile()
    assert profile.models == ["m0", "m1", "m2", "m3", "m4"] and profile.batch_sizes == BATCHES and profile.kinds == ["toy"]
    assert profile.latency_s.shape == profile.memory_bytes.shape == (1, 5, 3)
    assert profile.latency_s.dtype == np.float64 and profile.memory_bytes.dtype == np.int64
    assert profile.latency_s[0, 2, 1] == pytest.approx(3 * 1.8e-3)
    assert "m4" in repr(profile) and "batch 32" in repr(profile)


def test_profile_takes_any_numbers():
    integers = toy_profile(latency_s=np.ones((1, 5, 3), np.int32), memory_bytes=np.ones((1, 5, 3), np.uint8))
    assert (integers.latency_s == 1.0).all() and (integers.memory_bytes == 1).all()
    lists = toy_profile(1, latency_s=[[[1, 2, math.inf]]], memory_bytes=[[[1, 1.5, 3]]], batch_sizes=np.array([1, 2, 3]))
    assert lists.memory_bytes.tolist() == [[[1, 2, 3]]] and lists.latency_s[0, 0, 2] == math.inf
    assert "does not run" in repr(lists)
    assert lists.weights_bytes is None
    weighed = toy_profile(1, weights_bytes=[[1e8 + 0.5]])
    assert weighed.weights_bytes.tolist() == [[100_000_001]] and qr.Profile.from_json(weighed.to_json()) == weighed
    exact = 2**62 + 1
    assert toy_profile(1, memory_bytes=np.full((1, 1, 3), exact)).memory_bytes[0, 0, 0] == exact


@pytest.mark.parametrize(
    "changes, what",
    [
        (dict(latency_s=np.ones((5, 3))), r"latency_s has shape \[5, 3\], but must be \[kinds, models, batches\]"),
        (dict(latency_s=np.ones((1, 4, 3))), r"latency_s has shape \[1, 4, 3\], but must be \[1, 5, 3\]"),
        (dict(memory_bytes=np.ones((1, 5, 2))), r"memory_bytes has shape \[1, 5, 2\], but must be \[1, 5, 3\]"),
        (dict(latency_s=np.full((1, 5, 3), np.nan)), 'latency_s of model "m0" .* is nan, but must be above 0'),
        (dict(latency_s=np.full((1, 5, 3), -1.0)), "is -1, but must be above 0"),
        (dict(latency_s=np.full((1, 5, 3), np.inf)), 'latency_s of model "m0" is infinity everywhere'),
        (dict(latency_s="fast"), "latency_s is 'fast', but must be an array of numbers"),
        (dict(memory_bytes=np.full((1, 5, 3), np.inf)), "memory_bytes holds inf, but must be finite"),
        (dict(memory_bytes=np.full((1, 5, 3), -2)), "is -2, but must be at least 0"),
        (dict(weights_bytes=[1, 2]), r"weights_bytes has shape \[2\], but must be \[kinds, models\]"),
        (dict(weights_bytes=np.ones((1, 4))), r"weights_bytes has shape \[1, 4\], but must be \[1, 5\]: kinds, models"),
        (dict(weights_bytes=np.full((1, 5), 2e9)), 'weights_bytes of model "m0" on kind "toy" is 2000000000'),
        (dict(batch_sizes=[1, 8, 8]), r"batch_sizes\[2\] is 8, but must be above 8"),
        (dict(batch_sizes=[0.5, 1, 2]), "batch_sizes has type float64, but must be of integers"),
        (dict(batch_sizes=[[1, 8, 32]]), r"batch_sizes has shape \[1, 3\], but must be \[batches\]"),
        (
            dict(kinds=["toy", "toy"], latency_s=np.ones((2, 5, 3)), memory_bytes=np.ones((2, 5, 3))),
            'kinds holds "toy" twice',
        ),
    ],
)
def test_profile_names_what_is_wrong(changes, what):
    with pytest.raises(ValueError, match=what):
        toy_profile(**changes)


def test_plan_has_shapes_and_adds_up():
    profile = toy_profile()
    plan = qr.plan(profile, toys())
    assert plan.feasible and plan.why == "" and plan.models == profile.models and plan.devices == toys()
    assert plan.batch.shape == plan.share.shape == (2, 5) and plan.batch.dtype == np.int32
    assert plan.price.shape == plan.demand.shape == (5,) and plan.price @ plan.demand == pytest.approx(1)
    assert ((plan.batch > 0) == (plan.share > 0)).all() and (plan.share.sum(1) <= 1 + 1e-9).all()
    rate = (plan.share * 32 / profile.latency_s[0, :, 2]).sum(0)
    assert (plan.batch[plan.batch > 0] == 32).all() and plan.throughput == pytest.approx(rate.min())
    assert plan.throughput <= plan.bound and plan.gap == pytest.approx(1 - plan.throughput / plan.bound)
    # All of both devices' time, at the largest batch, is the best there can be here.
    assert plan.throughput == pytest.approx(2 / (profile.latency_s[0, :, 2] / 32).sum())
    assert "toy:1" in repr(plan) and "m4" in repr(plan)
    assert plan == qr.plan(profile, toys(), seed=0, objective="throughput", max_iterations=1000, time_limit_s=60)


def test_demand_scales_the_plan():
    profile = toy_profile()
    half = qr.plan(profile, toys(), demand=np.full(5, 0.5, np.float32))
    assert half.throughput == pytest.approx(2 * qr.plan(profile, toys()).throughput)
    some = qr.plan(profile, toys(), demand=[1, 0, 0.25, 0, 0])
    assert (some.batch.max(0) > 0).tolist() == [True, False, True, False, False]


def test_batches_that_take_turns_share_their_workspace():
    profile = toy_profile(3, weights_bytes=np.full((1, 3), 8e8))
    assert qr.plan(profile, toys(1, 2_600_000_000)).feasible
    assert not qr.plan(profile, toys(1, 2_600_000_000), workspace="sum").feasible


def test_infeasible_is_an_answer():
    plan = qr.plan(toy_profile(), toys(1, 2_000_000_000))
    assert not plan.feasible and plan.throughput == 0 and not plan.batch.any() and plan.gap == 0
    assert 'model "m' in plan.why and 'device "toy:0"' in plan.why and "1000000000 short" in plan.why
    assert plan.why in repr(plan)
    assert not qr.plan(toy_profile(), toys(1, 0)).feasible


@pytest.mark.parametrize(
    "arguments, what",
    [
        (dict(devices=[]), "devices is empty"),
        (dict(devices=toys(1) + toys(1)), 'devices holds "toy:0" twice'),
        (
            dict(devices=[qr.Device("x", kind="tpu", memory_bytes=1)]),
            'kind of device "x" is "tpu", but must be one of .*: toy',
        ),
        (dict(objective="speed"), 'objective is "speed", but must be one of: throughput, money, devices, latency'),
        (dict(algorithm="magic"), 'algorithm is "magic", but must be one of: search, worst-fit, batch, greedy'),
        (dict(rate=1.0), "rate is 1, but must be 0 where the objective is throughput"),
        (dict(pinned=[("m9", "toy:0")]), 'pinned names model "m9"'),
        (dict(pinned=[("m0", "toy:0")], forbidden=[("m0", "toy:0")]), "pinned and forbidden"),
        (dict(max_latency_s=math.nan), "max_latency_s is nan"),
        (dict(workspace="none"), 'workspace is "none", but must be one of: largest, sum'),
        (dict(demand=[1, 1]), "demand has 2 entries, but must have 5"),
        (dict(demand=np.ones((5, 1))), r"demand has shape \[5, 1\], but must be one-dimensional"),
        (dict(demand=[1, 1, 1, 1, 1.5]), 'demand of model "m4" is 1.5, but must be from 0 to 1'),
        (dict(demand=[1, 1, 1, 1, math.nan]), 'demand of model "m4" is nan'),
        (dict(demand=[0] * 5), "demand is 0 for every model"),
        (dict(time_limit_s=-1), "time_limit_s is -1"),
        (dict(max_iterations=-1), "max_iterations is -1"),
    ],
)
def test_plan_names_what_is_wrong(arguments, what):
    with pytest.raises(ValueError, match=what):
        qr.plan(**(dict(profile=toy_profile(), devices=toys()) | arguments))


def test_documents_come_back_unchanged(tmp_path):
    profile = toy_profile()
    plan = qr.plan(profile, toys(), demand=[1, 0.5, 0.25, 0, 1])
    assert qr.Profile.from_json(profile.to_json()) == profile and qr.Plan.from_json(plan.to_json()) == plan
    profile.save(tmp_path / "profile.json")
    plan.save(tmp_path / "plan.json")
    assert qr.Profile.load(tmp_path / "profile.json") == profile and qr.Plan.load(tmp_path / "plan.json") == plan
    with pytest.raises(qr.FileError, match=r"none\.json"):
        qr.Plan.load(tmp_path / "none.json")
    with pytest.raises(qr.FileError, match=r"plan\.json: format is"):
        qr.Profile.load(tmp_path / "plan.json")
    with pytest.raises(qr.FileError, match="half: is not valid JSON"):
        qr.Plan.from_json(plan.to_json()[:100], name="half")


def test_fewest_devices_and_least_money():
    profile = toy_profile()
    devices = [qr.Device(f"toy:{i}", kind="toy", memory_bytes=5_000_000_000, usd_per_hour=1.0 + i) for i in range(4)]
    all_of_it = qr.plan(profile, devices).throughput
    fewest = qr.plan(profile, devices, objective="devices", rate=0.4 * all_of_it)
    assert fewest.devices_in_use == 2 and 1 < fewest.least_cost <= 2 and fewest.throughput >= 0.4 * all_of_it
    cheapest = qr.plan(profile, devices, objective="money", rate=0.4 * all_of_it)
    assert cheapest.usd_per_hour == 3 and (cheapest.batch[2:] == 0).all()
    assert "rate is" in qr.plan(profile, devices, objective="money", rate=2 * all_of_it).why


def test_least_latency_at_a_rate():
    profile = toy_profile()
    most = qr.plan(profile, toys())
    quick = qr.plan(profile, toys(), objective="latency", rate=0.5 * most.throughput)
    assert quick.feasible and quick.throughput >= 0.5 * most.throughput and quick.p99_latency_s > 0
    assert most.p99_latency_s == 0
    assert "rate is" in qr.plan(profile, toys(), objective="latency", rate=2 * most.throughput).why


def test_pins_limits_and_baselines():
    profile = toy_profile(2)
    pinned = qr.plan(profile, toys(), pinned=[("m0", "toy:1")], forbidden=[("m1", "toy:1")])
    assert pinned.batch[1].tolist() == [32, 0]
    quick = qr.plan(profile, toys(), max_latency_s=2.5e-3)
    assert quick.batch.max() == 8 and quick.batch[:, 1].max() == 1
    assert qr.plan(profile, toys(), algorithm="worst-fit").found_by == "worst-fit"
    assert qr.plan(profile, toys(), algorithm="greedy").throughput <= qr.plan(profile, toys()).bound


def test_replanning_lists_its_changes():
    profile = toy_profile(3)
    running = qr.plan(profile, toys(3, 2_000_000_000))
    left = toys(2, 2_000_000_000)
    result = qr.replan(running, profile, left, least_gain=math.inf)
    assert result.plan.feasible and (result.plan.batch.max(0) > 0).all()
    assert all(change.device_bytes_after <= 2_000_000_000 for change in result.changes)
    assert all(repr(change) in repr(result) for change in result.changes)
    assert {change.kind for change in result.changes} <= {"load", "unload", "resize"}
    assert qr.device_bytes(result.plan, profile).tolist() == [int(1e9) * n for n in (result.plan.batch > 0).sum(1)]
    assert qr.replan(running, profile, toys(3, 2_000_000_000), least_gain=math.inf).changes == []
    with pytest.raises(ValueError, match="least_gain is -1"):
        qr.replan(running, profile, left, least_gain=-1)


def test_simulation_of_a_saturated_stream_meets_the_plan():
    profile = toy_profile()
    plan = qr.plan(profile, toys())
    result = qr.simulate(plan, profile, np.zeros(20_000))
    assert result.throughput == pytest.approx(plan.throughput, rel=0.02)
    assert (
        result.latency_s.shape == (20_000,) and result.utilisation.shape == (2,) and (result.utilisation <= 1 + 1e-9).all()
    )
    assert result.max_latency_s == result.latency_s.max() == result.makespan_s
    assert result.mean_latency_s == pytest.approx(result.latency_s.mean())
    assert result.p50_latency_s == np.quantile(result.latency_s, 0.5, method="inverted_cdf")
    assert result.p99_latency_s == np.quantile(result.latency_s, 0.99, method="inverted_cdf")
    assert len(result.max_queue) == 5 and max(result.max_queue) <= 20_000
    assert result == qr.simulate(plan, profile, np.zeros(20_000)) and "20000 samples" in repr(result)
    assert result != qr.simulate(plan, profile, np.zeros(20_000), demand=np.full(5, 0.5))


@pytest.mark.parametrize(
    "arguments, what",
    [
        (dict(arrivals_s=[]), "arrivals_s is empty"),
        (dict(arrivals_s=[1.0, 0.5]), r"arrivals_s\[1\] is 0.5, but must be at least 1"),
        (dict(arrivals_s=[math.inf]), r"arrivals_s\[0\] is inf, but must be finite"),
        (dict(demand=[1, 1]), "demand has 2 entries, but must have 5"),
        (
            dict(profile=toy_profile(4)),
            "plan is for models m0, m1, m2, m3, m4, but must be for the profile's: m0, m1, m2, m3",
        ),
        (dict(plan=qr.plan(toy_profile(), toys(1, 0))), "plan is infeasible"),
    ],
)
def test_simulate_names_what_is_wrong(arguments, what):
    good = dict(plan=qr.plan(toy_profile(), toys()), profile=toy_profile(), arrivals_s=[0.0])
    with pytest.raises(ValueError, match=what):
        qr.simulate(**(good | arguments))
