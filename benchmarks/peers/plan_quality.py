"""Plans beside those of the paper's algorithms as they are, of annealing and of general solvers, as shares of the bound.

Every placement is judged alike: memory and shares are checked, its throughput is the least over models of the sum of share x
rate / demand, and a stream that waits all at once is simulated on it with the engine's policy, which knows no shares. The
bound is the least that was proven: ours or HiGHS's. Every side has one core and the same time; the solvers and annealing run
in processes of their own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libraries
import numpy as np
from markdown import print_table
from numpy.typing import NDArray

import quorate as qr
from quorate.bench.plan_instances import Instance, generated, measured

SOLVERS = ("worst-fit", "batch-only", "greedy", "annealing", "cp-sat", "highs")
SIZES = {  # models, devices, seconds
    "4x2": (4, 2, 1.0),
    "12x4": (12, 4, 1.0),
    "36x16": (36, 16, 10.0),
    "200x1000": (200, 1000, 60.0),
}
CLUSTERS = ("one kind", "three kinds", "with CPUs")
MEMORY = ("loose", "tight", "uneven")
SAMPLES = 20_000  # of the simulated stream


@dataclass(frozen=True)
class Judged:
    throughput: float  # samples/s by the shares; 0: no placement of all models
    simulated: float
    bound: float  # that this side proved; inf: none
    seconds: float


def rates(instance: Instance) -> NDArray[np.float64]:
    """[devices, models, batches] samples/s; 0 where the model does not run."""
    profile = instance.profile
    kinds = [profile.kinds.index(device.kind) for device in instance.devices]
    return np.array(profile.batch_sizes) / profile.latency_s[kinds]


def judge(instance: Instance, batch: NDArray[np.int64], share: NDArray[np.float64], bound: float, taken_s: float) -> Judged:
    """batch [devices, models]: an index of the profile's batch sizes, -1: absent. Raises where a plan breaks its limits."""
    profile, rate = instance.profile, rates(instance)
    held = np.take_along_axis(rate, np.maximum(batch, 0)[:, :, None], 2)[:, :, 0] * (batch >= 0)
    for d, device in enumerate(instance.devices):
        kind = profile.kinds.index(device.kind)
        used = sum(int(profile.memory_bytes[kind, m, b]) for m, b in enumerate(batch[d]) if b >= 0)
        if used > device.memory_bytes or share[d].sum() > 1 + 1e-6:
            raise AssertionError(f"{instance.name}: device {device.name} holds {used} bytes, shares {share[d].sum()}")
    throughput = float((held * share).sum(0).min())
    if throughput <= 0.0:
        return Judged(0.0, 0.0, bound, taken_s)
    document = {
        "batch": [[profile.batch_sizes[b] if b >= 0 else 0 for b in row] for row in batch.tolist()],
        "share": np.where(batch >= 0, np.clip(share, 0, 1) / np.maximum(share.sum(1, keepdims=True), 1.0), 0.0).tolist(),
    }
    template = json.loads(qr.plan(profile, instance.devices, time_limit_s=0.0).to_json())
    made = qr.Plan.from_json(json.dumps(template | document | {"feasible": True, "why": ""}))
    played = qr.simulate(made, profile, np.zeros(SAMPLES))
    return Judged(throughput, played.throughput, bound, taken_s)


def ours(instance: Instance, time_limit_s: float) -> Judged:
    start = time.perf_counter()
    plan = qr.plan(instance.profile, instance.devices, time_limit_s=time_limit_s, max_iterations=10**6)
    taken_s = time.perf_counter() - start
    if not plan.feasible:
        return Judged(0.0, 0.0, np.inf, taken_s)
    sizes = {size: index for index, size in enumerate(instance.profile.batch_sizes)}
    batch = np.array([[sizes.get(int(size), -1) for size in row] for row in plan.batch])
    return judge(instance, batch, plan.share, plan.bound, taken_s)


