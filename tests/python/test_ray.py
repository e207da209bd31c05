"""Studies on a Ray cluster of two nodes on this machine, one of which is killed."""

import importlib
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import search_training as st

import quorate as qr

ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'quorate[ray]'")
from ray.cluster_utils import Cluster  # noqa: E402

from quorate.ray import Executor  # noqa: E402

STORE_BYTES = 80 << 20
LEASE_S = 4.0  # long enough for a busy machine
SPACE = {"x": qr.Float(0.0, 1.0)}


@pytest.fixture(scope="module")
def cluster():
    """One node with one CPU and half of a GPU for each of two trials; it soon notices that another one is gone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(st.__file__).parent), *filter(None, sys.path)]))
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 200, "health_check_failure_threshold": 3}
        head = {"num_cpus": 1, "num_gpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=head | {"_system_config": soon})
        try:
            ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.WARNING)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


def outcome(study):
    return [(t.number, t.config, t.state, t.losses, t.bracket, t.message) for t in study.trials()]


def lines(path):
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def study_in(folder):
    study = qr.Study(folder, SPACE, max_resource=9, seed=5)
    study.library.set_labels("valid", [0, 1])
    return study


def test_a_node_killed_in_mid_run_changes_nothing(cluster, tmp_path):
    home, notes = cluster.head_node.node_id, tmp_path / "notes"
    undisturbed, disturbed = study_in(tmp_path / "undisturbed"), study_in(tmp_path / "disturbed")
    undisturbed.run(st.OnRay(tmp_path / "others", home), trials=24, workers=2)

    node = cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    held, over = notes.with_suffix(".held"), threading.Event()

    def kill():
        while not held.exists() and not over.wait(0.01):
            pass
        cluster.remove_node(node, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        disturbed.run(st.OnRay(notes, home), executor=Executor(), trials=24, workers=3)  # one more than there are places
    finally:
        over.set()
        killer.join()
    assert held.exists()
    assert outcome(disturbed) == outcome(undisturbed)
    assert sorted(disturbed.library.names) == sorted(undisturbed.library.names)

    steps = lines(notes)
    last = max(i for i, step in enumerate(steps) if step[2] == node.node_id)
    trial, resource = steps[last][:2]
    again = [int(step[1]) for step in steps[last + 1 :] if step[0] == trial]
    assert again[0] == int(resource) + 1, "it did not go on from its last checkpoint"
    assert disturbed.trials()[int(trial)].attempts == undisturbed.trials()[int(trial)].attempts + 1
    assert len(steps) == len({(step[0], step[1]) for step in steps}), "something was done twice"


def test_checkpoints_and_models_travel(cluster, tmp_path):
    node = cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES, resources={"away": 1})
    try:
        here, away = study_in(tmp_path / "here"), study_in(tmp_path / "away")
        here.run(st.OnRay(tmp_path / "others", cluster.head_node.node_id), trials=8)
        away.run(st.OnRay(tmp_path / "notes", node.node_id), executor=Executor(resources={"away": 1}), trials=8)
    finally:
        cluster.remove_node(node)
    assert outcome(away) == outcome(here)
    steps = lines(tmp_path / "notes")
    assert {step[2] for step in steps} == {node.node_id}
    resumed = {Path(step[4]) for step in steps if step[4] != "None"}
    assert resumed
    for checkpoint in resumed:
        assert checkpoint.name.endswith(".ckpt") and not checkpoint.is_relative_to(tmp_path)
        assert not checkpoint.parent.exists()
    assert sorted(away.library.names) == sorted(here.library.names)
    for name in away.library.names:
        trial, resource = name[1:].split("r")
        assert Path(away.library.entry(name).model_file).read_text() == f"{int(trial)} {resource}"


def test_what_a_trial_does_to_its_worker_is_its_own_affair(cluster, tmp_path):
    study = qr.Study(tmp_path / "study", SPACE, max_resource=1, max_attempts=1)
    notes, states = tmp_path / "notes", ["failed"] * 4 + ["completed", "running"]

    def press_ctrl_c():
        while [trial.state for trial in study.trials()] != states or len(lines(notes)) < 6:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        threading.Thread(target=press_ctrl_c, daemon=True).start()
        study.run(st.Misbehave(notes), executor=Executor(num_cpus=0.5, lease_s=LEASE_S), trials=6, workers=2)
    messages = [trial.message for trial in study.trials()]
    assert messages[0].startswith("TrainingFailed: ArithmeticError: trial 0 does not add up")
    assert "in __call__" not in messages[0] and "search_training.py" in messages[0]
    assert messages[1].startswith("WorkerDied: the worker on Ray node ") and "process has died" in messages[1]
    assert messages[2].startswith("WorkerDied: the worker on Ray node ") and "gave no sign of life for 4 s" in messages[2]
    assert messages[3].startswith("TrainingFailed: SystemExit: 3")
    assert messages[4:] == ["", ""]
    assert [trial.state for trial in study.trials()] == [*states[:5], "waiting"]
    for _, pid in lines(notes):
        while st.alive(int(pid)):
            time.sleep(0.05)


def test_two_trials_share_a_gpu(cluster, tmp_path):
    study, notes = qr.Study(tmp_path / "study", SPACE, max_resource=1), tmp_path / "notes"
    study.run(st.Meet(notes), executor=Executor(num_cpus=0, num_gpus=0.5), trials=2, workers=2)
    assert sorted(lines(notes)) == [[trial, "cuda:0", "gpu", "0.5", "0"] for trial in ("0", "1")]
    assert {trial.state for trial in study.trials()} == {"completed"}


class Unloadable:
    def __reduce__(self):
        return importlib.import_module, ("not_on_any_node",)

    def __call__(self, job):
        pass


def test_what_is_wrong_is_said_before_the_run(cluster):
    lock = threading.Lock()
    with pytest.raises(ValueError, match=r"train is .*, but must be picklable for quorate\.ray\.Executor: cannot pickle"):
        Executor().pool(lambda job: lock)
    with pytest.raises(ValueError, match=r"train must be importable on the cluster, but a worker there says ModuleNotFound"):
        Executor().pool(Unloadable())
    with pytest.raises(TimeoutError, match=r"start_s=0\.5 s: each needs \{'CPU': 1, 'GPU': 0, 'moon': 1\}, and the"):
        Executor(resources={"moon": 1}, start_s=0.5).pool(st.train)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_cpus": -1}, "num_cpus is -1, but must be at least 0"),
        ({"num_gpus": 1.5}, r"num_gpus is 1\.5, but must be a whole number or a part of one GPU"),
        ({"lease_s": 0}, "lease_s is 0, but must be more than 0"),
        ({"start_s": float("nan")}, "start_s is nan, but must be more than 0"),
        ({"address": "ray://host:10001"}, "address is 'ray://host:10001', but must be that of the cluster itself"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        Executor(**options)


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "quorate.ray")
    with pytest.raises(ImportError, match=r"quorate\.ray needs Ray, which is not installed: pip install 'quorate\[ray\]'"):
        importlib.import_module("quorate.ray")
