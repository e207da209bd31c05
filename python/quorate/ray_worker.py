"""The actor that a training function runs in on a Ray cluster; see `quorate.ray`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pickle
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from ._core import Device
from .worker_job import WorkerJob, described, over, received


@dataclass(frozen=True)
class Bytes:
    """A file that has to travel."""

    name: str
    data: bytes


Question = tuple[int, str, Any]  # its number, what is asked for, and with what


class RayWorker:
    """Trains one job at a time, on a thread; says what it asks, numbered, and takes the answers."""

    def __init__(self, train: bytes, num_gpus: float) -> None:
        self._num_gpus = num_gpus
        self._why: str | None = None
        try:
            self._train = pickle.loads(train)
        except Exception as error:  # noqa: BLE001 - importing the function's module may raise anything
            self._why = f"{type(error).__name__}: {error}"
        remove_abandoned_folders()
        self._asking = threading.Lock()
        self._changed = threading.Condition()
        # All of these are guarded by _changed.
        self._number = 0  # of the job that is trained
        self._job: WorkerJob | None = None
        self._question: Question | None = None  # the last one, numbered 1, 2 ... in a job
        self._asked = 0  # its number
        self._answered = 0
        self._answer: tuple[bool, Any] = (False, None)
        self._here = False

    # What the study's process calls; each may come more than once.

    def ready(self) -> tuple[str, str | None]:
        """The node's id, and why the training function cannot be used."""
        return ray.get_runtime_context().get_node_id(), self._why

    def begin(self, number: int, fields: dict[str, Any], checkpoint: list[ray.ObjectRef] | None, here: bool) -> None:
        """Trains the job, which is the worker's `number`th. here: the study's files can be read under their paths."""
        with self._changed:
            if number <= self._number:
                return
            self._number, self._asked, self._answered, self._here = number, 0, 0, here
        threading.Thread(target=self._run, args=(number, fields, checkpoint), daemon=True).start()

    def next(self, number: int, answered: int, answer: tuple[bool, Any] | None, wait_s: float) -> Question | None:
        """Takes the answer to the question `answered`, unless that is 0, and gives the one after it, or None where there is
        none for wait_s. "done" and "failed" are the last ones of a job."""
        with self._changed:
            if number != self._number:
                return None
            if answer is not None and answered == self._answered + 1:
                self._answered, self._answer = answered, answer
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._asked > answered, wait_s)
            return self._question if self._asked > answered else None

    # What the training function's thread calls.

    def ask(self, job: WorkerJob, name: str, arguments: tuple[Any, ...]) -> Any:
        if name == "add_model" and arguments[2] is not None and not self._here:
            predictions, cost, path, about = arguments
            arguments = (predictions, cost, Bytes(path.name, path.read_bytes()), about)
        with self._asking, self._changed:
            if job is not self._job:
                raise over(job)
            self._say(name, arguments)
            # Not for ever: who has no answer for this worker ends it.
            self._changed.wait_for(lambda: self._answered == self._asked)
            raised, value = self._answer
        if raised:
            raise value
        return value

    def _say(self, name: str, arguments: Any) -> None:
        self._asked += 1
        self._question = (self._asked, name, arguments)
        self._changed.notify_all()

    def _run(self, number: int, fields: dict[str, Any], checkpoint: list[ray.ObjectRef] | None) -> None:
        outcome: tuple[str, str | None]
        try:
            with fetched(checkpoint, fields["checkpoint_resource"]) as path:
                if path is not None:
                    fields["checkpoint"] = path
                job = WorkerJob(**(received(fields) | given(self._num_gpus)), _line=self)
                self._job = job
                self._train(job)
        except BaseException as error:  # noqa: BLE001 - a training function may raise anything: it is the outcome
            outcome = ("failed", described(error))
        else:
            outcome = ("done", None)
        with self._asking, self._changed:
            self._job = None
            self._say(*outcome)


def given(num_gpus: float) -> dict[str, Any]:
    """The device that Ray gave: the process sees only its own GPUs, numbered from 0."""
    if num_gpus == 0:
        return {"device": None, "device_share": 1.0}
    labels = ray.get_runtime_context().get_node_labels()
    kind = labels.get("ray.io/accelerator-type", "gpu").lower()
    return {"device": Device("cuda:0", kind=kind, memory_bytes=0), "device_share": min(num_gpus, 1.0)}


# --- checkpoints from another node

PREFIX = "quorate-ray-"


@contextlib.contextmanager
def fetched(checkpoint: list[ray.ObjectRef] | None, resource: int) -> Iterator[Path | None]:
    """A file with the checkpoint, for as long as this lasts."""
    if checkpoint is None:
        yield None
        return
    folder, lock = locked_folder()
    try:
        path = folder / f"{resource}.ckpt"
        path.write_bytes(ray.get(checkpoint[0]))
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def locked_folder() -> tuple[Path, int]:
    """A folder that is in use for as long as this process lives and the descriptor is open."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():  # it may have looked abandoned for a moment
            return folder, lock
        os.close(lock)


def remove_abandoned_folders() -> None:
    """Those of workers that were ended, as they are whenever a run is told to stop."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:  # somebody else's, or gone
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # in use
        finally:
            os.close(lock)
