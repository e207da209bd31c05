"""What is going on, on stderr: one line that changes on a terminal, else a new line now and then."""

from __future__ import annotations

import sys
import time
from types import TracebackType

PLAIN_INTERVAL_S = 5.0


class ProgressLine:
    """Used in a `with` block; leaves a terminal's line as it found it, also after an exception."""

    def __init__(self) -> None:
        self._begin_s = time.monotonic()
        self._last_stage = ""
        self._last_s = 0.0
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
        now = time.monotonic()
        elapsed = int(now - self._begin_s)
        line = f"{elapsed // 60}:{elapsed % 60:02d}  {stage:<8} {detail}"
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(line))
        elif stage != self._last_stage or now - self._last_s >= PLAIN_INTERVAL_S:
            print(line, file=sys.stderr, flush=True)
            self._last_s = now
        self._last_stage = stage
