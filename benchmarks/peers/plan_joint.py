"""Cascade and placement chosen together beside one after the other, on clusters of several kinds of device.

Predictions are those of both CIFAR-10 pools; no data at hand have both predictions and latencies on several kinds of
device. So each instance lends every model the measured latencies of one of a table's models: the more accurate, the
slower on the table's first kind, which is how a pool is built. What differs between kinds is then the table's own: BERT
and TFT in several runtimes on V100 and T4, timm's networks on an RTX 3090 and a CPU. Clusters differ in how many of
each kind there are.

At error rates that planning after routing has, on the samples that both sides' cascades are found on. In turn: cascades
by the least seconds a sample that a model takes anywhere, then a plan. Together: co_plan.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import libraries
import numpy as np
import route_pools
from markdown import print_table

import quorate as qr
from quorate.bench.plan_instances import Instance, Measured, timm_table, triton_table

CLUSTERS = (
    ("triton", ["v100", "t4"]),
    ("triton", ["v100", "t4", "t4", "t4"]),
    ("triton", ["v100"] * 2 + ["t4"] * 6),
    ("triton", ["v100"] + ["t4"] * 7),
    ("triton", ["v100"] * 4 + ["t4"] * 4),
    ("timm", ["3090", "cpu-i9", "cpu-i9"]),
    ("timm", ["3090"] + ["cpu-i9"] * 7),
    ("timm", ["3090", "3090-nhwc"] + ["cpu-i9"] * 6),
    ("timm", ["3090-nhwc"] * 2 + ["cpu-i9"] * 14),
    ("timm", ["3090"] * 2 + ["3090-nhwc"] * 2),
)


def lent(table: Measured, names: list[str], accuracy: np.ndarray) -> Measured:
    """The table's models, spread by speed on the first kind, under the predictions' names: the slower, the more accurate."""
    best = np.where(np.isfinite(table.latency_s), table.latency_s / np.array(table.batches), np.inf).min(2)
    order = np.argsort(best[0], kind="stable")
    rows = order[np.linspace(0, len(order) - 1, len(names)).round().astype(int)]
    latency = np.empty((len(table.kinds), len(names), len(table.batches)))
    latency[:, np.argsort(accuracy, kind="stable")] = table.latency_s[:, rows]
    return replace(table, models=names, latency_s=latency)


def instance(index: int, data: Path, names: list[str], accuracy: np.ndarray, small: float) -> Instance:
    """Weights of 0.2 to 4 GB, the slower the larger. A device of the cluster's first kind holds any four models, one of
    another kind `small` times what the largest takes."""
    source, kinds = CLUSTERS[index]
    table = triton_table(data) if source == "triton" else timm_table(data, 25, index)
    table = lent(table, names, accuracy)
    weights = np.empty(len(names))
    weights[np.argsort(accuracy, kind="stable")] = 0.2e9 * 20 ** np.linspace(0, 1, len(names))
    need = np.ceil(weights[:, None] * (1 + 0.3 * np.array(table.batches) / max(table.batches)))
    holds = {kind: (4.0 if kind == kinds[0] else small) * need.max() for kind in kinds}
    devices = [qr.Device(f"{kind}:{d}", kind=kind, memory_bytes=int(holds[kind])) for d, kind in enumerate(kinds)]
    profile = qr.Profile(names, table.batches, table.kinds, table.latency_s, np.broadcast_to(need, table.latency_s.shape))
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    return Instance(f"{source}: {counts}", profile, devices)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=libraries.DEFAULT_DATA)
    parser.add_argument(
        "--small", type=float, nargs="+", default=[4.0, 0.5], help="memory of the other kinds, see instance()"
    )
    parser.add_argument("--depth", type=int, default=2)
    parser.add_argument("--levels", type=int, default=5)
    parser.add_argument("--samples", type=int, default=5000)
    given = parser.parse_args()
    pool = route_pools.both_pools(given.data)
    half = np.random.default_rng(0).permutation(len(pool.predictions.labels))[: given.samples]
    part = pool.on(np.sort(half)).predictions
    accuracy = np.array([(np.asarray(probs).argmax(-1) == part.labels).mean() for probs in part.probs])
    for small in given.small:
        rows, gains = [], []
        for index in range(len(CLUSTERS)):
            made = instance(index, given.data, part.names, accuracy, small)
            found = qr.co_plan(part, made.profile, made.devices, levels=given.levels, max_depth=given.depth)
            ratios = [found.best(point.loss).throughput / point.throughput for point in found.in_turn]
            gains.append(float(np.exp(np.mean(np.log(ratios)))))
            cells = [f"{point.loss:.3f}: {ratio:.2f}" for point, ratio in zip(found.in_turn, ratios, strict=True)]
            rows.append([made.name, f"{gains[-1]:.2f}", f"{max(ratios):.2f}", "; ".join(cells)])
        print(f"Devices of other kinds hold {small:g} times the largest model:\n")
        print_table(["cluster", "together / in turn, mean", "most", "at each error rate"], rows)
        print(f"at least 20 % above on {sum(gain >= 1.2 for gain in gains)} of {len(gains)} (mean over error rates)\n")


if __name__ == "__main__":
    main()
