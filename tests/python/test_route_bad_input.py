"""What routing says of pools and files that leave it nothing to do, or that a hand has broken: in Python and by command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import quorate as qr

Array = NDArray[Any]
SAMPLES = 40
# [models, samples, classes] and [samples].
Pool = tuple[Array, Array]


def random_pool(models: int, seed: int = 0) -> Pool:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, SAMPLES)
    logits = rng.normal(size=(models, SAMPLES, 3)) + 1.5 * np.eye(3)[labels]
    probs = np.exp(logits)
    return (probs / probs.sum(-1, keepdims=True)).astype(np.float32), labels


def one_model() -> Pool:
    return random_pool(1)


def equal_models() -> Pool:
    probs, labels = random_pool(1)
    return np.repeat(probs, 3, axis=0), labels


def never_agreeing() -> Pool:
    """Every model has a class of its own."""
    return np.repeat(np.eye(3, dtype=np.float32)[:, None], SAMPLES, axis=1), random_pool(1)[1]


def unseen_labels() -> Pool:
    """No model knows of the fourth class, and all samples are of it."""
    probs, labels = random_pool(3)
    return np.concatenate([probs, np.zeros((3, SAMPLES, 1), np.float32)], axis=2), np.full_like(labels, 3)


POOLS = [one_model, equal_models, never_agreeing, unseen_labels]


@pytest.mark.parametrize("signal", ["confidence", "vote_agreement"])
@pytest.mark.parametrize("pool", POOLS)
def test_pools_with_little_to_find(pool: Callable[[], Pool], signal: str) -> None:
    predictions = qr.Predictions(*pool())
    cost = [2.0**m for m in range(predictions.models)]
    for front in (qr.find_cascades(predictions, cost, signal=signal), qr.greedy_cascades(predictions, cost, signal=signal)):
        assert len(front) >= 1
        for point in front:
            report = qr.evaluate(point, predictions, cost, draws=20)
            assert (report.loss, report.mean_cost) == (point.loss, point.cost)
            calibrated = qr.calibrate(point, predictions, 0.2)
            assert calibrated.certificate is not None
            assert not qr.DriftMonitor(calibrated, predictions).alarm
    # Nothing is worth its cost beside the cheapest model.
    if pool is not never_agreeing:
        assert [tier.members for tier in qr.find_cascades(predictions, cost)[0].tiers] == [[0]]


def test_contradictory_limits_name_the_one_that_is_exceeded_and_by_how_much() -> None:
    predictions = qr.Predictions(*random_pool(3))
    usd = {"usd": {"cost": [8.0, 4.0, 9.0], "max_mean": 5.0}}
    with pytest.raises(ValueError, match='model "1" comes nearest, and exceeds max_worst_cost, which is 2, by 1'):
        qr.find_cascades(predictions, [1.0, 3.0, 9.0], max_worst_cost=2.0, limits=usd)
    for wrong, words in ((-1, "threads is -1"), (float("nan"), "max_exact_work is nan")):
        key = words.split()[0]
        with pytest.raises(ValueError, match=f"{words}, but must be at least 0"):
            qr.find_cascades(predictions, [1.0, 3.0, 9.0], **{key: wrong})  # type: ignore[arg-type]


def leaves(value: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """(name, the object or array that holds it, its place there) of every field that is a value."""
    found = []
    for key, child in value.items() if isinstance(value, dict) else enumerate(value):
        name = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}" if path else key
        if isinstance(child, dict | list):
            found += leaves(child, name)
        else:
            found.append((name, value, key))
    return found


def test_every_field_of_an_edited_file_is_named() -> None:
    probs, labels = random_pool(2)
    tiers = [qr.Tier([0], threshold=0.9, cost=1.0), qr.Tier([1], cost=4.0)]
    cascade = qr.calibrate(qr.Cascade(tiers, cost=2.0, worst_cost=5.0), qr.Predictions(probs, labels), 0.3)
    assert cascade.certificate is not None and len(cascade.certificate.tiers_sha256) == 64
    document = json.loads(cascade.to_json())
    fields = leaves(document)
    assert len(fields) > 25
    for name, holder, key in fields:
        kept = holder[key]
        for wrong in ({}, "nan", True):
            if isinstance(wrong, type(kept)):
                continue
            holder[key] = wrong
            with pytest.raises(qr.FileError) as caught:
                qr.Cascade.from_json(json.dumps(document))
            assert any(f"{one} is " in str(caught.value) for one in (name, name.replace(".weights", ": weights")))
        holder[key] = kept
    document["tiers"][0]["threshold"] += 0.01
    with pytest.raises(qr.FileError, match=r"certificate\.tiers_sha256 is .* they were changed after calibrate"):
        qr.Cascade.from_json(json.dumps(document))
    document["certificate"] = None
    assert qr.Cascade.from_json(json.dumps(document)).certificate is None


pytest.importorskip("click")
pytest.importorskip("rich")
from click.testing import CliRunner  # noqa: E402

from quorate.cli.app import quorate  # noqa: E402


def run_folder(folder: Path, pool: Pool) -> Path:
    probs, labels = pool
    library = qr.ModelLibrary(folder / "library")
    for split in ("valid", "calib", "test"):
        library.set_labels(split, labels)
    for m, of_model in enumerate(probs):
        predictions = dict.fromkeys(("valid", "calib", "test"), of_model)
        library.add(f"m{m}", predictions=predictions, cost={"latency_s": 1e-6 * 2**m, "usd": 8.0 - m})
    return folder


def command(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(quorate, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout if result.exit_code == 0 else result.stderr


@pytest.mark.parametrize("pool", POOLS)
def test_the_command_answers_for_such_pools(tmp_path: Path, pool: Callable[[], Pool]) -> None:
    run = run_folder(tmp_path, pool())
    code, said = command("route", run, "--held-out", "test", "--draws", 20, "--json")
    assert code == 0 and len(json.loads(said)["tiers"]) == len(qr.Cascade.load(run / "cascade.json").tiers)


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    run = run_folder(tmp_path, random_pool(3))
    for arguments, words in (
        (
            ("--price", "usd", "--max-worst", "usd=6", "--max-worst-cost", 1e-6),
            'model "m0" comes nearest, and exceeds max_worst of limit "usd", which is 6, by 2',
        ),
        (("--max-worst-cost", "nan"), "max_worst_cost is nan, but must be at least 1e-06, the cheapest model's cost"),
        (("--max-loss-increase", 2), "max_loss_increase is 2, but must be above 0 and below 1"),
        (("--delta", 0), "delta is 0, but must be above 0 and below 1"),
        (("--max-cost", 1e-9), "max_cost is 1e-09, but must be at least"),
        (("--tier-sizes", "1,4"), "tier_sizes holds 4, but must be from 1 to 3, the number of models"),
        (("--signal", "doubt"), 'signal is "doubt", but must be one of: confidence'),
    ):
        code, said = command("route", run, *arguments)
        assert code == 1 and said.startswith("error: ") and said.count("\n") == 1 and words in said
    assert not (run / "cascade.json").exists()


def test_commands_refuse_a_cascade_that_a_hand_has_broken(tmp_path: Path) -> None:
    run = run_folder(tmp_path, random_pool(3))
    assert command("route", run, "--max-loss-increase", 0.3)[0] == 0
    document = json.loads((run / "cascade.json").read_text())
    document["certificate"]["delta"] = 0
    (run / "cascade.json").write_text(json.dumps(document))
    for stage in ("plan", "report"):
        code, said = command(stage, run)
        assert code == 1 and "cascade.json" in said and "certificate.delta is 0, but must be above 0 and below 1" in said
        assert said.startswith("error: ") and said.count("\n") == 1
