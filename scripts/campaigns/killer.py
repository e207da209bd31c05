"""Kills a system's processes at random moments, one after the other, and starts it again by the same line."""

from __future__ import annotations

import json
import random
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import processes

SHARES = {"worker": 0.6, "scheduler": 0.27, "both": 0.13}  # of the kills that are not at start-up
OPENING = 0.4  # share of the starts that are followed by a kill at once
STARTING = 0.3  # share of those that hit a worker, where one is starting
STEPS = (40, 220)  # between two others; a machine that is slow does not change what share of the work is repeated
BEYOND_S = 0.03  # and a random part of so long, so that every moment of a step is hit
STUCK_S = 120.0  # so long without a step is no random moment


class Stuck(RuntimeError):
    """No work is done any more."""


@dataclass(frozen=True)
class Kill:
    number: int
    what: str  # "worker", "scheduler", "both" or "opening"
    pids: list[int]
    at_s: float  # since 1970


class System(Protocol):
    name: str

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        """The scheduler, by a line that is always the same."""

    def workers(self, scheduler: subprocess.Popen[bytes]) -> list[int]: ...

    def tend(self, folder: Path) -> None:
        """Sees to it that what does not start by itself runs; called all the time."""

    def finish(self, folder: Path) -> None:
        """The last run, left in peace until all that was begun has ended."""


def entries(folder: Path, name: str) -> list[dict[str, Any]]:
    path = folder / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def read_kills(folder: Path) -> list[Kill]:
    return [Kill(**entry) for entry in entries(folder, "kills.jsonl")]


class Counter:
    """How many lines a growing file has."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = self._lines = 0

    def __call__(self) -> int:
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            self._read += len(new)
            self._lines += new.count(b"\n")
        return self._lines


class Campaign:
    """One folder: `kills.jsonl` says what was done, `ended.jsonl` which runs ended by themselves.

    A campaign that is stopped goes on from what they say.
    """

    def __init__(self, system: System, folder: Path, seed: int, steps: tuple[int, int] = STEPS) -> None:
        self.system, self.folder, self.seed = system, folder, seed
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.startup_s = 0.5  # from the start of a scheduler to the first step, as last seen
        folder.mkdir(parents=True, exist_ok=True)
        self.steps, self.between = Counter(folder / "work"), steps

    def run(self, kills: int) -> None:
        try:
            for number in range(len(read_kills(self.folder)), kills):
                self._kill(number, random.Random(f"{self.seed}:{number}"))
        finally:
            if self.scheduler is not None:
                self._append("stopped.jsonl", {"at_s": time.time()})
                self.scheduler.kill()
                self.scheduler.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        self.scheduler = self.system.start(self.folder)
        return self.scheduler

    def _kill(self, number: int, rng: random.Random) -> None:
        fresh = self.scheduler is None or self.scheduler.poll() is not None
        scheduler = self._started() if self.scheduler is None or fresh else self.scheduler
        if fresh and rng.random() < OPENING:
            what = "opening"
            time.sleep(rng.random() * 1.2 * self.startup_s)
        else:
            what = rng.choices(list(SHARES), list(SHARES.values()))[0]
            scheduler = self._wait(number, scheduler, rng.randrange(*self.between), fresh)
            time.sleep(rng.random() * BEYOND_S)
        pids: list[int] = []
        while not pids:
            if scheduler.poll() is not None:
                self._note_end(number, scheduler)
                scheduler = self._started()
            victims = self._victims(what, scheduler, rng)
            at_s = time.time()
            pids = [pid for pid in victims if processes.kill(pid)]
            if not pids:
                time.sleep(0.01)
        if scheduler.pid in pids:
            scheduler.wait()
        self._append("kills.jsonl", asdict(Kill(number, what, pids, at_s)))

    def _victims(self, what: str, scheduler: subprocess.Popen[bytes], rng: random.Random) -> list[int]:
        workers = self.system.workers(scheduler) if what != "scheduler" else []
        if what == "opening":
            return [rng.choice(workers)] if workers and rng.random() < STARTING else [scheduler.pid]
        victims = [rng.choice(workers)] if workers else []
        victims += [scheduler.pid] if what != "worker" else []
        rng.shuffle(victims)
        return victims

    def _wait(self, number: int, scheduler: subprocess.Popen[bytes], steps: int, fresh: bool) -> subprocess.Popen[bytes]:
        """Until so many lines of work were written; returns the scheduler, another one where that ended by itself."""
        before = seen = self.steps()
        began = last = time.monotonic()
        while seen < before + steps:
            self.system.tend(self.folder)
            if scheduler.poll() is not None:
                self._note_end(number, scheduler)
                scheduler = self._started()
            now, found = time.monotonic(), self.steps()
            if found > seen:
                if fresh and seen == before:
                    self.startup_s = now - began
                seen, last = found, now
            if now > last + STUCK_S:
                raise Stuck(f"no step in {STUCK_S:g} s before kill {number}")
            time.sleep(0.003)
        return scheduler

    def _note_end(self, number: int, scheduler: subprocess.Popen[bytes]) -> None:
        """It was not killed and yet ended: worth a look."""
        errors = (self.folder / "errors").read_text(errors="replace").strip().splitlines()[-1:]
        self._append("ended.jsonl", {"before_kill": number, "code": scheduler.returncode, "errors": errors})

    def _append(self, name: str, entry: object) -> None:
        with (self.folder / name).open("a") as file:
            file.write(json.dumps(entry) + "\n")
