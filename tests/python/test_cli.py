"""The command line, command by command: what it writes and prints, and the one line that it fails with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

pytest.importorskip("click")
pytest.importorskip("rich")
from click.testing import CliRunner, Result

from quorate.cli.app import quorate

COMMANDS = ["bench", "compile", "demo", "doctor", "plan", "predict", "report", "route", "search", "select", "variants"]
FEATURES, CLASSES = 6, 3


def call(*arguments: object) -> Result:
    return CliRunner().invoke(quorate, [str(argument) for argument in arguments])


def fails(*arguments: object, code: int = 1) -> str:
    """The one line that the command fails with."""
    result = call(*arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == "" and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1, result.output
    return result.stderr


def succeeds(*arguments: object) -> dict:
    result = call(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a library of three linear models with files, from sloppy and cheap to good and dear."""
    torch = pytest.importorskip("torch", reason="the models of this test are TorchScript files")
    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    truth = torch.nn.Linear(FEATURES, CLASSES)
    library = qr.ModelLibrary(folder / "library")
    inputs = {split: torch.randn(400, FEATURES) for split in ("valid", "calib")}
    with torch.inference_mode():
        for split, x in inputs.items():
            library.set_labels(split, truth(x).argmax(1).numpy())
        for index, (noise, cost) in enumerate([(0.5, 1e-6), (0.25, 4e-6), (0.02, 2e-5)]):
            linear = torch.nn.Linear(FEATURES, CLASSES)
            linear.load_state_dict({k: 4 * (v + noise * torch.randn_like(v)) for k, v in truth.state_dict().items()})
            net = torch.nn.Sequential(linear, torch.nn.Softmax(1)).eval()
            torch.jit.trace(net, torch.zeros(2, FEATURES)).save(str(folder / "model.pt"))
            predictions = {split: net(x).numpy() for split, x in inputs.items()}
            library.add(f"m{index}", predictions=predictions, cost={"latency_s": cost}, model=folder / "model.pt")
    (folder / "model.pt").unlink()
    np.save(folder / "sample.npy", inputs["valid"][:1].numpy())
    return folder


@pytest.fixture
def run(pristine: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(pristine, tmp_path / "run"))


def test_help_lists_the_commands() -> None:
    result = call("--help")
    assert result.exit_code == 0
    assert [name for name in COMMANDS if f"\n  {name} " in result.stdout] == COMMANDS
    for name in COMMANDS:
        assert call(name, "--help").exit_code == 0


def test_importing_quorate_brings_in_neither_the_face_nor_torch() -> None:
    code = "import sys, quorate; print([m for m in ('click', 'rich', 'torch', 'numpy', 'sklearn') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_doctor_says_what_is_there() -> None:
    found = succeeds("doctor")
    assert found["parts"]["core"]["present"] and found["packages"]["numpy"] == np.__version__ and found["devices"]
    table = call("doctor").stdout
    assert "part infer" in table and found["devices"][0]["kind"] in table


def test_the_chain_from_a_library_to_answers_and_a_report(run: Path, tmp_path: Path) -> None:
    selected = succeeds("select", run, "--max-cost", 5e-6)
    costs = [point["cost"] for point in selected["front"]]
    assert costs == sorted(costs) and sum(point["within_max_cost"] for point in selected["front"]) == 1
    assert len(qr.EnsembleFront.load(run / "front.json")) == len(costs)

    routed = succeeds("route", run, "--max-loss-increase", 0.05)
    assert routed["mean_cost"] <= routed["worst_cost"] and "Certificate" in routed["certificate"]
    assert sum(tier["answered"] for tier in routed["tiers"]) == pytest.approx(1.0)
    assert qr.Cascade.load(run / "cascade.json").certificate.max_loss_increase == 0.05
    assert len(qr.CascadeFront.load(run / "cascades.json")) == routed["front"]

    planned = succeeds("plan", run, "--cores", "1", "--batch-sizes", "1,16", "--time-limit", 0.1)
    assert planned["throughput_per_s"] <= planned["bound_per_s"] * (1 + 1e-9)
    assert {placed["model"] for placed in planned["placed"]} == {m for tier in routed["tiers"] for m in tier["members"]}
    assert qr.Plan.load(run / "plan.json").feasible and (run / "profile.json").is_file()

    inputs = np.random.default_rng(0).normal(size=(50, FEATURES)).astype(np.float32)
    np.save(tmp_path / "x.npy", inputs)
    np.save(tmp_path / "other.npy", np.zeros((2, 3), np.float32))
    assert "x has samples of shape [3], but must have" in fails(
        "predict", run, tmp_path / "other.npy", "-o", tmp_path / "o.npy"
    )
    answered = succeeds("predict", run, tmp_path / "x.npy", "-o", tmp_path / "out.npy")
    probs = np.load(tmp_path / "out.npy")
    assert probs.shape == (50, CLASSES) and np.allclose(probs.sum(1), 1, atol=1e-5)
    assert sum(answered["answered_by_tier"]) == 50 and answered["shape"] == [50, CLASSES]

    written = succeeds("report", run)
    document = Path(written["file"]).read_text()
    for heading in ("Error against cost", "Cascade", "Plan", "Memory"):
        assert f"<h2>{heading}</h2>" in document

    for command in (
        ["select", run],
        ["route", run],
        ["plan", run],
        ["predict", run, tmp_path / "x.npy", "-o", tmp_path / "o.npy"],
    ):
        result = call(*command)
        assert result.exit_code == 0 and "m2" in result.stdout and "━" in result.stdout


