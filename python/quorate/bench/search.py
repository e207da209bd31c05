"""Decisions of asynchronous Hyperband beside Optuna's Hyperband pruner, in memory, without training anything.

Both hand out trials of the same space one by one, are told the same losses by trial number at resources 1, 3, 9 and 27, and
say after each whether the trial goes on. A decision is one such answer; the time is that of a decision with its share of
handing out trials.
"""

from __future__ import annotations

import importlib.util
import random
import time
from collections.abc import Callable
from statistics import median

import quorate as qr

from .table import Row, version_of

RUNGS = (1, 3, 9, 27)


def losses_of(trials: int) -> list[list[float]]:
    """[trials][rungs]: a quality of the trial's own, less and less noise as it is trained."""
    rng = random.Random(0)
    return [[quality + rng.random() / rung for rung in RUNGS] for quality in (rng.random() for _ in range(trials))]


def ours(losses: list[list[float]]) -> int:
    space: dict[str, qr.Float | qr.Int | qr.Categorical] = {
        "lr": qr.Float(1e-4, 1e-1, log=True),
        "width": qr.Int(8, 128, log=True),
        "act": qr.Categorical(["relu", "gelu"]),
    }
    hyperband = qr.AsyncHyperband(space, min_resource=RUNGS[0], max_resource=RUNGS[-1], eta=3, mode="stop", seed=0)
    decisions = 0
    for of_trial in losses:
        job = hyperband.ask()
        for rung, loss in zip(RUNGS, of_trial, strict=True):
            decisions += 1
            if not hyperband.report(job, rung, loss):
                break
    return decisions


def optuna(losses: list[list[float]]) -> int:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.HyperbandPruner(min_resource=RUNGS[0], max_resource=RUNGS[-1], reduction_factor=3)
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


def seconds_a_decision(side: Callable[[list[list[float]]], int], losses: list[list[float]]) -> float:
    start = time.perf_counter()
    decisions = side(losses)
    return (time.perf_counter() - start) / decisions


def rows(*, full: bool, repeats: int) -> list[Row]:
    installed = importlib.util.find_spec("optuna") is not None
    result = []
    for trials in (1000, 10_000) if full else (1000,):
        losses = losses_of(trials)
        own, peers = [], []
        for _ in range(repeats):
            own.append(seconds_a_decision(ours, losses))
            if installed:
                peers.append(seconds_a_decision(optuna, losses))
        case = f"a decision of {trials:,} trials, R = 27, eta = 3"
        rate = f"{1 / median(own):,.0f} decisions/s"
        if installed:
            peer, note = f"Optuna {version_of('optuna')}", f"{rate} against {1 / median(peers):,.0f}"
        else:
            peer, note = "Optuna", f"{rate}; optuna is not installed"
        result.append(Row(case, median(own), peer, median(peers) if peers else None, note=note))
    return result
