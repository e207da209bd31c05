"""Arrivals from traces, and simulations of cascades on them."""

import gzip
import math
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

TRACES = Path(__file__).parents[2].parent / "shared" / "data" / "arrival_traces"


def trace(path, moments, header="t_s,tokens"):
    path.write_text("\n".join([header, *(f"{moment},7" for moment in moments)]) + "\n")
    return path


def test_a_trace_is_read_and_scaled(tmp_path):
    path = trace(tmp_path / "t.csv", [5, 6, 6, 9])
    assert qr.arrivals_from(path).tolist() == [0, 1, 1, 4]
    assert qr.arrivals_from(path, rate=1.5).tolist() == [0, 0.5, 0.5, 2]  # 3 gaps in 2 s
    assert qr.arrivals_from(path, samples=2).tolist() == [0, 1]
    # It begins again one mean gap, 4/3 s, after its end.
    assert qr.arrivals_from(path, samples=6).tolist() == pytest.approx([0, 1, 1, 4, 16 / 3, 19 / 3])
    packed = tmp_path / "t.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert qr.arrivals_from(packed, column="t_s").tolist() == [0, 1, 1, 4]


@pytest.mark.parametrize("name", ["azure_llm_2023_conv", "mooncake_conversation"])
def test_recorded_traces_keep_their_bursts(name):
    path = TRACES / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    recorded, scaled = qr.arrivals_from(path), qr.arrivals_from(path, rate=500.0)
    assert (len(scaled) - 1) / scaled[-1] == pytest.approx(500.0)
    np.testing.assert_allclose(scaled / scaled[-1], recorded / recorded[-1])


def test_poisson_arrivals_come_from_the_seed():
    arrivals = qr.poisson_arrivals(100.0, 20_000, seed=3)
    assert arrivals[0] == 0 and (np.diff(arrivals) >= 0).all()
    assert len(arrivals) / arrivals[-1] == pytest.approx(100.0, rel=0.03)
    assert (arrivals == qr.poisson_arrivals(100.0, 20_000, seed=3)).all()
    assert (arrivals != qr.poisson_arrivals(100.0, 20_000, seed=4))[1:].all()


@pytest.mark.parametrize(
    "moments, arguments, error, what",
    [
        ([1, 2], dict(rate=0.0), ValueError, "rate is 0.0, but must be above 0"),
        ([1, 2], dict(rate=math.inf), ValueError, "rate is inf"),
        ([1, 2], dict(samples=1), ValueError, "samples is 1, but must be at least 2"),
        ([1, 2], dict(column="when"), qr.FileError, r"t\.csv: has no column 'when'; it has 't_s', 'tokens'"),
        ([1], {}, qr.FileError, "holds 1 arrivals, but must hold at least 2"),
        ([], {}, qr.FileError, "holds no row"),
        ([1, "x"], {}, qr.FileError, r"t\.csv:3: t_s is 'x', but must be a number of at least 1"),
        ([1, "nan"], {}, qr.FileError, "t_s is 'nan'"),
        ([2, 1], {}, qr.FileError, r"t\.csv:3: t_s is '1', but must be a number of at least 2"),
        ([1, 1, 2], dict(rate=1.0, samples=2), qr.FileError, "its first 2 arrivals are all at one moment"),
    ],
)
def test_bad_traces_are_named(tmp_path, moments, arguments, error, what):
    with pytest.raises(error, match=what):
        qr.arrivals_from(trace(tmp_path / "t.csv", moments), **arguments)
    with pytest.raises(qr.FileError, match=r"none\.csv: No such file"):
        qr.arrivals_from(tmp_path / "none.csv")
    (tmp_path / "bad.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(qr.FileError, match=r"bad\.csv\.gz: "):
        qr.arrivals_from(tmp_path / "bad.csv.gz")


def two_models():
    """Seconds of a batch of one: 1 and 4; each on a device of its own."""
    profile = qr.Profile(["quick", "slow"], [1], ["toy"], [[[1.0], [4.0]]], [[[1], [1]]])
    devices = [qr.Device(f"toy:{i}", kind="toy", memory_bytes=1) for i in range(2)]
    return profile, qr.plan(profile, devices, demand=[1.0, 0.25])


def test_cascades_are_simulated_tier_by_tier():
    profile, plan = two_models()
    arrivals = [0.0, 10.0, 20.0]
    for tiers in ([["quick"], ["slow"]], [[0], [1]]):
        found = qr.simulate(plan, profile, arrivals, tiers=tiers, tier=np.array([0, 1, 0]), record_s=15)
        assert found.latency_s.tolist() == [1.0, 5.0, 1.0] and found.asked == [3, 1]
        assert [batch[1:] for batch in found.record] == [(0, 1, 0.0, 1.0), (0, 1, 10.0, 11.0), (1, 1, 11.0, 15.0)]
    even = qr.simulate(plan, profile, np.arange(100.0) * 2, tiers=[["quick"], ["slow"]], reach=[1, 0.25])
    assert even.asked == [100, 25] and even.batches == 125 and even.max_outside == 0
    assert even.mean_queue.shape == (2,) and even.mean_queue[0] == 0
    assert qr.simulate(plan, profile, np.arange(100.0) * 2, tiers=[["quick"], ["slow"]]) == even


@pytest.mark.parametrize(
    "arguments, what",
    [
        (dict(tiers=[["huge"]]), 'tiers hold model "huge", but must hold the plan\'s: quick, slow'),
        (dict(tiers=[[0], [1]], tier=[-1]), "tier holds -1, but must hold numbers of tiers"),
        (dict(tiers=[[0], [1]], tier=[2]), r"tier\[0\] is 2, but must be below 2"),
        (dict(tiers=[[0], [1]], tier=[0.5]), "tier has type float64"),
        (dict(tier=[0]), "tier or reach is given without tiers"),
        (dict(tiers=[[0]], demand=[1, 1]), "demand is given with tiers"),
    ],
)
def test_bad_tiers_are_named(arguments, what):
    profile, plan = two_models()
    with pytest.raises(ValueError, match=what):
        qr.simulate(plan, profile, [0.0], **arguments)
