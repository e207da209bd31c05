"""What 20 budgets cost: one front with 20 caps and 20 questions to it, beside one selection that knows its only budget.

The budgets are in geometric progression from the cheapest model to what the best ensemble costs; "one budget"
is timed at the 5th, the 10th and the 20th of them, as the time depends on how many models a budget leaves. Both with and
without `swaps`, the local search. Medians of the repeats, taken in turns.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import libraries
import numpy as np
from markdown import print_table

import quorate as qr
from quorate.bench import select as bench
from quorate.bench.table import in_turns, machine, seconds

BUDGETS = 20
SHOWN = (5, 10, 20)
ROUNDING = 1e-9  # what the order of a sum may make of a loss


def front_and_answers(predictions: qr.Predictions, budgets: list[float], arguments: dict[str, Any]) -> list[qr.Ensemble]:
    front = qr.select(predictions, caps=BUDGETS, **arguments)
    return [front.within(budget) for budget in budgets]


def one(predictions: qr.Predictions, budget: float, arguments: dict[str, Any]) -> qr.Ensemble:
    return qr.select(predictions, caps=0, budget=budget, **arguments).within(budget)


def measured(name: str, predictions: qr.Predictions, cost: Any, repeats: int, *, every: bool) -> Iterator[list[str]]:
    """every: a selection for each of the budgets is timed, too."""
    for metric, swaps in itertools.product(bench.METRICS, (False, True)):
        arguments = {"cost": cost, "metric": metric, "swaps": swaps}
        whole = qr.select(predictions, **arguments)
        budgets = np.geomspace(np.min(cost), max(ensemble.cost for ensemble in whole), BUDGETS)
        budgets[0] = np.min(cost)  # which geomspace may miss by a bit
        sides: dict[str, Any] = {"all": partial(front_and_answers, predictions, budgets.tolist(), arguments)}
        for number in range(1, BUDGETS + 1) if every else SHOWN:
            sides[str(number)] = partial(one, predictions, float(budgets[number - 1]), arguments)
        taken = in_turns(sides, repeats)
        cells = [f"{seconds(taken[str(number)])}, {taken['all'] / taken[str(number)]:.2f}x" for number in SHOWN]
        answers = sides.pop("all")()
        again = seconds(sum(taken[number] for number in sides)) if every else "-"
        worse = sum(answers[int(number) - 1].loss > side().loss + ROUNDING for number, side in sides.items())
        yield [name, metric, "yes" if swaps else "no", seconds(taken["all"]), *cells, again, f"{worse} of {len(sides)}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=libraries.DEFAULT_DATA, help="holds cifar10_25models_probs")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=("real", "generated"))
    given = parser.parse_args()
    rows: list[Iterator[list[str]]] = []
    if given.only != "generated":
        library = libraries.sklearn_pool(given.data)
        rows.append(measured(library.name, library.predictions, library.cost, given.repeats, every=True))
    if given.only != "real":
        case = bench.LARGE
        probs, labels = bench.generated(case)
        cost = np.random.default_rng(1).uniform(1.0, 10.0, case.models)
        name = f"generated {case.models} x {case.samples:,} x {case.classes}"
        rows.append(measured(name, qr.Predictions(probs, labels), cost, given.repeats, every=False))
    one_each = [f"one, the {number}th; {BUDGETS} over it" for number in SHOWN]
    head = ["library", "metric", "swaps", f"{BUDGETS} budgets", *one_each, f"{BUDGETS} runs", "worse than a run of its own"]
    print_table(head, itertools.chain(*rows))
    print(", ".join(f"{name} {value}" for name, value in machine().items()))


if __name__ == "__main__":
    main()
