"""Rows on losses that are no numbers, equal ones, and reports that are late, skip a rung, come twice or out of order."""

from __future__ import annotations

import math
from collections.abc import Callable

from play import Play
from searches import Peer


def _start(peer: Peer) -> Play:
    return Play(peer.start(max_resource=27, eta=3))


def first(loss: float) -> Callable[[Peer], None]:
    """Where it came first nobody else waited, so it may have gone on; then it has to end at the next rung."""

    def check(peer: Peer) -> None:
        play = _start(peer)
        odd, *finite = play.at_rung([loss, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
        assert play.goes_on(finite[-1]), f"the best of eight finite losses does not go on after a {loss} came first"
        play.report(finite[-1], 3, 1.0)
        if play.goes_on(odd):
            play.report(odd, 3, loss)
        assert not play.goes_on(odd), f"a trial whose loss is {loss} at rungs 1 and 3 goes on, with finite losses at both"

    return check


def nan_later(peer: Peer) -> None:
    play = _start(peer)
    a, odd, b = play.climbers([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    for trial, loss in ((a, 2.0), (odd, math.nan), (b, 1.0)):
        play.report(trial, 3, loss)
    assert play.goes_on(b), "the best finite loss at the second rung does not go on"
    assert not play.goes_on(odd), "a trial that is NaN at its second rung goes on"


def among(loss: float) -> Callable[[Peer], None]:
    def check(peer: Peer) -> None:
        play = _start(peer)
        good = play.at_rung([0.3, 0.2, 0.1])
        odd = play.at_rung([loss] * 6)
        (bad,) = play.at_rung([5.0])
        best, _ = play.at_rung([0.05, 6.0])
        assert play.goes_on(best), "a new best does not go on"
        assert play.goes_on(good[-1]), "the best before it does not go on"
        assert not any(play.goes_on(trial) for trial in odd), f"a trial whose loss is {loss} goes on"
        assert not play.goes_on(bad), f"the fifth of twelve goes on: losses of {loss} do not rank last"

    return check


def ties(peer: Peer) -> None:
    play = _start(peer)
    trials = play.at_rung([1.0] * 9)
    on = [i for i, trial in enumerate(trials) if play.goes_on(trial)]
    assert len(on) <= 3, f"{len(on)} of nine trials with the same loss go on, but at most three may"
    assert 0 in on, f"trials {on} go on, but of equal losses the earliest must"


def late(peer: Peer) -> None:
    play = _start(peer)
    for _ in range(9):
        trial = play.new()
        for resource in (9, 10, 11):
            play.report(trial, resource, 0.01)
    assert play.ladder(best=1.0), "losses measured at 9 to 11 were counted at rung 1 or 3: the best there was stopped"


def skipped(peer: Peer) -> None:
    play = _start(peer)
    for trial in play.at_rung([100.0 - i for i in range(9)]):
        if play.goes_on(trial):
            for resource in (9, 10, 11):
                play.report(trial, resource, 0.01)
    assert play.ladder(best=1.0), "losses measured at 9 to 11 were counted at rung 3: the best there was stopped"


def repeated_once(peer: Peer) -> None:
    play = _start(peer)
    play.at_rung([0.1])
    again = play.new()
    for _ in range(5):
        play.report(again, 1, 0.2)
    (second,) = play.at_rung([0.15])
    assert not play.goes_on(second), "two of three trials go on: a repeated report was counted more than once"


def repeated_answer(peer: Peer) -> None:
    play = _start(peer)
    play.at_rung([0.1])
    trial = play.new()
    answer = play.report(trial, 1, 0.2)
    for _ in range(3):
        again = play.report(trial, 1, 0.2)
        assert again == answer, f"the answer was {answer}, to the same report again {'an error' if again is None else again}"


def out_of_order(peer: Peer) -> None:
    play = _start(peer)
    climbed = play.climbers([100.0 - i for i in range(9)])
    for trial in climbed:
        play.report(trial, 3, 90.0 - trial)
    for trial in climbed:
        if play.goes_on(trial):
            play.report(trial, 9, 80.0)
        for resource in (1, 2, 3, 5):
            play.report(trial, resource, 0.01)
    assert play.ladder(best=1.0), "old messages with other losses were counted: the best was stopped"
