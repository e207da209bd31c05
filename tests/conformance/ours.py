"""Our own searches as the conformance table knows them: Study, and AsyncHyperband below it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from searches import NotOffered, Refused, Search, Task

import quorate as qr

SPACE = {"x": qr.Float(0.0, 1.0)}
ENDLESS = 1 << 40  # trials
J = TypeVar("J", qr.Job, qr.TrialJob)


def own_brackets(brackets: int | None) -> int | None:
    """One, or else as many as there are rungs, which is what the rows ask for."""
    return 1 if brackets == 1 else None


def task_of(job: J | None, jobs: dict[int, J]) -> Task | None:
    """What was handed out, once it is among `jobs`."""
    if job is None:
        return None
    jobs[job.trial] = job
    return Task(job.trial, job.from_resource, job.to_resource)


class HyperbandSearch:
    def __init__(self, hyperband: qr.AsyncHyperband) -> None:
        self.hyperband = hyperband
        self.jobs: dict[int, qr.Job] = {}

    def ask(self, new: bool = True) -> Task | None:
        return task_of(self.hyperband.ask() if new else self.hyperband.resume(), self.jobs)

    def report(self, trial: int, resource: int, loss: float) -> bool:
        try:
            return self.hyperband.report(self.jobs[trial], resource, loss)
        except ValueError as error:
            raise Refused(str(error)) from error

    def fail(self, trial: int) -> None:
        self.hyperband.fail(self.jobs[trial])

    def saved(self) -> Search:
        raise NotOffered("AsyncHyperband has no file: Study is what lasts")

    killed = saved


@dataclass(frozen=True)
class Hyperband:
    mode: str

    @property
    def name(self) -> str:
        return f"quorate {self.mode}"

    @property
    def pauses(self) -> bool:
        return self.mode != "stop"

    def start(
        self, *, max_resource: int, eta: float = 3, brackets: int | None = 1, seed: int = 0, durable: bool = False
    ) -> Search:
        return HyperbandSearch(
            qr.AsyncHyperband(SPACE, 1, max_resource, eta, self.mode, seed, brackets=own_brackets(brackets))
        )


class StudySearch:
    def __init__(self, folder: Path, options: dict[str, object]) -> None:
        self.folder = folder
        self.options = options
        self.study = qr.Study(folder, SPACE, **options)
        self.jobs: dict[int, qr.TrialJob] = {}

    def ask(self, new: bool = True) -> Task | None:
        return task_of(self.study.ask(trials=ENDLESS if new else 0), self.jobs)

    def report(self, trial: int, resource: int, loss: float) -> bool:
        try:
            goes_on = self.jobs[trial].report(resource, loss)
        except ValueError as error:
            raise Refused(str(error)) from error
        if not goes_on:
            self.jobs[trial].tell()
        return goes_on

    def fail(self, trial: int) -> None:
        self.jobs[trial].fail("made to fail")

    def saved(self) -> Search:
        """Everything is saved at any time: close and open again."""
        self.jobs.clear()
        del self.study
        return StudySearch(self.folder, self.options)

    def killed(self) -> Search:
        """What the system holds of the files at this moment is what a killed process leaves."""
        copy = self.folder.with_name("killed")
        shutil.copytree(self.folder, copy)
        return StudySearch(copy, self.options)


class Study:
    """Its studies go into numbered folders below `folder`."""

    def __init__(self, mode: str, folder: Path) -> None:
        self.mode = mode
        self.name = f"quorate {mode}"
        self.pauses = mode != "stop"
        self.folder = folder
        self.started = 0

    def start(
        self, *, max_resource: int, eta: float = 3, brackets: int | None = 1, seed: int = 0, durable: bool = False
    ) -> Search:
        self.started += 1
        folder = self.folder / f"{self.mode}{self.started}" / "study"
        options = {"max_resource": max_resource, "eta": eta, "mode": self.mode, "seed": seed, "max_attempts": 1}
        return StudySearch(folder, options | {"brackets": own_brackets(brackets)})
