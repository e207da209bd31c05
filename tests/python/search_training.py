"""Training functions that spawned processes can import, and a script that runs a study until it is killed."""

import ctypes
import os
import pickle
import signal
import struct
import sys
import tempfile
import time
from pathlib import Path

import quorate as qr

SPACE = {"x": qr.Float(0.0, 1.0), "act": qr.Categorical(["relu", "gelu"])}
OPTIONS = {"space": SPACE, "max_resource": 9, "eta": 3, "seed": 5}
TRIALS = 24


def loss_of(job, resource):
    return (job.config["x"] - 0.3) ** 2 + 1 / resource


def train(job):
    """Goes on from its checkpoint and writes each acknowledged loss to the file that the environment names."""
    at = 0 if job.checkpoint is None else int(job.checkpoint.read_text())
    assert at == job.checkpoint_resource
    for resource in range(at + 1, job.to_resource + 1):
        time.sleep(0.002)
        loss = loss_of(job, resource)
        go_on = job.report(resource, loss)
        acknowledge(f"{job.trial} {resource} {loss!r}\n")
        job.save_checkpoint(str(resource).encode())
        if not go_on:
            return


def acknowledge(line):
    name = os.environ.get("QUORATE_TEST_ACKNOWLEDGED")
    if name is not None:
        handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, line.encode())
        os.close(handle)


def add_models(job):
    import numpy as np

    for resource in range(job.from_resource + 1, job.to_resource + 1):
        job.report(resource, loss_of(job, resource))
    job.add_model({"valid": np.full((2, 4), 0.25, np.float32)}, {"flops": 3.0}, about={"process": str(os.getpid())})


def misuse(job):
    """Gets a ValueError across the processes, and then does what it should."""
    try:
        job.report(99, 0.5)
    except ValueError as error:
        assert "resource is 99, but must be from 1 to" in str(error)
        train(job)


def raise_on_odd(job):
    if job.trial % 2:
        raise ArithmeticError(f"trial {job.trial} is odd")
    train(job)


def die_on_third(job):
    if job.trial == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    train(job)


def sleep_for_ever(job):
    acknowledge("asleep\n")
    time.sleep(3600)


_KEPT = []


def report_late(job):
    """The second job of a process finds the first one's handle dead."""
    if _KEPT:
        try:
            _KEPT[0].report(1, -1.0)
        except ValueError as error:
            assert str(error) == f"attempt 1 of trial {_KEPT[0].trial} is over and can no longer change the study"
        else:
            raise AssertionError("a report of another job was taken")
    _KEPT.append(job)
    train(job)


def look_around(job):
    """Everything that a job shows, and every form that a report and a checkpoint may have."""
    import numpy as np

    from quorate import worker_job

    seen = {name: getattr(job, name) for name in (*worker_job.PLAIN, "stop_requested")}
    seen["device"] = worker_job.device_fields(job.device)
    job.report(np.int64(1), np.float32(0.5))
    job.report(2, [0.25, 3])
    job.report(3, np.array([0.5, 1.0], np.float32))
    job.report(4, np.array(0.75))
    job.save_checkpoint(bytearray(b"bytes"))
    job.save_checkpoint(memoryview(b"view"))
    job.save_checkpoint(pickle.dumps(seen))


def add_odd_model(job):
    assert job.add_model({"valid": [[0.5, 0.5]]}, model="here.pt2") == "t0007r9"


class Hang:
    """Stops, holds the interpreter's lock, or stops in the middle of a message."""

    def __init__(self, how):
        self.how = how

    def __call__(self, job):
        if job.config:
            return
        if self.how == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self.how == "hold":
            ctypes.PyDLL(None).sleep(3600)
        else:
            job._line._channel._socket.sendall(struct.pack("!Q", 1 << 20) + b"half")
            os.kill(os.getpid(), signal.SIGSTOP)


def sleep_and_report(job):
    time.sleep(2.5)
    job.report(1, 0.5)


