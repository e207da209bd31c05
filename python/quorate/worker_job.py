"""A `TrialJob` in the hands of a worker that is not in the study's process, and what both ends say to each other about it.

The study's process sends `fields_of(job)`; the worker trains with a `WorkerJob` made of them, whose functions ask over a
line; the study's process does for the job what was asked, `answer`, and sends back what came of it.
"""

from __future__ import annotations

import operator
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from ._core import AttemptOver, Device, TrialJob

W = TypeVar("W", bound="Worker")
LOOK_S = 0.1  # how soon a run that is told to stop ends its workers


class WorkerDied(RuntimeError):
    """The worker that a training function ran in ended, or stopped answering, before the function was back."""


class TrainingFailed(RuntimeError):
    """The training function raised in its worker; the message is its traceback."""


class Worker(Protocol):
    """Where training functions run, one after the other."""

    def train(self, job: TrialJob) -> None: ...

    def end(self) -> None: ...


def train_and_keep(worker: W, job: TrialJob, keep: Callable[[W], None]) -> None:
    """Trains the job there and keeps the worker for the next one; ends it where more than the training function failed."""
    kept = False
    try:
        worker.train(job)
        kept = True
    except TrainingFailed:
        kept = True
        raise
    finally:
        if kept:
            keep(worker)
        else:
            worker.end()


class Line(Protocol):
    """The way from a worker to the study's process."""

    def ask(self, job: WorkerJob, name: str, arguments: tuple[Any, ...]) -> Any: ...


@dataclass(frozen=True, eq=False)
class WorkerJob:
    """A `TrialJob` as its worker sees it: the same names, the same meaning."""

    trial: int
    config: dict[str, bool | int | float | str]
    bracket: int
    rung: int
    from_resource: int
    to_resource: int
    attempt: int
    seed: int
    token: str
    device: Device | None
    device_share: float
    checkpoint: Path | None
    checkpoint_resource: int
    _line: Line = field(repr=False)

    @property
    def stop_requested(self) -> bool:
        """False: a worker whose run is told to stop is ended, wherever its training function is."""
        return False

    def report(self, resource: int, loss: float | Sequence[float]) -> bool:
        """As `TrialJob.report`."""
        return bool(self._line.ask(self, "report", (operator.index(resource), _numbers(loss))))

    def save_checkpoint(self, data: bytes | bytearray | memoryview) -> None:
        """As `TrialJob.save_checkpoint`."""
        self._line.ask(self, "save_checkpoint", (data if isinstance(data, bytes) else bytes(memoryview(data)),))

    def add_model(
        self,
        predictions: Mapping[str, Any],
        cost: Mapping[str, float] | None = None,
        model: str | os.PathLike[str] | None = None,
        about: Mapping[str, str] | None = None,
    ) -> str:
        """As `TrialJob.add_model`."""
        arrays = {split: np.asarray(probs) for split, probs in predictions.items()}
        path = None if model is None else Path(model).absolute()
        return str(self._line.ask(self, "add_model", (arrays, dict(cost or {}), path, dict(about or {}))))


def _numbers(loss: Any) -> float | list[float]:
    """Plain numbers: an array of some framework, on some device, would not travel."""
    if isinstance(loss, str):
        raise TypeError(f"loss is {loss!r}, but must be a number or a sequence of numbers")
    try:
        return [float(one) for one in loss]
    except TypeError:
        return float(loss)


PLAIN = (
    "trial",
    "config",
    "bracket",
    "rung",
    "from_resource",
    "to_resource",
    "attempt",
    "seed",
    "token",
    "device_share",
    "checkpoint",
    "checkpoint_resource",
)


def fields_of(job: TrialJob) -> dict[str, Any]:
    """What a `WorkerJob` is made of, picklable: WorkerJob(**received(fields), _line=line)."""
    return {name: getattr(job, name) for name in PLAIN} | {"device": device_fields(job.device)}


def device_fields(device: Device | None) -> dict[str, Any] | None:
    names = ("name", "kind", "memory_bytes", "usd_per_hour", "cores")
    return None if device is None else {name: getattr(device, name) for name in names}


def received(fields: dict[str, Any]) -> dict[str, Any]:
    """`fields_of`, at the other end."""
    return fields | {"device": None if fields["device"] is None else Device(**fields["device"])}


def answer(job: TrialJob, name: str, arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    """Does what a worker asks for: (raised, the exception or the value). StudyStopped is for the caller here."""
    try:
        return False, getattr(job, name)(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is for the training function that asked
        return True, _portable(error)


def _portable(error: Exception) -> Exception:
    """The error as it is where it survives pickling, else its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - an exception class may do anything while it is pickled
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def over(job: WorkerJob) -> AttemptOver:
    return AttemptOver(f"attempt {job.attempt} of trial {job.trial} is over and can no longer change the study")


def described(error: BaseException) -> str:
    """Type and message, then the places that it went through, innermost first, on one line each."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename}({trace.tb_lineno}): {code.co_name}")
        trace = trace.tb_next
    return "\n".join([f"{type(error).__name__}: {error}", "", "At:", *(f"  {frame}" for frame in reversed(frames[1:]))])
