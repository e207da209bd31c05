"""What evaluate says of a cascade: figures against NumPy's, intervals, comparison, bytes, entry, and what is refused."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import quorate as qr
from quorate.report.cascade_view import class_table, comparison_table, equal_accuracy_words, figure_words

CLASSES, SAMPLES = 4, 900
COST = np.array([1.0, 3.0, 20.0])


def made_up(seed: int = 0) -> qr.Predictions:
    """Three models of rising accuracy; the cheap ones know when they are right."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, SAMPLES)
    probs = np.empty((3, SAMPLES, CLASSES), np.float32)
    for m, skill in enumerate((1.0, 2.0, 4.0)):
        logits = rng.normal(size=(SAMPLES, CLASSES)) + skill * np.eye(CLASSES)[labels]
        e = np.exp(skill * logits)
        probs[m] = e / e.sum(-1, keepdims=True)
    return qr.Predictions(probs, labels)


TEST = made_up()
CASCADE = qr.Cascade([qr.Tier([0], threshold=0.9), qr.Tier([1], threshold=0.8), qr.Tier([2])])


def ends(values: np.ndarray[Any, Any], level: float = 0.95) -> tuple[float, float]:
    """The normal approximation of a mean's interval."""
    assert level == 0.95
    error = 1.96 * values.std() / np.sqrt(len(values))
    return values.mean() - error, values.mean() + error


def near(estimate: qr.Estimate, values: np.ndarray[Any, Any]) -> None:
    low, high = ends(values)
    assert estimate.value == pytest.approx(values.mean(), abs=1e-12)
    assert estimate.low == pytest.approx(low, abs=0.15 * (high - low) + 1e-12)
    assert estimate.high == pytest.approx(high, abs=0.15 * (high - low) + 1e-12)


def test_figures_are_those_of_numpy_and_intervals_those_of_large_samples() -> None:
    usd = np.array([0.0, 1.0, 9.0])
    report = qr.evaluate(CASCADE, TEST, COST, costs={"usd": usd}, bytes_to_tier=[0, 0, 512])
    wrong = (report.answers != TEST.labels).astype(float)
    cost = np.cumsum(COST)[report.tier]
    assert report.loss == pytest.approx(wrong.mean()) and report.loss_low < report.loss < report.loss_high
    assert (report.level, report.draws, report.seed) == (0.95, 2000, 0)
    low, high = ends(cost)
    assert report.mean_cost == pytest.approx(cost.mean())
    assert report.mean_cost_low == pytest.approx(low, abs=0.1) and report.mean_cost_high == pytest.approx(high, abs=0.1)
    near(report.costs["usd"].mean, np.cumsum(usd)[report.tier])
    assert report.costs["usd"].worst == 10.0 and report.worst_cost == 24.0
    near(report.bytes_per_sample, 512.0 * (report.tier == 2))
    assert report.bytes_to_last == 512 and report.bytes_ratio == pytest.approx((report.tier == 2).mean())
    assert [row.model for row in report.comparison] == [0, 1, 2, None]
    for m, row in enumerate(report.comparison[:3]):
        its = (TEST.probs[m].argmax(-1) != TEST.labels).astype(float)
        assert (row.name, row.loss, row.mean_cost) == (str(m), pytest.approx(its.mean()), COST[m])
        near(row.loss_difference, wrong - its)
        near(row.cost_ratio, cost / COST[m])
        assert row.cheaper == (row.cost_ratio.high < 1) and row.better == (row.loss_difference.high < 0)
        assert set(row.cost_ratios) == {"usd"}
    assert report.comparison[0].verdict == "better, dearer" and report.comparison[2].cheaper
    assert report.comparison[0].cost_ratios["usd"].value == np.inf
    whole = report.comparison[3]
    assert whole.name == "mean of all" and whole.mean_cost == 24.0
    assert whole.loss == pytest.approx((TEST.probs.astype(float).mean(0).argmax(-1) != TEST.labels).mean())


def test_each_class_has_its_figures() -> None:
    report = qr.evaluate(CASCADE, TEST, COST)
    cost = np.cumsum(COST)[report.tier]
    for c, one in enumerate(report.per_class):
        of = TEST.labels == c
        assert one.samples == of.sum() and one.answered == (report.answers == c).sum()
        assert one.accuracy == pytest.approx((report.answers[of] == c).mean())
        assert one.accuracy_low < one.accuracy < one.accuracy_high
        assert one.mean_cost == pytest.approx(cost[of].mean())
        assert one.tier_share == pytest.approx(np.bincount(report.tier[of], minlength=3) / of.sum())


