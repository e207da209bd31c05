"""Rows on where brackets begin and where trials end."""

from __future__ import annotations

import math
import random

from play import Play, train
from searches import Peer, hyperband_brackets


def _powers(max_resource: int, eta: float) -> list[set[int]]:
    """For each rung what it may be: the end, or a power of eta up from 1 or down from R, rounded either way."""
    result: list[set[int]] = []
    for power in range(hyperband_brackets(max_resource, eta)):
        exact = (eta**power, max_resource / eta**power)
        result.append(
            {function(value) for value in exact for function in (math.floor, math.ceil)} & set(range(1, max_resource + 1))
        )
    return result


def _ends(peer: Peer, max_resource: int, eta: float) -> set[int]:
    """Where trials ended of which the losses at any two resources have nothing to do with each other."""
    search = peer.start(max_resource=max_resource, eta=eta, seed=1)
    rng = random.Random(5)
    ends: list[int] = []
    while ends.count(max_resource) < 5 and len(ends) < 8000:
        task = search.ask()
        assert task is not None
        ends.append(train(search, task, [rng.random() for _ in range(max_resource + 1)]))
    assert max_resource in ends, f"none of 8,000 trials came to R={max_resource}"
    return set(ends)


def one_bracket(peer: Peer, max_resource: int, eta: float) -> None:
    ends = _ends(peer, max_resource, eta)
    if float(eta).is_integer():
        powers = {int(eta) ** i for i in range(hyperband_brackets(max_resource, eta))}
        assert ends == powers, f"trials ended at {sorted(ends)}, but must at {sorted(powers)}"
        return
    powers = set().union(*_powers(max_resource, eta)) | {max_resource}
    assert ends <= powers, f"trials ended at {sorted(ends - powers)}, which are no rounded powers of {eta}"
    least = hyperband_brackets(max_resource, eta)
    assert least <= len(ends) <= least + 1, (
        f"trials ended at {sorted(ends)}, but must at {least} rungs (or one more, the end)"
    )


def brackets(peer: Peer, max_resource: int, eta: int) -> None:
    """After many good trials have filled the rungs, trials that are worse than all end where their bracket begins."""
    search = peer.start(max_resource=max_resource, eta=eta, brackets=None, seed=2)
    rng = random.Random(6)
    for _ in range(600):
        task = search.ask()
        assert task is not None
        train(search, task, [rng.random() for _ in range(max_resource + 1)])
    begins = set()
    for i in range(600):
        while (task := search.ask()) is not None and task.from_resource > 0:
            train(search, task, [rng.random() for _ in range(max_resource + 1)])
        assert task is not None
        begins.add(train(search, task, [1000.0 + i] * (max_resource + 1)))
    powers = {eta**i for i in range(hyperband_brackets(max_resource, eta))}
    assert begins == powers, f"brackets begin at {sorted(begins)}, but must at {sorted(powers)}"


def share(peer: Peer) -> None:
    play = Play(peer.start(max_resource=27, eta=3, seed=3))
    rng = random.Random(7)
    trials = play.at_rung([rng.random() for _ in range(1500)])
    part = sum(play.goes_on(trial) for trial in trials) / len(trials)
    assert 0.30 <= part <= 0.37, f"{part:.0%} go on from rung 1, but about a third must"
