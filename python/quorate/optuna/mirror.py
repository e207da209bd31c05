"""A study's trials as an Optuna study in memory, for Optuna's samplers to look at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from .space import config_from, distributions_of, params_of

if TYPE_CHECKING:
    from .._core import Study, Trial

NAME = "quorate"


class _Storage(optuna.storages.InMemoryStorage):  # type: ignore[misc]
    """In it a trial that has ended may still change, as a paused one does when it is promoted."""

    def check_trial_is_updatable(self, trial_id: int, trial_state: TrialState) -> None:
        pass


def losses_at(trial: Trial, resource: int) -> list[float]:
    """Of all objectives."""
    return trial.values[resource] if trial.values else [trial.losses[resource]]


@dataclass(frozen=True)
class _Shown:
    """How a trial is shown: its losses at its highest resource, none where they teach nothing."""

    state: TrialState
    resource: int
    losses: list[float]


_RUNNING = _Shown(TrialState.RUNNING, 0, [])


def _shown(trial: Trial) -> _Shown:
    """A trial with a loss counts as pruned, by which Optuna means: compare it with those of the same resource first.

    It stays so while it goes on after a promotion, as samplers take running trials for bad ones. Optuna knows no pruning
    with several objectives: there it counts as complete. What diverged is pruned without a loss, behind all others.
    """
    if trial.state == "failed":
        return _Shown(TrialState.FAIL, 0, [])
    if not trial.losses:
        return _RUNNING
    resource = max(trial.losses)
    losses = losses_at(trial, resource)
    if not all(math.isfinite(loss) for loss in losses):
        return _Shown(TrialState.PRUNED, resource, [])
    complete = trial.state == "completed" or len(losses) > 1
    return _Shown(TrialState.COMPLETE if complete else TrialState.PRUNED, resource, losses)


@dataclass(frozen=True)
class Proposal:
    """A new trial's configuration, and what the sampler noted about it and, where that is new, about the study."""

    config: dict[str, Any]
    trial_attrs: dict[str, Any]
    study_attrs: dict[str, Any]


class Mirror:
    """Kept like the study by follow(); its trials have the study's numbers."""

    def __init__(self, study: Study, study_attrs: Mapping[str, Any]) -> None:
        self._space = study.space
        self._distributions = distributions_of(self._space)
        self._storage = _Storage()
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # a new study is announced otherwise
        try:
            directions = ["minimize"] * len(study.objectives)
            self._study = optuna.create_study(study_name=NAME, storage=self._storage, directions=directions)
        finally:
            optuna.logging.set_verbosity(verbosity)
        self._id = self._storage.get_study_id_from_name(NAME)
        for key, value in study_attrs.items():
            self._storage.set_study_system_attr(self._id, key, value)
        self._trials = 0
        self._proposed: Proposal | None = None  # whose trial is the last one, and not known to have begun
        self._open: dict[int, _Shown] = {}  # trials that may change
        self._paused: dict[int, int] = {}  # those of them that change with their next attempt, and the attempts so far

    def follow(self, trials: Sequence[Trial], attrs: Mapping[int, Mapping[str, Any]]) -> bool:
        """Makes it like `trials`; new ones get the sampler's `attrs`. False where what it shows cannot become like them."""
        if len(trials) < self._trials:
            return False
        if self._proposed is not None and trials[self._trials - 1].config != self._proposed.config:
            return False  # the process ended before it began, or another one came first
        self._proposed = None
        changed = [n for n in self._open if self._paused.get(n) != trials[n].attempts]
        if not all(self._change(trials[number]) for number in changed):
            return False
        for trial in trials[self._trials :]:
            self._add(trial, attrs.get(trial.number, {}))
        return True

    def propose(self, sampler: optuna.samplers.BaseSampler) -> Proposal:
        """Adds a trial that the sampler chooses, as running."""
        before = dict(self._storage.get_study_system_attrs(self._id))
        self._study.sampler = sampler
        trial = self._study.ask(fixed_distributions=self._distributions)
        after = self._storage.get_study_system_attrs(self._id)
        self._proposed = Proposal(
            config_from(trial.params, self._space),
            dict(self._storage.get_trial_system_attrs(self._trial_id(trial.number))),
            {key: value for key, value in after.items() if key not in before or before[key] != value},
        )
        self._open[trial.number] = _RUNNING
        self._trials += 1
        return self._proposed

    def _trial_id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._id, number)  # type: ignore[no-any-return]

    def _remember(self, trial: Trial, shown: _Shown) -> None:
        if trial.state in ("completed", "stopped", "failed"):
            self._open.pop(trial.number, None)
        else:
            self._open[trial.number] = shown
        if trial.state == "paused":
            self._paused[trial.number] = trial.attempts

    def _change(self, trial: Trial) -> bool:
        before, shown = self._open[trial.number], _shown(trial)
        if shown != before:
            if before.losses and not shown.losses and shown.state != TrialState.FAIL:
                return False  # it diverged, and a loss cannot be taken back
            trial_id = self._trial_id(trial.number)
            if len(shown.losses) == 1:
                self._storage.set_trial_intermediate_value(trial_id, shown.resource, shown.losses[0])
            self._storage.set_trial_state_values(trial_id, shown.state, shown.losses or None)
        self._remember(trial, shown)
        return True

    def _add(self, trial: Trial, attrs: Mapping[str, Any]) -> None:
        shown, now = _shown(trial), datetime.now()
        self._storage.create_new_trial(
            self._id,
            FrozenTrial(
                number=trial.number, trial_id=trial.number, state=shown.state, value=None, values=shown.losses or None,
                params=params_of(trial.config, self._space), distributions=self._distributions,
                intermediate_values={shown.resource: shown.losses[0]} if len(shown.losses) == 1 else {},
                user_attrs={}, system_attrs=dict(attrs), datetime_start=now,
                datetime_complete=now if shown.state.is_finished() else None,
            ),
        )  # fmt: skip
        self._trials += 1
        self._remember(trial, shown)
