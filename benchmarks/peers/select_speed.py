"""One greedy without a budget: ours, the NumPy way of auto-sklearn, AutoGluon's EnsembleSelection; and our whole front.

On the 25 models of cifar10_25models_probs (10,000 samples), and on what `quorate bench select` generates. All make the
same picks up to ties, which is checked by their losses; AutoGluon stops at the best prefix, but goes through all picks.
Where a peer would take minutes it makes 2 picks, and the time is scaled to all of them: each takes as long as the next.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import libraries
import numpy as np
import select_peers as peers
from libraries import Library
from markdown import print_table

import quorate as qr
from quorate.bench import select as bench
from quorate.bench.table import in_turns, machine, seconds

PEER_PICKS = 2  # on the large library
CLOSE = 1e-5  # AutoGluon compares losses that it rounds to six decimals


def generated(case: bench.Case) -> Library:
    probs, labels = bench.generated(case)
    cost = np.random.default_rng(1).uniform(1.0, 10.0, case.models)
    name = f"generated {case.models} x {case.samples:,} x {case.classes}"
    return Library(name, probs, labels, {"drawn": cost}, tuple(str(m) for m in range(case.models)))


def same_losses(library: Library, metric: str, ours: qr.GreedyPath, theirs: list[int]) -> bool:
    """Up to the first tie they pick the same; after it each goes its own way, and only the first loss can be compared."""
    first = peers.point(library, library.predictions, metric, peers.weights_of(theirs[:1], len(library.models)))[1]
    of_all = peers.point(library, library.predictions, metric, peers.weights_of(theirs, len(library.models)))[1]
    return theirs == ours.picks[: len(theirs)] or (
        abs(first - ours.losses[0]) < CLOSE and abs(of_all - ours.losses[len(theirs) - 1]) < 0.01 * of_all
    )


def timed(library: Library, picks: int, peer_picks: int, repeats: int) -> Iterator[list[str]]:
    predictions = library.predictions
    for metric in bench.METRICS:
        arguments = {"cost": library.cost, "metric": metric, "max_size": picks}
        path = qr.greedy(predictions, **arguments)
        if not same_losses(library, metric, path, peers.autogluon_greedy(library, metric, peer_picks)):
            raise AssertionError(f"{library.name}, {metric}: AutoGluon's greedy is another than ours")
        taken = in_turns(
            {
                "greedy": partial(qr.greedy, predictions, **arguments),
                "front": partial(qr.select, predictions, **arguments),
                "numpy": partial(bench.numpy_greedy, library.scores, library.labels, library.cost, metric, peer_picks),
                "autogluon": partial(peers.autogluon_greedy, library, metric, peer_picks),
            },
            repeats,
        )
        own = taken["greedy"]
        cells = [
            f"{seconds(taken[side] * picks / peer_picks)}, {taken[side] * picks / peer_picks / own:,.0f}x"
            for side in ("numpy", "autogluon")
        ]
        scaled = f"{peer_picks} of {picks}" if peer_picks < picks else str(picks)
        yield [library.name, metric, scaled, seconds(own), *cells, seconds(taken["front"])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=libraries.DEFAULT_DATA, help="holds cifar10_25models_probs")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--small", action="store_true", help="leave out 200 models x 10,000 samples x 100 classes")
    given = parser.parse_args()
    picks = peers.AUTOGLUON_PICKS
    peers.warm_up()
    rows = [
        timed(libraries.sklearn_pool(given.data), picks, picks, given.repeats),
        timed(generated(bench.SMALL), picks, picks, given.repeats),
    ]
    if not given.small:
        rows.append(timed(generated(bench.LARGE), bench.LARGE.picks, PEER_PICKS, given.repeats))
    head = ["library", "metric", "picks of the peers", "ours, the path", "NumPy; over ours", "AutoGluon; over ours",
            "ours, the front"]  # fmt: skip
    print_table(head, itertools.chain(*rows))
    print(", ".join(f"{name} {value}" for name, value in {**machine(), **peers.versions()}.items()))


if __name__ == "__main__":
    main()
