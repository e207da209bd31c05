"""Replays recorded learning curves through ours and the peers: how soon a search finds the best, and what it leaves.

R = 27 and eta = 3, so that all have the same rungs: TaskSet's 50 steps are 27 resources, as AlgoPerf's evaluations are.
A seed is 500 of a table's configurations (or all, where it has fewer) in some order, the same for all, and the search's own.
Two figures a run, by a simulated clock:

  time   until a loss within 1 % of the best there is was measured, as a share of what training everything to the end takes
         with as many workers; 1 where it never was
  best   mean loss of the best 20 models kept when a twentieth of that share is spent; a trial's model is that of its last
         report

Peers are compared with ours in the same number of brackets, as that is the user's choice everywhere: one (plain successive
halving) or all of Hyperband's. A cell is the geometric mean over tables and seeds of a figure over the best peer's; the best
peer of a column is the one with the lowest geometric mean. The interval (95 %) is a paired bootstrap over seeds.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from curves import Curves, all_curves
from numpy.typing import NDArray
from peers import BRACKETS, variants
from simulator import simulate

OURS = "quorate"
WORKERS = (1, 4, 16, 64)
RUNGS = (1, 3, 9, 27)
CONFIGURATIONS = 500
MODELS = 20
BUDGET = 0.05  # of training everything
DEFAULT_DATA = Path(__file__).parents[2].parent / "shared" / "data"


@dataclass(frozen=True)
class Case:
    data: str
    table: str
    workers: int
    seed: int
    searches: tuple[str, ...]

    def key(self, search: str) -> str:
        return f"{search} / {self.table} / {self.workers} workers / seed {self.seed}"


@cache
def tables_in(data: str) -> dict[str, tuple[str, Curves]]:
    """{table: (set, curves)}."""
    return {curves.name: (kind, curves) for kind, curves in all_curves(Path(data))}


def figures(case: Case) -> dict[str, tuple[float, float]]:
    """{key: (time, best)} of the case's searches."""
    _, curves = tables_in(case.data)[case.table]
    order = np.random.default_rng(case.seed).permutation(len(curves.losses))[:CONFIGURATIONS].tolist()
    everything_s = float(curves.times_s[order, -1].sum()) / case.workers
    result = {}
    starts = variants()
    for name in case.searches:
        outcome = simulate(
            starts[name](curves.max_resource, case.seed),
            curves,
            order,
            workers=case.workers,
            target=1.01 * curves.best(order),
            budget_s=BUDGET * everything_s,
            reports=RUNGS,
        )
        kept = sorted(loss for loss in outcome.kept if math.isfinite(loss))[:MODELS]
        result[case.key(name)] = (min(outcome.reached_s / everything_s, 1.0), float(np.mean(kept)))
    return result


def replayed(data: str, tables: list[str], seeds: int, kept: Path | None) -> dict[str, tuple[float, float]]:
    """{key: (time, best)} of every case and search; peers' figures that are in `kept` are taken from there, ours never."""
    known = json.loads(kept.read_text()) if kept and kept.exists() else {}
    cases = []
    for seed, workers, table in itertools.product(range(seeds), WORKERS, tables):
        case = Case(data, table, workers, seed, ())
        missing = (name for name in variants() if name.startswith(OURS) or case.key(name) not in known)
        cases.append(replace(case, searches=tuple(missing)))
    result = dict(known)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for done, of_case in enumerate(pool.map(figures, cases, chunksize=4), start=1):
            result.update(of_case)
            if done % 20 == 0 or done == len(cases):
                if kept:
                    kept.write_text(json.dumps(result, indent=0))
                print(f"{done} of {len(cases)} cases", file=sys.stderr, flush=True)
    return result


def bootstrap(ratios: NDArray[np.float64], draws: int = 10_000) -> tuple[float, float]:
    """95 % interval of the geometric mean of ratios [tables, seeds] over seeds, which are drawn for all tables at once."""
    logs = np.log(ratios).mean(axis=0)
    drawn = np.random.default_rng(0).integers(0, len(logs), (draws, len(logs)))
    low, high = np.quantile(np.exp(logs[drawn].mean(axis=1)), [0.025, 0.975])
    return float(low), float(high)


def table(values: dict[str, NDArray[np.float64]], figure: int) -> Iterator[str]:
    """Markdown; values: {search: [workers, tables, seeds, figures]}."""
    yield "| search | " + " | ".join(f"{workers} worker{'s' * (workers > 1)}" for workers in WORKERS) + " |"
    yield "| --- |" + " --- |" * len(WORKERS)
    best = []
    for w in range(len(WORKERS)):
        means = {name: np.log(of[w, ..., figure]).mean() for name, of in values.items() if not name.startswith(OURS)}
        best.append(min(means, key=lambda name: means[name]))
    for name, of in values.items():
        cells = []
        for w, peer in enumerate(best):
            ratios = of[w, ..., figure] / values[peer][w, ..., figure]
            low, high = bootstrap(ratios)
            mean = float(np.exp(np.log(ratios).mean()))
            cells.append("1, the best peer" if name == peer else f"{mean:.3f} ({low:.3f} to {high:.3f})")
        yield f"| {name} | " + " | ".join(cells) + " |"


def report(values: dict[str, NDArray[np.float64]], kind: str) -> None:
    _, tables, seeds, _ = next(iter(values.values())).shape
    for brackets in BRACKETS:
        part = {name.removesuffix(f", {brackets}"): of for name, of in values.items() if name.endswith(brackets)}
        for figure, title in enumerate(("time to within 1 % of the best", f"mean loss of the best {MODELS} models kept")):
            print(f"\n{kind}, {tables} tables, {seeds} seeds, {brackets}: {title}, over the best peer's\n")
            print("\n".join(table(part, figure)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=DEFAULT_DATA, help="holds taskset_curves, algoperf_curves")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--set", choices=("taskset", "algoperf"), help="this one only")
    parser.add_argument("--json", type=Path, help="each run's figures are kept there; peers' that it has are not made again")
    given = parser.parse_args()
    kinds = {name: kind for name, (kind, _) in tables_in(str(given.data)).items() if given.set in (None, kind)}
    if not kinds:
        sys.exit(f"nothing to replay: {given.data} has neither taskset_curves nor algoperf_curves")
    made = replayed(str(given.data), list(kinds), given.seeds, given.json)
    for kind in dict.fromkeys(kinds.values()):
        tables = [table for table in kinds if kinds[table] == kind]
        shape = (len(WORKERS), len(tables), given.seeds, 2)
        values = {}
        for name in variants():
            cases = itertools.product(WORKERS, tables, range(given.seeds))
            of = [made[Case("", table, workers, seed, ()).key(name)] for workers, table, seed in cases]
            values[name] = np.array(of).reshape(shape)
        report(values, kind)


if __name__ == "__main__":
    main()
