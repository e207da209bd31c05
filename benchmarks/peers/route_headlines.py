"""The papers' headlines on trained models: what a cascade costs beside a single model that it equals in accuracy.

For each of some splits of the samples: cascades are found on the search part, the cheapest whose loss there is no higher
than a single model's is picked, and everything reported is of the test part. As a front's losses are optimistic where it
was found, what is picked so is less accurate on fresh data. At equal accuracy is therefore the pick with a margin: its loss
where found is lower than the model's by so much (the least of a grid, one for all splits) that on average over the splits it
is no less accurate on the test parts. Where no cascade is that much better, the model is kept (a ratio of 1). A ratio is
what the single model costs over what the cascade costs: above 1 the cascade is cheaper. Beside it stands by how much their
accuracies differ, in points, above 0 where the cascade is better. Both have the 95 % interval of the paired bootstrap
(qr.evaluate): the tables show the mean over splits of the value and of the interval's ends, then the range of the value over
splits, which share samples and are therefore not independent. "worse": splits on which the interval says that the cascade is
less accurate.

  cost           cascades of each kind against the most accurate model; then three tiers at most against each model that is
                 worth its cost
  promise        what a certificate (qr.calibrate, on the calibration part) costs on top
  money          each model on the cheapest GPU that holds models of its size; a single model likewise
  communication  small models at an edge, the others in a cloud: what share of the samples has to be sent
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import libraries
import numpy as np
import route_pools
from markdown import print_table
from numpy.typing import NDArray
from route_pools import Pool

import quorate as qr

EXTENDED = {"max_exact_work": 0.0}  # depths above 2 by extension: 20 splits in minutes
GPU_USD_PER_HOUR = {"V100": 0.50, "A100": 1.29, "H100": 2.49}  # list prices of one cloud, 2024: an assumption
HOLDS_UP_TO = {"V100": 1 / 8, "A100": 1 / 2, "H100": 1.0}  # of the largest model's cost: an assumption
EDGE_UP_TO = 1 / 8  # of the largest model's cost, what runs at an edge: an assumption
PROMISE = {"max_loss_increase": 0.01, "delta": 0.05}

PARTS = ("cost", "promise", "money", "communication")
MARGINS = tuple(0.0005 * step for step in range(41))  # of loss where found

Front = Sequence[qr.Cascade]


@dataclass(frozen=True)
class Way:
    """A kind of cascade: options of find_cascades."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def find(self, pool: Pool, cost: NDArray[np.float64]) -> Front:
        return list(qr.find_cascades(pool.predictions, cost, **self.options))


AT_MOST_3 = Way("at most 3 tiers", {"max_depth": 3})
WAYS = (
    Way("2 tiers", {"max_depth": 2}),
    AT_MOST_3,
    Way("at most 4 tiers (extended)", {"max_depth": 4, **EXTENDED}),
    Way("at most 3 tiers, margin", {"max_depth": 3, "signal": "margin"}),
    Way("at most 3 tiers, running mean", {"max_depth": 3, "combine": "mean"}),
    Way("2 tiers of 1 to 3, agreement, one after another", {"max_depth": 2, "signal": "agreement"}),
    Way("2 tiers of 1 to 3, agreement, at once", {"max_depth": 2, "signal": "agreement", "parallel": True}),
    Way("3 tiers of 1 to 3, agreement, at once (extended)",
        {"max_depth": 3, "signal": "agreement", "parallel": True, **EXTENDED}),
)  # fmt: skip
MAJORITY = Way("2 tiers of 1 to 3, agreement, majority, at once",
               {"max_depth": 2, "signal": "agreement", "combine": "majority", "parallel": True})  # fmt: skip
VOTES = (
    Way("2 tiers of 1 to 3, vote agreement, one after another", {"max_depth": 2, "signal": "vote_agreement"}),
    Way("3 tiers of 1 to 3, vote agreement, one after another (extended)",
        {"max_depth": 3, "signal": "vote_agreement", **EXTENDED}),
)  # fmt: skip
GIVEN = (Way("2 tiers, shorter questions are surer", {"max_depth": 2, "signal": "given"}),)


def picked(front: Front, limit: float, single: int) -> qr.Cascade:
    """The cheapest whose loss where it was found is no higher; where there is none, the single model is kept."""
    within = (cascade for cascade in front if cascade.loss <= limit + 1e-12)
    return min(within, key=lambda cascade: cascade.cost, default=qr.Cascade([qr.Tier([single])]))