def die_with_a_child(job):
    """The child has what the process had, so that nobody reads the end of a file."""
    child = os.fork()
    if child == 0:
        time.sleep(3600)
        os._exit(0)
    job.save_checkpoint(str(child).encode())
    os.kill(os.getpid(), signal.SIGKILL)


class End:
    def __init__(self, how):
        self.how = how

    def __call__(self, job):
        if self.how == "exit":
            sys.exit(3)
        os.kill(os.getpid(), signal.SIGRTMIN + 2)
        time.sleep(3600)


def report_once(job):
    job.report(job.config.get("resource", 1), job.config.get("loss", 0.5))


CORES_AT_IMPORT = os.sched_getaffinity(0)


def tell_cores(job):
    job.save_checkpoint(pickle.dumps((os.getpid(), os.sched_getaffinity(0), CORES_AT_IMPORT)))


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def note(path, *words):
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, (" ".join(map(str, words)) + "\n").encode())
    os.close(handle)


def sleep_in_first(path):
    """For ever, where nobody has been here before."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return
    time.sleep(3600)


class OnRay:
    """Trains in steps; the better trials come first, so that the order in which trials are back makes no difference.

    Notes trial, resource, node, process and checkpoint of each step. The first of the later trials that comes to be on
    another node than `home` stays in the middle of its job for ever.
    """

    def __init__(self, notes, home=""):
        self.notes = notes
        self.home = home

    def __call__(self, job):
        import numpy as np
        import ray

        node = ray.get_runtime_context().get_node_id() if ray.is_initialized() else ""
        at = 0 if job.checkpoint is None else int(job.checkpoint.read_text())
        assert at == job.checkpoint_resource
        for resource in range(at + 1, job.to_resource + 1):
            time.sleep(0.05)
            job.report(resource, job.trial + 1 / resource)
            job.save_checkpoint(str(resource).encode())
            note(self.notes, job.trial, resource, node, os.getpid(), job.checkpoint)
            if node != self.home and job.trial >= 9 and job.bracket > 0 and resource < job.to_resource:
                sleep_in_first(self.notes.with_suffix(".held"))
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder, "weights.pt2")
            model.write_text(f"{job.trial} {job.to_resource}")
            job.add_model({"valid": np.full((2, 4), 0.25, np.float32)}, {"flops": 3.0}, model)


class Misbehave:
    """One thing a trial."""

    def __init__(self, notes):
        self.notes = notes

    def __call__(self, job):
        note(self.notes, job.trial, os.getpid())
        if job.trial == 0:
            raise ArithmeticError("trial 0 does not add up")
        if job.trial == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if job.trial == 2:
            ctypes.PyDLL(None).sleep(3600)
        if job.trial == 3:
            sys.exit(3)
        if job.trial == 4:
            time.sleep(5)  # longer than a lease
            misuse(job)
        if job.trial == 5:
            sleep_for_ever(job)


class Meet:
    """Waits for another one of its kind, and notes what it was given."""

    def __init__(self, notes):
        self.notes = notes

    def __call__(self, job):
        device = job.device
        note(self.notes, job.trial, device.name, device.kind, job.device_share, os.environ["CUDA_VISIBLE_DEVICES"])
        while len(self.notes.read_text().splitlines()) < 2:
            time.sleep(0.01)
        job.report(1, 0.5)


class NeverLoads:
    """A training function whose process does not get beyond importing it, in all processes but the first `loads`."""

    def __init__(self, loads):
        self.loads = loads

    def __call__(self, job):
        train(job)

    def __reduce__(self):
        return _load, (self.loads,)


def _load(loads):
    path = Path(os.environ["QUORATE_TEST_ACKNOWLEDGED"]).with_suffix(".loads")
    with path.open("a") as file:
        file.write(".")
    if path.stat().st_size > loads:
        sleep_for_ever(None)
    return train


if __name__ == "__main__":
    folder, executor = Path(sys.argv[1]), sys.argv[2]
    chosen = {"train": train, "sleep": sleep_for_ever, "first": NeverLoads(0), "second": NeverLoads(1)}[sys.argv[3]]
    qr.Study(folder, **OPTIONS).run(chosen, trials=TRIALS, workers=2, executor=executor)
