"""Syne Tune's ASHA as the conformance table knows a search: its callbacks, called as its Tuner calls them."""

from __future__ import annotations

import copy
import datetime
import logging

import dill
import numpy as np
import syne_tune
from searches import Refused, Search, Task, hyperband_brackets
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import uniform
from syne_tune.optimizer.scheduler import SchedulerDecision
from syne_tune.optimizer.schedulers.asha import AsynchronousSuccessiveHalving

logging.getLogger("syne_tune").setLevel(logging.ERROR)

SPACE = {"x": uniform(0.0, 1.0)}


class SyneSearch:
    def __init__(self, scheduler: AsynchronousSuccessiveHalving, max_resource: int) -> None:
        self.scheduler = scheduler
        self.at_start = dill.dumps(scheduler)
        self.max_resource = max_resource
        self.trials: dict[int, Trial] = {}

    def ask(self, new: bool = True) -> Task | None:
        if not new:
            return None
        trial = Trial(len(self.trials), self.scheduler.suggest().config, datetime.datetime(2000, 1, 1))
        self.trials[trial.trial_id] = trial
        self.scheduler.on_trial_add(trial)
        return Task(trial.trial_id, 0, self.max_resource)

    def report(self, trial: int, resource: int, loss: float) -> bool:
        try:
            decision = self.scheduler.on_trial_result(self.trials[trial], {"training_iteration": resource, "loss": loss})
        except (ValueError, AssertionError) as error:
            raise Refused(str(error)) from error
        return decision == SchedulerDecision.CONTINUE

    def fail(self, trial: int) -> None:
        self.scheduler.on_trial_error(self.trials[trial])

    def saved(self) -> Search:
        """Tuner.save: the whole tuner, the scheduler with it, by dill."""
        return self._with(dill.dumps(self.scheduler))

    def killed(self) -> Search:
        """The tuner is saved every results_update_interval, 10 s by default: nothing was saved since the start."""
        result = self._with(self.at_start)
        for trial in result.trials.values():
            result.scheduler.on_trial_add(trial)
        return result

    def _with(self, dumped: bytes) -> SyneSearch:
        result = copy.copy(self)
        result.scheduler = dill.loads(dumped)
        return result


class Syne:
    name = f"Syne Tune {syne_tune.__version__}"
    pauses = False

    def start(
        self, *, max_resource: int, eta: float = 3, brackets: int | None = 1, seed: int = 0, durable: bool = False
    ) -> Search:
        np.random.seed(seed)  # the scheduler draws brackets from NumPy's global state
        scheduler = AsynchronousSuccessiveHalving(
            SPACE,
            metric="loss",
            do_minimize=True,
            max_t=max_resource,
            grace_period=1,
            reduction_factor=eta,
            brackets=brackets or hyperband_brackets(max_resource, eta),
            random_seed=seed,
        )
        return SyneSearch(scheduler, max_resource)
