"""Training in processes of its own: a trial that crashes or hangs takes nobody with it.

The study stays in the parent, on the threads of `Study.run`; each of them hands its job to a spawned process, kept for many
jobs, and does there for it what the training function calls on its job. A process that gives no sign of life for `lease_s`
is ended: one that was stopped, say, or that is stuck in C code which never gives back the interpreter's lock.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from typing import Any

from ._core import StudyStopped, TrialJob
from .worker_job import (
    LOOK_S,
    TrainingFailed,
    WorkerDied,
    WorkerJob,
    answer,
    described,
    fields_of,
    over,
    received,
    train_and_keep,
)

GRACE_S = 1.0  # how long an ended process may take to be gone
STARTS = 3  # so often is the first process started where something else kills it
START_S = 300.0  # how long a process may take to import the training function, without a sign of life


class _Channel:
    """Messages over a socket, each a length and a pickle; any thread may send."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lock = threading.Lock()

    def send(self, message: Any) -> None:
        data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        with self._lock:
            self._socket.sendall(struct.pack("!Q", len(data)))
            self._socket.sendall(data)

    def receive(self, look: Callable[[float], None] | None = None) -> Any:
        """The next message; EOFError where the other end is gone. `look` is called with the seconds of silence so far
        each time that the socket's timeout passes without a byte, also in the middle of a message."""
        (size,) = struct.unpack("!Q", self._read(8, look))
        return pickle.loads(self._read(size, look))

    def _read(self, size: int, look: Callable[[float], None] | None) -> bytearray:
        data = bytearray(size)
        left = memoryview(data)
        looks = 0
        while left:
            try:
                count = self._socket.recv_into(left)
            except TimeoutError:
                assert look is not None
                looks += 1
                # Looks, not a clock: while this process itself is stopped, nobody's time runs out.
                look(looks * LOOK_S)
                continue
            if count == 0:
                raise EOFError
            left = left[count:]
            looks = 0
        return data

    def close(self) -> None:
        self._socket.close()


# --- the process


class _Line:
    """What a process asks its parent: one question at a time, and only for the job that it has now."""

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel
        self._asking = threading.Lock()
        self._job: WorkerJob | None = None
        self._busy = True

    def begin(self) -> WorkerJob:
        fields = self._channel.receive()
        self._job = WorkerJob(**received(fields), _line=self)
        self._busy = True
        return self._job

    def ask(self, job: WorkerJob, name: str, arguments: tuple[Any, ...]) -> Any:
        with self._asking:
            if job is not self._job:
                raise over(job)
            self._channel.send((name, arguments))
            raised, value = self._channel.receive()
        if raised:
            raise value
        return value

    def end(self, outcome: str, why: str | None) -> None:
        with self._asking:
            self._job = None
            self._busy = False
            self._channel.send((outcome, why))

    def beat(self, interval_s: float) -> None:
        """For a thread: signs of life for as long as the parent waits for something."""
        with contextlib.suppress(OSError):  # the parent is gone or has closed the line
            while True:
                time.sleep(interval_s)
                if self._busy:
                    self._channel.send(("alive", None))


def end_with_parent() -> None:
    """For a thread of a spawned process: ends the process when its parent is gone, however that ended."""
    _wait_for_parent()
    os._exit(1)


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])


def _end_group_with_parent() -> None:
    _wait_for_parent()
    os.killpg(0, signal.SIGKILL)


def _serve(end: socket.socket, pickled_train: bytes, lease_s: float) -> None:
    """The process's whole life: jobs come in, what they ask for goes out."""
    # A group of its own: with the process go those that its training function has started. Ctrl-C, which reaches the
    # processes of the terminal's group, is for the parent to decide on.
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_group_with_parent, daemon=True).start()
    channel = _Channel(end)
    line = _Line(channel)
    threading.Thread(target=line.beat, args=(lease_s / 4,), daemon=True).start()
    try:
        train = pickle.loads(pickled_train)
    except Exception as error:  # noqa: BLE001 - importing the function's module may raise anything
        line.end("unusable", f"{type(error).__name__}: {error}")
        return
    line.end("ready", None)
    while True:
        try:
            job = line.begin()
        except (EOFError, ConnectionResetError):
            return
        try:
            train(job)
        except Exception as error:  # noqa: BLE001 - a training function may raise anything: it is the outcome
            line.end("failed", described(error))
        else:
            line.end("done", None)


# --- its parent


