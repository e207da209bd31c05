"""The conformance table: what an asynchronous Hyperband must do, decided by its answers alone.

Each row is a name, a sentence and a function that is given a Peer and asserts. An AssertionError is a failed row, NotOffered
a row that the peer has no notion of. Where a row could be read in two ways the milder reading stands, so that peers with
another but documented rule are not counted as wrong for it: rungs counted up from 1 or down from R are both right, and so is
refusing a report with an error that changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import faults
import losses
import rungs
from searches import Peer


@dataclass(frozen=True)
class Row:
    name: str
    says: str
    check: Callable[[Peer], None]


def _brackets(max_resource: int, eta: float) -> Callable[[Peer], None]:
    return lambda peer: rungs.brackets(peer, max_resource, eta)


def _rungs(max_resource: int, eta: float) -> Callable[[Peer], None]:
    return lambda peer: rungs.one_bracket(peer, max_resource, eta)


ROWS = [
    Row("brackets, R=27, eta=3", "4 brackets, from 1, 3, 9 and 27", _brackets(27, 3)),
    Row("brackets, R=81, eta=3", "5 brackets, from 1, 3, 9, 27 and 81", _brackets(81, 3)),
    Row("brackets, R=243, eta=3", "6 brackets, from 1, 3, 9, 27, 81 and 243", _brackets(243, 3)),
    Row("brackets, R=1000, eta=10", "4 brackets, from 1, 10, 100 and 1000", _brackets(1000, 10)),
    Row("rungs, R=243, eta=3", "trials end there and at 1, 3, 9, 27 and 81, nowhere else", _rungs(243, 3)),
    Row("rungs, R=1000, eta=10", "trials end there and at 1, 10 and 100, nowhere else", _rungs(1000, 10)),
    Row("rungs, R=100, eta=2.5", "one rung for each power of an eta that is no whole number", _rungs(100, 2.5)),
    Row("a third goes on", "of 1,500 trials in any order 30 to 37 % go on; there is always a next one", rungs.share),
    Row(
        "NaN first",
        "a NaN that came first is gone by the next rung, the best of eight others is not",
        losses.first(math.nan),
    ),
    Row("NaN later", "a trial that is NaN at its second rung ends there; the best finite one does not", losses.nan_later),
    Row("NaN among many", "six NaNs at a rung let no bad loss through, and a new best goes on", losses.among(math.nan)),
    Row("inf first", "the same, of an infinite loss", losses.first(math.inf)),
    Row("inf among many", "the same, of infinite losses", losses.among(math.inf)),
    Row("ties", "of nine equal losses at most three go on, the earliest among them", losses.ties),
    Row("first report late", "trials that first report at 9, 10 and 11 do not count at rungs 1 and 3", losses.late),
    Row("a skipped rung", "trials that report at 1 and then at 9, 10 and 11 do not count at rung 3", losses.skipped),
    Row("a repeated report counts once", "the same loss five times over leaves the rung as once", losses.repeated_once),
    Row("a repeated report, same answer", "a worker that did not hear the answer asks again", losses.repeated_answer),
    Row("out of order", "old messages that come again after newer ones change nothing for others", losses.out_of_order),
    Row("a failed trial frees its place", "the best crashes: a loss that was not good enough now is", faults.failed),
    Row("saved and loaded", "a search that was saved half-way ends like one that was not", faults.saved),
    Row("killed", "a search whose process dies half-way ends like one whose process did not", faults.killed),
    Row("paused, then promoted", "a trial goes on once it is among the best, from where it paused", faults.promoted),
]
