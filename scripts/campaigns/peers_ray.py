"""The same kills on Ray Tune: peers_ray.py --kills 60, and with --keep 1.

As its documentation has it for what dies: a cluster of one node that outlives the driver (`ray start --head`), a driver that
calls Tuner.restore where Tuner.can_restore, FailureConfig(max_failures=-1), a function trainable that reports a checkpoint
with every step and goes on from it, ASHAScheduler with the same resources, and TUNE_GLOBAL_CHECKPOINT_S=1, so that the
experiment is saved as often as it allows. A "worker" is a trial's actor, the "scheduler" the driver.

All checkpoints are kept, as is the default. With --keep 1 (CheckpointConfig(num_to_keep=1)) a driver that is killed between
the deletion of a checkpoint and the saving of the experiment leaves a trial that asks for what is gone ("Could not recover
from checkpoint as it does not exist on storage anymore"): it fails, is tried again at once and fails again, for ever, and
keeps its place (ray#27790, ray#30073). Once all places are held so, no work is done: the campaign says so and ends.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import killer
import processes
import records
import training
from kill import table
from systems import HERE, started

STEPS = (10, 60)  # between two kills
SAMPLES = 120
PORT = 6399  # of this campaign's own cluster
EXPERIMENT = "experiment"
LAST_RUN_S = 1200.0


def train(config: dict[str, Any]) -> None:
    from ray import tune

    trial = tune.get_context().get_trial_id()
    checkpoint = tune.get_checkpoint()
    at = 0
    if checkpoint is not None:
        with checkpoint.as_directory() as name:
            at = int((Path(name) / "at").read_text())
    records.begin(trial, 1)
    for resource in range(at + 1, training.OPTIONS["max_resource"] + 1):
        records.step(trial, 1, resource)
        time.sleep(training.STEP_S)
        loss = training.loss_of(config, resource)
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / "at").write_text(str(resource))
            tune.report({"loss": loss, "resource": resource}, checkpoint=tune.Checkpoint.from_directory(name))
        records.acknowledged(trial, resource, loss)


def drive(folder: Path, workers: int, keep: int | None) -> None:
    import ray
    from ray import tune

    ray.init(log_to_driver=False)
    path = folder / EXPERIMENT
    if tune.Tuner.can_restore(str(path)):
        tuner = tune.Tuner.restore(str(path), trainable=train, resume_unfinished=True, resume_errored=True)
    else:
        tuner = tune.Tuner(
            train,
            param_space={"x": tune.uniform(0.0, 1.0), "act": tune.choice(["relu", "gelu"])},
            tune_config=tune.TuneConfig(
                metric="loss",
                mode="min",
                num_samples=SAMPLES,
                max_concurrent_trials=workers,
                scheduler=tune.schedulers.ASHAScheduler(
                    time_attr="training_iteration", grace_period=1, max_t=81, reduction_factor=3, brackets=1
                ),
            ),
            run_config=tune.RunConfig(
                name=EXPERIMENT,
                storage_path=str(folder),
                failure_config=tune.FailureConfig(max_failures=-1),
                checkpoint_config=tune.CheckpointConfig(num_to_keep=keep),
                verbose=0,
            ),
        )
    tuner.fit()


class Ray:
    name = "Ray Tune"

    def __init__(self, workers: int, keep: int | None, folder: Path) -> None:
        self._workers, self._keep, self._folder = workers, keep, folder
        self._environment = os.environ | {
            records.FOLDER: str(folder),
            "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]),
            "TUNE_GLOBAL_CHECKPOINT_S": "1",
            "RAY_AUTH_MODE": "disabled",
            "RAY_TMPDIR": tempfile.mkdtemp(prefix="quorate-ray-"),
        }
        os.environ.update(self._environment)

    def begin(self) -> None:
        command = [str(Path(sys.executable).parent / "ray"), "start", "--head", f"--port={PORT}"]
        command += [f"--num-cpus={self._workers}", "--include-dashboard=false", "--disable-usage-stats"]
        subprocess.run(command, env=self._environment, check=True, stdout=subprocess.DEVNULL)
        os.environ["RAY_ADDRESS"] = (
            (Path(self._environment["RAY_TMPDIR"]) / "ray" / "ray_current_cluster").read_text().strip()
        )

    def end(self) -> None:
        for pid in processes.marked(self._folder):
            processes.kill(pid)
        shutil.rmtree(self._environment["RAY_TMPDIR"], ignore_errors=True)

    def start(self, folder: Path) -> subprocess.Popen[bytes]:
        kept = () if self._keep is None else ("--keep", self._keep)
        arguments = ("--role", "driver", "--folder", folder, "--workers", self._workers, *kept)
        return started(folder, Path(__file__).name, *arguments)

    def workers(self, scheduler: subprocess.Popen[bytes]) -> list[int]:
        """Trials' actors; the cluster's own helpers are called ray::... as well, and take the node with them."""
        return [pid for pid in processes.marked(self._folder) if processes.command(pid).startswith("ray::ImplicitFunc")]

    def tend(self, folder: Path) -> None:
        pass

    def finish(self, folder: Path) -> None:
        last = self.start(folder)
        try:
            last.wait(timeout=LAST_RUN_S)
        except subprocess.TimeoutExpired:
            last.send_signal(signal.SIGKILL)


def check(folder: Path) -> dict[str, object]:
    import ray
    from ray import tune

    ray.init(log_to_driver=False)
    grid = tune.Tuner.restore(str(folder / EXPERIMENT), trainable=train).get_results()
    lines = [line for path in (folder / EXPERIMENT).rglob("result.json") for line in path.read_text().splitlines()]
    rows = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    known: dict[tuple[str, int], list[float]] = {}
    for row in rows:
        known.setdefault((row["trial_id"], row["resource"]), []).append(row["loss"])
    acknowledged = records.read_acknowledged(folder)
    lost = sum((entry.trial, entry.resource) not in known for entry in acknowledged)
    work = records.read_work(folder)
    iterations = Counter((row["trial_id"], row["training_iteration"]) for row in rows)
    states = Counter(trial.status for trial in grid._experiment_analysis.trials)
    return {
        "acknowledged reports": len(acknowledged),
        "lost": lost,
        "torn lines in result.json": len(lines) - len(rows),
        "reports that are there twice": sum(len(losses) > 1 for losses in known.values()),
        "iterations that are there twice": sum(count > 1 for count in iterations.values()),
        "iterations that are not the step": sum(row["training_iteration"] != row["resource"] for row in rows),
        "trials": len(grid),
        "states": ", ".join(f"{count} {state}" for state, count in sorted(states.items())),
        "trials that asked for a checkpoint that is gone": sum(
            "does not exist on storage" in path.read_text() for path in (folder / EXPERIMENT).rglob("error.txt")
        ),
        "trials running or waiting for ever": sum(states[s] for s in ("RUNNING", "PENDING", "PAUSED")),
        "steps": work.steps,
        "steps repeated": f"{work.repeated} ({100 * work.repeated_share:.2f} %)",
        "runs that ended by themselves": len(killer.entries(folder, "ended.jsonl")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--role", choices=["campaign", "driver"], default="campaign")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=int, help="checkpoints of a trial to keep; default: all")
    parser.add_argument("--folder", type=Path, default=Path("runs/kill-ray"))
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    if arguments.role == "driver":
        drive(folder, arguments.workers, arguments.keep)
        return
    folder.mkdir(parents=True, exist_ok=True)
    system = Ray(arguments.workers, arguments.keep, folder)
    system.begin()
    try:
        ended = "yes"
        try:
            killer.Campaign(system, folder, arguments.seed, STEPS).run(arguments.kills)
            system.finish(folder)
        except killer.Stuck as stuck:
            ended = f"no: {stuck}"
        kills = Counter(kill.what for kill in killer.read_kills(folder))
        print(table({"kills": dict(kills), "went on to the end": ended} | check(folder)))
    finally:
        system.end()


if __name__ == "__main__":
    main()