def test_plan_reads_a_profile_that_is_there_and_measures_again_when_told(run: Path) -> None:
    succeeds("route", run)
    succeeds("plan", run, "--cores", "1", "--batch-sizes", "1,16", "--time-limit", 0.1)
    measured = (run / "profile.json").read_bytes()
    succeeds("plan", run, "--cores", "1", "--batch-sizes", "2", "--time-limit", 0.1)
    assert (run / "profile.json").read_bytes() == measured
    succeeds("plan", run, "--cores", "1", "--batch-sizes", "2", "--time-limit", 0.1, "--measure")
    assert list(qr.Profile.load(run / "profile.json").batch_sizes) == [2]


@pytest.mark.parametrize("command", [["select"], ["route"], ["plan"], ["report"], ["predict", "x.npy", "-o", "out.npy"]])
def test_a_missing_folder_is_named(tmp_path: Path, command: list[str]) -> None:
    name, *rest = command
    assert "nowhere: no such folder" in fails(name, tmp_path / "nowhere", *rest)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("command", ["select", "route", "plan"])
def test_a_folder_without_a_library_stays_without_one(tmp_path: Path, command: str) -> None:
    assert "library: no such folder" in fails(command, tmp_path)
    assert not list(tmp_path.iterdir())


def test_wrong_names_and_numbers_are_named_and_nothing_is_written(run: Path) -> None:
    before = sorted(run.iterdir())
    assert "rmse" in fails("select", run, "--metric", "rmse")
    assert "joules" in fails("select", run, "--cost", "joules")
    assert "holdout" in fails("select", run, "--split", "holdout")
    assert "max_cost is 1e-09" in fails("select", run, "--max-cost", 1e-9)
    assert "must be another split" in fails("route", run, "--calib", "valid")
    assert "loudness" in fails("route", run, "--signal", "loudness")
    assert "delta" in fails("route", run, "--delta", 2)
    assert sorted(run.iterdir()) == before


def test_a_stage_that_is_missing_is_named_by_its_command(run: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, FEATURES), np.float32))
    assert f"`quorate route {run}` writes it" in fails("plan", run)
    succeeds("route", run)
    assert f"`quorate plan {run}` writes it" in fails("predict", run, tmp_path / "x.npy", "-o", tmp_path / "out.npy")
    (run / "sample.npy").unlink()
    assert "sample.npy: no such file" in call("plan", run, "--cores", "1").stderr


