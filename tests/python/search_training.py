"""Training functions that spawned processes can import, and a script that runs a study until it is killed."""

import os
import signal
import sys
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
