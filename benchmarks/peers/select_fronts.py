"""Fronts of trained models, selected on one half of the samples and reported on the other, with 95 % intervals.

Both CIFAR-10 pools (35 models, probabilities), by measured latency and by MACs:
  equal cost      at each of some budgets, our ensemble against the best model that costs no more than it, which is chosen
                  on the reported half: in the model's favour
  equal accuracy  for each model that is worth its cost, the cheapest ensemble that was no less accurate on the selected
                  half: what it costs in terms of the model, and by how much its accuracy differs on the reported half
Votes of published classifiers, each of the same cost, of those from 93 % upward on the selected half: ensembles of all of
them and of those below a ceiling, against the best of them, which is chosen on the reported half.

Losses and gains come from quorate.evaluate_front; the differences at equal accuracy from the same bootstrap, written out
here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import libraries
import numpy as np
from libraries import Library
from markdown import print_table
from numpy.typing import NDArray

import quorate as qr
from quorate.bench.table import seconds

SEED = 0
BUDGETS = 12
LEAST_ACCURACY = 0.93
CEILINGS = (0.94, 0.95, 0.96, 0.965, 1.0)
DRAWS = 10_000
UNITS: dict[str, Callable[[float], str]] = {
    "latency_s": seconds,
    "macs": lambda value: f"{value / 1e6:.3g} M" if value >= 1e6 else f"{value / 1e3:.3g} k",
    "models": lambda value: f"{value:.0f}",
}


def points(share: float) -> str:
    return f"{100 * share:.2f}"


def interval(value: float, low: float, high: float) -> str:
    return f"{points(value)} ({points(low)} to {points(high)})"


def right(library: Library, ensemble: qr.Ensemble) -> NDArray[np.int64]:
    """[samples]: 1 where the ensemble's answer is the truth."""
    mean = np.tensordot(np.array(ensemble.weights), library.scores[ensemble.members].astype(np.float64), 1)
    return (mean.argmax(1) == library.labels).astype(np.int64)


def paired(of_ensemble: NDArray[np.int64], of_model: NDArray[np.int64]) -> tuple[float, float, float]:
    """Difference in accuracy and its interval, by a percentile bootstrap over the samples. What a draw takes of the
    samples is how many of them the ensemble alone gets right, and how many the model alone."""
    difference = of_ensemble - of_model
    shares = [float((difference == value).mean()) for value in (-1, 0, 1)]
    drawn = np.random.default_rng(SEED).multinomial(len(difference), shares, DRAWS)
    low, high = np.quantile((drawn[:, 2] - drawn[:, 0]) / len(difference), [0.025, 0.975])
    return float(difference.mean()), float(low), float(high)


def at_equal_cost(front: qr.EnsembleFront, held: Library, unit: Callable[[float], str]) -> Iterator[list[str]]:
    """In accuracy, whatever the front was selected by."""
    seen = {(point.cost, point.selected_loss): point for point in evaluated(front, held)}
    costs = [ensemble.cost for ensemble in front]
    shown: list[tuple[float, float]] = []
    for budget in [*np.geomspace(held.cost.min(), max(costs), BUDGETS)[:-1], max(costs)]:
        ensemble = front.within(max(budget, min(costs)))
        key = (ensemble.cost, ensemble.loss)
        if key in shown:
            continue
        shown.append(key)
        point = seen[key]
        model = point.at_cost
        yield [
            unit(point.cost),
            str(len(ensemble.members)),
            interval(1 - point.loss, 1 - point.loss_high, 1 - point.loss_low),
            f"{held.models[model.model]}, {points(1 - model.loss)}",
            interval(model.gain, model.gain_low, model.gain_high),
        ]


def evaluated(front: qr.EnsembleFront, held: Library) -> Any:
    return qr.evaluate_front(front, held.predictions, held.cost, metric="accuracy", draws=DRAWS, seed=SEED).points


def at_equal_accuracy(
    front: qr.EnsembleFront, selected: Library, held: Library, unit: Callable[[float], str]
) -> Iterator[list[str]]:
    alone = [qr.Ensemble([m], [1.0]) for m in range(len(selected.models))]
    of_models = [right(selected, model).mean() for model in alone]
    of_ensembles = [right(selected, ensemble).mean() for ensemble in front]
    best = 0.0
    for m in np.lexsort((-np.array(of_models), selected.cost)):
        if of_models[m] <= best or selected.cost[m] < 1e-3 * selected.cost.max():
            continue
        best = of_models[m]
        enough = [e for e, accuracy in zip(front, of_ensembles, strict=True) if accuracy >= best]
        if not enough:
            continue
        cheapest = min(enough, key=lambda ensemble: ensemble.cost)
        of_model, of_ensemble = right(held, alone[m]), right(held, cheapest)
        yield [
            f"{selected.models[m]}, {points(of_model.mean())}",
            unit(selected.cost[m]),
            unit(cheapest.cost),
            f"{cheapest.cost / selected.cost[m]:.2f}x",
            str(len(cheapest.members)),
            interval(*paired(of_ensemble, of_model)),
        ]