def test_costs_of_each_sample_are_paired() -> None:
    each = COST[:, None] * np.random.default_rng(1).uniform(0.5, 1.5, (3, SAMPLES))
    report = qr.evaluate(CASCADE, TEST, each)
    own = np.cumsum(each, axis=0)[report.tier, np.arange(SAMPLES)]
    low, high = ends(own)
    assert report.mean_cost == pytest.approx(own.mean()) and report.worst_cost == pytest.approx(each.sum(0).max())
    assert report.mean_cost_low == pytest.approx(low, rel=0.02) and report.mean_cost_high == pytest.approx(high, rel=0.02)
    assert report.comparison[2].cost_ratio.value == pytest.approx(own.mean() / each[2].mean())
    same = np.broadcast_to(COST[:, None], (3, SAMPLES))
    assert qr.evaluate(CASCADE, TEST, same, draws=0, compare=False).mean_cost == pytest.approx(
        qr.evaluate(CASCADE, TEST, COST, draws=0, compare=False).mean_cost
    )


def test_entry_skips_tiers() -> None:
    entry = np.random.default_rng(0).integers(0, 3, SAMPLES)
    report = qr.evaluate(CASCADE, TEST, COST, entry=entry)
    assert (report.tier >= entry).all() and report.reach[0] == pytest.approx((entry == 0).mean())
    plain = qr.evaluate(CASCADE, TEST, COST)
    assert (report.answers[entry == 0] == plain.answers[entry == 0]).all()
    assert (report.answers[entry == 2] == TEST.probs[2].argmax(-1)[entry == 2]).all()


def test_threads_and_what_else_is_measured_change_nothing() -> None:
    one, three = (qr.evaluate(CASCADE, TEST, COST, threads=n, seed=4) for n in (1, 3))
    assert one == three and one.to_json() == three.to_json()
    other = qr.evaluate(CASCADE, TEST, COST, seed=4, costs={"usd": COST}, bytes_to_tier=[0, 1, 1])
    assert [r.loss_difference for r in other.comparison] == [r.loss_difference for r in one.comparison]
    assert other.mean_cost_low == one.mean_cost_low and other.costs["usd"].mean.low == one.mean_cost_low
    assert qr.evaluate(CASCADE, TEST, COST, seed=5).mean_cost_low != one.mean_cost_low
    narrow = qr.evaluate(CASCADE, TEST, COST, level=0.5)
    assert narrow.accuracy_low > one.accuracy_low and narrow.mean_cost_low > one.mean_cost_low
    bare = qr.evaluate(CASCADE, TEST, COST, draws=0, compare=False)
    assert bare.comparison == [] and bare.mean_cost_low == bare.mean_cost == bare.mean_cost_high


def test_equal_accuracy() -> None:
    report = qr.evaluate(CASCADE, TEST, COST)
    row = report.at_equal_accuracy()
    affordable = [r for r in report.comparison[:3] if r.loss <= report.loss]
    assert row == (min(affordable, key=lambda r: r.mean_cost) if affordable else None)
    near_enough = report.at_equal_accuracy(within_interval=True)
    assert near_enough is not None and not near_enough.better
    assert "cost" in equal_accuracy_words(report)
    with pytest.raises(ValueError, match="the report has no comparison: evaluate with compare"):
        qr.evaluate(CASCADE, TEST, COST, compare=False).at_equal_accuracy()


def test_reports_print_and_survive_files_new_and_old(tmp_path: Path) -> None:
    report = qr.evaluate(CASCADE, TEST, COST, costs={"usd": [0.0, 0.0, 1.0]}, bytes_to_tier=[0, 0, 9])
    report.save(tmp_path / "report.json")
    assert qr.CascadeReport.load(tmp_path / "report.json") == report
    assert len(repr(report).splitlines()) == 1 and len(str(report).splitlines()) == 2 + 4
    assert "CascadeComparison(name=" in repr(report.comparison[0]) and "ClassReport(" in repr(report.per_class[0])
    assert float(report.comparison[0].cost_ratio) == report.comparison[0].cost_ratio.value
    old = json.loads(report.to_json())
    for name in ("level", "draws", "seed", "mean_cost_low", "mean_cost_high", "costs", "bytes_per_sample", "bytes_to_last",
                 "per_class", "comparison"):  # fmt: skip
        del old[name]
    read = qr.CascadeReport.from_json(json.dumps(old))
    assert read.mean_cost == report.mean_cost == read.mean_cost_low and read.comparison == []


