"""Drawings of a plan: a simulated stretch, planned shares, memory."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import quorate as qr

SVG = "{http://www.w3.org/2000/svg}"


def planned(memory_bytes=4_000_000_000):
    latency = np.array([[[m * (1 + 0.1 * n) * 1e-3 for n in (1, 8)] for m in (1, 4)]])
    profile = qr.Profile(["quick", "slow"], [1, 8], ["toy"], latency, np.full((1, 2, 2), 1e9))
    devices = [qr.Device(f"toy:{i}", kind="toy", memory_bytes=memory_bytes) for i in range(2)]
    return profile, qr.plan(profile, devices, demand=[1.0, 0.3])


def texts(drawing):
    return [element.text for element in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def test_a_plan_is_drawn_in_motion_and_at_rest(tmp_path):
    profile, plan = planned()
    drawing = qr.plot_plan(plan, profile, tmp_path / "plan.svg")
    assert (tmp_path / "plan.svg").read_text() == drawing
    said = texts(drawing)
    assert said.count("toy:0") == said.count("toy:1") == 3
    assert "one second of each device, divided by the planned shares" in said
    assert any("of a simulated stream" in text and "90 % of what is planned" in text for text in said)
    root = ElementTree.fromstring(drawing)
    assert float(root.get("height")) == pytest.approx(float(root.get("viewBox").split()[3]))
    assert qr.plot_plan(plan, profile) == drawing


def test_the_stretch_shows_the_batches_of_the_simulation():
    profile, plan = planned()
    arrivals = np.arange(20) * 1e-3
    drawing = qr.plot_plan(plan, profile, arrivals_s=arrivals, tiers=[["quick"], ["slow"]], tier=[0, 1] * 10, span_s=0.01)
    titles = [element.text for element in ElementTree.fromstring(drawing).iter(f"{SVG}title")]
    record = qr.simulate(plan, profile, arrivals, tiers=[[0], [1]], tier=[0, 1] * 10, record_s=0.01).record
    assert len(record) > 3 and sum(" samples, " in title for title in titles) == len(record)


def test_what_cannot_be_drawn_is_said():
    profile, plan = planned(memory_bytes=1)
    with pytest.raises(ValueError, match="plan is infeasible"):
        qr.plot_plan(plan, profile)
    profile, plan = planned()
    with pytest.raises(ValueError, match="arrivals_s is empty"):
        qr.plot_plan(plan, profile, arrivals_s=[])
    with pytest.raises(qr.FileError):
        qr.plot_plan(plan, profile, "/nowhere/plan.svg")