@contextlib.contextmanager
def _pinned(cores: list[int]) -> Iterator[None]:
    """Keeps this thread, and so what it starts, on these CPU cores; on no particular ones where there are none."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, cores)
    except OSError as error:
        raise ValueError(f"the device has cores {cores}, but must have such as this process may use: {error}") from None
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class _Worker:
    """A process and this end of the line to it."""

    def __init__(self, pickled_train: bytes, lease_s: float, cores: list[int]) -> None:
        self.cores = cores
        self._lease_s = lease_s
        context = multiprocessing.get_context("spawn")
        ours, theirs = socket.socketpair()
        with theirs:
            # Not a daemon: a training function may have processes of its own, such as data loaders.
            self._process = context.Process(target=_serve, args=(theirs, pickled_train, lease_s), name="quorate worker")
            try:
                with _pinned(cores):  # from its first moment, so that thread pools get the size of the device
                    self._process.start()
            except BaseException:
                ours.close()
                raise
        ours.settimeout(LOOK_S)
        self._channel = _Channel(ours)

    def receive(self, job: TrialJob | None, patience_s: float) -> tuple[str, Any]:
        """The next message. Raises WorkerDied, and StudyStopped once the job's run was told to stop."""

        def look(silent_s: float) -> None:
            if job is not None and job.stop_requested:
                raise StudyStopped
            # Its end of the line may outlive it, in a process that it has forked.
            if self._process.exitcode is not None:
                raise EOFError
            if silent_s >= patience_s:
                raise WorkerDied(f"the worker process gave no sign of life for {patience_s:g} s")

        while True:
            try:
                name, arguments = self._channel.receive(look)
            except (EOFError, ConnectionResetError):
                raise self._died() from None
            if name != "alive":
                return name, arguments

    def ready(self, job: TrialJob | None) -> tuple[str, Any]:
        return self.receive(job, max(START_S, self._lease_s))

    def train(self, job: TrialJob) -> None:
        self._send(fields_of(job))
        while True:
            name, arguments = self.receive(job, self._lease_s)
            if name == "done":
                return
            if name == "failed":
                raise TrainingFailed(arguments)
            self._send(answer(job, name, arguments))

    def _send(self, message: Any) -> None:
        try:
            self._channel.send(message)
        except OSError:
            raise self._died() from None

    @property
    def killed(self) -> bool:
        """Whether a signal ended it: nothing that says anything about train."""
        return self._process.exitcode is not None and self._process.exitcode < 0

    def _died(self) -> WorkerDied:
        self._process.join(GRACE_S)
        return WorkerDied(f"the worker process {_ending(self._process.exitcode)}")

    def end(self) -> None:
        """Ends the process and those that it has started."""
        self._channel.close()
        assert self._process.pid is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()  # one that has not come as far as having a group
        self._process.join()
        self._process.close()


def _ending(exitcode: int | None) -> str:
    if exitcode is None:
        return "closed its connection"
    if exitcode >= 0:
        return f"ended with exit code {exitcode}"
    try:
        return f"was ended by {signal.Signals(-exitcode).name}"
    except ValueError:  # a real-time signal
        return f"was ended by signal {-exitcode}"


class ProcessPool:
    """Calls `train` in spawned processes; as many as there are calls at once, each kept for later calls on its device.

    A process whose device has CPU cores stays on them. lease_s: how long a process may give no sign of life, which it does
    on a thread of its own, before its job fails. Raises ValueError where a spawned process cannot import `train`.
    """

    def __init__(self, train: Callable[[WorkerJob], None], lease_s: float = 60.0) -> None:
        if not lease_s > 0:
            raise ValueError(f"lease_s is {lease_s}, but must be more than 0")
        try:
            self._train = pickle.dumps(train)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(f"train is {train!r}, but must be importable for executor='processes': {error}") from error
        self._lease_s = lease_s
        self._lock = threading.Lock()
        self._idle = [self._started(None)]  # tells at once whether train can be used

    def _started(self, job: TrialJob | None, starts: int = STARTS) -> _Worker:
        worker = _Worker(self._train, self._lease_s, _cores_of(job))
        try:
            state, why = worker.ready(job)
            if state != "ready":
                raise ValueError(f"train must be importable for executor='processes', but a spawned process says {why}")
        except WorkerDied as error:
            killed = worker.killed
            worker.end()
            if killed and job is None and starts > 1:
                return self._started(job, starts - 1)
            if killed:
                raise
            raise ValueError(
                f"{error} before it could train; where train is defined in a script, the script's own work must stand under "
                "`if __name__ == '__main__':`"
            ) from error
        except BaseException:  # Ctrl-C among them: a process left behind would keep this one from ending
            worker.end()
            raise
        return worker

    def _taken(self, cores: list[int]) -> _Worker | None:
        """An idle process that is on these cores."""
        with self._lock:
            fitting = [worker for worker in self._idle if worker.cores == cores]
            # The first process was started before there was a device: where all of them have cores nobody needs it.
            chosen = fitting[-1] if fitting else next((worker for worker in self._idle if not worker.cores), None)
            if chosen is not None:
                self._idle.remove(chosen)
        if chosen is None or fitting:
            return chosen
        chosen.end()
        return None

    def __call__(self, job: TrialJob) -> None:
        train_and_keep(self._taken(_cores_of(job)) or self._started(job), job, self._keep)

    def _keep(self, worker: _Worker) -> None:
        with self._lock:
            self._idle.append(worker)

    def close(self) -> None:
        """Ends all processes. No call may be under way."""
        for worker in self._idle:
            worker.end()
        self._idle = []


def _cores_of(job: TrialJob | None) -> list[int]:
    return [] if job is None or job.device is None else list(job.device.cores)
