"""Optuna's pruners as the conformance table knows a search: SuccessiveHalvingPruner in one bracket, HyperbandPruner in all.

A report is Trial.report and Trial.should_prune. The pruner has no last resource of its own in one bracket: the training
function ends there, and here the adapter does. Storage is in memory, and a journal file where the search is to last.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import optuna
from searches import NotOffered, Refused, Search, Task

optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.filterwarnings("ignore", module="optuna")


class RememberingPruner(optuna.pruners.HyperbandPruner):
    """HyperbandPruner that draws a trial's bracket once, not whenever any trial asks: the same answers, sooner."""

    def __init__(self, max_resource: int, eta: int) -> None:
        super().__init__(min_resource=1, max_resource=max_resource, reduction_factor=eta)
        self.drawn: dict[int, int] = {}

    def _get_bracket_id(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> int:
        if trial.number not in self.drawn:
            self.drawn[trial.number] = super()._get_bracket_id(study, trial)
        return self.drawn[trial.number]


class OptunaSearch:
    def __init__(self, pruner: optuna.pruners.BasePruner, max_resource: int, seed: int, journal: Path | None) -> None:
        self.max_resource = max_resource
        self.pruner = pruner
        self.seed = seed
        self.journal = journal
        storage = None
        if journal is not None:
            storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal)))
        self.study = optuna.create_study(  # HyperbandPruner draws brackets from the study's name
            storage=storage,
            study_name=f"study-{seed}",
            sampler=optuna.samplers.RandomSampler(seed=seed),
            pruner=pruner,
            load_if_exists=True,
        )
        self.trials: dict[int, optuna.Trial] = {}

    def ask(self, new: bool = True) -> Task | None:
        if not new:
            return None
        trial = self.study.ask()
        self.trials[trial.number] = trial
        return Task(trial.number, 0, self.max_resource)

    def report(self, trial: int, resource: int, loss: float) -> bool:
        try:
            self.trials[trial].report(loss, resource)
            goes_on = not self.trials[trial].should_prune() and resource < self.max_resource
        except (ValueError, RuntimeError) as error:
            raise Refused(str(error)) from error
        return goes_on  # what Study.tell makes of the trial is nothing that the pruners look at

    def fail(self, trial: int) -> None:
        self.study.tell(self.trials[trial], state=optuna.trial.TrialState.FAIL)

    def saved(self) -> Search:
        """Each call is in the journal when it returns."""
        return OptunaSearch(self.pruner, self.max_resource, self.seed, self.journal)

    killed = saved


class Optuna:
    name = f"Optuna {optuna.__version__}"
    pauses = False

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="optuna-")
        self.journals = 0

    def start(
        self, *, max_resource: int, eta: float = 3, brackets: int | None = 1, seed: int = 0, durable: bool = False
    ) -> Search:
        if eta != int(eta):
            raise NotOffered("reduction_factor is documented as an int")
        if brackets == 1:
            pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=int(eta))
        else:
            pruner = RememberingPruner(max_resource, int(eta))
        journal = None
        if durable:
            self.journals += 1
            journal = Path(self.folder.name) / f"{self.journals}.log"
        return OptunaSearch(pruner, max_resource, seed, journal)
