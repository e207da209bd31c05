"""Ray Tune's ASHAScheduler as the conformance table knows a search: its callbacks, called as Tune's controller calls them.

Neither a cluster nor a trial process runs: only what the scheduler answers is of interest. The number of brackets is the
user's, so all of Hyperband's are asked for where a row wants them.
"""

from __future__ import annotations

import copy
import tempfile
import warnings
from types import SimpleNamespace

import numpy as np
import ray
from ray.tune.schedulers import ASHAScheduler, TrialScheduler
from searches import Refused, Search, Task, hyperband_brackets

warnings.filterwarnings("ignore", category=RuntimeWarning, module="numpy")  # of cutoffs among losses that are not finite


class RaySearch:
    def __init__(self, scheduler: ASHAScheduler, max_resource: int) -> None:
        self.scheduler = scheduler
        self.at_start = copy.deepcopy(scheduler)
        self.max_resource = max_resource
        self.trials: dict[int, SimpleNamespace] = {}

    def ask(self, new: bool = True) -> Task | None:
        if not new:
            return None
        number = len(self.trials)
        self.trials[number] = SimpleNamespace(trial_id=f"{number:08d}")
        self.scheduler.on_trial_add(None, self.trials[number])
        return Task(number, 0, self.max_resource)

    def report(self, trial: int, resource: int, loss: float) -> bool:
        result = {"training_iteration": resource, "loss": loss}
        try:
            decision = self.scheduler.on_trial_result(None, self.trials[trial], result)
        except (ValueError, AssertionError) as error:
            raise Refused(str(error)) from error
        return decision == TrialScheduler.CONTINUE

    def fail(self, trial: int) -> None:
        self.scheduler.on_trial_error(None, self.trials[trial])

    def saved(self) -> Search:
        """The scheduler's own save and restore, which the user calls; Tune does not (ray-project/ray#30838)."""
        with tempfile.TemporaryDirectory() as folder:
            self.scheduler.save(f"{folder}/scheduler")
            restored = copy.deepcopy(self.at_start)
            restored.restore(f"{folder}/scheduler")
        return self._with(restored)

    def killed(self) -> Search:
        """Tuner.restore: the scheduler as it was pickled when the experiment began, told of the trials that there are."""
        result = self._with(copy.deepcopy(self.at_start))
        for trial in result.trials.values():
            result.scheduler.on_trial_add(None, trial)
        return result

    def _with(self, scheduler: ASHAScheduler) -> RaySearch:
        result = RaySearch(scheduler, self.max_resource)
        result.trials = self.trials
        return result


class Ray:
    name = f"Ray Tune {ray.__version__}"
    pauses = False

    def start(
        self, *, max_resource: int, eta: float = 3, brackets: int | None = 1, seed: int = 0, durable: bool = False
    ) -> Search:
        np.random.seed(seed)  # the scheduler draws brackets from NumPy's global state
        scheduler = ASHAScheduler(
            metric="loss",
            mode="min",
            max_t=max_resource,
            grace_period=1,
            reduction_factor=eta,
            brackets=brackets or hyperband_brackets(max_resource, eta),
        )
        return RaySearch(scheduler, max_resource)
