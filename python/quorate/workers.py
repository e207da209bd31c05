"""Training in processes of its own: a trial that crashes takes nobody with it.

The study stays in the parent, on the threads of `Study.run`; each of them hands its job to a spawned process, kept for many
jobs, and does there for it what the training function calls on its job.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ._core import Error, StudyStopped, TrialJob

LOOK_S = 0.1  # how soon a run that is told to stop ends its processes
GRACE_S = 1.0  # how long an ended process may take to be gone


class WorkerDied(RuntimeError):
    """The process that a training function ran in ended before the function did."""


class TrainingFailed(RuntimeError):
    """The training function raised in its process; the message is its traceback."""


class _Line:
    """What a process asks its parent: one question at a time, and only for the job that it has now."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._job: ProcessJob | None = None

    def begin(self) -> ProcessJob:
        self._job = ProcessJob(**self._connection.recv(), _line=self)
        return self._job

    def ask(self, job: ProcessJob, name: str, arguments: tuple[Any, ...]) -> Any:
        with self._lock:
            if job is not self._job:
                raise ValueError(f"attempt {job.attempt} of trial {job.trial} is over and can no longer change the study")
            self._connection.send((name, arguments))
            raised, value = self._connection.recv()
        if raised:
            raise value
        return value

    def end(self, outcome: str, why: str | None) -> None:
        with self._lock:
            self._job = None
            self._connection.send((outcome, why))


@dataclass(frozen=True)
class ProcessJob:
    """A `TrialJob` as its process sees it: the same names, the same meaning."""

    trial: int
    config: dict[str, bool | int | float | str]
    bracket: int
    rung: int
    from_resource: int
    to_resource: int
    attempt: int
    seed: int
    checkpoint: Path | None
    checkpoint_resource: int
    _line: _Line

    def _ask(self, name: str, *arguments: Any) -> Any:
        return self._line.ask(self, name, arguments)

    def report(self, resource: int, loss: float) -> bool:
        """As `TrialJob.report`."""
        return bool(self._ask("report", int(resource), float(loss)))

    def save_checkpoint(self, data: bytes) -> None:
        """As `TrialJob.save_checkpoint`."""
        self._ask("save_checkpoint", bytes(data))

    def add_model(
        self,
        predictions: Mapping[str, Any],
        cost: Mapping[str, float] | None = None,
        model: str | os.PathLike[str] | None = None,
        about: Mapping[str, str] | None = None,
    ) -> str:
        """As `TrialJob.add_model`."""
        path = None if model is None else Path(model).absolute()
        return str(self._ask("add_model", dict(predictions), dict(cost or {}), path, dict(about or {})))


JOB_FIELDS = (
    "trial",
    "config",
    "bracket",
    "rung",
    "from_resource",
    "to_resource",
    "attempt",
    "seed",
    "checkpoint",
    "checkpoint_resource",
)


def end_with_parent() -> None:
    """For a thread of a spawned process: ends the process when its parent is gone, however that ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _serve(connection: Connection, pickled_train: bytes) -> None:
    """The process's whole life: jobs come in, what they ask for goes out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent decides
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        train = pickle.loads(pickled_train)
    except Exception as error:  # noqa: BLE001 - importing the function's module may raise anything
        connection.send(("unusable", f"{type(error).__name__}: {error}"))
        return
    connection.send(("ready", None))
    line = _Line(connection)
    while True:
        try:
            job = line.begin()
        except EOFError:
            return
        try:
            train(job)
        except Exception as error:  # noqa: BLE001 - a training function may raise anything: it is the outcome
            line.end("failed", _described(error))
        else:
            line.end("done", None)


def _described(error: BaseException) -> str:
    """Type, message and the innermost place, on one line each."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}({trace.tb_lineno}): {code.co_name}")
        trace = trace.tb_next
    return "\n".join([f"{type(error).__name__}: {error}", "", "At:", *(f"  {frame}" for frame in reversed(frames[1:]))])


class _Worker:
    """A process and this end of the line to it."""

    def __init__(self, pickled_train: bytes) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        # Not a daemon: a training function may have processes of its own, such as data loaders.
        self.process = context.Process(target=_serve, args=(theirs, pickled_train), name="quorate worker")
        self.process.start()
        theirs.close()

    def receive(self, job: TrialJob | None) -> tuple[str, Any]:
        """The next message. Raises WorkerDied, and StudyStopped once the job's run was told to stop."""
        while True:
            ready = wait([self.connection, self.process.sentinel], LOOK_S)
            if job is not None and job.stop_requested:
                raise StudyStopped
            if self.connection in ready or (ready and self.connection.poll()):
                try:
                    return self.connection.recv()  # type: ignore[no-any-return]
                except (EOFError, OSError):  # it ended, perhaps in the middle of a message
                    pass
            if ready:
                self.process.join(GRACE_S)
                raise WorkerDied(f"the worker process {_ending(self.process.exitcode)}")

    def train(self, job: TrialJob) -> None:
        self.send({name: getattr(job, name) for name in JOB_FIELDS})
        while True:
            name, arguments = self.receive(job)
            if name == "done":
                return
            if name == "failed":
                raise TrainingFailed(arguments)
            try:
                answer = (False, getattr(job, name)(*arguments))
            except (ValueError, TypeError, OSError, Error) as error:  # the caller in the other process gets it
                answer = (True, error)
            self.send(answer)

    def send(self, message: Any) -> None:
        try:
            self.connection.send(message)
        except (BrokenPipeError, ConnectionResetError):
            self.process.join(GRACE_S)
            raise WorkerDied(f"the worker process {_ending(self.process.exitcode)}") from None

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()
        self.process.close()


def _ending(exitcode: int | None) -> str:
    if exitcode is None:
        return "closed its connection"
    if exitcode < 0:
        return f"was ended by {signal.Signals(-exitcode).name}"
    return f"ended with exit code {exitcode}"


class ProcessPool:
    """Calls `train` in spawned processes; as many as there are calls at once, each kept for later calls.

    Raises ValueError where a spawned process cannot import `train`.
    """

    def __init__(self, train: Callable[[ProcessJob], None]) -> None:
        try:
            self._train = pickle.dumps(train)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(f"train is {train!r}, but must be importable for executor='processes': {error}") from error
        self._lock = threading.Lock()
        self._idle = [self._started(None)]

    def _started(self, job: TrialJob | None) -> _Worker:
        worker = _Worker(self._train)
        try:
            state, why = worker.receive(job)
            if state != "ready":
                raise ValueError(f"train must be importable for executor='processes', but a spawned process says {why}")
        except WorkerDied as error:
            worker.end()
            raise ValueError(
                f"{error} before it could train; where train is defined in a script, the script's own work must stand under "
                "`if __name__ == '__main__':`"
            ) from error
        except BaseException:  # Ctrl-C among them: a process left behind would keep this one from ending
            worker.end()
            raise
        return worker

    def __call__(self, job: TrialJob) -> None:
        with self._lock:
            worker = self._idle.pop() if self._idle else self._started(job)
        kept = False
        try:
            worker.train(job)
            kept = True
        except TrainingFailed:
            kept = True
            raise
        finally:
            with self._lock:
                if kept:
                    self._idle.append(worker)
                else:
                    worker.end()

    def close(self) -> None:
        """Ends all processes. No call may be under way."""
        for worker in self._idle:
            worker.end()
        self._idle = []