@dataclass
class Figures:
    """Over splits."""

    ratio: list[tuple[float, float, float]] = field(default_factory=list)
    gain: list[tuple[float, float, float]] = field(default_factory=list)  # in accuracy, of the cascade over the model

    def add(self, cascade: qr.Cascade, test: Pool, cost: NDArray[np.float64], single: int) -> None:
        report = qr.evaluate(cascade, test.predictions, cost)
        row = next(row for row in report.comparison if row.model == single)
        of = row.cost_ratio
        self.ratio.append((1 / of.value, 1 / of.high, 1 / of.low))
        of = row.loss_difference
        self.gain.append((-of.value, -of.high, -of.low))

    def loses_nothing(self) -> bool:
        return float(np.mean([value for value, _, _ in self.gain])) >= 0.0

    def cells(self) -> list[str]:
        splits = len(self.gain)
        return [
            spread(self.ratio, lambda value: f"{value:.2f}", "x"),
            spread(self.gain, lambda value: f"{100 * value + 0.0:+.2f}".replace("-0.00", "+0.00"), ""),
            f"{sum(high < 0 for _, _, high in self.gain)} of {splits}",
        ]


def spread(figures: list[tuple[float, float, float]], show: Callable[[float], str], unit: str) -> str:
    value, low, high = np.mean(figures, axis=0)
    values = [value for value, _, _ in figures]
    return f"{show(value)}{unit} ({show(low)} to {show(high)}); {show(min(values))} to {show(max(values))}"


HEAD = ["at equal accuracy: margin", "cost ratio (95 %); splits", "accuracy, points (95 %); splits", "worse",
        "without a margin: cost ratio", "accuracy, points", "worse"]  # fmt: skip
PROMISE_HEAD = ["with it: cost ratio (95 %); splits", *HEAD[2:4], "without it: cost ratio", *HEAD[5:]]


def at_margin(found: list[tuple[Front, Pool, Pool]], margin: float, cost: str, single: int) -> Figures:
    """`found`: of each split the front, the search part and the test part."""
    figures = Figures()
    for front, search, test in found:
        figures.add(picked(front, search.losses()[single] - margin, single), test, test.costs[cost], single)
    return figures


def at_margins(found: list[tuple[Front, Pool, Pool]], cost: str, single: int) -> list[str]:
    without = at_margin(found, 0.0, cost, single)
    for margin in MARGINS:
        figures = at_margin(found, margin, cost, single) if margin else without
        if figures.loses_nothing():
            return [f"{100 * margin:.2f}", *figures.cells(), *without.cells()]
    return ["", "not reached", "", "", *without.cells()]


def by_way(pool: Pool, cost: str, ways: Iterable[Way], single: int, seeds: int) -> Iterator[list[str]]:
    for way in ways:
        found = [(way.find(search, search.costs[cost]), search, test) for search, _, test in route_pools.splits(pool, seeds)]
        yield [way.name, *at_margins(found, cost, single)]


def by_model(pool: Pool, cost: str, way: Way, seeds: int) -> Iterator[list[str]]:
    found = [(way.find(search, search.costs[cost]), search, test) for search, _, test in route_pools.splits(pool, seeds)]
    losses = pool.losses()
    for single in pool.single_front(cost)[1:]:
        yield [f"{pool.models[single]}, {100 * (1 - losses[single]):.2f} %", *at_margins(found, cost, single)]


def with_promise(pool: Pool, cost: str, ways: Iterable[Way], single: int, seeds: int) -> Iterator[list[str]]:
    """The pick without a margin among the cascades that end with the model, after qr.calibrate and as it is."""
    for way in ways:
        after, before = Figures(), Figures()
        for search, calib, test in route_pools.splits(pool, seeds):
            front = [c for c in way.find(search, search.costs[cost]) if c.tiers[-1].members == [single]]
            cascade = picked(front, search.losses()[single], single)
            kept = qr.calibrate(cascade, calib.predictions, **PROMISE) if len(cascade.tiers) > 1 else cascade
            before.add(cascade, test, test.costs[cost], single)
            after.add(kept, test, test.costs[cost], single)
        yield [way.name, *after.cells(), *before.cells()]


def best(pool: Pool) -> int:
    return int(np.argmin(pool.losses()))


# --- money and communication


