"""ProcessPool with a job of our own in the place of a TrialJob: what a worker may do to its parent, one thing at a time."""

import os
import pickle
import signal
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.resource_tracker import _resource_tracker
from pathlib import Path

import numpy as np
import pytest
import search_training as st

import quorate as qr
from quorate import worker_job
from quorate.workers import ProcessPool, TrainingFailed, WorkerDied

LEASE_S = 1.0


@dataclass
class Job:
    """A TrialJob that remembers what was called on it."""

    config: dict = field(default_factory=dict)
    device: qr.Device | None = None
    checkpoint: Path | None = None
    stop_requested: bool = False
    raises: Exception | None = None
    calls: list = field(default_factory=list)
    trial: int = 7
    bracket: int = 0
    rung: int = 1
    from_resource: int = 0
    to_resource: int = 9
    attempt: int = 1
    seed: int = 3
    token: str = "7:1"
    device_share: float = 0.5
    checkpoint_resource: int = 0

    def report(self, resource, loss):
        if self.raises is not None:
            raise self.raises
        self.calls.append((resource, loss))
        return True

    def save_checkpoint(self, data):
        self.calls.append(data)

    def add_model(self, predictions, cost, model, about):
        self.calls.append((predictions, cost, model, about))
        return "t0007r9"


@pytest.fixture
def started():
    """Pools that end with the test."""
    pools = []

    def start(train, **options):
        pools.append(ProcessPool(train, **options))
        return pools[-1]

    yield start
    for pool in pools:
        pool.close()


def children():
    """Process ids of this process's children, without multiprocessing's own."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()} - {_resource_tracker._pid}


def test_a_worker_sees_all_of_its_job(started):
    device = qr.Device("cpu:0", kind="cpu-1core", memory_bytes=9, usd_per_hour=0.5, cores=[min(os.sched_getaffinity(0))])
    job = Job(config={"x": 0.5, "act": "relu"}, device=device, checkpoint=Path("/some/3.ckpt"), checkpoint_resource=3)
    started(st.look_around)(job)
    seen = pickle.loads(job.calls[-1])
    for name in worker_job.PLAIN:
        assert seen[name] == getattr(job, name), name
    assert seen["device"] == worker_job.device_fields(device)
    assert seen["stop_requested"] is False
    assert job.calls[:-1] == [(1, 0.5), (2, [0.25, 3.0]), (3, [0.5, 1.0]), (4, 0.75), b"bytes", b"view"]


def test_models_are_arrays_and_paths_absolute(started):
    job = Job()
    started(st.add_odd_model)(job)
    ((predictions, cost, model, about),) = job.calls
    assert np.array_equal(predictions["valid"], [[0.5, 0.5]])
    assert (cost, model, about) == ({}, Path.cwd() / "here.pt2", {})


@pytest.mark.parametrize("how", ["stop", "hold", "half"])
def test_a_worker_without_a_sign_of_life_loses_its_job(started, how):
    pool = started(st.Hang(how), lease_s=LEASE_S)
    before = children()
    with pytest.raises(WorkerDied, match="the worker process gave no sign of life for 1 s"):
        pool(Job())
    assert not before & children()
    pool(Job(config={"well": True}))


def test_a_worker_that_is_busy_keeps_its_job(started):
    job = Job()
    started(st.sleep_and_report, lease_s=LEASE_S)(job)
    assert job.calls == [(1, 0.5)]


def test_a_worker_whose_child_outlives_it_has_died(started):
    job = Job()
    with pytest.raises(WorkerDied, match="the worker process was ended by SIGKILL"):
        started(st.die_with_a_child)(job)
    (child,) = job.calls
    while st.alive(int(child)):
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("how", "message"),
    [("exit", "ended with exit code 3"), ("signal", f"was ended by signal {signal.SIGRTMIN + 2}")],
)
def test_what_ended_a_worker_is_told(started, how, message):
    with pytest.raises(WorkerDied, match=f"the worker process {message}"):
        started(st.End(how))(Job())


class Unpicklable(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


@pytest.mark.parametrize(
    ("raises", "described"),
    [
        (qr.FileError("a disk is full"), "FileError: a disk is full"),
        (ValueError("out of order"), "ValueError: out of order"),
        (IndexError("no such"), "IndexError: no such"),
        (Unpicklable(1, 2), "RuntimeError: Unpicklable: 1 and 2"),
    ],
)
def test_exceptions_cross_to_who_asked(started, raises, described):
    with pytest.raises(TrainingFailed) as failed:
        started(st.report_once)(Job(raises=raises))
    assert str(failed.value).startswith(described)
    assert "report_once" in str(failed.value)


@pytest.mark.parametrize(
    ("resource", "loss", "message"),
    [
        (1, "low", "TypeError: loss is 'low', but must be a number or a sequence of numbers"),
        (1, None, "TypeError"),
        (1.5, 0.5, "TypeError"),
    ],
)
def test_what_is_reported_must_be_numbers(started, resource, loss, message):
    job = Job(config={"resource": resource, "loss": loss})
    with pytest.raises(TrainingFailed, match=message):
        started(st.report_once)(job)
    assert job.calls == []


def test_a_job_is_asked_about_only_while_it_lasts(started):
    pool = started(st.report_late)
    for trial in (1, 2):
        pool(Job(trial=trial, to_resource=1, config={"x": 0.5}))


def test_a_worker_that_starts_holds_up_nobody(started, tmp_path, monkeypatch):
    monkeypatch.setenv("QUORATE_TEST_ACKNOWLEDGED", str(tmp_path / "acknowledged"))
    pool = started(st.NeverLoads(1))
    first, second = Job(config={"x": 0.5}), Job(config={"x": 0.5})
    pool._idle, idle = [], pool._idle
    error = []

    def stuck():
        try:
            pool(second)
        except qr.StudyStopped as stopped:
            error.append(stopped)

    thread = threading.Thread(target=stuck)
    thread.start()
    while not (tmp_path / "acknowledged").exists():
        time.sleep(0.01)
    pool._idle = idle
    pool(first)
    assert first.calls
    second.stop_requested = True
    thread.join()
    assert error and not second.calls


def test_a_worker_stays_on_the_cores_of_its_device(started):
    cores = sorted(os.sched_getaffinity(0))
    pool = started(st.tell_cores)
    seen = {}
    for core in (cores[0], cores[-1], cores[0]):
        job = Job(device=qr.Device(f"cpu:{core}", kind="cpu-1core", memory_bytes=1, cores=[core]))
        pool(job)
        pid, allowed, at_import = pickle.loads(job.calls[0])
        assert allowed == at_import == {core}
        assert seen.setdefault(core, pid) == pid
    assert set(seen.values()) == children()
    assert sorted(os.sched_getaffinity(0)) == cores
    job = Job(device=qr.Device("cpu:0", kind="cpu-1core", memory_bytes=1, cores=[100_000]))
    with pytest.raises(ValueError, match=r"the device has cores \[100000\], but must have such as this process may use"):
        pool(job)


def test_options_are_checked():
    for lease_s in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=f"lease_s is {lease_s}, but must be more than 0"):
            ProcessPool(st.train, lease_s=lease_s)
