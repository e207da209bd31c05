"""Planning beside the algorithms of the paper that it started from (arXiv 2208.14049), and the simulator's speed.

The paper's algorithms are ours to run, under algorithm=: worst-fit, batch sizes tuned for that placement, the bounded
greedy. Quality is the share of the proven bound, by the planned shares and as simulated with the engine's policy, which
knows no shares.
Annealing and general solvers beside them: benchmarks/peers/run plan.
"""

from __future__ import annotations

import json
import time
from functools import partial

import numpy as np

import quorate as qr

from .plan_instances import Instance, generated
from .table import Row, in_turns

PAPERS = ("worst-fit", "batch", "greedy")
SAMPLES = 10_000  # of a stream that waits all at once


def quality_row(instance: Instance, time_limit_s: float, repeats: int) -> Row:
    found: dict[str, qr.Plan] = {}

    def planned(algorithm: str) -> None:
        found[algorithm] = qr.plan(
            instance.profile, instance.devices, time_limit_s=time_limit_s, max_iterations=10**6, algorithm=algorithm
        )

    taken = in_turns({name: partial(planned, name) for name in ("search", *PAPERS)}, repeats)
    bound = min(plan.bound for plan in found.values())
    shares = [share_of(instance, plan, bound) for plan in found.values()]
    names = ("ours", "worst-fit", "batch", "greedy")
    note = "; ".join(f"{name} {share}" for name, share in zip(names, shares, strict=True))
    return Row(instance.name, taken["search"], "bounded greedy", taken["greedy"], note=f"of the bound, simulated: {note}")


def share_of(instance: Instance, plan: qr.Plan, bound: float) -> str:
    if not plan.feasible:
        return "none"
    played = qr.simulate(plan, instance.profile, np.zeros(SAMPLES))
    return f"{plan.throughput / bound:.1%}, {played.throughput / bound:.1%}"


def spread_plan(models: int, devices: int, hosted: int) -> tuple[qr.Plan, qr.Profile]:
    """A placement of `hosted` models a device, not a good one, for the simulator to play."""
    rng = np.random.default_rng(0)
    each, fixed = 2e-4 * (1 + rng.random(models)), 1e-3 * (1 + rng.random(models))
    batches = np.array([1, 8, 32])
    profile = qr.Profile(
        [f"m{m}" for m in range(models)],
        batches,
        ["a"],
        (fixed[:, None] + each[:, None] * batches)[None],
        np.ones((1, models, 3)),
    )
    batch, share = np.zeros((devices, models), int), np.zeros((devices, models))
    for d in range(devices):
        here = (d * hosted + np.arange(hosted)) % models
        batch[d, here], share[d, here] = 32, 1.0 / hosted
    few = [qr.Device(f"a:{d}", kind="a", memory_bytes=models) for d in range(devices)]
    document = json.loads(qr.plan(profile, few[:1], time_limit_s=0).to_json())
    described = [{**document["devices"][0], "name": device.name} for device in few]
    document |= {"devices": described, "batch": batch.tolist(), "share": share.tolist()}
    return qr.Plan.from_json(json.dumps(document)), profile


def simulator_row(models: int, devices: int, samples: int) -> Row:
    plan, profile = spread_plan(models, devices, 5)
    arrivals = np.arange(samples) / (devices * 1.5)
    tiers = (
        [[m] for m in range(4)] if models < 50 else [list(range(k, k + models // 4)) for k in range(0, models, models // 4)]
    )
    start = time.perf_counter()
    played = qr.simulate(plan, profile, arrivals, tiers=tiers, reach=[1.0, 0.5, 0.25, 0.1])
    taken_s = time.perf_counter() - start
    events = samples + played.batches
    note = f"no peer; {events / taken_s:.3g} events/s, {sum(played.asked) / taken_s:.3g} model answers/s"
    return Row(f"simulate {models} x {devices}, a cascade, {samples:,} samples", taken_s, "-", None, note=note)


def rows(*, full: bool, repeats: int) -> list[Row]:
    small = [generated(4, 2, "three kinds", "tight", 0), generated(12, 4, "one kind", "loose", 0)]
    if not full:
        return [*(quality_row(instance, 0.2, repeats) for instance in small), simulator_row(20, 100, 2000)]
    wide = [generated(12, 4, cluster, "tight", 0) for cluster in ("one kind", "three kinds", "with CPUs")]
    large = [generated(36, 16, cluster, "loose", 0) for cluster in ("one kind", "three kinds")]
    return [
        *(quality_row(instance, 1.0, repeats) for instance in small + wide),
        *(quality_row(instance, 10.0, 1) for instance in large),
        quality_row(generated(200, 1000, "three kinds", "loose", 0), 60.0, 1),
        simulator_row(200, 1000, 50_000),
    ]
