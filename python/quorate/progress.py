"""What is going on, on stderr: one line that changes on a terminal, else a new line now and then."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .report.numbers import short

if TYPE_CHECKING:
    from ._core import Progress

PLAIN_INTERVAL_S = 5.0
MARGIN = 3  # columns of the spinner and the cursor


def clock(duration_s: float) -> str:
    """Minutes and seconds, 2:10, and hours where there are any, 1:02:10."""
    minutes, seconds = divmod(int(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def study_line(now: Progress, trials: int) -> str:
    """For a run up to `trials` trials: "120/200 trials  best 0.0123 at 27  2:10 left  rung 1: 150  3: 48  9: 12  27: 3".

    The rungs come last, as a narrow terminal cuts the line's end off.
    """
    parts = [f"{now.trials}/{max(trials, now.trials)} trials"]
    if now.best_trial is not None:
        parts.append(f"best {short(now.best_loss)} at {now.best_resource}")
    if now.left_s is not None and now.left_s > 0:
        parts.append(f"{clock(now.left_s)} left")
    if failed := now.states.get("failed", 0):
        parts.append(f"{failed} failed")
    parts.append("rung " + "  ".join(f"{resource}: {count}" for resource, count in now.rungs.items()))
    return "  ".join(parts)


def predict_line(answered: int, samples: int, elapsed_s: float) -> str:
    """ "1200/100000 samples  340/s  4:51 left"."""
    parts = [f"{answered}/{samples} samples"]
    if answered > 0 and elapsed_s > 0.0:
        per_s = answered / elapsed_s
        parts.append(f"{per_s:.0f}/s")
        if answered < samples:
            parts.append(f"{clock((samples - answered) / per_s)} left")
    return "  ".join(parts)


class ProgressLine:
    """Used in a `with` block; leaves a terminal's line as it found it, also after an exception."""

    def __init__(self) -> None:
        self._begin_s = time.monotonic()
        self._last_stage = ""
        self._last_s = 0.0
        self._line = ""
        self._printed = True
        self._status = None
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(file=sys.stderr, highlight=False).status("")

    def __enter__(self) -> ProgressLine:
        if self._status is not None:
            self._status.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._status is not None:
            self._status.__exit__(kind, error, trace)

    def say(self, stage: str, detail: str) -> None:
        """Shows the stage and its detail; without a terminal at once for a new stage, else every few seconds."""
        now_s = time.monotonic()
        self._line = f"{clock(now_s - self._begin_s)}  {stage:<8} {detail}"
        self._printed = False
        if self._status is not None:
            from rich.text import Text

            text = Text(self._line)
            text.truncate(self._status.console.width - MARGIN, overflow="ellipsis")
            self._status.update(text)
        elif stage != self._last_stage or now_s - self._last_s >= PLAIN_INTERVAL_S:
            self.print_last()
            self._last_s = now_s
        self._last_stage = stage

    def print_last(self) -> None:
        """Leaves what was said last on a line of its own, unless it is there already."""
        if not self._printed:
            print(self._line, file=sys.stderr, flush=True)
            self._printed = True


class LastingLine:
    """Used in a `with` block; leaves its last line, also after an exception."""

    def __init__(self) -> None:
        self._line = ProgressLine()

    def __enter__(self) -> Self:
        self._line.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._line.__exit__(kind, error, trace)
        self._line.print_last()


class StudyProgress(LastingLine):
    """What a run is at, up to `trials` trials: `with StudyProgress(200) as show: study.run(train, 200, progress=show)`."""

    def __init__(self, trials: int) -> None:
        super().__init__()
        self._trials = trials

    def __call__(self, now: Progress) -> None:
        self._line.say("search", study_line(now, self._trials))


class PredictProgress(LastingLine):
    """What a prediction is at: `with PredictProgress(len(x)) as show: engine.predict(x, progress=show)`."""

    def __init__(self, samples: int) -> None:
        super().__init__()
        self._samples = samples
        self._begin_s = time.monotonic()

    def __call__(self, answered: int) -> None:
        self._line.say("predict", predict_line(answered, self._samples, time.monotonic() - self._begin_s))
