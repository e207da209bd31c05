"""`quorate select`: its options, what it says of held-out data, and the report that is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

pytest.importorskip("click")
pytest.importorskip("rich")
from click.testing import CliRunner

from quorate.cli.app import quorate

MODELS = 5


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with a library of probabilities, from cheap and bad to dear and good."""
    rng = np.random.default_rng(0)
    library = qr.ModelLibrary(tmp_path / "run" / "library")
    predictions: list[dict[str, np.ndarray]] = [{} for _ in range(MODELS)]
    for split in ("valid", "calib"):
        labels = rng.integers(0, 3, 200)
        library.set_labels(split, labels)
        for m in range(MODELS):
            logits = rng.normal(size=(200, 3))
            logits[np.arange(200), labels] += 0.5 + 0.4 * m
            probs = np.exp(logits)
            predictions[m][split] = (probs / probs.sum(-1, keepdims=True)).astype(np.float32)
    for m in range(MODELS):
        cost = {"latency_s": 1e-6 * 2**m, "memory_bytes": 1e6 * (MODELS - m)}
        library.add(f"m{m}", predictions=predictions[m], cost=cost)
    return tmp_path / "run"


def succeeds(*arguments: object) -> dict:
    result = CliRunner().invoke(quorate, [str(argument) for argument in (*arguments, "--json")])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def fails(*arguments: object) -> str:
    result = CliRunner().invoke(quorate, [str(argument) for argument in arguments])
    assert result.exit_code == 1 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.output
    return result.stderr


def test_held_out_figures_stand_beside_the_optimistic_ones(run: Path) -> None:
    found = succeeds("select", run, "--held-out", "calib", "--draws", 200, "--seed", 3)
    library, front = qr.ModelLibrary(run / "library"), qr.EnsembleFront.load(run / "front.json")
    seen = qr.FrontEvaluation.load(run / "front_evaluation.json")
    assert seen == qr.evaluate_front(front, library.predictions("calib"), library.cost("latency_s"), draws=200, seed=3)
    assert [point["held_out"]["loss"] for point in found["front"]] == list(seen.loss)
    assert seen.as_good is not None
    assert found["as_good"] == {"point": seen.as_good.point, "cost_ratio": seen.as_good.cost_ratio}
    assert found["front"][0]["held_out"]["best_single_at_cost"]["model"] == found["front"][0]["members"][0]

    table = CliRunner().invoke(quorate, ["select", str(run), "--held-out", "calib", "--draws", "50"])
    assert table.exit_code == 0 and "on calib" in table.stdout and "optimistic" in table.stdout

    document = Path(succeeds("report", run)["file"]).read_text()
    assert "<h2>Ensembles</h2>" in document and "calib, which nothing was selected on" in document
    assert ("<h2>Diversity</h2>" in document) == (len(front[-1].members) > 1)


def test_a_report_leaves_out_figures_of_another_front(run: Path) -> None:
    succeeds("select", run, "--held-out", "calib", "--draws", 50)
    succeeds("select", run, "--max-size", 1)
    document = Path(succeeds("report", run)["file"]).read_text()
    assert "<h2>Ensembles</h2>" in document and "which nothing was selected on" not in document


def test_several_costs_and_budgets(run: Path) -> None:
    found = succeeds(
        "select", run, "--cost", "latency_s", "--cost", "memory_bytes", "--parallel", "latency_s",
        "--budget", "memory_bytes=7e6", "--max-cost", "5e-6", "--held-out", "calib", "--draws", 20,
    )  # fmt: skip
    assert found["costs"] == ["latency_s", "memory_bytes"]
    assert all(point["costs"]["memory_bytes"] <= 7e6 for point in found["front"])
    assert all(point["cost"] == point["costs"]["latency_s"] for point in found["front"])
    assert sum(point["within_max_cost"] for point in found["front"]) == 1
    assert qr.EnsembleFront.load(run / "front.json")[0].costs.keys() == {"latency_s", "memory_bytes"}


def test_options_reach_the_search(run: Path) -> None:
    for options in (
        ["--metric", "balanced_accuracy"],
        ["--metric", "macro_f1", "--combine", "vote"],
        ["--combine", "logits", "--sorted-start", 2, "--patience", 1, "--bags", 2, "--bag-fraction", 0.8, "--seed", 1],
        ["--without-replacement", "--no-swaps", "--caps", 0, "--parallel", "latency_s", "--budget", 2e-5],
    ):
        assert succeeds("select", run, *options)["front"]
    assert "must be one of mean, logits, vote" in fails("select", run, "--combine", "median")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--held-out", "valid"], "--held-out is 'valid', but must be another split than --split"),
        (["--held-out", "calib", "--draws", 0], "draws is 0, but must be at least 1"),
        (["--held-out", "calib", "--level", 1], "level is 1, but must be above 0 and below 1"),
        (["--cost", "latency_s", "--cost", "latency_s"], "must name each cost once"),
        (["--parallel", "flops"], "--parallel is 'flops', but must name a --cost: latency_s"),
        (["--budget", "flops=1"], "--budget is 'flops=1', but must name a --cost: latency_s"),
        (["--budget", "cheap"], "--budget is 'cheap', but must be a number"),
        (["--max-cost", "1", "--max-cost", "latency_s=2"], "--max-cost is given twice for latency_s"),
        (["--max-cost", "1e-9"], "max_cost is 1e-09, but must be at least 1e-06"),
    ],
)
def test_bad_options_are_named_and_write_nothing(run: Path, options: list[object], text: str) -> None:
    assert text in fails("select", run, *options)
    assert not (run / "front.json").exists()