def report_pools(data: Path) -> None:
    selected, held = libraries.halves(libraries.both_pools(data), SEED)
    for name in selected.costs:
        chosen, other = (replace(half, costs={name: half.costs[name]}) for half in (selected, held))
        unit = UNITS[name]
        for metric in ("log_loss", "accuracy"):
            front = qr.select(chosen.predictions, chosen.cost, metric=metric)
            print(f"{chosen.name}, {name}, selected by {metric}, a front of {len(front)}; accuracy on the other "
                  f"{len(other.labels):,} samples, %\n")  # fmt: skip
            head = ["cost", "members", "accuracy", "best model that costs no more", "gain, points"]
            print_table(head, at_equal_cost(front, other, unit))
            head = ["model", "costs", "ensemble costs", "over it", "members", "difference in accuracy, points"]
            print_table(head, at_equal_accuracy(front, chosen, other, unit))


def report_votes(data: Path, seeds: int) -> None:
    every = libraries.published_votes(data)
    print(f"{every.name}, models from {100 * LEAST_ACCURACY:.0f} % upward, seed {SEED}: accuracy on the other half, %\n")
    selected, held = libraries.halves(every, SEED)
    strong = accurate(selected, LEAST_ACCURACY, 1.0)
    front = qr.select(selected.only(strong, "").predictions, selected.cost[strong], metric="accuracy")
    rows = []
    for point in evaluated(front, held.only(strong, "")):
        rows.append([
            str(len(point.ensemble.members)),
            points(1 - point.selected_loss),
            interval(1 - point.loss, 1 - point.loss_high, 1 - point.loss_low),
            f"{held.models[strong[point.best.model]]}, {points(1 - point.best.loss)}",
            interval(point.best.gain, point.best.gain_low, point.best.gain_high),
        ])  # fmt: skip
    head = ["models", "where selected", "accuracy", "best model", "gain, points"]
    print_table(head, rows)
    print(f"Best ensemble (on the selected half) of the models between 93 % and a ceiling, over {seeds} splits, %\n")
    head = ["ceiling", "models", "members", "accuracy", "best of these models", "gain, points", "gain over the best of all",
            "interval above 0"]  # fmt: skip
    print_table(head, (below(every, ceiling, seeds) for ceiling in CEILINGS))


def accurate(library: Library, least: float, most: float) -> NDArray[np.int64]:
    accuracy = (library.scores == library.labels).mean(1)
    return np.flatnonzero((accuracy >= least) & (accuracy <= most))


def below(every: Library, ceiling: float, seeds: int) -> list[str]:
    """Means over splits; the models are chosen anew on each split's selected half."""
    figures = []
    for seed in range(seeds):
        selected, held = libraries.halves(every, seed)
        of_these = accurate(selected, LEAST_ACCURACY, ceiling)
        some = selected.only(of_these, "")
        front = qr.select(some.predictions, some.cost, metric="accuracy")
        last = evaluated(front, held.only(of_these, ""))[-1]
        best_of_all = float((held.scores == held.labels).mean(1).max())
        figures.append([len(of_these), len(last.ensemble.members), 1 - last.loss, 1 - last.best.loss, last.best.gain,
                        1 - last.loss - best_of_all, last.best.gain_low > 0])  # fmt: skip
    models, members, accuracy, best, gain, over_all, shown = np.mean(figures, axis=0)
    spread = np.array(figures, dtype=float)[:, 4]
    return [
        f"{100 * ceiling:g} %",
        f"{models:.1f}",
        f"{members:.1f}",
        points(accuracy),
        points(best),
        f"{points(gain)} ({points(spread.min())} to {points(spread.max())})",
        points(over_all),
        f"{shown * seeds:.0f} of {seeds}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=libraries.DEFAULT_DATA, help="holds the cifar10_* folders")
    parser.add_argument("--splits", type=int, default=20, help="of the votes")
    given = parser.parse_args()
    report_pools(given.data)
    report_votes(given.data, given.splits)


if __name__ == "__main__":
    main()
