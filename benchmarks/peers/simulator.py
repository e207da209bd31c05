"""A search on recorded learning curves: workers and a clock that jumps from one measurement to the next.

Every search is given the same configurations in the same order: trial k trains order[k]. A worker trains a task resource by
resource, each taking as long as the record says; going on from a checkpoint costs nothing but what is trained then. Losses
come at every resource. The search is told those at `reports` only, which have to hold its rungs: between them no search
here decides anything. Of what happens at the same moment, that which began earlier comes first.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from curves import Curves
from searches import Search, Task


@dataclass
class Outcome:
    reached_s: float = math.inf  # when a loss was first at most the target
    kept: list[float] = field(default_factory=list)  # at budget_s, of each trial that reported: its last loss
    ended_s: float = 0.0
    trained_s: float = 0.0  # by all workers, until the end


def simulate(
    search: Search,
    curves: Curves,
    order: Sequence[int],
    *,
    workers: int,
    target: float,
    budget_s: float,
    reports: Collection[int],
) -> Outcome:
    """Until every configuration was started, and nothing runs or can be promoted."""
    outcome = Outcome()
    last: dict[int, float] = {}  # of each trial the loss of the model that would be kept now
    events: list[tuple[float, int, Task, int]] = []  # (time, number, task, the resource that is reached then)
    started = number = 0
    idle, now_s = workers, 0.0
    budget_over = False

    def train_on(task: Task, resource: int) -> None:
        nonlocal number
        times_s = curves.times_s[order[task.trial]]
        took_s = float(times_s[resource + 1] - times_s[resource])
        outcome.trained_s += took_s
        heapq.heappush(events, (now_s + took_s, number, task, resource + 1))
        number += 1

    while True:
        while idle > 0 and (task := search.ask(new=started < len(order))) is not None:
            started = max(started, task.trial + 1)
            idle -= 1
            train_on(task, task.from_resource)
        if not events:
            break
        now_s, _, task, resource = heapq.heappop(events)
        if now_s > budget_s and not budget_over:
            outcome.kept, budget_over = list(last.values()), True
        loss = float(curves.losses[order[task.trial], resource])
        last[task.trial] = loss
        if loss <= target:
            outcome.reached_s = min(outcome.reached_s, now_s)
        ends = resource == task.to_resource
        if (ends or resource in reports) and not search.report(task.trial, resource, loss):
            idle += 1
        else:
            train_on(task, resource)
    outcome.ended_s = now_s
    if not budget_over:
        outcome.kept = list(last.values())
    return outcome
