"""What it costs that nothing is lost: trials with three reports each, told to a study on disk, beside Optuna's storages.

A trial is handed out, reports at 1, 3 and 9 and is told to be done; nothing is stopped, so that each side writes the same.
In durability "process" what was acknowledged survives the process; in "power" it is on the disk, as it is with Optuna's
SQLite storage and its journal file, which have no other. Workers are threads of one process, on one study, for both.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import quorate as qr

from .table import Row, version_of

REPORTS = (1, 3, 9)
WORKERS = 32


def ours(folder: Path, durability: str) -> Callable[[int, int], None]:
    space = {"lr": qr.Float(1e-4, 1e-1, log=True)}
    last = REPORTS[-1]
    study = qr.Study(folder / "study", space, min_resource=last, max_resource=last, mode="stop", durability=durability)

    def work(share: int, trials: int) -> None:
        for _ in range(share):
            job = study.ask(trials=trials)
            assert job is not None
            for resource in REPORTS:
                job.report(resource, 1.0 / (resource + job.config["lr"]))
            job.tell()

    return work


def optuna(folder: Path, storage: str) -> Callable[[int, int], None]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if storage == "SQLite":
        kept: Any = f"sqlite:///{folder / 'optuna.db'}"
    else:
        kept = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder / "optuna.log")))
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(storage=kept, sampler=sampler, pruner=optuna.pruners.NopPruner())

    def work(share: int, trials: int) -> None:
        for _ in range(share):
            trial = study.ask()
            rate = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
            for resource in REPORTS:
                trial.report(1.0 / (resource + rate), resource)
                trial.should_prune()
            study.tell(trial, 1.0 / (REPORTS[-1] + rate))

    return work


def seconds_a_trial(make: Callable[[Path], Callable[[int, int], None]], trials: int, workers: int) -> float:
    """Making the study is not counted."""
    with tempfile.TemporaryDirectory(prefix="quorate-bench-") as folder, ThreadPoolExecutor(workers) as pool:
        work = make(Path(folder))
        start = time.perf_counter()
        for done in [pool.submit(work, trials // workers, trials) for _ in range(workers)]:
            done.result()
        return (time.perf_counter() - start) / trials


@dataclass(frozen=True)
class Case:
    durability: str
    workers: int
    storage: str
    trials: int  # ours; in full
    peer_trials: int  # fewer, as its time for a trial grows with their number if anything


CASES = (
    Case("process", 1, "SQLite", trials=4000, peer_trials=100),
    Case("process", 1, "journal", trials=4000, peer_trials=200),
    Case("power", WORKERS, "journal", trials=100 * WORKERS, peer_trials=8 * WORKERS),
)


def opening_s(trials: int, repeats: int) -> float:
    """Of a study with so many trials, each with three reports."""
    with tempfile.TemporaryDirectory(prefix="quorate-bench-") as folder:
        ours(Path(folder), "process")(trials, trials)
        taken = []
        for _ in range(repeats):
            start = time.perf_counter()
            study = qr.Study.open(Path(folder) / "study")
            taken.append(time.perf_counter() - start)
            assert study.finished(trials)
            del study
    return median(taken)


def rows(*, full: bool, repeats: int) -> list[Row]:
    installed = importlib.util.find_spec("optuna") is not None
    result = []
    for case in CASES:
        own, theirs = [], []
        for _ in range(repeats):
            part = 1 if full else 8
            own.append(seconds_a_trial(lambda at: ours(at, case.durability), case.trials // part, case.workers))  # noqa: B023
            if installed:
                trials = max(case.peer_trials // part, case.workers)
                theirs.append(seconds_a_trial(lambda at: optuna(at, case.storage), trials, case.workers))  # noqa: B023
        words = f'durability="{case.durability}", {case.workers} worker{"s" * (case.workers > 1)}: a trial with 3 reports'
        peer = f"Optuna {version_of('optuna')} {case.storage}".replace("  ", " ")
        rate = f"{1 / median(own):,.0f} trials/s"
        note = f"{rate} against {1 / median(theirs):,.1f}" if theirs else f"{rate}; optuna is not installed"
        result.append(Row(words, median(own), peer, median(theirs) if theirs else None, note=note))
    trials = 10_000 if full else 1000
    note = "no peer: nothing is measured but ours"
    result.append(Row(f"opening a study of {trials:,} trials", opening_s(trials, max(repeats, 3)), "-", None, note=note))
    return result
