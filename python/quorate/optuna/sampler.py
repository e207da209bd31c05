"""Configurations chosen by Optuna's samplers: TPE, CMA-ES, Gaussian processes and any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna

from .mirror import Mirror
from .notes import append_note, read_notes

if TYPE_CHECKING:
    from .._core import Study, Trial

NOTES = "sampler.jsonl"


class Sampler:
    """Lets an Optuna sampler choose the configurations of new trials: `study.run(train, sampler=qr.optuna.Sampler(make))`.

    make: called as make(seed=...) for each trial, with a seed drawn from the study's seed and the trial's number; returns a
    new sampler. The sampler's class will do, or lambda seed: optuna.samplers.TPESampler(seed=seed, n_startup_trials=20). So
    the same seed and history give the same configuration, also after a restart; what samplers note with Optuna, as CMA-ES
    and QMC do, is kept in the study's folder, in sampler.jsonl. Samplers whose points are one fixed design, QMC and grids,
    must have a fixed seed: lambda seed: optuna.samplers.QMCSampler(seed=7).

    The sampler sees each trial with the loss at its highest resource: completed ones as complete, others that have a loss as
    pruned there (TPE compares those of one resource first; CmaEsSampler takes them with consider_pruned_trials=True;
    GPSampler learns from completed trials alone), those without one as running. A loss that is not finite counts as pruned
    without a value; failed trials are failed. With several objectives, where Optuna knows no pruning, all trials with finite
    losses are complete.
    """

    def __init__(self, make: Callable[..., optuna.samplers.BaseSampler]) -> None:
        if isinstance(make, optuna.samplers.BaseSampler):
            name = type(make).__name__
            raise ValueError(
                f"make is a {name}, but must make one from a seed, for each trial anew: optuna.samplers.{name}, or "
                f"lambda seed: optuna.samplers.{name}(seed=seed, ...)"
            )
        if not callable(make):
            raise ValueError(f"make is {make!r}, but must be callable as make(seed=...)")
        self._make = make
        self._of: Any = None  # what tells studies apart: a reference would keep its folder locked
        self._mirror: Mirror | None = None

    def propose(self, study: Study, trial: int) -> dict[str, Any]:
        """The configuration of the new trial with this number; the study's trials below it are the history."""
        known = study.trials()[:trial]
        if len(known) < trial:
            raise ValueError(f"trial is {trial}, but must be at most {len(known)}, the number of the study's next trial")
        seed = int(np.random.SeedSequence(study.seed, spawn_key=(trial,)).generate_state(1)[0])
        sampler = self._make(seed=seed)
        if not isinstance(sampler, optuna.samplers.BaseSampler):
            raise ValueError(f"make(seed={seed}) returned {sampler!r}, but must return one of Optuna's samplers")
        path = study.folder / NOTES
        mirror = self._mirror_of(study, path, known)
        proposal = mirror.propose(sampler)
        append_note(path, trial, proposal)
        self._mirror = mirror
        return proposal.config

    def _mirror_of(self, study: Study, path: Path, known: Sequence[Trial]) -> Mirror:
        """Like the study now. Forgotten until the proposal is made, as a sampler that raises leaves it with half a trial."""
        mirror, self._mirror = self._mirror, None
        of = (path, study.seed, study.space)
        if mirror is None or self._of != of or not mirror.follow(known, {}):
            notes = read_notes(path, known)
            mirror, self._of = Mirror(study, notes.study), of
            mirror.follow(known, notes.trials)
        return mirror
