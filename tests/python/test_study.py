import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import search_training as st

import quorate as qr

EXECUTORS = ["threads", "processes"]


def outcome(study):
    return [(t.number, t.config, t.state, t.losses, t.bracket) for t in study.trials()]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What a study without any trouble ends with; one worker, so that the order of events is fixed."""
    study = qr.Study(tmp_path_factory.mktemp("study"), **st.OPTIONS)
    study.run(st.train, trials=st.TRIALS)
    return outcome(study)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_one_worker_gives_the_same_whoever_trains(tmp_path, expected, executor):
    study = qr.Study(tmp_path, **st.OPTIONS)
    study.run(st.train, trials=10, executor=executor)
    assert len(study.trials()) == 10
    study.run(st.train, trials=st.TRIALS, executor=executor)
    got = outcome(study)
    assert [(n, c, b) for n, c, _, _, b in got] == [(n, c, b) for n, c, _, _, b in expected]
    for (_, _, _, losses, _), (_, _, _, others, _) in zip(got, expected, strict=True):
        assert all(losses[r] == others[r] for r in losses.keys() & others.keys())


def test_resumes_and_releases_its_folder(tmp_path):
    study = qr.Study(tmp_path, **st.OPTIONS)
    study.run(st.train, trials=6)
    before = outcome(study)
    with pytest.raises(qr.FileError, match=f"is locked by process {os.getpid()}"):
        qr.Study(tmp_path, **st.OPTIONS)
    del study
    study = qr.Study(tmp_path, **st.OPTIONS)
    assert outcome(study) == before
    study.run(lambda job: pytest.fail("nothing is left to do"), trials=6)
    assert study.best().number == min((t for t in study.trials() if 9 in t.losses), key=lambda t: t.losses[9]).number
    assert json.loads(study.trials()[0].to_json())["config"] == study.trials()[0].config
    assert study.rungs == [1, 3, 9]
    del study
    assert qr.Study.open(tmp_path).space == st.SPACE
    with pytest.raises(ValueError, match="seed is 6, but must be 5"):
        qr.Study(tmp_path, **st.OPTIONS | {"seed": 6})
    with pytest.raises(ValueError, match=r'space\["x"\] is Float\(0.0, 2.0\), but must be Float\(0.0, 1.0\)'):
        qr.Study(tmp_path, **st.OPTIONS | {"space": {"x": qr.Float(0.0, 2.0)}})


def test_a_truncated_database_is_refused_and_left_alone(tmp_path):
    qr.Study(tmp_path, **st.OPTIONS).run(st.train, trials=3)
    database = tmp_path / "study.db"
    whole = database.read_bytes()
    for size in (0, 1, 99, 100, 4096, len(whole) - 1):
        database.write_bytes(whole[:size])
        with pytest.raises(qr.FileError, match=r"study\.db: is truncated"):
            qr.Study(tmp_path, **st.OPTIONS)
        assert database.read_bytes() == whole[:size]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_train_that_raises_has_failed(tmp_path, executor):
    study = qr.Study(tmp_path, **st.OPTIONS)
    study.run(st.raise_on_odd, trials=4, workers=2, executor=executor)
    for trial in study.trials():
        if trial.number % 2:
            assert (trial.state, trial.attempts) == ("failed", 2)
            assert f"ArithmeticError: trial {trial.number} is odd" in trial.message
            assert "raise_on_odd" in trial.message
        else:
            assert trial.state in ("paused", "completed")


def test_losses_must_be_numbers(tmp_path):
    study = qr.Study(tmp_path, **st.OPTIONS, max_attempts=1)
    study.run(lambda job: job.report(1, "low"), trials=1)
    assert "TypeError" in study.trials()[0].message
    assert not study.trials()[0].losses


def test_a_process_that_dies_is_a_failed_attempt(tmp_path):
    study = qr.Study(tmp_path, **st.OPTIONS)
    study.run(st.die_on_third, trials=6, workers=2, executor="processes")
    states = {t.number: t.state for t in study.trials()}
    assert states.pop(3) == "failed"
    assert set(states.values()) <= {"paused", "completed"}
    assert study.trials()[3].message.startswith("WorkerDied: the worker process was ended by SIGKILL")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_models_and_errors_cross_the_line(tmp_path, executor):
    study = qr.Study(tmp_path, **st.OPTIONS)
    study.library.set_labels("valid", [0, 1])
    study.run(st.add_models, trials=4, workers=2, executor=executor)
    names = {f"t{t.number:04d}r{r}" for t in study.trials() for r in t.losses if r in study.rungs[t.bracket :]}
    assert set(study.library.names) == names
    entry = study.library.entry(sorted(names)[0])
    assert entry.cost == {"flops": 3.0}
    assert json.loads(entry.about["config"]) == study.trials()[0].config
    assert (int(entry.about["process"]) == os.getpid()) == (executor == "threads")
    assert study.library.predictions("valid").probs.shape == (len(names), 2, 4)
    study.run(st.misuse, trials=6, executor=executor)
    assert {t.state for t in study.trials()} <= {"paused", "completed"}


def test_train_must_be_importable_for_processes(tmp_path):
    study = qr.Study(tmp_path, **st.OPTIONS)
    with pytest.raises(ValueError, match="must be importable for executor='processes'"):
        study.run(lambda job: None, executor="processes")
    with pytest.raises(ValueError, match='executor is "fibres", but must be "threads" or "processes"'):
        study.run(st.train, executor="fibres")
    with pytest.raises(ValueError, match="workers is 0, but must be at least 1"):
        study.run(st.train, workers=0)
    with pytest.raises(ValueError, match="train is 3, but must be callable"):
        study.run(3)


def test_progress_and_its_exceptions(tmp_path):
    study = qr.Study(tmp_path, **st.OPTIONS)
    seen = []
    study.run(st.train, trials=8, workers=2, progress=seen.append)
    last = seen[-1]
    assert last.trials == 8 == sum(last.states.values())
    assert list(last.rungs) == [1, 3, 9]
    assert (last.best_trial, last.best_resource) == (study.best().number, 9)
    assert last.elapsed_s > 0
    assert "8 trials" in repr(last)

    def refuse(progress):
        raise LookupError("no progress")

    with pytest.raises(LookupError, match="no progress"):
        study.run(st.train, trials=12, progress=refuse)


def test_arrays_and_buffers_are_checkpoints(tmp_path):
    def train(job):
        if job.attempt == 1:
            job.report(3, 0.5)
            job.save_checkpoint(memoryview(np.arange(4, dtype=np.int16)))
            raise RuntimeError("again")
        assert job.checkpoint == tmp_path / "checkpoints" / "0" / "3.ckpt"
        assert np.frombuffer(job.checkpoint.read_bytes(), np.int16).tolist() == [0, 1, 2, 3]
        job.report(9, 0.5)

    study = qr.Study(tmp_path, **st.OPTIONS | {"min_resource": 9})
    study.run(train, trials=1)
    assert study.trials()[0].state == "completed"


def start(folder, executor, what, acknowledged):
    """The script in a process of its own; its errors go to the file `errors` beside the study."""
    environment = os.environ | {"QUORATE_TEST_ACKNOWLEDGED": str(acknowledged), "PYTHONPATH": os.pathsep.join(sys.path)}
    with (folder.parent / "errors").open("wb") as errors:
        return subprocess.Popen([sys.executable, st.__file__, folder, executor, what], env=environment, stderr=errors)


def lines(path):
    """Whole lines: the last one may have been cut by a kill."""
    return path.read_text().split("\n")[:-1] if path.exists() else []


@pytest.mark.parametrize("executor", EXECUTORS)
def test_nothing_acknowledged_is_lost_by_kills(tmp_path, executor, expected):
    rng = random.Random(executor)
    folder, acknowledged = tmp_path / "study", tmp_path / "acknowledged"
    kills = 0
    for _ in range(60):
        process = start(folder, executor, "train", acknowledged)
        enough = len(lines(acknowledged)) + rng.randrange(12)
        while process.poll() is None and len(lines(acknowledged)) < enough:
            time.sleep(0.001)
        if kills < 5:
            kills += process.poll() is None
            process.kill()
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL, (tmp_path / "errors").read_text()
    assert kills >= 3
    study = qr.Study(folder, **st.OPTIONS)
    trials = study.trials()
    for line in lines(acknowledged):
        number, resource, loss = line.split()
        assert trials[int(number)].losses[int(resource)] == float(loss)
    assert [t.config for t in trials] == [config for _, config, _, _, _ in expected]
    assert {t.state for t in trials} <= {"paused", "completed"}
    for trial in trials:
        assert trial.losses == {r: (trial.config["x"] - 0.3) ** 2 + 1 / r for r in trial.losses}


@pytest.mark.parametrize(("executor", "what"), [("threads", "train"), ("processes", "train"), ("processes", "sleep")])
def test_ctrl_c_stops_and_the_study_goes_on(tmp_path, executor, what):
    folder, acknowledged = tmp_path / "study", tmp_path / "acknowledged"
    process = start(folder, executor, what, acknowledged)
    while process.poll() is None and len(lines(acknowledged)) < 2:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    assert (tmp_path / "errors").read_text().strip().endswith("KeyboardInterrupt")
    study = qr.Study(folder, **st.OPTIONS)
    assert "failed" not in {t.state for t in study.trials()}
    study.run(st.train, trials=st.TRIALS, workers=2)
    assert {t.state for t in study.trials()} <= {"paused", "completed"}


@pytest.mark.parametrize("which", ["first", "second"])
def test_ctrl_c_ends_a_process_that_is_starting(tmp_path, which):
    folder, acknowledged = tmp_path / "study", tmp_path / "acknowledged"
    process = start(folder, "processes", which, acknowledged)
    while process.poll() is None and "asleep" not in lines(acknowledged):
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    try:
        assert process.wait(timeout=30) != 0
    finally:
        process.kill()
        process.wait()
    assert (tmp_path / "errors").read_text().strip().endswith("KeyboardInterrupt")


def test_a_job_that_is_over_changes_no_other(tmp_path):
    study = qr.Study(tmp_path, **st.OPTIONS)
    study.run(st.report_late, trials=2, executor="processes")
    for trial in study.trials():
        assert trial.message == ""
        assert min(trial.losses.values()) > 0


def test_workers_that_cannot_be_started_end_the_run(tmp_path):
    program = f"""
import resource
import quorate as qr, search_training as st
study = qr.Study({str(tmp_path / "study")!r}, **st.OPTIONS)
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
try:
    study.run(st.train, trials=3, workers=100_000)
except qr.Error as error:
    print(error)
study.run(st.train, trials=3)
print(len(study.trials()))
"""
    path = os.pathsep.join([str(Path(st.__file__).parent), str(Path(qr.__file__).parents[1]), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert "of workers=100000 cannot be started: " in first
    assert second == "3"


def test_workers_go_with_a_killed_parent(tmp_path):
    acknowledged = tmp_path / "acknowledged"
    process = start(tmp_path / "study", "processes", "sleep", acknowledged)
    while process.poll() is None and len(lines(acknowledged)) < 2:
        time.sleep(0.001)
    children = Path(f"/proc/{process.pid}/task")
    pids = {int(pid) for task in children.iterdir() for pid in (task / "children").read_text().split()}
    assert pids
    process.kill()
    process.wait()
    for pid in pids:
        while alive(pid):
            time.sleep(0.01)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
