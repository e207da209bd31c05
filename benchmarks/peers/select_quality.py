"""How good fronts are on the data that they are selected on: ours beside all ensembles that there are, and beside the
peers.

Ensembles of up to 4 picks: the hypervolume of each side's front as a share of that of the front of all ensembles, up to a
point a tenth of that front's extent beyond its worst corner. Each side at the size that it goes to by default: the same, of
what all sides found together.

Beside each share the time of one run, of AutoGluon of 20. Those are for 20 budgets in geometric progression from the
cheapest model to all models together: AutoGluon prunes for that budget and selects anew, we are asked for the best that
one front has within it. The last columns count the budgets at which our answer has less and more loss: of a front with
as many caps as select() takes by default, and of one with 40.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import libraries
import numpy as np
import select_peers as peers
from exhaustive import Point, front_of, hypervolume, losses, multisets, reference_of
from libraries import Library
from markdown import print_table
from numpy.typing import NDArray

import quorate as qr
from quorate.bench.table import machine, seconds

SIZE = 4
BUDGETS = 20
CAPS = 40  # two for each budget, which they do not know
METRICS = ("log_loss", "brier", "accuracy")
ROUNDING = 1e-9  # what the order of a sum may make of a loss


def cases(data: Path) -> Iterator[Library]:
    """All of up to 16 models first. Real ones on half of their samples, as select_fronts.py selects on."""
    pool, of_sklearn, both = (
        libraries.halves(read(data), seed=0)[0]
        for read in (libraries.cnn_pool, libraries.sklearn_pool, libraries.both_pools)
    )
    yield libraries.digits(data)
    yield replace(pool, name=f"{pool.name}, by latency")
    yield replace(pool, name=f"{pool.name}, by MACs", costs={"macs": pool.costs["macs"]})
    for seed in range(2):
        chosen = np.sort(np.random.default_rng(seed).choice(len(of_sklearn.models), 16, replace=False))
        yield of_sklearn.only(chosen, f"16 of {of_sklearn.name}, seed {seed}")
    chosen = np.sort(np.random.default_rng(0).choice(len(both.models), 16, replace=False))
    yield both.only(chosen, f"16 of {both.name}, seed 0")
    for models, seed in ((8, 0), (12, 0), (12, 1), (16, 0), (16, 1)):
        yield libraries.drawn(models, 2000, 10, seed)
    yield replace(of_sklearn, name=f"{of_sklearn.name}, by latency")
    yield replace(both, name=f"{both.name}, by latency")
    yield replace(both, name=f"{both.name}, by MACs", costs={"macs": both.costs["macs"]})
    yield libraries.drawn(24, 2000, 10, 0)


def budgets_of(library: Library) -> NDArray[np.float64]:
    cheapest = library.cost[library.cost > 0].min()
    budgets = np.geomspace(cheapest, library.cost.sum(), BUDGETS)
    return np.concatenate([[cheapest], budgets[1:]])  # geomspace may miss it by a bit


def least_within(points: list[tuple[float, float]], budget: float) -> float:
    return min((loss for cost, loss in points if cost <= budget * (1 + 1e-12)), default=float("inf"))


def better_and_worse(of_ours: peers.Outcome, of_peer: peers.Outcome, library: Library) -> str:
    """At how many budgets ours has less and more loss than the peer's ensemble for that budget."""
    differences = [
        least_within(of_ours.points, budget) - loss
        for budget, (_, loss) in zip(budgets_of(library), of_peer.points, strict=True)
    ]
    return f"{sum(by < -ROUNDING for by in differences)} / {sum(by > ROUNDING for by in differences)}"


def shares(sides: list[peers.Outcome], front: list[Point]) -> list[str]:
    reference = reference_of(front)
    whole = hypervolume(front, reference)
    return [f"{100 * hypervolume(side.points, reference) / whole:.2f} %, {seconds(side.taken_s)}" for side in sides]


def against_all(library: Library, metric: str) -> list[str]:
    start = time.perf_counter()
    counts = multisets(len(library.models), SIZE)
    cost = (counts > 0) @ library.cost
    every = front_of(zip(cost.tolist(), losses(counts, library.scores, library.labels, metric).tolist(), strict=True))
    taken_s = time.perf_counter() - start
    few_caps = peers.ours(library, metric, max_size=SIZE)
    many_caps = peers.ours(library, metric, max_size=SIZE, caps=CAPS)
    pruned = peers.autogluon_at(library, metric, SIZE, budgets_of(library))
    sides = [few_caps, many_caps, peers.auto_sklearn(library, metric, SIZE), pruned]
    compared = [better_and_worse(mine, pruned, library) for mine in (few_caps, many_caps)]
    return [library.name, f"{len(counts):,}, {seconds(taken_s)}", *shares(sides, every), *compared]


