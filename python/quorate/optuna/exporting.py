"""A study as a study of Optuna's, for its dashboard, its plots and its importances."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from .mirror import losses_at
from .space import distributions_of, params_of

if TYPE_CHECKING:
    from .._core import Study, Trial

ABOUT = ("min_resource", "max_resource", "eta", "mode", "seed")


def export_study(
    study: Study, storage: str | optuna.storages.BaseStorage | None = None, name: str | None = None
) -> optuna.study.Study:
    """Writes the study, as it is now, into an Optuna storage and returns it as Optuna's.

    storage: a URL, such as "sqlite:///optuna.db", or a storage; None: in memory. name: of the new study there; by default
    that of the study's folder.

    Losses are intermediate values by resource, with several objectives those of the first. States: completed is COMPLETE
    with its last losses; paused and stopped are PRUNED with theirs; failed is FAIL; running and waiting are RUNNING. Optuna
    takes no NaN as a value and ranks -inf first: a completed trial that ends in one is FAIL, a paused or stopped one has no
    value. User attributes of a trial are state, bracket, attempts and message, those of the study min_resource,
    max_resource, eta, mode and seed.

    Written whole or not at all. Raises ValueError where the storage has a study of that name.
    """
    name = study.folder.resolve().name if name is None else name
    objectives, trials = study.objectives, study.trials()
    storage = optuna.storages.InMemoryStorage() if storage is None else optuna.storages.get_storage(storage)
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a new study is announced otherwise
    try:
        exported = optuna.create_study(study_name=name, storage=storage, directions=["minimize"] * len(objectives))
    except DuplicatedStudyError as error:
        raise ValueError(f'name is "{name}", but must be a new one: the storage has a study of that name') from error
    finally:
        optuna.logging.set_verbosity(verbosity)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            exported.set_metric_names(objectives)
        for key in ABOUT:
            exported.set_user_attr(key, getattr(study, key))
        space, distributions = study.space, distributions_of(study.space)
        for trial in trials:
            exported.add_trial(_frozen(trial, params_of(trial.config, space), distributions))
    except BaseException:  # Ctrl-C among them: half a study would look like a whole one
        optuna.delete_study(study_name=name, storage=storage)
        raise
    return exported


def _frozen(trial: Trial, params: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
    losses = losses_at(trial, max(trial.losses)) if trial.losses else []
    missing = not losses or any(math.isnan(loss) or loss == -math.inf for loss in losses)  # -inf would rank first there
    if trial.state == "completed":
        state = TrialState.FAIL if missing else TrialState.COMPLETE
    elif trial.state == "failed":
        state = TrialState.FAIL
    elif trial.state in ("running", "waiting"):
        state = TrialState.RUNNING
    else:
        state = TrialState.PRUNED
    has_value = state in (TrialState.COMPLETE, TrialState.PRUNED) and not missing
    about = {"state": trial.state, "bracket": trial.bracket, "attempts": trial.attempts}
    if trial.message:
        about["message"] = trial.message
    # Optuna's times are local and do not say so.
    return FrozenTrial(
        number=trial.number, trial_id=trial.number, state=state, value=None, values=losses if has_value else None,
        params=dict(params), distributions=dict(distributions), intermediate_values=dict(trial.losses), user_attrs=about,
        system_attrs={}, datetime_start=datetime.fromtimestamp(trial.started_s),
        datetime_complete=datetime.fromtimestamp(trial.changed_s) if state.is_finished() else None,
    )  # fmt: skip
