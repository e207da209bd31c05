"""What the conformance table and the replay know of a search, ours or a peer's: three calls.

A Search hands out tasks, hears losses and answers whether the trial goes on. A search that stops trials hands out each trial
once, from nothing to the last resource; one that pauses them hands a trial out again from where it paused. Which of the two
it is, and what its rungs hold, shows in its answers alone: nobody looks inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Refused(Exception):
    """The search said that this report cannot be, by an error of its own that changed nothing."""


class NotOffered(Exception):
    """What a row asks for has no counterpart in this search; the message says where its documentation says so."""


@dataclass(frozen=True)
class Task:
    trial: int  # 0, 1, 2 ... in the order in which trials were first handed out
    from_resource: int
    to_resource: int


class Search(Protocol):
    """One search; ended trials are told to the search by the adapter as its documentation wants it."""

    def ask(self, new: bool = True) -> Task | None:
        """The next task; new=False: None where only a new trial could be handed out."""

    def report(self, trial: int, resource: int, loss: float) -> bool:
        """Whether the trial goes on now; where it does not, its worker is free. Refused: an error of the search's own."""

    def fail(self, trial: int) -> None:
        """The trial crashed and is not tried again."""

    def saved(self) -> Search:
        """The search after it was saved, ended and loaded again, in the way that its documentation says."""

    def killed(self) -> Search:
        """The search as its own restart finds it when the process dies now, without warning."""


class Peer(Protocol):
    name: str
    pauses: bool  # and promotes later, as its documentation says

    def start(
        self, *, max_resource: int, eta: float = 3, brackets: int | None = 1, seed: int = 0, durable: bool = False
    ) -> Search:
        """From resource 1 up. brackets=1: plain successive halving; None: as many as Hyperband has, by the peer's own count
        where it counts them. durable: saved() and killed() will be called."""


def hyperband_brackets(max_resource: int, eta: float) -> int:
    """floor(log_eta(R)) + 1 (Li et al. 2018, Algorithm 1), without logarithms."""
    brackets, resource = 0, 1.0
    while resource <= max_resource * (1 + 1e-12):
        brackets, resource = brackets + 1, resource * eta
    return brackets
