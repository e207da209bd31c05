"""Our two ways to run a study, as what a campaign starts, kills and lets finish."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import processes
import records

import quorate as qr

HERE = Path(__file__).parent
ENDLESS = 1_000_000  # trials
LAST_RUN_S = 300.0


def started(folder: Path, script: str, *arguments: object) -> subprocess.Popen[bytes]:
    """A process with the campaign's mark; what it complains of goes to the file `errors`."""
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    with (folder / "errors").open("ab") as errors:
        return subprocess.Popen(command, env=os.environ | {records.FOLDER: str(folder)}, stderr=errors)


def trials_of(folder: Path) -> int:
    return len(qr.Study.open(folder / "study").trials())


class Run:
    """`Study.run(executor="processes")` in a process of its own."""

    name = "run"

    def __init__(self, workers: int) -> None:
        self.at_once: int | None = workers
        self._workers = workers

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        return started(folder, "scheduler_run.py", folder / "study", ENDLESS, self._workers)

    def workers(self, scheduler: subprocess.Popen[bytes]) -> list[int]:
        return processes.spawned(scheduler.pid)

    def tend(self, folder: Path) -> None:
        pass

    def finish(self, folder: Path) -> None:
        last = started(folder, "scheduler_run.py", folder / "study", trials_of(folder), self._workers)
        if last.wait(timeout=LAST_RUN_S) != 0:
            raise RuntimeError(f"the last run ended with {last.returncode}: {(folder / 'errors').read_text()[-2000:]}")


class Ask:
    """`Study.ask` in a process of its own, and workers that are nobody's children and outlive it."""

    name = "ask"

    def __init__(self, workers: int) -> None:
        self.at_once: int | None = None  # a killed worker's job stays open until its lease has run out
        self._workers: dict[int, subprocess.Popen[bytes] | None] = dict.fromkeys(range(workers))
        self._count = 0

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        return self._scheduler(folder, ENDLESS)

    def workers(self, scheduler: subprocess.Popen[bytes]) -> list[int]:
        return [worker.pid for worker in self._workers.values() if worker is not None and worker.poll() is None]

    def tend(self, folder: Path) -> None:
        for place, worker in self._workers.items():
            if worker is None or worker.poll() is not None:
                self._count += 1
                self._workers[place] = started(folder, "worker_ask.py", self._address(folder), f"{place}-{self._count}")

    def finish(self, folder: Path) -> None:
        scheduler = self._scheduler(folder, trials_of(folder))
        end = time.monotonic() + LAST_RUN_S
        try:
            while any(worker is not None and worker.poll() is None for worker in self._workers.values()):
                if scheduler.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"the last run did not end: {(folder / 'errors').read_text()[-2000:]}")
                time.sleep(0.05)
        finally:
            scheduler.kill()
            scheduler.wait()

    def _address(self, folder: Path) -> Path:
        """Short: the system allows a hundred characters or so."""
        return Path(tempfile.gettempdir()) / f"quorate-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"

    def _scheduler(self, folder: Path, trials: int) -> subprocess.Popen[bytes]:
        return started(folder, "scheduler_ask.py", folder / "study", trials, self._address(folder))
