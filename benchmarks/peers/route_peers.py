"""Others' searches for a cascade beside ours, in time and in cost at equal accuracy, on the same tables.

Each search sees the search part of a split, and what it finds is run on the test part. Ours is asked for the cheapest
cascade whose loss where found is lower than that of the other's by a margin: the least, one for all splits, with which it is
on average no less accurate on the test parts (the more cascades a search looks at, the more optimistic its losses). Times
are of the search alone, each side on all that it uses of this machine; figures are means over splits, times medians.
Searches that take a list of models get those that are worth their cost alone, the cheapest first, and of more than 8 as many
evenly among them; ours gets the whole pool.
A peer whose folder is not given is left out.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import libraries
import numpy as np
import route_pools
import route_published as published
from markdown import print_table
from numpy.typing import NDArray
from route_pools import Pool
from select_fronts import paired

import quorate as qr
from quorate.bench.table import seconds

MARGINS = tuple(0.0005 * step for step in range(61))  # of loss where found
MOST_MODELS = 8
SHARES_OF_BEST = (1 / 2, 1 / 4)  # budgets, of what the most accurate model costs


@dataclass(frozen=True)
class Case:
    name: str
    pool: Pool
    cost: str
    signal: str
    certainty: NDArray[np.float32] | None = None  # [models, samples], of signal "given"
    ours: tuple[tuple[str, dict[str, Any]], ...] = ()  # more ways than two and at most three tiers

    def on(self, samples: NDArray[np.int64]) -> Case:
        certainty = None if self.certainty is None else np.ascontiguousarray(self.certainty[:, samples])
        return replace(self, pool=self.pool.on(samples), certainty=certainty)


def cases(data: Path) -> Iterator[Case]:
    yield Case("cifar10_cnn_pool, MACs", route_pools.cnn_pool(data), "macs", "confidence")
    yield Case("both CIFAR-10 pools, latency", route_pools.both_pools(data), "latency_s", "confidence")
    pool, sure = route_pools.by_answer_length(data)
    agreement = {"max_depth": 2, "signal": "vote_agreement"}
    yield Case("llm_answers, list prices; shorter answers are surer", pool, "usd", "given", sure,
               (("2 tiers of 1 to 3, vote agreement", agreement),))  # fmt: skip
    pool, sure = route_pools.by_question_length(data)
    yield Case("llm_two_tier, list prices; shorter questions are surer", pool, "usd", "given", sure)


@dataclass
class Split:
    """What one search found on the search part, and our front of it."""

    theirs_s: float
    ours_s: float
    their_loss: float  # where found
    their_right: NDArray[np.int64]  # [samples] of the test part
    their_cost: float
    front: list[qr.Cascade]
    test: Case

    def ours(self, margin: float) -> tuple[NDArray[np.int64], float]:
        """The cheapest that was better by the margin where found, on the test part; where there is none, that of least
        loss."""
        within = [of for of in self.front if of.loss <= self.their_loss - margin + 1e-12]
        best = min(within, key=lambda of: of.cost) if within else min(self.front, key=lambda of: (of.loss, of.cost))
        return run(best, self.test)


def cells(splits: list[Split]) -> list[str]:
    """At the least margin at which ours is on average no less accurate on the test parts; the last of them if at none."""
    for margin in MARGINS:
        ours = [of.ours(margin) for of in splits]
        gains = [paired(right, of.their_right) for (right, _), of in zip(ours, splits, strict=True)]
        value, low, high = (100 * of for of in np.mean(gains, axis=0))
        if value >= 0:
            break
    ratios = [of.their_cost / cost for (_, cost), of in zip(ours, splits, strict=True)]
    return [
        seconds(float(np.median([of.theirs_s for of in splits]))),
        f"{100 * np.mean([of.their_right.mean() for of in splits]):.2f} %",
        f"{np.mean([of.their_cost for of in splits]):.3g}",
        seconds(float(np.median([of.ours_s for of in splits]))),
        f"{100 * np.mean([right.mean() for right, _ in ours]):.2f} %",
        f"{np.mean([cost for _, cost in ours]):.3g}",
        f"{np.mean(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})",
        f"{value:+.2f} ({low:+.2f} to {high:+.2f})",
        f"{100 * margin:.2f}",
    ]


HEAD = ["search", "beside", "time", "accuracy", "cost", "our time", "our accuracy", "our cost", "its cost over ours; splits",
        "our gain, points (95 %)", "margin"]  # fmt: skip


def run(policy: qr.Cascade | published.Routed, case: Case) -> tuple[NDArray[np.int64], float]:
    """[samples]: 1 where right; and the mean cost."""
    if isinstance(policy, published.Routed):
        return policy.run(published.table_of(case.pool, case.cost, case.signal, case.certainty))
    report = qr.evaluate(policy, case.pool.predictions, case.pool.costs[case.cost], draws=0, compare=False)
    return (np.asarray(report.answers) == case.pool.predictions.labels).astype(np.int64), report.mean_cost


def timed(find: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    found = find(*arguments, **options)
    return found, time.perf_counter() - start


def compare(case: Case, peers: dict[str, Callable[[published.Table, list[int], float, float], Any]], seeds: int) -> None:
    ways: tuple[tuple[str, dict[str, Any]], ...] = (
        ("2 tiers", {"max_depth": 2, "signal": case.signal}),
        ("at most 3 tiers", {"max_depth": 3, "signal": case.signal}),
        *case.ours,
    )
    figures: dict[tuple[str, str], list[Split]] = {}
    worth = case.pool.single_front(case.cost)
    models = [worth[at] for at in np.unique(np.rint(np.linspace(0, len(worth) - 1, MOST_MODELS)).astype(int))]
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(case.pool.predictions.samples)
        begin, end = np.rint(np.cumsum(route_pools.SHARES)[:2] * len(order)).astype(int)
        search, test = case.on(np.sort(order[:begin])), case.on(np.sort(order[end:]))
        table = published.table_of(search.pool, case.cost, case.signal, search.certainty)
        best = int(np.argmin(search.pool.losses()))
        accuracy, budget = 1.0 - float(search.pool.losses()[best]), float(search.pool.cost(case.cost)[best])
        fronts = {}
        for name, options in ways:
            found, taken_s = timed(qr.find_cascades, search.pool.predictions, search.pool.costs[case.cost], **options)
            fronts[name] = (list(found), taken_s)
        for peer, find in peers.items():
            theirs, taken_s = timed(find, table, models, accuracy, budget)
            if theirs is None:
                continue
            their_right, their_cost = run(theirs, test)
            loss = 1.0 - float(run(theirs, search)[0].mean())
            for name, (front, our_s) in fronts.items():
                split = Split(taken_s, our_s, loss, their_right, their_cost, front, test)
                figures.setdefault((peer, name), []).append(split)
    print(f"#### {case.name}: {case.pool.predictions.models} models, {len(worth)} worth their cost, "
          f"{case.pool.predictions.samples:,} samples, {seeds} splits\n")  # fmt: skip
    print_table(HEAD, ([peer, f"ours, {name}", *cells(of)] for (peer, name), of in figures.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=libraries.DEFAULT_DATA, help="holds the folders")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--frugal-gpt", type=Path, help="a folder of github.com/stanford-futuredata/FrugalGPT")
    parser.add_argument("--cascade-routing", type=Path, help="a folder of github.com/eth-sri/cascade-routing")
    parser.add_argument("--routed", action="store_true", help="also its CascadeRouter: a minute for each budget and split")
    parser.add_argument("--only", help="cases whose name begins so")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)

    peers: dict[str, Callable[[published.Table, list[int], float, float], Any]] = {
        "scikit-fallback, pairs, accuracy of the best model": lambda table, models, accuracy, _: published.scikit_fallback(
            table, models, [accuracy]
        )[0]
    }
    for share in SHARES_OF_BEST:
        within = f"cost within {share:.2g} of the best model's"
        if given.frugal_gpt:
            peers[f"FrugalGPT, pairs, {within}"] = lambda table, models, _, cost, s=share: published.frugal_gpt(
                table, models, s * cost, given.frugal_gpt
            )
        if given.cascade_routing:
            peers[f"cascade-routing's thresholds, one chain, {within}"] = lambda table, models, _, cost, s=share: (
                published.cascade_routing(table, models, s * cost, given.cascade_routing)
            )
            if given.routed:
                peers[f"cascade-routing's CascadeRouter, at most 4 models, {within}"] = (
                    lambda table, models, _, cost, s=share: published.Routed(table, models, s * cost, given.cascade_routing)
                )
    for case in cases(given.data):
        if case.name.startswith(given.only or ""):
            compare(case, peers, given.splits)


if __name__ == "__main__":
    main()
