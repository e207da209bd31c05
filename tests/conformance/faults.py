"""Rows on trials that crash, searches that end and begin again, and trials that wait."""

from __future__ import annotations

import random

from play import Play
from searches import NotOffered, Peer, Search


def failed(peer: Peer) -> None:
    """Some trial has to go on because the best one crashed that would not have gone on otherwise."""
    freed = []
    for step in range(11, 30):
        others_on = []
        for crashes in (False, True):
            play = Play(peer.start(max_resource=27, eta=3))
            best, *others = play.at_rung([0.1, 0.3, 0.2])
            assert play.goes_on(best), "the best of three does not go on"
            if crashes:
                play.search.fail(best)
            others += play.at_rung([step / 100])
            others_on.append({trial for trial in others if play.goes_on(trial)})
        freed.append(others_on[0] < others_on[1])
    assert any(freed), "whether the best of three crashes or not, the same others go on"


def _half(search: Search, rng: random.Random) -> list[tuple[int, int]]:
    """(trial, where its task ended) of 60 tasks."""
    ends = []
    for _ in range(60):
        task = search.ask()
        assert task is not None
        quality = rng.random()
        for resource in range(task.from_resource + 1, task.to_resource + 1):
            if not search.report(task.trial, resource, quality + rng.random() / resource):
                break
        ends.append((task.trial, resource))
    return ends


def _continued(peer: Peer, how: str) -> None:
    ends = []
    for interrupted in (False, True):
        search = peer.start(max_resource=27, eta=3, durable=True)
        rng = random.Random(8)
        before = _half(search, rng)
        if interrupted:
            search = getattr(search, how)()
        ends.append(before + _half(search, rng))
    same = sum(a == b for a, b in zip(*ends, strict=True))
    assert ends[0] == ends[1], f"{len(ends[0]) - same} of {len(ends[0])} tasks ended elsewhere than without the interruption"


def saved(peer: Peer) -> None:
    _continued(peer, "saved")


def killed(peer: Peer) -> None:
    _continued(peer, "killed")


def promoted(peer: Peer) -> None:
    if not peer.pauses:
        raise NotOffered("it stops trials and, as it documents, never brings one back")
    play = Play(peer.start(max_resource=27, eta=3))
    _, second = play.at_rung([0.1, 0.5])
    assert not play.goes_on(second), "the second of two goes on, but floor(2 / 3) is 0"
    play.at_rung([1.0, 2.0, 3.0, 4.0])
    assert play.goes_on(second), "the second of six never goes on: a stopped trial does not come back"
    task = play.tasks[second]
    assert task.from_resource == 1, f"the promoted trial starts at {task.from_resource}, but must from its checkpoint at 1"
