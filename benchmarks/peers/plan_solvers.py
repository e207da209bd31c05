"""Placement by the paper's algorithms as they are, by annealing and by general solvers, each in a process of its own: the
solvers' symbols clash with each other's and with ours.

    python plan_solvers.py worst-fit|batch-only|greedy|annealing|cp-sat|cp-sat-bound|highs < problem.json > placement.json

The problem: rate [devices, models, batches] in samples/s (0: does not run), memory_bytes alike, capacity_bytes [devices],
demand [models], time_limit_s, seed; for cp-sat-bound also known: [the throughput of a plan at hand, a proven bound]. The
placement: batch [devices, models], an index or -1, share alike, and bound: the proven one on the throughput, or null.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS = 1000  # of a device's time, for CP-SAT, which has integers alone
GAINS = 1000  # steps of the largest rate


class Problem:
    def __init__(self, document: dict[str, Any]) -> None:
        self.rate = np.array(document["rate"], float)
        self.bytes = np.array(document["memory_bytes"], float)
        self.capacity = np.array(document["capacity_bytes"], float)
        self.demand = np.array(document["demand"], float)
        self.time_limit_s, self.seed = float(document["time_limit_s"]), int(document["seed"])
        self.known: tuple[float, float] = tuple(document.get("known", (0.0, np.inf)))
        self.devices, self.models, self.batches = self.rate.shape

    def options(self) -> list[tuple[int, int, int]]:
        """Places that could be: the model runs there, and fits alone."""
        fits = (self.rate > 0) & (self.bytes <= self.capacity[:, None, None])
        return [(int(d), int(m), int(b)) for d, m, b in np.argwhere(fits)]

    def answer(self, chosen: dict[tuple[int, int], tuple[int, float]], bound: float | None) -> dict[str, Any]:
        batch, share = np.full((self.devices, self.models), -1), np.zeros((self.devices, self.models))
        for (d, m), (b, part) in chosen.items():
            batch[d, m], share[d, m] = b, part
        return {"batch": batch.tolist(), "share": share.tolist(), "bound": bound}


def pack(model: Any, problem: Problem, hosted: dict[tuple[int, int, int], Any], *, outward: bool) -> None:
    """What a device hosts fits it, in millionths of the largest one's memory, and each model at one batch size. Rounded so
    that all that fits there fits here (outward), or the other way round."""
    unit = problem.capacity.max() / 1e6
    size, room = (np.floor, np.ceil) if outward else (np.ceil, np.floor)
    for d in range(problem.devices):
        here = [o for o in hosted if o[0] == d]
        taken = sum(int(size(problem.bytes[o] / unit)) * hosted[o] for o in here)
        model.add(taken <= int(room(problem.capacity[d] / unit)))
        for m in range(problem.models):
            model.add_at_most_one(hosted[o] for o in here if o[1] == m)


def raised(model: Any, problem: Problem, least: Any, parts: dict[tuple[int, int, int], Any]) -> tuple[Any, Any]:
    """The solver and its status after raising `least`, which is no more than any model's parts."""
    from ortools.sat.python import cp_model

    for m in range(problem.models):
        model.add(least <= sum(part for o, part in parts.items() if o[1] == m))
    model.maximize(least)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = problem.time_limit_s
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = problem.seed
    return solver, solver.solve(model)


def cp_sat(problem: Problem) -> dict[str, Any]:
    from ortools.sat.python import cp_model

    model, options = cp_model.CpModel(), problem.options()
    scale = GAINS / max(problem.rate[d, m, b] / problem.demand[m] for d, m, b in options)
    gain = {(d, m, b): round(problem.rate[d, m, b] / problem.demand[m] * scale) for d, m, b in options}
    hosted = {o: model.new_bool_var("") for o in options}
    share = {o: model.new_int_var(0, STEPS, "") for o in options}
    for o in options:
        model.add(share[o] <= STEPS * hosted[o])
    pack(model, problem, hosted, outward=False)
    for d in range(problem.devices):
        model.add(sum(share[o] for o in options if o[0] == d) <= STEPS)
    least = model.new_int_var(0, STEPS * GAINS * problem.devices, "")
    solver, status = raised(model, problem, least, {o: gain[o] * share[o] for o in options})
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return problem.answer({}, None)
    chosen = {(o[0], o[1]): (o[2], solver.value(share[o]) / STEPS) for o in options if solver.value(hosted[o])}
    return problem.answer(chosen, None)  # its bound is of the rounded problem: proves nothing of ours