def test_tables_say_what_the_report_does() -> None:
    report = qr.evaluate(CASCADE, TEST, COST, costs={"usd": COST}, bytes_to_tier=[0, 0, 3072])
    table = comparison_table(report, "latency_s")
    assert [row[0] for row in table.rows] == ["0", "1", "2", "mean of all"] and len(table.columns) == 6
    classes = class_table(report, "latency_s")
    assert classes is not None and len(classes.rows) == CLASSES and classes.columns[-1] == "tier 3"
    words = " ".join(figure_words(report, "latency_s", "test"))
    assert "3.07 kB" not in words and "what sending every sample to the last tier takes" in words and "usd: mean" in words
    votes = qr.Predictions.from_votes([[0, 0]], [0, 0])
    assert class_table(qr.evaluate(qr.Ensemble([0], [1.0]), votes, [1.0]), "flops") is None


@pytest.mark.parametrize(
    "options, text",
    [
        ({"draws": -1}, "draws is -1, but must be at least 0"),
        ({"level": 0.0}, "level is 0, but must be above 0 and below 1"),
        ({"bytes_to_tier": [1.0]}, "bytes_to_tier has 1 entries, but the cascade has 3 tiers"),
        ({"bytes_to_tier": [0, 1, -1]}, r"bytes_to_tier\[2\] is -1, but must be finite and at least 0"),
        ({"entry": [0]}, "entry has 1 entries, but there are 900 samples"),
        ({"entry": np.full(SAMPLES, 3)}, r"entry\[0\] is 3, but must be a tier, from 0 to 2"),
        ({"entry": np.zeros(SAMPLES)}, "entry has type float64, but must be of integers"),
        ({"costs": {"usd": [1.0]}}, r'costs\["usd"\] has 1 entries, but there are 3 models'),
        ({"costs": {"usd": np.ones((3, 2))}}, r'costs\["usd"\] has shape \[3, 2\], but there are 3 models and 900 samples'),
        ({"costs": {"usd": [1, 2, np.nan]}}, r'costs\["usd"\]\[2\] is nan, but must be finite'),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        qr.evaluate(CASCADE, TEST, COST, **options)


@pytest.mark.parametrize(
    "cost, text",
    [
        (np.ones((3, 1)), r"cost has shape \[3, 1\], but there are 3 models and 900 samples"),
        (-np.ones((3, SAMPLES)), r"cost\[0, 0\] is -1, but must be finite and at least 0"),
        ([1.0, 2.0], "cost has 2 entries, but there are 3 models"),
        ("cheap", "cost is 'cheap', but must be an array of numbers"),
    ],
)
def test_bad_costs(cost: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        qr.evaluate(CASCADE, TEST, cost)


def test_a_front_of_cascades_is_drawn_as_found_and_as_measured(tmp_path: Path) -> None:
    front = qr.find_cascades(made_up(1), COST, max_depth=2)
    alone = ElementTree.fromstring(qr.plot_cascades(front))
    dots = [shape.get("class") for shape in alone.iter("{http://www.w3.org/2000/svg}circle")]
    assert dots.count("dot found") == len(front) + 1 and "dot cascade" not in dots  # one is the legend's
    reports = [qr.evaluate(cascade, TEST, COST) for cascade in front]
    drawing = qr.plot_cascades(front, reports, tmp_path / "front.svg", cost="latency_s", names=["a", "b", "c"])
    assert (tmp_path / "front.svg").read_text() == drawing
    shapes = list(ElementTree.fromstring(drawing).iter("{http://www.w3.org/2000/svg}circle"))
    dots = [shape.get("class") for shape in shapes]
    assert dots.count("dot cascade") == len(front) + 1 and dots.count("ring") == 2 and "logarithmic" in drawing
    assert "a ≥" in drawing and "mean of all" in drawing
    with pytest.raises(ValueError, match=f"reports has 1 entries, but the front has {len(front)} cascades"):
        qr.plot_cascades(front, reports[:1])
    with pytest.raises(ValueError, match="front has no cascades, but must have at least one"):
        qr.plot_cascades(qr.CascadeFront())
