"""Plans of random problems against a checker that shares no code with the planner: plans.py --plans 10000 --seed 0.

Problems of up to 10 models and 6 devices of two kinds, with and without known weights, models that slow each other down,
pins, latency limits and demands below 1. Every feasible plan must keep to memory, host what is pinned and nothing that is
forbidden or too slow, cover every model, spend no device's time twice, have the throughput that its shares say, and a bound
that is not below it.
"""

from __future__ import annotations

import argparse

import numpy as np

import quorate as qr

BATCHES = np.array([1, 8, 64])


def problem(rng: np.random.Generator, apart: np.random.Generator) -> tuple[qr.Profile, list[qr.Device], dict[str, object]]:
    models, devices = int(rng.integers(1, 11)), int(rng.integers(1, 7))
    kinds = ["gpu", "cpu-1core"]
    fixed, each = np.exp(rng.normal(size=(2, models))) * 1e-3, np.exp(rng.normal(size=(2, models))) * [[2e-4], [2e-3]]
    latency = fixed[:, :, None] + each[:, :, None] * BATCHES
    latency[1, 1:][rng.random(models - 1) < 0.2] = np.inf
    weights = rng.integers(100, 1000, (2, models))
    memory = weights[:, :, None] + np.ceil(rng.uniform(1, 20, (2, models, 1)) * BATCHES).astype(int)
    names = [f"m{m}" for m in range(models)]
    known = {"weights_bytes": weights} if rng.random() < 0.5 else {}
    if apart.random() < 0.3:
        known["slowdown"] = np.where(np.eye(models) > 0, 1.0, apart.uniform(1.0, 2.0, (2, models, models)))
    profile = qr.Profile(names, BATCHES, kinds, latency, memory, **known)
    room = memory[0, :, 0].sum() / devices * rng.choice([1.1, 1.5, 4.0])
    placed = []
    for d in range(devices):
        kind = kinds[int(d > 0 and rng.random() < 0.3)]
        placed.append(qr.Device(f"{kind}:{d}", kind=kind, memory_bytes=int(room * rng.uniform(0.7, 1.3))))
    options: dict[str, object] = {"demand": np.where(rng.random(models) < 0.5, 1.0, rng.uniform(0.05, 1.0, models))}
    if rng.random() < 0.3:
        options["pinned"] = [(names[0], placed[0].name)]
    if rng.random() < 0.3:
        options["forbidden"] = [(names[-1], placed[-1].name)] if models > 1 else []
    if rng.random() < 0.3:
        options["max_latency_s"] = 0.05
    return profile, placed, options


def fault(plan: qr.Plan, profile: qr.Profile, options: dict[str, object]) -> str:
    """What is wrong with the plan; empty where nothing is."""
    rate = np.zeros(len(plan.models))
    placed = set()
    for d, device in enumerate(plan.devices):
        kind = profile.kinds.index(device.kind)
        resident = workspace = 0
        if plan.share[d].sum() > 1 + 1e-9 or plan.share[d].min() < 0:
            return f"shares of {device.name} are {plan.share[d]}"
        hosted = np.flatnonzero(plan.batch[d])
        for m in hosted:
            b = list(profile.batch_sizes).index(plan.batch[d, m])
            latency, whole = float(profile.latency_s[kind, m, b]), int(profile.memory_bytes[kind, m, b])
            if not latency <= float(options.get("max_latency_s", np.finfo(float).max)):  # type: ignore[arg-type]
                return f"{plan.models[m]} on {device.name} takes {latency} s"
            stays = whole if profile.weights_bytes is None else int(profile.weights_bytes[kind, m])
            resident, workspace = resident + stays, max(workspace, whole - stays)
            slower = 1.0 if profile.slowdown is None else float(profile.slowdown[kind, m, hosted].max())
            rate[m] += plan.share[d, m] * BATCHES[b] / (latency * slower)
            placed.add((plan.models[m], device.name))
        if resident + workspace > device.memory_bytes:
            return f"{device.name} holds {resident + workspace} of {device.memory_bytes} bytes"
    if missing := set(options.get("pinned", [])) - placed:  # type: ignore[call-overload]
        return f"pinned, but not placed: {missing}"
    if there := set(options.get("forbidden", [])) & placed:  # type: ignore[call-overload]
        return f"forbidden, but placed: {there}"
    throughput = float((rate / plan.demand).min())
    if not np.isclose(throughput, plan.throughput, rtol=1e-9) or throughput <= 0:
        return f"throughput is {plan.throughput}, but the shares give {throughput}"
    if plan.bound < throughput * (1 - 1e-12):
        return f"the bound, {plan.bound}, is below the throughput, {throughput}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plans", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--iterations", type=int, default=30, help="of the search, at most")
    given = parser.parse_args()
    feasible, faults, found_by = 0, 0, dict[str, int]()
    for i in range(given.plans):
        profile, devices, options = problem(
            np.random.default_rng([given.seed, i]), np.random.default_rng([given.seed, i, 1])
        )
        plan = qr.plan(profile, devices, time_limit_s=1e9, max_iterations=given.iterations, **options)  # type: ignore[arg-type]
        if not plan.feasible:
            continue
        feasible += 1
        found_by[plan.found_by] = found_by.get(plan.found_by, 0) + 1
        if wrong := fault(plan, profile, options):
            faults += 1
            print(f"problem {i}: {wrong}")
    print(f"{given.plans} problems, {feasible} plans, {faults} faults; found by {found_by}")
    raise SystemExit(1 if faults else 0)


if __name__ == "__main__":
    main()
