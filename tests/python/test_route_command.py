"""`quorate route`: its options, what it says of held-out data, and the report that is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import quorate as qr

pytest.importorskip("click")
pytest.importorskip("rich")
from click.testing import CliRunner

from quorate.cli.app import quorate

MODELS = 4


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with a library of probabilities, from cheap and bad to dear and good, which know when they are right."""
    rng = np.random.default_rng(0)
    library = qr.ModelLibrary(tmp_path / "run" / "library")
    predictions: list[dict[str, np.ndarray[Any, Any]]] = [{} for _ in range(MODELS)]
    for split in ("valid", "calib", "test"):
        labels = rng.integers(0, 3, 600)
        library.set_labels(split, labels)
        for m in range(MODELS):
            logits = rng.normal(size=(600, 3)) + (1.0 + m) * np.eye(3)[labels]
            probs = np.exp((1.0 + m) * logits)
            predictions[m][split] = (probs / probs.sum(-1, keepdims=True)).astype(np.float32)
    for m in range(MODELS):
        library.add(f"m{m}", predictions=predictions[m], cost={"latency_s": 1e-6 * 4**m, "usd": 0.01 * m})
    return tmp_path / "run"


def succeeds(*arguments: object) -> Any:
    result = CliRunner().invoke(quorate, [str(argument) for argument in (*arguments, "--json")])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def fails(*arguments: object) -> str:
    result = CliRunner().invoke(quorate, [str(argument) for argument in arguments])
    assert result.exit_code == 1 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.output
    return result.stderr


PROMISE = ("--max-loss-increase", 0.1, "--max-depth", 2)


def test_held_out_figures_are_those_of_evaluate(run: Path) -> None:
    found = succeeds("route", run, "--held-out", "test", "--price", "usd", "--bytes", 3072, "--draws", 300, *PROMISE)
    library, cascade = qr.ModelLibrary(run / "library"), qr.Cascade.load(run / "cascade.json")
    depth = len(cascade.tiers)
    seen = qr.evaluate(
        cascade, library.predictions("test"), library.cost("latency_s"), costs={"usd": library.cost("usd")},
        bytes_to_tier=[3072.0 if k == 1 else 0.0 for k in range(depth)], draws=300,
    )  # fmt: skip
    assert depth == 2 and found["on"] == "test" and found["samples"] == 600
    assert found["accuracy_interval"] == [seen.accuracy_low, seen.accuracy_high]
    assert found["mean_cost_interval"] == [seen.mean_cost_low, seen.mean_cost_high]
    assert found["costs"]["usd"]["mean"]["value"] == seen.costs["usd"].mean.value
    assert found["bytes_per_sample"]["value"] == pytest.approx(3072 * seen.tier_share[1])
    assert [row["name"] for row in found["comparison"]] == ["m0", "m1", "m2", "m3", "mean of all"]
    assert [row["verdict"] for row in found["comparison"]] == [row.verdict for row in seen.comparison]
    assert found["comparison"][0]["cost_ratios"]["usd"]["value"] is None  # m0 is free


def test_the_table_shows_tiers_comparison_and_what_is_sent(run: Path) -> None:
    arguments = ["route", str(run), "--held-out", "test", "--bytes", "3072", *map(str, PROMISE)]
    shown = CliRunner().invoke(quorate, arguments)
    assert shown.exit_code == 0, shown.output
    for part in ("reached by", "Beside it, on test", "loss difference [95 %]", "mean of all", "Sent between tiers",
                 "percentile bootstrap over 600 samples", "accuracy"):  # fmt: skip
        assert part in shown.stdout, shown.stdout
    plain = CliRunner().invoke(quorate, ["route", str(run), *map(str, PROMISE)])
    assert "--held-out SPLIT measures" in plain.stdout and "Beside it" not in plain.stdout


def test_the_report_shows_the_cascade_beside_single_models(run: Path) -> None:
    succeeds("route", run, "--held-out", "test", *PROMISE)
    document = Path(succeeds("report", run)["file"]).read_text()
    for heading in ("Cascade", "Cascades against single models", "Comparison", "Classes"):
        assert f"<h2>{heading}</h2>" in document
    assert "found on valid (optimistic)" in document and "on test, 95 % intervals" in document
    succeeds("route", run, *PROMISE)
    document = Path(succeeds("report", run)["file"]).read_text()
    assert "<h2>Cascades against single models</h2>" not in document and "On calib, 600 samples" in document


@pytest.mark.parametrize("signal", ["confidence", "margin", "entropy", "agreement", "vote_agreement"])
def test_every_signal_and_combination(run: Path, signal: str) -> None:
    for combine in ("last", "mean", "majority"):
        found = succeeds("route", run, "--signal", signal, "--combine", combine, "--parallel", 0.5, *PROMISE)
        cascade = qr.Cascade.load(run / "cascade.json")
        assert cascade.combine == combine and found["tiers"][0]["signal"] == signal and cascade.parallel == 0.5


def test_limits_of_other_costs(run: Path) -> None:
    succeeds("route", run, "--price", "usd", "--max-mean", "usd=0.012", "--max-worst", "0.02", *PROMISE)
    usd = qr.ModelLibrary(run / "library").cost("usd")
    for cascade in qr.CascadeFront.load(run / "cascades.json"):
        assert sum(usd[m] for tier in cascade.tiers for m in tier.members) <= 0.02
    assert "usd" in fails("route", run, "--price", "usd", "--max-worst", "usd=-1")
    assert "must name a --price, and there is none" in fails("route", run, "--max-mean", "usd=1")
    assert "must name a --cost" in fails("route", run, "--price", "usd", "--max-mean", "eur=1")


def test_what_cannot_be_is_said(run: Path) -> None:
    assert "--held-out is 'calib', but must be another split" in fails("route", run, "--held-out", "calib")
    assert "--edge-tiers is 0, but must be at least 1" in fails("route", run, "--edge-tiers", 0)
    assert "nowhere" in fails("route", run, "--held-out", "nowhere")
    assert "eur" in fails("route", run, "--price", "eur")
    assert "bytes_to_tier[1] is -1" in fails("route", run, "--bytes", -1, *PROMISE)
    assert "level is 2" in fails("route", run, "--level", 2)
    assert not (run / "cascade.json").exists()


def test_ensembles_before_single_models(run: Path) -> None:
    sizes = ["--signal", "agreement", "--tier-sizes", "1,2,3", "--max-last-size", 1]
    succeeds("route", run, *sizes, *PROMISE)
    front = list(qr.CascadeFront.load(run / "cascades.json"))
    assert all(len(cascade.tiers[-1].members) == 1 for cascade in front)
    assert any(len(cascade.tiers[0].members) > 1 for cascade in front)
    assert "max_last_size is -1, but must be at least 0" in fails("route", run, *sizes[:-1], -1, *PROMISE)
