"""The page's drawings from plain values, and what the page promises: it is whole by itself."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import quorate as qr
from quorate.report import numbers, svg, values
from quorate.report.axes import scale_around
from quorate.report.cascade import cascade_chart
from quorate.report.fronts import front_chart
from quorate.report.gantt import gantt, memory_chart
from quorate.report.page import page
from quorate.report.rungs import rung_chart

SEARCH = values.Search(
    [
        values.Trial(0, "completed", {1: 2.0, 3: 1.0, 9: 0.5}),
        values.Trial(1, "paused", {1: 2.2}),
        values.Trial(2, "failed", {1: float("nan")}),
    ],
    [1, 3, 9],
)
FRONTS = values.Fronts(
    singles=[values.Point(1e-6, 0.1, "small"), values.Point(1e-4, 0.02, "large"), values.Point(2e-6, 0.9, "broken")],
    ensembles=[values.Point(1e-6, 0.1), values.Point(1.1e-4, 0.015)],
    cascades=[values.Point(2e-5, 0.018)],
    chosen=[values.Point(1e-4, 0.02, "best single model"), values.Point(1.1e-4, 0.015, "best <ensemble>")],
    cost_key="latency_s",
)
CASCADE = values.CascadeView(
    [
        values.TierView(["small"], "confidence", 0.93, 1.0, 0.75),
        values.TierView(["large", "wide"], "confidence", 0.0, 0.25, 0.25),
    ],
    "calib",
    "in words",
)
SHARED = [values.Instance("small", 32, 0.25, 1000), values.Instance("large", 8, 0.5, 9000)]
PLAN = values.PlanView(
    [
        values.DeviceView("cpu:0", "cpu-1core", 1_000_000, SHARED),
        values.DeviceView("cpu:1", "cpu-1core", 1_000_000, [values.Instance("large", 32, 1.0, 12000)]),
    ],
    1000.0,
    1100.0,
)
RUN = values.Run(
    "a & b", SEARCH, FRONTS, CASCADE, PLAN, values.Table(["committee", "accuracy"], [["best", "98 %"]], ["a note"])
)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3.2e-5, "s", "32 µs"),
        (0.0015, "s", "1.5 ms"),
        (2.0, "s", "2 s"),
        (5e-12, "s", "0.005 ns"),
        (0.0, "s", "0 s"),
        (123456.0, "", "123 k"),
        (999.99999, "B", "1 kB"),
        (2.5e9, "B", "2.5 GB"),
        (7.0, "images/s", "7 images/s"),
        (float("inf"), "s", "inf s"),
    ],
)
def test_quantities_read_well(value: float, unit: str, text: str) -> None:
    assert numbers.quantity(value, unit) == text


def test_a_costs_unit_stands_in_its_name() -> None:
    assert [numbers.unit_of(key) for key in ("latency_s", "memory_bytes", "flops", "price_usd", "points")] == [
        "s",
        "B",
        "FLOP",
        "USD",
        "",
    ]


def test_ticks_are_round_and_inside() -> None:
    assert numbers.linear_ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert numbers.linear_ticks(0.013, 0.087, 4) == [0.02, 0.04, 0.06, 0.08]
    assert numbers.linear_ticks(3.0, 3.0) == [3.0]
    assert numbers.log_ticks(0.9, 60) == pytest.approx([1, 2, 5, 10, 20, 50])
    assert numbers.log_ticks(1e-6, 1e2) == pytest.approx([10.0**power for power in range(-6, 3)])


def test_a_scale_holds_its_values_even_if_they_are_equal() -> None:
    for log in (False, True):
        for given in ([1e-6, 1e-3], [5.0], [5.0, 5.0]):
            scale = scale_around(given, 100, 200, log)
            assert all(100 < scale(value) < 200 for value in given)


def test_labels_are_kept_apart_and_inside() -> None:
    placed = svg.apart([50, 52, 48, 99], 10, 0, 100)
    ordered = sorted(placed)
    assert all(b - a >= 10 - 1e-9 for a, b in itertools.pairwise(ordered)) and 0 <= ordered[0] <= ordered[-1] <= 100
    assert sorted(range(4), key=lambda index: placed[index]) == [2, 0, 1, 3]
    assert (
        svg.fitted("abcdefghij", 6.4 * 5) == "abcd…"
        and svg.fitted("abcdefghij", 10) == ""
        and svg.fitted("abc", 100) == "abc"
    )


def shapes(drawing: str, tag: str, cls: str) -> list[ElementTree.Element]:
    return [shape for shape in ElementTree.fromstring(drawing).iter(tag) if shape.get("class") == cls]


def test_the_rung_chart_counts_who_reached_each_rung() -> None:
    drawing = rung_chart(SEARCH)
    texts = ["".join(text.itertext()) for text in ElementTree.fromstring(drawing).iter("text")]
    assert [text for text in texts if "trial" in text and "resource" not in text] == ["2 trials", "1 trial", "1 trial"]
    assert len(shapes(drawing, "polyline", "curve best")) == 1 and len(shapes(drawing, "polyline", "curve part")) == 1
    assert rung_chart(values.Search([values.Trial(0, "failed", {})], [1])) == ""


def test_the_front_chart_leaves_out_hopeless_models_and_says_so() -> None:
    drawing = front_chart(FRONTS)
    assert "1 models above 30 % not shown" in drawing and "broken" not in drawing
    assert len(shapes(drawing, "circle", "ring")) == 2
    assert "best &lt;ensemble&gt;" in drawing
    alone = values.Fronts([values.Point(2e-6, 0.9, "only")], [], [], [], "latency_s")
    assert "only" in front_chart(alone)
    assert front_chart(values.Fronts([values.Point(0.0, 0.9)], [], [], [], "latency_s")) == ""


def test_the_cascade_chart_draws_reach_and_answers_to_scale() -> None:
    drawing = cascade_chart(CASCADE)
    reach = [float(bar.get("width", "0")) for bar in shapes(drawing, "rect", "bar passes")][1:]  # the first is the legend's
    answered = [float(bar.get("width", "0")) for bar in shapes(drawing, "rect", "bar stops")][1:]
    assert reach[1] / reach[0] == pytest.approx(0.25) and answered[0] / reach[0] == pytest.approx(0.75)
    assert "stops at confidence ≥ 0.93" in drawing and "always answers" in drawing


def test_the_gantt_draws_shares_to_scale_and_one_colour_a_model() -> None:
    bars = shapes(gantt(PLAN), "rect", "bar hue1")  # large: second model named, on both devices
    assert len(bars) == 2
    widths = [float(bar.get("width", "0")) for bar in bars]
    assert widths[0] / widths[1] == pytest.approx(0.5, abs=0.01)
    assert "batch 8" in gantt(PLAN) and "12 kB" in memory_chart(PLAN)


def test_the_page_is_whole_by_itself_and_escapes_what_it_is_told() -> None:
    document = page(RUN)
    assert not re.search(r"(src|href)\s*=|@import|url\(|<script|<link", document)
    assert "a &amp; b" in document and "<title>a & b" not in document
    assert "prefers-color-scheme: dark" in document
    body = document[document.index("<main>") : document.index("</main>") + len("</main>")]
    ElementTree.fromstring(body)  # well-formed
    for heading in ("Result", "Error against cost", "Cascade", "Plan", "Memory", "Search"):
        assert f"<h2>{heading}</h2>" in document


def test_the_page_leaves_out_what_has_not_run_and_says_what_is_infeasible() -> None:
    assert "<h2>Search</h2>" in page(values.Run("x", search=SEARCH)) and "<h2>Plan</h2>" not in page(
        values.Run("x", search=SEARCH)
    )
    document = page(values.Run("x", plan=values.PlanView([], 0.0, 0.0, "cpu:0 is 12 bytes short for large")))
    assert "No plan fits: cpu:0 is 12 bytes short for large" in document


def test_a_missing_folder_and_an_empty_one_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(qr.FileError, match="nowhere: no such folder"):
        qr.report(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds nothing to report on"):
        qr.report(tmp_path)
    assert not list(tmp_path.iterdir())
