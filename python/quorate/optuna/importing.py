"""A study of Optuna's that goes on here."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from .._core import Study, TrialJob
from .space import Space, config_from, space_of

NO_END_S = 1e9  # a lease that outlasts the replay


@dataclass(frozen=True)
class _Replayed:
    config: dict[str, Any]
    losses: dict[int, list[float]]  # [objectives], by resource, ascending
    why_failed: str | None


def import_study(
    optuna_study: optuna.study.Study,
    folder: str | os.PathLike[str],
    max_resource: int = 27,
    step_offset: int = 0,
    **options: Any,
) -> Study:
    """Makes a new study in `folder` with the trials of Optuna's, in their order, and returns it.

    options: Study's, such as min_resource, eta, mode and seed. The space is that of Optuna's distributions.

    Reported values count at the resource step + step_offset (1 where steps begin at 0), a completed trial's final value at
    max_resource, maximised ones with their sign changed. They are replayed as reports: where they do not reach as far as
    asynchronous Hyperband wants to train the trial, the job waits for study.run; what goes beyond a pause or a stop is not
    used. A trial that failed fails. A study without reported values is best imported with min_resource=max_resource, as only
    the last rung has losses then. Trials that were waiting, or under way or failed before they had all their parameters, are
    left out.

    Written whole or not at all. Raises ValueError for parameters that have no counterpart here (a step, None as a choice) or
    differ between trials, for steps outside of 1..max_resource - step_offset, and where the folder is not empty.
    """
    path = Path(folder)
    if path.exists() and any(path.iterdir()):
        raise ValueError(f"folder is {path}, which is not empty, but must be new or empty")
    signs = [1.0 if direction == StudyDirection.MINIMIZE else -1.0 for direction in optuna_study.directions]
    if len(signs) > 1 and "objectives" not in options:
        options["objectives"] = optuna_study.metric_names or [f"loss_{index}" for index in range(len(signs))]
    trials, space = _trials_and_space(optuna_study)
    replayed = [_replayed(trial, space, signs, max_resource, step_offset) for trial in trials]
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as holder:
        unfinished = Path(holder) / "study"
        _replay(Study(unfinished, space, max_resource=max_resource, **(options | {"lease_s": NO_END_S})), replayed)
        unfinished.rename(path)
    return Study(path, space, max_resource=max_resource, **options)


def _trials_and_space(optuna_study: optuna.study.Study) -> tuple[list[FrozenTrial], Space]:
    trials = optuna_study.get_trials(deepcopy=False)
    ended = [trial for trial in trials if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)]
    if not ended:
        raise ValueError("optuna_study has no completed or pruned trial, but must have one to tell the space by")
    space = space_of(ended)
    return [trial for trial in trials if trial.distributions == ended[0].distributions], space


def _replayed(trial: FrozenTrial, space: Space, signs: Sequence[float], max_resource: int, step_offset: int) -> _Replayed:
    losses = {}
    for step, value in sorted(trial.intermediate_values.items()):
        resource = step + step_offset
        if not 1 <= resource <= max_resource:
            raise ValueError(
                f"trial {trial.number} has a value at step {step}, but with step_offset={step_offset} steps must be from "
                f"{1 - step_offset} to max_resource={max_resource} - {step_offset}"
            )
        if len(signs) == 1:
            losses[resource] = [signs[0] * value]
    if trial.state == TrialState.COMPLETE:
        losses[max_resource] = [sign * value for sign, value in zip(signs, trial.values, strict=True)]
    failed = trial.state == TrialState.FAIL
    why = trial.user_attrs.get("message", "it failed in Optuna") if failed else None
    return _Replayed(config_from(trial.params, space), losses, why)


def _replay(study: Study, trials: Sequence[_Replayed]) -> None:
    for trial in trials:
        study.enqueue(trial.config)
    unreached = []
    while (job := study.ask(trials=len(trials))) is not None:
        trial = trials[job.trial]
        if _train(job, trial.losses):
            job.tell()
        elif trial.why_failed is not None:
            job.fail(trial.why_failed)
        else:
            unreached.append(job)  # given back only now, as it would come again at once
    for job in unreached:
        job.release()


def _train(job: TrialJob, losses: Mapping[int, list[float]]) -> bool:
    """Whether the losses reached the end of the job."""
    for resource, values in losses.items():
        if job.from_resource < resource <= job.to_resource and not job.report(
            resource, values if len(values) > 1 else values[0]
        ):
            return True
    return False
