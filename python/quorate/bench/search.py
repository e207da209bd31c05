"""Search beside Optuna, Ray Tune and Syne Tune, whichever are installed, without training anything.

In memory: all hand out trials one by one, are told the same losses by trial number at resources 1, 3, 9 and 27, and say
after each whether the trial goes on. A decision is one such answer; the time is that of a decision with its share of handing
out trials. Each side decides by its own rules, so this is time for a decision, not for the same work. Durable: durable.py.
"""

from __future__ import annotations

import importlib.util
import random
import time
from statistics import median

from . import durable, schedulers
from .table import Row, version_of


def losses_of(trials: int) -> list[list[float]]:
    """[trials][rungs]: a quality of the trial's own, less and less noise as it is trained."""
    rng = random.Random(0)
    qualities = [rng.random() for _ in range(trials)]
    return [[quality + rng.random() / rung for rung in schedulers.RUNGS] for quality in qualities]


def seconds_a_decision(side: schedulers.Side, losses: list[list[float]]) -> float:
    """Of as many searches as last a tenth of a second together."""
    start, decisions, taken_s = time.perf_counter(), 0, 0.0
    while taken_s < 0.1:
        decisions += side(losses)
        taken_s = time.perf_counter() - start
    return taken_s / decisions


def in_memory(trials: int, repeats: int) -> list[Row]:
    losses = losses_of(trials)
    peers = [peer for peer in schedulers.PEERS if trials <= peer.most_trials]
    missing = {peer.name: [name for name in peer.modules if not importlib.util.find_spec(name)] for peer in peers}
    sides = {**schedulers.OURS, **{peer.name: peer.side for peer in peers if not missing[peer.name]}}
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        side(losses[:10])  # what is imported at first use is not timed
    for _ in range(repeats):
        for name, side in sides.items():
            taken[name].append(seconds_a_decision(side, losses))
    rows = []
    for ours in schedulers.OURS:
        own = median(taken[ours])
        for peer in peers:
            case = f"{ours}: a decision of {trials:,} trials, R = 27, eta = 3"
            rate = f"{1 / own:,.0f} decisions/s"
            if missing[peer.name]:
                rows.append(Row(case, own, peer.name, None, note=f"{rate}; {missing[peer.name][0]} is not installed"))
            else:
                theirs = median(taken[peer.name])
                name = f"{peer.name} {version_of(peer.distribution)}"
                rows.append(Row(case, own, name, theirs, note=f"{rate} against {1 / theirs:,.0f}"))
    return rows


def rows(*, full: bool, repeats: int) -> list[Row]:
    result = [row for trials in ((1000, 10_000) if full else (1000,)) for row in in_memory(trials, repeats)]
    return result + durable.rows(full=full, repeats=repeats)
