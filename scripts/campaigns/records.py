"""What training functions write down for themselves, beside the study and without its help.

A line goes to the file in one write with O_APPEND, so that a process that is killed leaves it whole or not at all.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FOLDER = "QUORATE_CAMPAIGN"  # the environment variable that names the campaign's folder, and marks its processes


def append(name: str, *fields: object) -> None:
    """Adds a line to the campaign's file `name`."""
    line = " ".join(str(field) for field in fields) + "\n"
    handle = os.open(Path(os.environ[FOLDER]) / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, line.encode())
    os.close(handle)


def lines(path: Path) -> list[list[str]]:
    """The fields of all whole lines."""
    return [line.split() for line in path.read_text().split("\n")[:-1]] if path.exists() else []


def begin(trial: int | str, attempt: int) -> None:
    """An attempt is in the hands of this process."""
    append("work", "attempt", trial, attempt, os.getpid())


def step(trial: int | str, attempt: int, resource: int) -> None:
    """A step begins. Also those count as work that are cut short."""
    append("work", "step", trial, attempt, os.getpid(), resource)


def acknowledged(trial: int | str, resource: int, loss: float) -> None:
    """report() has returned."""
    append("acknowledged", trial, resource, float(loss).hex())


@dataclass(frozen=True)
class Acknowledged:
    trial: str
    resource: int
    loss: float


def read_acknowledged(folder: Path) -> list[Acknowledged]:
    return [Acknowledged(t, int(r), float.fromhex(loss)) for t, r, loss in lines(folder / "acknowledged")]


@dataclass
class Work:
    steps: int = 0  # all that were begun
    repeated: int = 0  # of those, the ones that had been begun before
    last_attempt: dict[int, tuple[str, int]] | None = None  # by process: the trial and attempt that it had last

    @property
    def repeated_share(self) -> float:
        return self.repeated / max(1, self.steps)


def read_work(folder: Path) -> Work:
    work = Work(last_attempt={})
    seen = set()
    assert work.last_attempt is not None
    for what, trial, attempt, pid, *rest in lines(folder / "work"):
        work.last_attempt[int(pid)] = (trial, int(attempt))
        if what == "step":
            work.steps += 1
            work.repeated += (trial, rest[0]) in seen
            seen.add((trial, rest[0]))
    return work
