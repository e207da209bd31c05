"""The demo's parts: data that never mix, training that resumes to the bit, stages that are not done twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the demo trains with torch")
pytest.importorskip("sklearn", reason="the demo's images come with scikit-learn")

from quorate.demo import cost, data, networks, stages, training  # noqa: E402

CONFIG = {
    "kind": "cnn",
    "width": 4,
    "depth": 2,
    "lr": 3e-3,
    "weight_decay": 1e-3,
    "dropout": 0.3,
    "batch_size": 64,
    "shift": 1,
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_the_splits_are_disjoint_complete_and_stratified() -> None:
    from sklearn.datasets import load_digits

    labels = load_digits().target.astype(np.int32)
    parts = data.split_indices(labels, data.SHARES, data.SPLIT_SEED)
    together = np.sort(np.concatenate(list(parts.values())))
    assert np.array_equal(together, np.arange(len(labels)))
    for name, rows in parts.items():
        counts = np.bincount(labels[rows], minlength=10)
        assert np.abs(counts - data.SHARES[name] * np.bincount(labels)).max() <= 1, name


def test_the_splits_are_the_same_each_time_and_hold_images_in_0_1() -> None:
    splits = data.digits()
    assert {name: len(split.labels) for name, split in splits.items()} == {
        "train": 359,
        "valid": 449,
        "calib": 450,
        "test": 539,
    }
    for split in splits.values():
        assert split.images.shape == (len(split.labels), 1, 8, 8) and split.images.dtype == np.float32
        assert split.images.min() >= 0.0 and split.images.max() <= 1.0
    images = np.concatenate([split.images.reshape(-1, 64) for split in splits.values()])
    assert len(images) == 1797


def test_the_space_spans_at_least_a_thirtyfold_range_of_cost() -> None:
    sample = torch.zeros(1, 1, 8, 8)
    flops = {}
    for kind in ("mlp", "cnn"):
        for width, depth in ((4, 1), (64, 3)):
            net = networks.network({"kind": kind, "width": width, "depth": depth, "dropout": 0.0}).eval()
            assert net(torch.zeros(5, 1, 8, 8)).shape == (5, networks.CLASSES)
            flops[kind, width] = cost.flops(net, sample)
    assert max(flops.values()) > 30 * min(flops.values())


def test_flops_and_bytes_are_counted_as_by_hand() -> None:
    net = networks.network({"kind": "mlp", "width": 4, "depth": 1, "dropout": 0.0})
    assert cost.flops(net, torch.zeros(1, 1, 8, 8)) == 2 * (64 * 16 + 16 * 10)
    assert cost.memory_bytes(net) == 4 * (64 * 16 + 16 + 16 * 10 + 10)
    conv = torch.nn.Conv2d(3, 5, 3, padding=1)
    assert cost.flops(conv, torch.zeros(1, 3, 8, 8)) == 2 * 64 * 5 * 3 * 9


def trained(units: range, net: object = None, optimizer: object = None) -> tuple[object, object]:
    if net is None:
        torch.manual_seed(7)
        net = networks.network(CONFIG)
        optimizer = training.optimizer_of(net, CONFIG)
    for unit in units:
        training.train_unit(net, optimizer, CONFIG, data.digits()["train"], 7, unit)
    return net, optimizer


def test_training_resumed_from_a_checkpoint_is_training_in_one_go_to_the_bit() -> None:
    whole, _ = trained(range(1, 4))
    first, optimizer = trained(range(1, 2))
    resumed = networks.network(CONFIG)
    resumed.load_state_dict(first.state_dict())
    again = training.optimizer_of(resumed, CONFIG)
    again.load_state_dict(optimizer.state_dict())
    trained(range(2, 4), resumed, again)
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, resumed.state_dict()[name]), name


def test_training_lowers_the_loss_on_valid() -> None:
    valid = data.digits()["valid"]
    net, optimizer = trained(range(1, 2))
    first = training.log_loss(training.probabilities(networks.Answering(net).eval(), valid.images), valid.labels)
    trained(range(2, 10), net, optimizer)
    later = training.log_loss(training.probabilities(networks.Answering(net).eval(), valid.images), valid.labels)
    assert later < 0.7 * first


def test_shifts_move_by_at_most_one_pixel_and_fill_with_zeros() -> None:
    images = torch.zeros(300, 1, 8, 8)
    images[:, 0, 3, 4] = 1.0
    moved = training.shifted(images, torch.Generator().manual_seed(0))
    places = {tuple(place[1:].tolist()) for place in moved[:, 0].nonzero()}
    assert places == {(row, column) for row in (2, 3, 4) for column in (3, 4, 5)}
    assert torch.equal(moved.sum((1, 2, 3)), torch.ones(300))


def test_wilsons_interval_is_the_published_one() -> None:
    from quorate.demo.answer import wilson

    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_the_notes_say_what_the_numbers_say() -> None:
    from quorate.demo.answer import Row, notes

    def row(accuracy: float, mean_cost_s: float) -> Row:
        return Row("any", 1, 500, accuracy, 0.0, 1.0, mean_cost_s, 1.0, 1.0, 1.0)

    def said(*rows: Row) -> list[str]:
        return notes(*rows, "with the members carved in stone")

    assert "at least as accurate as" in said(row(0.97, 1.0), row(0.97, 2.0), row(0.96, 1.0))[0]
    assert "LESS accurate" in said(row(0.98, 1.0), row(0.97, 2.0), row(0.96, 1.0))[0]
    assert "NOT" not in said(row(0.97, 1.0), row(0.97, 2.0), row(0.96, 1.0))[1]
    assert "NOT" in said(row(0.97, 1.0), row(0.97, 2.0), row(0.96, 1.1))[1]
    assert "NOT" in said(row(0.97, 1.0), row(0.97, 2.0), row(0.955, 0.5))[1]
    assert "carved in stone" in said(row(0.97, 1.0), row(0.97, 2.0), row(0.96, 1.0))[2]


def test_the_ensembles_shortcuts_end_with_it_and_say_what_evaluation_says() -> None:
    import quorate as qr
    from quorate.demo import choose

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    logits = rng.normal(size=(5, 200, 3)) + 2.5 * np.eye(3)[labels] * np.array([0.5, 0.7, 0.9, 1.0, 1.1])[:, None, None]
    probs = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    valid, cost = qr.Predictions(probs.astype(np.float32), labels), np.array([1.0, 2.0, 5.0, 9.0, 9.5])
    front = qr.select(valid, cost=cost, metric=choose.METRIC, max_size=choose.MAX_SIZE)
    ensemble = choose.best_ensemble(front)
    assert len(choose.best_single(valid, cost).members) == 1
    shortcuts = choose.shortcuts(valid, cost, ensemble)
    assert len(shortcuts) > 1
    for cascade in shortcuts:
        assert len(cascade.tiers) == 2 and list(cascade.tiers[1].members) == list(ensemble.members)
        seen = qr.evaluate(cascade, valid, cost)
        assert seen.loss == pytest.approx(cascade.loss, abs=0.011) and seen.mean_cost == pytest.approx(
            cascade.cost, rel=0.02
        )
    reference = qr.evaluate(ensemble, valid, cost).loss
    taken = choose.best_cascade(shortcuts, reference)
    assert taken.loss <= reference + choose.TOLERANCE or taken == shortcuts[-1]


def test_a_probability_of_zero_has_a_finite_log_loss() -> None:
    probs = np.array([[1.0, 0.0], [0.5, 0.5]], np.float32)
    assert training.log_loss(probs, np.array([1, 0], np.int32)) == pytest.approx((-np.log(1e-7) - np.log(0.5)) / 2)


def test_a_stage_runs_once_and_again_where_inputs_or_files_change(tmp_path: Path) -> None:
    file, calls = tmp_path / "out.json", []

    def make() -> None:
        calls.append(1)
        file.write_text(f"{len(calls)}")

    def run(inputs: str) -> bool:
        return stages.Stages(tmp_path / "stages.json").run("out", inputs, [file], make)

    assert run("a") and not run("a") and file.read_text() == "1"
    assert run("b") and file.read_text() == "2"
    file.write_text("edited")
    assert run("b") and file.read_text() == "3"
    file.unlink()
    assert run("b") and file.read_text() == "4"


def test_a_stage_that_dies_is_not_on_record(tmp_path: Path) -> None:
    def die() -> None:
        (tmp_path / "out").write_text("half")
        raise RuntimeError("power")

    record = stages.Stages(tmp_path / "stages.json")
    with pytest.raises(RuntimeError):
        record.run("out", "a", [tmp_path / "out"], die)
    assert not stages.Stages(tmp_path / "stages.json").is_done("out", "a", [tmp_path / "out"])


def test_compiled_members_keep_their_place_and_cost_and_are_not_compiled_twice(tmp_path: Path) -> None:
    """One tiny network, beside one that is not chosen. Takes the half minute that a compilation takes."""
    qr = pytest.importorskip("quorate")
    pytest.importorskip("quorate._infer", reason="what was compiled is run by the engine")
    from quorate.demo.answer import how_they_run
    from quorate.demo.run import files_of, models_and_costs
    from quorate.library_compiling import portable_file
    from quorate.packages import package_of

    valid = data.digits()["valid"]
    library = qr.ModelLibrary(tmp_path / "library")
    library.set_labels("valid", valid.labels)
    expected = {}
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        answering = networks.Answering(networks.network(CONFIG)).eval()
        expected[name] = training.probabilities(answering, valid.images)
        torch.jit.trace(answering, torch.from_numpy(valid.images[:2])).save(str(tmp_path / "net.pt"))
        library.add(name, predictions={"valid": expected[name]}, cost={"latency_s": seed + 1.0}, model=tmp_path / "net.pt")
    choices, files = models_and_costs(library), files_of(library, ["second"])
    assert how_they_run(library, ["second"], "why").endswith("as TorchScript (why)")
    portable = library.entry("second").model_file.read_bytes()
    np.save(tmp_path / "sample.npy", valid.images[:8])
    command = [
        sys.executable,
        "-m",
        "quorate",
        "compile",
        str(tmp_path),
        "--members",
        "second",
        "--max-batch",
        "8",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "models compiled, now second" in done.stderr, done.stderr
    library.refresh()
    made = package_of(library, "second")
    assert made.features == (1, 8, 8) and made.max_batch == 8 and package_of(library, "first") is None
    said = json.loads(done.stdout)
    assert said == {"second": made.about() | {"sha256": library.entry("second").model_sha256}}
    assert how_they_run(library, ["second"], "") == "with the members compiled by AOTInductor"
    assert "1 of 2" in how_they_run(library, ["first", "second"], "why")
    assert library.names == ["first", "second"] and list(library.cost("latency_s")) == [1.0, 2.0]
    assert models_and_costs(library) == choices and files_of(library, ["second"]) != files

    devices = qr.cpu_devices(cores=[1])
    profile = qr.Profile.measure(library, devices, batch_sizes=[8], sample=valid.images[:1], models=["second"])

    only = qr.Ensemble([1], [1.0])
    with qr.Engine(library, only, qr.plan(profile, devices, time_limit_s=0.1)) as engine:
        assert np.abs(engine.predict(valid.images).probs - expected["second"]).max() < 1e-4

    # The library says what it is, keeps what it came from, and refuses to do it all again unless it is told to.
    reopened = qr.ModelLibrary(tmp_path / "library")
    about = reopened.entry("second").about
    assert about["compiled.features"] == "1, 8, 8" and about["compiled.batches"] == "1 to 8"
    assert about["compiled.dtype"] == "float32" and about["compiled.instructions"] == made.instructions != ""
    assert portable_file(reopened, "second").read_bytes() == portable
    with pytest.raises(ValueError, match=r"'second' is compiled already, for batches from 1 to 8 on .*say again"):
        qr.compile_models(reopened, ["second"], valid.images[:8], max_batch=16)
    portable_file(reopened, "second").write_bytes(b"another")
    with pytest.raises(qr.FileError, match=r"portable\.pt: is not what model 'second' was compiled from"):
        qr.compile_models(reopened, ["second"], valid.images[:8], max_batch=16, again=True)


def test_without_a_compiler_the_members_stay_torchscript(tmp_path: Path) -> None:
    """In a process of its own: the compiler is looked up when torch is imported."""
    qr = pytest.importorskip("quorate")
    from quorate.compiling import NoCompiler
    from quorate.packages import package_of

    valid = data.digits()["valid"]
    library = qr.ModelLibrary(tmp_path / "library")
    library.set_labels("valid", valid.labels)
    answering = networks.Answering(networks.network(CONFIG)).eval()
    torch.jit.trace(answering, torch.from_numpy(valid.images[:2])).save(str(tmp_path / "net.pt"))
    library.add("net", predictions={"valid": training.probabilities(answering, valid.images)}, model=tmp_path / "net.pt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXX", "/nonexistent/c++")
        with pytest.raises(NoCompiler, match=r"^no C\+\+ compiler.* looked for /nonexistent/c\+\+"):
            qr.compile_models(library, ["net"], valid.images[:8], max_batch=8)
    assert package_of(library, "net") is None


def demo(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "quorate", "demo", "--folder", str(folder), "--trials", "3", "--no-compile", "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop_once_there_are(models: int, process: subprocess.Popen, folder: Path, how: signal.Signals) -> str:
    """Sends the signal when the library has so many models; what the process said to stderr."""
    deadline = time.monotonic() + 120
    while len(list((folder / "library").glob("models/t*"))) < models and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(how)
    return process.communicate(timeout=60)[1]


def test_the_demo_stopped_and_killed_goes_on_and_ends_with_its_table_and_page(tmp_path: Path) -> None:
    pytest.importorskip("quorate._infer", reason="the demo answers with the engine")
    folder = tmp_path / "digits"
    process = demo(folder)
    said = stop_once_there_are(1, process, folder, signal.SIGINT)
    assert process.returncode == 130 and "quorate demo --folder" in said.splitlines()[-1] and "Traceback" not in said
    kept = {model.name for model in (folder / "library" / "models").iterdir()}
    stop_once_there_are(len(kept) + 1, demo(folder), folder, signal.SIGKILL)

    process = demo(folder)
    out, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert kept <= {model.name for model in (folder / "library" / "models").iterdir()}
    result = json.loads(out)
    assert [row["committee"] for row in result["numbers"]] == ["best single model", "best ensemble", "best cascade"]
    for row in result["numbers"]:
        assert row["samples"] == 539 and row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"]
        assert 0 < row["mean_cost_s"] <= row["worst_cost_s"] and row["images_per_s"] > 0 and row["planned_per_s"] > 0
    assert len(result["notes"]) == 3 and "as TorchScript (--no-compile)" in result["notes"][2]
    for name in ("front", "cascades", "cascade", "profile", "plan", "plan-single", "plan-ensemble", "result", "stages"):
        json.loads((folder / f"{name}.json").read_text())
    page = (folder / "report.html").read_text()
    for heading in ("Result", "Error against cost", "Cascade", "Plan", "Memory", "Search"):
        assert f"<h2>{heading}</h2>" in page

    measured = (folder / "result.json").stat().st_mtime_ns
    again = demo(folder)
    out, said = again.communicate(timeout=120)
    assert again.returncode == 0 and json.loads(out) == result, said
    assert (folder / "result.json").stat().st_mtime_ns == measured