def cp_sat_bound(problem: Problem) -> dict[str, Any]:
    """What CP-SAT proves, by a program with everything rounded so that each plan has its like in it: rates and shares up,
    memory down, a device's time by a step for each model it hosts. It knows that only plans above the one at hand are of
    interest, and that no model needs more than the bound at hand."""
    from ortools.sat.python import cp_model

    steps, gains = 10 * STEPS, 1000 * GAINS
    model, options = cp_model.CpModel(), problem.options()
    above, below = problem.known
    scale = gains / max(problem.rate[o] / problem.demand[o[1]] for o in options)
    gain = {o: int(np.ceil(problem.rate[o] / problem.demand[o[1]] * scale)) for o in options}
    most = {o: min(steps, int(np.ceil(below * problem.demand[o[1]] / problem.rate[o] * steps))) for o in options}
    hosted = {o: model.new_bool_var("") for o in options}
    share = {o: model.new_int_var(0, most[o], "") for o in options}
    for o in options:
        model.add(share[o] <= most[o] * hosted[o])
    pack(model, problem, hosted, outward=True)
    for d in range(problem.devices):
        here = [o for o in options if o[0] == d]
        model.add(sum(share[o] for o in here) <= steps + sum(hosted[o] for o in here))
    one = scale * steps  # of the objective, for a sample/s
    least = model.new_int_var(int(above * one), int(np.ceil(below * one)), "")
    solver, status = raised(model, problem, least, {o: gain[o] * share[o] for o in options})
    return problem.answer({}, above if status == cp_model.INFEASIBLE else min(below, solver.best_objective_bound / one))


def highs(problem: Problem) -> dict[str, Any]:
    import highspy

    solver, options = highspy.Highs(), problem.options()
    solver.silent()
    hosted = {o: solver.addBinary() for o in options}
    share = {o: solver.addVariable(0.0, 1.0) for o in options}
    scale = max(problem.rate[d, m, b] / problem.demand[m] for d, m, b in options)
    least = solver.addVariable(0.0, highspy.kHighsInf, 1.0)
    for o in options:
        solver.addConstr(share[o] - hosted[o] <= 0)
    for d in range(problem.devices):
        here = [o for o in options if o[0] == d]
        if not here:
            continue
        solver.addConstr(sum(share[o] for o in here) <= 1)
        solver.addConstr(sum(problem.bytes[o] / problem.capacity[d] * hosted[o] for o in here) <= 1)
        for m in range(problem.models):
            if several := [hosted[o] for o in here if o[1] == m]:
                solver.addConstr(sum(several) <= 1)
    for m in range(problem.models):
        gains = [problem.rate[o] / problem.demand[m] / scale * share[o] for o in options if o[1] == m]
        solver.addConstr(sum(gains) - least >= 0)
    solver.setOptionValue("time_limit", problem.time_limit_s)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("random_seed", problem.seed)
    solver.maximize(least)
    info = solver.getInfo()
    bound = float(info.mip_dual_bound) * scale if np.isfinite(info.mip_dual_bound) else None
    if info.primal_solution_status != highspy.kSolutionStatusFeasible:
        return problem.answer({}, bound)
    values = solver.getSolution().col_value
    chosen = {(o[0], o[1]): (o[2], max(values[share[o].index], 0.0)) for o in options if values[hosted[o].index] > 0.5}
    return problem.answer(chosen, bound)


class ShareProgram:
    """The best shares of a placement, by HiGHS's simplex from the last basis."""

    def __init__(self, problem: Problem) -> None:
        import highspy

        self.problem, self.inf = problem, highspy.kHighsInf
        self.solver = highspy.Highs()
        self.solver.silent()
        self.scale = problem.rate.max() / problem.demand.min()
        models, devices = problem.models, problem.devices
        for _ in range(models):
            self.solver.addRow(0.0, self.inf, 0, [], [])
        for _ in range(devices):
            self.solver.addRow(-self.inf, 1.0, 0, [], [])
        self.solver.addCol(-1.0, 0.0, self.inf, models, list(range(models)), [-1.0] * models)
        for d in range(devices):
            for m in range(models):
                self.solver.addCol(0.0, 0.0, 0.0, 2, [m, models + d], [1.0, 1.0])

    def solve(self, batch: NDArray[np.int64]) -> tuple[float, NDArray[np.float64]]:
        problem = self.problem
        for (d, m), b in np.ndenumerate(batch):
            column = 1 + d * problem.models + m
            self.solver.changeColBounds(column, 0.0, 1.0 if b >= 0 else 0.0)
            self.solver.changeCoeff(m, column, problem.rate[d, m, b] / problem.demand[m] / self.scale if b >= 0 else 1.0)
        self.solver.run()
        values = np.array(self.solver.getSolution().col_value)
        return values[0] * self.scale, values[1:].reshape(batch.shape)