AGAINST_ALL = [
    "library",
    "all ensembles",
    "ours",
    f"ours, caps={CAPS}",
    "prefixes of the greedy (auto-sklearn)",
    f"AutoGluon, {BUDGETS} runs",
    f"of {BUDGETS} budgets ours is better / worse",
    f"with caps={CAPS}",
]


def at_default_sizes(library: Library, metric: str) -> list[str]:
    picks = peers.AUTOGLUON_PICKS
    few_caps = peers.ours(library, metric, max_size=picks)
    many_caps = peers.ours(library, metric, max_size=picks, caps=CAPS)
    pruned = peers.autogluon_at(library, metric, picks, budgets_of(library))
    sides = [peers.ours(library, metric), few_caps, many_caps, pruned, peers.qdo_es(library, metric)]
    compared = [better_and_worse(mine, pruned, library) for mine in (few_caps, many_caps)]
    return [library.name, *shares(sides, front_of(point for side in sides for point in side.points)), *compared]


def at_every_budget(library: Library, metric: str) -> list[str]:
    """AutoGluon's pruning with our greedy in place of its own: the same picks but for ties, in no time."""
    predictions, picks = library.predictions, peers.AUTOGLUON_PICKS
    alone = np.array([qr.loss(qr.Ensemble([m], [1.0]), predictions, metric=metric) for m in range(len(library.models))])
    pruned = []
    for budget in budgets_of(library):
        kept = peers.affordable(library.cost, alone, budget)
        of_kept = library.only(np.array(kept), library.name)
        greedy = qr.greedy(of_kept.predictions, of_kept.cost, metric=metric, max_size=picks)
        pruned.append((budget, min(*greedy.losses, alone[library.cost <= budget].min())))
    mine = peers.ours(library, metric, max_size=picks)
    return [library.name, seconds(mine.taken_s), better_and_worse(mine, peers.Outcome(pruned, 0.0), library)]


AT_EVERY_BUDGET = ["library", "ours, 25", f"of {BUDGETS} budgets ours is better / worse"]


AT_DEFAULT_SIZES = [
    "library",
    "ours, 16 picks",
    f"ours, {peers.AUTOGLUON_PICKS}",
    f"ours, {peers.AUTOGLUON_PICKS}, caps={CAPS}",
    f"AutoGluon, {peers.AUTOGLUON_PICKS}, {BUDGETS} runs",
    "QDO-ES",
    f"of {BUDGETS} budgets ours, {peers.AUTOGLUON_PICKS}, is better / worse",
    f"with caps={CAPS}",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "data", nargs="?", type=Path, default=libraries.DEFAULT_DATA, help="holds cifar10_cnn_pool and others"
    )
    parser.add_argument("--metric", choices=METRICS, help="this one only")
    parser.add_argument("--library", default="", help="only those whose name contains this")
    parser.add_argument("--table", choices=("all", "default", "budgets"), help="this table only")
    given = parser.parse_args()
    if not given.data.is_dir():
        sys.exit(f"{given.data} is no folder")
    chosen = [library for library in cases(given.data) if given.library in library.name]
    if given.table != "budgets":
        peers.warm_up()
    for metric in (given.metric,) if given.metric else METRICS:
        if given.table in (None, "budgets"):
            print(f"\n{metric}, {peers.AUTOGLUON_PICKS} picks beside pruning and a greedy for each budget\n")
            print_table(AT_EVERY_BUDGET, (at_every_budget(library, metric) for library in chosen))
        if given.table in (None, "all"):
            print(f"\n{metric}, up to {SIZE} picks\n")
            print_table(AGAINST_ALL, (against_all(library, metric) for library in chosen))
        if given.table in (None, "default"):
            print(f"\n{metric}, each side's own size\n")
            print_table(AT_DEFAULT_SIZES, (at_default_sizes(library, metric) for library in chosen))
    told = {**machine(), **peers.versions()}
    print("\n" + ", ".join(f"{name} {value}" for name, value in told.items()))


if __name__ == "__main__":
    main()