def test_truncated_files_are_named_and_left_as_they_were(run: Path, tmp_path: Path) -> None:
    succeeds("select", run)
    succeeds("route", run)
    for name, command in (
        ("cascade.json", ["plan", run]),
        ("front.json", ["report", run]),
        ("cascades.json", ["report", run]),
    ):
        whole = (run / name).read_bytes()
        (run / name).write_bytes(whole[: len(whole) // 2])
        assert name in fails(*command)
        assert (run / name).read_bytes() == whole[: len(whole) // 2]
        (run / name).write_bytes(whole)
    (run / "settings.json").write_text("[]")
    assert "settings.json: holds a list" in fails("route", run)


def test_inputs_that_are_no_samples_are_refused(run: Path, tmp_path: Path) -> None:
    succeeds("route", run)
    succeeds("plan", run, "--cores", "1", "--batch-sizes", "1,16", "--time-limit", 0.1)
    file, out = tmp_path / "x.npy", tmp_path / "out.npy"
    assert "x.npy: No such file" in fails("predict", run, file, "-o", out)
    file.write_bytes(b"no numpy")
    assert "is not a .npy file" in fails("predict", run, file, "-o", out)
    np.save(file, np.zeros((4, FEATURES), np.float32))
    file.write_bytes(file.read_bytes()[:-8])
    assert "is not a .npy file" in fails("predict", run, file, "-o", out)
    for array in (np.zeros(FEATURES, np.float32), np.zeros((0, FEATURES), np.float32), np.full((2, FEATURES), "a")):
        np.save(file, array)
        assert "must hold numbers [samples, features...]" in fails("predict", run, file, "-o", out)
    np.save(file, np.full((2, FEATURES), np.nan, np.float32))
    fails("predict", run, file, "-o", out)
    assert not out.exists()
    np.save(file, np.zeros((2, FEATURES)))
    assert "nowhere" in fails("predict", run, file, "-o", tmp_path / "nowhere" / "out.npy")


def test_debug_shows_the_exception(tmp_path: Path) -> None:
    result = call("--debug", "select", tmp_path / "nowhere")
    assert result.exit_code == 1 and isinstance(result.exception, qr.FileError)


def test_usage_errors_are_clicks_own(run: Path) -> None:
    assert call("plan", run, "--cores", "one").exit_code == 2
    assert call("route", run, "--tier-sizes", "1;2").exit_code == 2
    assert call("fly").exit_code == 2


SCRIPT = """
    import time
    import numpy as np
    import quorate as qr

    space = {"x": qr.Float(0.0, 1.0)}
    labels = {"valid": np.array([0, 1, 1])}
    sample = np.zeros((1, 2), np.float32)
    max_resource = 9
    executor = "threads"

    def train(job):
        time.sleep(PAUSE)
        for resource in range(job.checkpoint_resource + 1, job.to_resource + 1):
            job.report(resource, (job.config["x"] - 0.3) ** 2 + 1 / resource)
        job.add_model({"valid": np.full((3, 2), 0.5, np.float32)})
"""


def write_script(folder: Path, pause: float = 0.0, name: str = "quadratic.py") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(SCRIPT).replace("PAUSE", str(pause)))
    return path


def python(*arguments: object, cwd: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "quorate", *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_search_runs_a_script_and_goes_on(tmp_path: Path, executor: str) -> None:
    script = write_script(tmp_path)
    for trials in (6, 9):
        process = python(
            "search", script, "--folder", "out", "--trials", trials, "--executor", executor, "--json", cwd=tmp_path
        )
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        found = json.loads(out)
        assert [trial["number"] for trial in found["trials"]] == list(range(trials))
        assert found["models"] >= trials and found["best"] is not None
        assert "search" in err
    assert np.load(tmp_path / "out" / "sample.npy").shape == (1, 2)
    assert "<h2>Search</h2>" in qr.report(tmp_path / "out").read_text()


def test_search_stopped_by_ctrl_c_says_how_to_go_on_and_does(tmp_path: Path) -> None:
    script = write_script(tmp_path, pause=0.2)
    process = python("search", script, "--folder", "out", "--trials", 12, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "out" / "library").glob("models/t*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == "" and "goes on where it was" in err.splitlines()[-1] and "Traceback" not in err
    write_script(tmp_path)
    process = python("search", script, "--folder", "out", "--trials", 12, "--json", cwd=tmp_path)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and len(json.loads(out)["trials"]) == 12, err


def test_scripts_that_cannot_be_searched_with_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert "nothing.py: no such file" in fails("search", tmp_path / "nothing.py")
    for name, content, message in (
        ("without_space.py", "def train(job): ...", "defines no `space`"),
        ("without_train.py", "space = {}", "defines no `train`"),
        ("json.py", "", "has the name of another module"),
        ("two words.py", "", "no module's name"),
        ("empty_space.py", "space = {}\ndef train(job): ...", "space"),
    ):
        (tmp_path / name).write_text(content)
        assert message in fails("search", tmp_path / name, "--folder", tmp_path / "out")
    assert not (tmp_path / "out" / "study.db").exists()


def test_search_says_why_trials_failed(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "import quorate as qr\nspace = {'x': qr.Float(0.0, 1.0)}\nexecutor = 'threads'\n"
        "def train(job):\n    raise RuntimeError('out of luck')\n"
    )
    process = python("search", "broken.py", "--folder", "out", "--trials", 2, cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "2 failed" in out and "out of luck" in out, err
    assert err.endswith("error: all trials failed\n")


def test_the_module_is_a_command(tmp_path: Path) -> None:
    process = python("select", "nowhere", cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and out == "" and err == "error: nowhere: no such folder\n"
    assert os.listdir(tmp_path) == []
