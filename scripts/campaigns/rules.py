"""Whether a study's events are what asynchronous Hyperband allows, by its rules written down once more, the obvious way.

Of n losses at a rung of a bracket the best floor(n / eta) may go on. A promotion must be to the highest rung that has a
candidate, in the lowest bracket that has one, of the best; a new trial must begin only where there is no candidate.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from events import Event


@dataclass
class Rung:
    losses: int = 0
    ranked: list[tuple[float, int]] = field(default_factory=list)  # finite losses of trials that have not failed
    waiting: list[tuple[float, int]] = field(default_factory=list)  # of those, the ones that did not go on

    def candidate(self, eta: int) -> int | None:
        if not self.waiting or bisect.bisect_left(self.ranked, self.waiting[0]) >= self.losses // eta:
            return None
        return self.waiting[0][1]


class Rules:
    """Reads events in order; `broken` says which of them cannot be."""

    def __init__(self, rungs: list[int], eta: int, brackets: Mapping[int, int], at_once: int | None) -> None:
        self.rungs, self.eta, self.brackets, self.at_once = rungs, eta, brackets, at_once
        self.at = [[Rung() for _ in rungs] for _ in rungs]  # [brackets][rungs]
        self.target: dict[int, int] = {}  # rung, of trials whose job is open
        self.standing: dict[int, tuple[int, tuple[float, int]]] = {}  # rung and entry of paused trials
        self.reported: dict[tuple[int, int], float | None] = {}
        self.attempts: dict[int, int] = {}
        self.promotions = 0
        self.broken: list[str] = []

    def candidate(self) -> tuple[int, int] | None:
        """The trial that must be promoted next, and the rung it stands on."""
        for rung in reversed(range(len(self.rungs) - 1)):
            for bracket in range(rung + 1):
                trial = self.at[bracket][rung].candidate(self.eta)
                if trial is not None:
                    return trial, rung
        return None

    def read(self, events: Iterable[Event]) -> None:
        for number, event in enumerate(events, 1):
            wrong = getattr(self, f"_{event.kind}")(event)
            if wrong:
                self.broken.append(f"event {number}: {wrong}")

    def _start(self, event: Event) -> str | None:
        if event.attempt != self.attempts.get(event.trial, 0) + 1:
            return f"attempt {event.attempt} of trial {event.trial} follows attempt {self.attempts.get(event.trial, 0)}"
        self.attempts[event.trial] = event.attempt
        if event.trial in self.target:
            return None  # once more
        candidate = self.candidate()
        wrong = None
        if event.text:
            if candidate is not None:
                wrong = f"trial {event.trial} began while trial {candidate[0]} could be promoted"
            self.target[event.trial] = self.brackets[event.trial]
        else:
            if candidate is None or candidate[0] != event.trial:
                wrong = f"trial {event.trial} went on, but the next is {candidate}"
            rung, entry = self.standing.pop(event.trial)
            self.at[self.brackets[event.trial]][rung].waiting.remove(entry)
            self.target[event.trial] = rung + 1
            self.promotions += 1
        if self.at_once is not None and len(self.target) > self.at_once:
            wrong = f"{len(self.target)} jobs are open, but there are {self.at_once} workers"
        return wrong

    def _report(self, event: Event) -> str | None:
        key = (event.trial, event.resource)
        if key in self.reported:
            return f"trial {event.trial} reported resource {event.resource} twice"
        self.reported[key] = event.loss
        if event.trial not in self.target or event.attempt != self.attempts[event.trial]:
            return f"trial {event.trial} reported, but attempt {event.attempt} is not under way"
        return None

    def _done(self, event: Event) -> str | None:
        rung = self.target.pop(event.trial)
        key = (event.trial, self.rungs[rung])
        if key not in self.reported:
            return f"trial {event.trial} is done without a loss at resource {self.rungs[rung]}"
        place = self.at[self.brackets[event.trial]][rung]
        place.losses += 1
        loss = self.reported[key]
        if loss is not None and math.isfinite(loss):
            entry = (loss, event.trial)
            bisect.insort(place.ranked, entry)
            if rung < len(self.rungs) - 1:
                bisect.insort(place.waiting, entry)
                self.standing[event.trial] = (rung, entry)
        return None

    def _failed(self, event: Event) -> str | None:
        return None if event.trial in self.target else f"trial {event.trial} failed, but was not under way"

    def _released(self, event: Event) -> str | None:
        return f"trial {event.trial} was handed back, which nobody does here"

    def _enqueued(self, event: Event) -> str | None:
        return f"{event.text} was enqueued, which nobody does here"

    def _checkpoint(self, event: Event) -> str | None:
        return None

    def _dropped(self, event: Event) -> str | None:
        return None

    def _gave_up(self, event: Event) -> str | None:
        return f"trial {event.trial} failed for good: {event.text}"

    def _note(self, event: Event) -> str | None:
        return None if "SHA-256" not in event.text else f"trial {event.trial}: {event.text}"