def first_placement(problem: Problem) -> NDArray[np.int64]:
    """Worst-fit-decreasing at the batches of least memory; what does not fit is left out."""
    batch = np.full((problem.devices, problem.models), -1)
    left = problem.capacity.copy()
    least = np.where(problem.rate > 0, problem.bytes, np.inf)
    for m in np.argsort(-least.min((0, 2)), kind="stable"):
        for d in np.argsort(-left, kind="stable"):
            b = int(least[d, m].argmin())
            if least[d, m, b] <= left[d]:
                batch[d, m] = b
                left[d] -= least[d, m, b]
                break
    return batch


def used_bytes(problem: Problem, batch: NDArray[np.int64], device: int) -> float:
    return float(sum(problem.bytes[device, m, b] for m, b in enumerate(batch[device]) if b >= 0))


def fits(problem: Problem, batch: NDArray[np.int64], device: int) -> bool:
    return used_bytes(problem, batch, device) <= problem.capacity[device]


def annealing(problem: Problem) -> dict[str, Any]:
    """Changes of one cell, accepted by Metropolis; the temperature falls from a tenth to a thousandth of the throughput. A
    model that would go over takes the place of others on its device, drawn at random."""
    rng, program = np.random.default_rng(problem.seed), ShareProgram(problem)
    start = time.perf_counter()
    batch = first_placement(problem)
    now, share = program.solve(batch)
    best = now, batch.copy(), share
    while (past := (time.perf_counter() - start) / problem.time_limit_s) < 1.0:
        trial = batch.copy()
        d, m = rng.integers(problem.devices), rng.integers(problem.models)
        runs = [-1, *np.flatnonzero(problem.rate[d, m] > 0)]
        trial[d, m] = rng.choice([b for b in runs if b != trial[d, m]])
        others = [k for k in rng.permutation(problem.models) if k != m and trial[d, k] >= 0]
        while others and not fits(problem, trial, d):
            trial[d, others.pop()] = -1
        if not fits(problem, trial, d):
            continue
        value, parts = program.solve(trial)
        heat = 0.1 * 0.01**past * max(best[0], 1e-9)
        if value >= now or rng.random() < np.exp((value - now) / heat):
            batch, now = trial, value
        if value > best[0]:
            best = value, trial.copy(), parts
    chosen = {(d, m): (int(b), float(best[2][d, m])) for (d, m), b in np.ndenumerate(best[1]) if b >= 0}
    return problem.answer(chosen, None)


def placed(problem: Problem, program: ShareProgram, batch: NDArray[np.int64]) -> dict[str, Any]:
    _, share = program.solve(batch)
    chosen = {(d, m): (int(b), float(share[d, m])) for (d, m), b in np.ndenumerate(batch) if b >= 0}
    return problem.answer(chosen, None)


def worst_fit(problem: Problem) -> dict[str, Any]:
    """The paper's first step (arXiv 2208.14049)."""
    return placed(problem, ShareProgram(problem), first_placement(problem))


def tuned(problem: Problem, program: ShareProgram) -> NDArray[np.int64]:
    """Where worst-fit put them, each model's batch size in turn at its best, until none is better."""
    batch = first_placement(problem)
    best, changed = program.solve(batch)[0], True
    while changed:
        changed = False
        for d, m in np.argwhere(batch >= 0):
            for b in np.flatnonzero(problem.rate[d, m] > 0):
                trial = batch.copy()
                trial[d, m] = b
                value = program.solve(trial)[0] if fits(problem, trial, int(d)) else 0.0
                if value > best * (1 + 1e-9):
                    best, batch, changed = value, trial, True
    return batch


def batch_only(problem: Problem) -> dict[str, Any]:
    program = ShareProgram(problem)
    return placed(problem, program, tuned(problem, program))


def greedy(problem: Problem) -> dict[str, Any]:
    """The paper's bounded greedy, from there: ten times the best of a hundred random changes of one cell, while that is
    better."""
    rng, program = np.random.default_rng(problem.seed), ShareProgram(problem)
    batch = tuned(problem, program)
    best = program.solve(batch)[0]
    for _ in range(10):
        found = best, batch
        for _ in range(100):
            trial = batch.copy()
            d, m = rng.integers(problem.devices), rng.integers(problem.models)
            trial[d, m] = rng.choice([-1, *np.flatnonzero(problem.rate[d, m] > 0)])
            value = program.solve(trial)[0] if fits(problem, trial, d) else 0.0
            if value > found[0] * (1 + 1e-9):
                found = value, trial
        if found[0] <= best:
            break
        best, batch = found
    return placed(problem, program, batch)


SOLVERS: dict[str, Callable[[Problem], dict[str, Any]]] = {
    "worst-fit": worst_fit,
    "batch-only": batch_only,
    "greedy": greedy,
    "annealing": annealing,
    "cp-sat": cp_sat,
    "cp-sat-bound": cp_sat_bound,
    "highs": highs,
}

if __name__ == "__main__":
    json.dump(SOLVERS[sys.argv[1]](Problem(json.load(sys.stdin))), sys.stdout)