def problem_of(instance: Instance, time_limit_s: float, seed: int) -> dict[str, Any]:
    profile = instance.profile
    kinds = [profile.kinds.index(device.kind) for device in instance.devices]
    return {
        "rate": rates(instance).tolist(),
        "memory_bytes": profile.memory_bytes[kinds].tolist(),
        "capacity_bytes": [device.memory_bytes for device in instance.devices],
        "demand": [1.0] * len(profile.models),
        "time_limit_s": time_limit_s,
        "seed": seed,
    }


def answered(solver: str, problem: dict[str, Any]) -> dict[str, Any]:
    program = Path(__file__).with_name("plan_solvers.py")
    done = subprocess.run(
        [sys.executable, str(program), solver], input=json.dumps(problem), capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def solved(instance: Instance, time_limit_s: float, solver: str, seed: int) -> Judged:
    start = time.perf_counter()
    found = answered(solver, problem_of(instance, time_limit_s, seed))
    bound = np.inf if found["bound"] is None else float(found["bound"])
    return judge(instance, np.array(found["batch"]), np.array(found["share"]), bound, time.perf_counter() - start)


def proven(instance: Instance, time_limit_s: float, known: tuple[float, float]) -> float:
    """CP-SAT's bound, told the throughput of a plan and a bound that are known."""
    return float(answered("cp-sat-bound", problem_of(instance, time_limit_s, 0) | {"known": known})["bound"])


def instances(given: argparse.Namespace) -> Iterator[tuple[Instance, float]]:
    for size in given.sizes:
        if size == "measured":
            for memory in given.memory:
                yield from ((instance, given.limit_s or 1.0) for instance in measured(given.data, memory))
            continue
        models, devices, time_limit_s = SIZES[size]
        for cluster in given.clusters:
            for memory in given.memory:
                for seed in range(given.seeds):
                    yield generated(models, devices, cluster, memory, seed), given.limit_s or time_limit_s


def row(instance: Instance, time_limit_s: float, solvers: list[str], slow_s: float) -> list[str]:
    found = {"ours": ours(instance, time_limit_s)}
    found |= {name: solved(instance, time_limit_s, name, 0) for name in solvers}
    bounds = [each.bound for each in found.values()]
    if slow_s > 0.0:
        bounds.append(solved(instance, slow_s, "highs", 0).bound)
    bound = min(bounds)
    cells = [f"{each.throughput / bound:.1%}" if each.throughput else "none" for each in found.values()]
    mine = found["ours"]
    ran = f"{mine.simulated / mine.throughput:.1%}" if mine.throughput else "-"
    batch_only = found.get("batch-only")
    over = f"{mine.simulated / batch_only.simulated:.2f}" if batch_only and batch_only.simulated else "-"
    return [
        instance.name,
        *cells,
        ran,
        over,
        f"{mine.seconds:.2g} s",
        "ours" if bound >= mine.bound * (1 - 1e-9) else "HiGHS",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="+", default=["4x2", "12x4", "measured"], choices=[*SIZES, "measured"])
    parser.add_argument("--clusters", nargs="+", default=list(CLUSTERS), choices=CLUSTERS)
    parser.add_argument("--memory", nargs="+", default=["loose", "tight"], choices=MEMORY)
    parser.add_argument("--seeds", type=int, default=1, help="instances of each size, cluster and memory")
    parser.add_argument("--limit-s", type=float, help="seconds for each side; default: those of the size")
    parser.add_argument("--solvers", nargs="*", default=list(SOLVERS), choices=SOLVERS)
    parser.add_argument("--bound-s", type=float, default=0.0, help="seconds that HiGHS has for the bound alone")
    parser.add_argument("--data", type=Path, default=libraries.DEFAULT_DATA)
    given = parser.parse_args()
    head = [
        "instance",
        "ours",
        *given.solvers,
        "simulated of planned",
        "simulated, over batch-only",
        "ours took",
        "bound by",
    ]
    print_table(
        head,
        (row(instance, limit, given.solvers, given.bound_s) for instance, limit in instances(given)),
    )


if __name__ == "__main__":
    main()
