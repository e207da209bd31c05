"""The same kills on Optuna: peers_optuna.py --storage sqlite|journal --kills 50.

As its documentation has it for workers that die: every worker is a process that calls Study.optimize on a shared storage.
SQLite with heartbeat_interval, grace_period and RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True); a
retried trial goes on from the checkpoint of the trial that it is a retry of. The journal file has no heartbeat.
HyperbandPruner with the same resources, RandomSampler. A launcher starts dead workers again; the kill of a "scheduler" is
that of the launcher and all its workers.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import killer
import processes
import records
import training
from kill import table
from systems import started

HEARTBEAT_S, GRACE_S = 1, 3  # whole seconds are what it takes
NAME = "study"
STEPS = (30, 120)  # between two kills


def storage_of(kind: str, folder: Path) -> Any:
    import optuna
    from optuna.storages import JournalStorage, RDBStorage, RetryHeartbeatStaleTrialCallback
    from optuna.storages.journal import JournalFileBackend

    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    if kind == "journal":
        return JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    return RDBStorage(
        f"sqlite:///{folder / 'study.db'}",
        engine_kwargs={"connect_args": {"timeout": 60}},
        heartbeat_interval=HEARTBEAT_S,
        grace_period=GRACE_S,
        heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(inherit_intermediate_values=True),
    )


def study_of(kind: str, folder: Path, seed: int = 0) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(
        storage=storage_of(kind, folder),
        study_name=NAME,
        load_if_exists=True,
        sampler=optuna.samplers.RandomSampler(seed=seed),
        pruner=optuna.pruners.HyperbandPruner(min_resource=1, max_resource=81, reduction_factor=3),
    )


def original_of(trial: Any) -> int:
    """Of a FrozenTrial."""
    number = trial.system_attrs.get("failed_trial")
    return trial.number if number is None else int(number)


def objective(trial: Any) -> float:
    import optuna

    config = {"x": trial.suggest_float("x", 0.0, 1.0), "act": trial.suggest_categorical("act", ["relu", "gelu"])}
    original = original_of(trial.study.get_trials(deepcopy=False)[trial.number])
    checkpoint = Path(os.environ[records.FOLDER]) / "checkpoints" / str(original)
    checkpoint.parent.mkdir(exist_ok=True)
    at = int(checkpoint.read_text()) if checkpoint.exists() else 0
    records.begin(original, trial.number)
    loss = 0.0
    for resource in range(at + 1, training.OPTIONS["max_resource"] + 1):
        records.step(original, trial.number, resource)
        time.sleep(training.STEP_S)
        loss = training.loss_of(config, resource)
        trial.report(loss, resource)
        records.acknowledged(trial.number, resource, loss)
        temporary = checkpoint.with_suffix(f".{os.getpid()}")
        with temporary.open("w") as file:
            file.write(str(resource))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(checkpoint)
        if trial.should_prune():
            raise optuna.TrialPruned
    return loss


def end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def worker(kind: str, folder: Path, last: bool) -> None:
    import optuna
    from optuna.trial import TrialState

    study = study_of(kind, folder, os.getpid())
    if not last:
        study.optimize(objective)
        return
    # Nothing new is begun: what waits is trained, once what died is found to be stale.
    for _ in range(3):
        time.sleep(GRACE_S + 2 * HEARTBEAT_S)
        optuna.storages.fail_stale_trials(study)
        while study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            study.optimize(objective, n_trials=1)


def launch(kind: str, folder: Path, workers: int) -> None:
    running: list[subprocess.Popen[bytes]] = []
    study_of(kind, folder)
    while True:
        running = [process for process in running if process.poll() is None]
        while len(running) < workers:
            command = [sys.executable, __file__, "--role", "worker", "--storage", kind, "--folder", str(folder)]
            running.append(subprocess.Popen(command, preexec_fn=end_with_parent))
        time.sleep(0.02)


class Optuna:
    def __init__(self, kind: str, workers: int) -> None:
        self.name, self._kind, self._workers = f"Optuna, {kind}", kind, workers

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        arguments = ["--role", "launcher", "--storage", self._kind, "--folder", folder, "--workers", self._workers]
        return started(folder, Path(__file__).name, *arguments)

    def workers(self, scheduler: subprocess.Popen[bytes]) -> list[int]:
        return [pid for pid in processes.children(scheduler.pid) if "--role worker" in processes.command(pid)]

    def tend(self, folder: Path) -> None:
        pass

    def finish(self, folder: Path) -> None:
        worker = started(folder, Path(__file__).name, "--role", "last", "--storage", self._kind, "--folder", folder)
        worker.wait(timeout=600)


def check(kind: str, folder: Path) -> dict[str, object]:
    trials = study_of(kind, folder).get_trials(deepcopy=False)
    acknowledged = records.read_acknowledged(folder)
    lost = altered = 0
    for entry in acknowledged:
        values = trials[int(entry.trial)].intermediate_values if int(entry.trial) < len(trials) else {}
        lost += entry.resource not in values
        altered += entry.resource in values and not (values[entry.resource] == entry.loss or entry.loss != entry.loss)
    reports = Counter((original_of(t), step) for t in trials for step in t.intermediate_values)
    rungs = Counter((original_of(t), key) for t in trials for key in t.system_attrs if key.startswith("completed_rung"))
    work = records.read_work(folder)
    states = Counter(t.state.name for t in trials)
    ends = killer.entries(folder, "ended.jsonl")
    return {
        "acknowledged reports": len(acknowledged),
        "lost": lost,
        "altered": altered,
        "reports that are there twice": sum(count > 1 for count in reports.values()),
        "losses that count twice at a rung": sum(count > 1 for count in rungs.values()),
        "trials": len(trials),
        "states": ", ".join(f"{count} {state}" for state, count in sorted(states.items())),
        "trials running or waiting for ever": states["RUNNING"] + states["WAITING"],
        "steps of those, done for nothing": sum(len(t.intermediate_values) for t in trials if not t.state.is_finished()),
        "steps": work.steps,
        "steps repeated": f"{work.repeated} ({100 * work.repeated_share:.2f} %)",
        "runs that ended by themselves": len(ends),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--role", choices=["campaign", "launcher", "worker", "last"], default="campaign")
    parser.add_argument("--storage", choices=["sqlite", "journal"], default="sqlite")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    folder = (arguments.folder or Path(f"runs/kill-optuna-{arguments.storage}")).absolute()
    if arguments.role == "launcher":
        launch(arguments.storage, folder, arguments.workers)
    elif arguments.role != "campaign":
        worker(arguments.storage, folder, arguments.role == "last")
    else:
        system = Optuna(arguments.storage, arguments.workers)
        killer.Campaign(system, folder, arguments.seed, STEPS).run(arguments.kills)
        processes.wait_until_gone(folder, 20.0)
        system.finish(folder)
        kills = Counter(kill.what for kill in killer.read_kills(folder))
        print(table({"kills": dict(kills)} | check(arguments.storage, folder)))


if __name__ == "__main__":
    main()
