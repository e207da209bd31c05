"""What `quorate bench search` times in memory: each side takes losses [trials][rungs] returns its number of decisions."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import quorate as qr

RUNGS = (1, 3, 9, 27)
Side = Callable[[list[list[float]]], int]


def space() -> dict[str, qr.Float | qr.Int | qr.Categorical]:
    return {
        "lr": qr.Float(1e-4, 1e-1, log=True),
        "width": qr.Int(8, 128, log=True),
        "act": qr.Categorical(["relu", "gelu"]),
    }


def ours_ask_tell(losses: list[list[float]]) -> int:
    """mode="promote": each task ends at a rung, until all trials were handed out and none can be promoted."""
    hyperband = qr.AsyncHyperband(space(), RUNGS[0], RUNGS[-1], eta=3, mode="promote", seed=0)
    decisions = 0
    for _ in losses:
        while (job := hyperband.ask()).from_resource > 0:
            hyperband.tell(job, losses[job.trial][job.rung])
            decisions += 1
        hyperband.tell(job, losses[job.trial][job.rung])
        decisions += 1
    while (left := hyperband.resume()) is not None:
        hyperband.tell(left, losses[left.trial][left.rung])
        decisions += 1
    return decisions


def ours_report(losses: list[list[float]]) -> int:
    """mode="stop": each trial runs until it is told to end, as all of the peers' do."""
    hyperband = qr.AsyncHyperband(space(), RUNGS[0], RUNGS[-1], eta=3, mode="stop", seed=0)
    decisions = 0
    for of_trial in losses:
        job = hyperband.ask()
        for rung, loss in zip(RUNGS, of_trial, strict=True):
            decisions += 1
            if not hyperband.report(job, rung, loss):
                break
    return decisions


def optuna(losses: list[list[float]], *, hyperband: bool) -> int:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if hyperband:
        pruner: optuna.pruners.BasePruner = optuna.pruners.HyperbandPruner(RUNGS[0], RUNGS[-1], reduction_factor=3)
    else:
        pruner = optuna.pruners.SuccessiveHalvingPruner(RUNGS[0], reduction_factor=3)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner)
    decisions = 0
    for of_trial in losses:
        trial = study.ask()
        trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        trial.suggest_int("width", 8, 128, log=True)
        trial.suggest_categorical("act", ["relu", "gelu"])
        pruned = False
        for rung, loss in zip(RUNGS, of_trial, strict=True):
            trial.report(loss, rung)
            decisions += 1
            pruned = trial.should_prune()
            if pruned:
                break
        if pruned:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, of_trial[-1])
    return decisions


def ray_tune(losses: list[list[float]]) -> int:
    """The scheduler's callbacks alone, as Tune's controller calls them; configurations are not drawn, which favours it."""
    from ray.tune.schedulers import ASHAScheduler, TrialScheduler

    scheduler = ASHAScheduler(metric="loss", mode="min", max_t=RUNGS[-1], grace_period=RUNGS[0], reduction_factor=3)
    decisions = 0
    for number, of_trial in enumerate(losses):
        trial = SimpleNamespace(trial_id=f"{number:08d}")
        scheduler.on_trial_add(None, trial)
        for rung, loss in zip(RUNGS, of_trial, strict=True):
            decisions += 1
            if scheduler.on_trial_result(None, trial, {"training_iteration": rung, "loss": loss}) != TrialScheduler.CONTINUE:
                break
        scheduler.on_trial_remove(None, trial)
    return decisions


def syne_tune(losses: list[list[float]]) -> int:
    """suggest() and the callbacks, as its Tuner calls them."""
    logging.disable(logging.WARNING)  # of optional parts that are not installed
    from syne_tune.backend.trial_status import Trial
    from syne_tune.config_space import choice, lograndint, loguniform
    from syne_tune.optimizer.scheduler import SchedulerDecision
    from syne_tune.optimizer.schedulers.asha import AsynchronousSuccessiveHalving

    logging.disable(logging.NOTSET)
    parameters = {"lr": loguniform(1e-4, 1e-1), "width": lograndint(8, 128), "act": choice(["relu", "gelu"])}
    scheduler = AsynchronousSuccessiveHalving(
        parameters, metric="loss", max_t=RUNGS[-1], grace_period=RUNGS[0], reduction_factor=3, random_seed=0
    )
    decisions = 0
    for number, of_trial in enumerate(losses):
        trial = Trial(number, scheduler.suggest().config, datetime.datetime(2000, 1, 1))
        scheduler.on_trial_add(trial)
        for rung, loss in zip(RUNGS, of_trial, strict=True):
            decisions += 1
            if scheduler.on_trial_result(trial, {"training_iteration": rung, "loss": loss}) != SchedulerDecision.CONTINUE:
                break
        scheduler.on_trial_remove(trial)
    return decisions


@dataclass(frozen=True)
class Peer:
    name: str
    modules: tuple[str, ...]  # what it needs
    distribution: str
    side: Side
    most_trials: int = 10_000  # where its time for a decision grows with their number, what is bearable


OURS: dict[str, Side] = {"ask/tell": ours_ask_tell, "report": ours_report}
PEERS = (
    Peer("Optuna SuccessiveHalvingPruner", ("optuna",), "optuna", lambda losses: optuna(losses, hyperband=False)),
    Peer("Optuna HyperbandPruner", ("optuna",), "optuna", lambda losses: optuna(losses, hyperband=True), 1000),
    Peer("Ray Tune ASHAScheduler", ("ray", "pyarrow", "fsspec", "requests"), "ray", ray_tune),
    Peer("Syne Tune ASHA", ("syne_tune",), "syne-tune", syne_tune),
)