def machine_usd(cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """[models]: relative price of a sample on the cheapest machine that holds the model, the time on it being taken as
    proportional to `cost`."""
    share = cost / cost.max()
    names = [next(name for name, up_to in HOLDS_UP_TO.items() if of <= up_to) for of in share]
    return cost * np.array([GPU_USD_PER_HOUR[name] for name in names])


def sent(pool: Pool, edge: NDArray[np.bool_], cost: NDArray[np.float64]) -> Pool:
    """The pool with a sample's cost as what is sent to ask a model: one sample to the cloud, nothing at the edge. Among
    cascades that send the same, the cheaper is to be found: a millionth of the cost is added."""
    return Pool(pool.name, pool.predictions, {"sent": np.where(edge, 0.0, 1.0) + 1e-6 * cost / cost.max()})


def communication(pool: Pool, edge: NDArray[np.bool_], cost: str, signal: str, seeds: int) -> Iterator[list[str]]:
    """At once, as a sample is sent once whatever number of models reads it."""
    of_cost = pool.cost(cost)
    asked = sent(pool, edge, of_cost)
    single = min(np.flatnonzero(~edge), key=lambda m: pool.losses()[m])
    ways = [Way(f"2 tiers, {'1 to 3' if sizes[-1] > 1 else 'single'} models, {signal}",
                {"max_depth": 2, "signal": signal, "parallel": True, "tier_sizes": sizes})
            for sizes in ([[1], [1, 2, 3]] if signal != "vote_agreement" else [[1, 2, 3]])]  # fmt: skip
    yield from by_way(asked, "sent", ways, int(single), seeds)


def report_images(pool: Pool, seeds: int, majority: bool, parts: Sequence[str]) -> None:
    single, macs = best(pool), pool.costs["macs"]
    for cost in pool.costs if "cost" in parts else ():
        print(f"#### {pool.name}, {cost}: against {pool.models[single]}, the most accurate model\n")
        ways = (*WAYS, MAJORITY) if majority and cost == "macs" else WAYS
        print_table(["cascade", *HEAD], by_way(pool, cost, ways, single, seeds))
        print(f"#### {pool.name}, {cost}: {AT_MOST_3.name}, against each model that is worth its cost\n")
        print_table(["model, accuracy", *HEAD], by_model(pool, cost, AT_MOST_3, seeds))
    if "promise" in parts:
        print(
            f"#### {pool.name}, macs: with the promise of at most 1 point below {pool.models[single]}, 95 %, and without\n"
        )
        print_table(["cascade", *PROMISE_HEAD], with_promise(pool, "macs", WAYS[:2], single, seeds))
    if "money" in parts:
        print(f"#### {pool.name}: money, as MACs times the hourly price of the GPU that holds the model\n")
        money = Pool(pool.name, pool.predictions, {"usd": machine_usd(macs)})
        # Money is spent on every member, also on those that run at once.
        serial = [way for way in WAYS if not way.options.get("parallel")]
        print_table(["cascade", *HEAD], by_way(money, "usd", serial, single, seeds))
    if "communication" in parts:
        edge = macs <= EDGE_UP_TO * macs.max()
        print(f"#### {pool.name}: communication, {int(edge.sum())} models of up to 1/8 of the largest's MACs at the edge\n")
        for signal in ("confidence", "agreement"):
            print_table(["cascade", *HEAD], communication(pool, edge, "macs", signal, seeds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=libraries.DEFAULT_DATA, help="holds the folders")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--only", choices=["cnn", "both", "imagenet", "answers", "two_tier"], help="one pool")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="of what is said of the image pools")
    given = parser.parse_args()

    if given.only in (None, "cnn"):
        report_images(route_pools.cnn_pool(given.data), given.splits, True, given.parts)
    if given.only in (None, "both"):
        report_images(route_pools.both_pools(given.data), given.splits, False, given.parts)
    if given.only in (None, "imagenet"):
        pool = route_pools.imagenet(given.data)
        for cost in pool.costs:
            print(f"#### {pool.name}, cost {cost}: against {pool.models[best(pool)]}\n")
            ways = (WAYS[0], Way("2 tiers, running mean", {"max_depth": 2, "combine": "mean"}))
            print_table(["cascade", *HEAD], by_way(pool, cost, ways, best(pool), given.splits))
    if given.only in (None, "answers"):
        pool = route_pools.llm_answers(given.data)
        print(f"#### {pool.name}, list prices: against {pool.models[best(pool)]}, the most accurate model\n")
        print_table(["cascade", *HEAD], by_way(pool, "usd", VOTES, best(pool), given.splits))
        print(f"#### {pool.name}, list prices: {VOTES[0].name}, against each model that is worth its cost\n")
        print_table(["model, accuracy", *HEAD], by_model(pool, "usd", VOTES[0], given.splits))
        edge = np.array([name in route_pools.LLM_SMALL for name in pool.models])
        print(f"#### {pool.name}: communication, {int(edge.sum())} models of up to 12 billion parameters at the edge\n")
        print_table(["cascade", *HEAD], communication(pool, edge, "usd", "vote_agreement", given.splits))
    if given.only in (None, "two_tier"):
        pool, _ = route_pools.by_question_length(given.data)
        print(f"#### {pool.name}: against {pool.models[best(pool)]}\n")
        print_table(["cascade", *HEAD], by_way(pool, "usd", GIVEN, best(pool), given.splits))


if __name__ == "__main__":
    main()
