"""What a sampler noted about its proposals, kept in the study's folder so that it goes on after a restart.

CMA-ES notes its own state and each trial's generation, for example, and QMC how far down its sequence it is. One line of
JSON a proposal; a process that is killed leaves at most its last line in part, that of a trial which never began.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._core import FileError

if TYPE_CHECKING:
    from .._core import Trial
    from .mirror import Proposal


@dataclass(frozen=True)
class Notes:
    trials: dict[int, dict[str, Any]] = field(default_factory=dict)  # by number
    study: dict[str, Any] = field(default_factory=dict)


def append_note(path: Path, trial: int, proposal: Proposal) -> None:
    """On the disk when it returns. Raises FileError where the file cannot be written."""
    if not proposal.trial_attrs and not proposal.study_attrs:
        return
    note = {
        "trial": trial,
        "config": proposal.config,
        "trial_attrs": proposal.trial_attrs,
        "study_attrs": proposal.study_attrs,
    }
    try:
        with path.open("ab") as file:
            file.write(json.dumps(note).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error


def read_notes(path: Path, trials: Sequence[Trial]) -> Notes:
    """What is noted of these trials, all of the study's; removes a last line in part. Raises FileError naming a bad line."""
    try:
        content = path.read_bytes()
        whole_bytes = content.rfind(b"\n") + 1
        if whole_bytes < len(content):
            os.truncate(path, whole_bytes)
    except FileNotFoundError:
        return Notes()
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    notes = Notes()
    for number, line in enumerate(content[:whole_bytes].splitlines(), 1):
        try:
            note = json.loads(line)
            trial, config = note["trial"], note["config"]
            trial_attrs, study_attrs = dict(note["trial_attrs"]), dict(note["study_attrs"])
        except (ValueError, KeyError, TypeError) as error:
            raise FileError(
                f"{path}: line {number} is not what a sampler noted ({error!r}); without this file the search goes on, "
                "with a sampler that begins anew"
            ) from error
        if trial < len(trials) and trials[trial].config == config:  # else the process ended before the trial began
            notes.trials[trial] = trial_attrs
            notes.study.update(study_attrs)
    return notes
