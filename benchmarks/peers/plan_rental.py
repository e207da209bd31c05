"""What a million answers cost to rent: a cascade of ensembles on a cluster of two kinds, beside the best single model.

Predictions are the CIFAR-10 networks', latencies those of BERT and TFT in several runtimes on V100 and T4 (see
plan_joint.py: the more accurate, the slower). Prices are on-demand list prices a GPU-hour of the cloud instances with
one such GPU (AWS us-east-1: p3.2xlarge, g4dn.xlarge). Cascades by agreement of one to three members a tier (arXiv
2407.02348) are found and planned together on one half of the samples, for each mix of up to eight devices, at an error
rate half a point below the best model's there; the error rates shown are those of the other half.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import libraries
import numpy as np
import route_pools
from markdown import print_table
from plan_joint import lent

import quorate as qr
from quorate.bench.plan_instances import triton_table, with_memory

USD_PER_HOUR = {"v100": 3.06, "t4": 0.526}
MOST = 8  # devices


def devices_of(mix: dict[str, int], memory_bytes: int) -> list[qr.Device]:
    return [
        qr.Device(f"{kind}:{n}", kind=kind, memory_bytes=memory_bytes, usd_per_hour=USD_PER_HOUR[kind])
        for kind, count in mix.items()
        for n in range(count)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=libraries.DEFAULT_DATA)
    parser.add_argument("--margin", type=float, default=0.005, help="of error rate where found: thresholds are optimistic")
    given = parser.parse_args()
    pool = route_pools.cnn_pool(given.data)
    order = np.random.default_rng(0).permutation(pool.predictions.samples)
    found_on, tested_on = (pool.on(np.sort(part)).predictions for part in np.array_split(order, 2))
    accuracy = np.array([(np.asarray(probs).argmax(-1) == found_on.labels).mean() for probs in found_on.probs])
    table = lent(triton_table(given.data), found_on.names, accuracy)
    profile = with_memory("", table, ["v100"], "loose", np.random.default_rng(0)).profile
    best = int(accuracy.argmax())

    def on_test(cascade: qr.Cascade) -> str:
        """Its error rate, and what it has over the best model's, with a 95 % interval, in points."""
        report = qr.evaluate(cascade, tested_on, np.ones(len(accuracy)))
        over = next(each.loss_difference for each in report.comparison if each.model == best)
        return f"{report.loss:.4f}, {100 * over.value:+.2f} [{100 * over.low:+.2f}, {100 * over.high:+.2f}]"

    rows = []
    single = {}
    for kind, price in USD_PER_HOUR.items():
        rate = (np.array(profile.batch_sizes) / profile.latency_s[profile.kinds.index(kind), best]).max()
        single[kind] = price / (rate * 3600) * 1e6
        alone = qr.Cascade([qr.Tier([best])])
        rows.append([f"best single model, {kind}", f"{single[kind]:.3f}", on_test(alone), ""])
    cheapest: dict[str, tuple[float, qr.CoPlanPoint, str]] = {}
    for counts in itertools.product(range(MOST + 1), repeat=2):
        if not 0 < sum(counts) <= MOST or sum(counts) not in (1, 2, 4, 8):
            continue
        mix = dict(zip(USD_PER_HOUR, counts, strict=True))
        devices = devices_of(mix, 16_000_000_000)
        name = "one kind" if 0 in counts else "two kinds"
        options = {"signal": "agreement", "tier_sizes": (1, 2, 3), "max_depth": 2, "max_tiers": 128}
        found = qr.co_plan(found_on, profile, devices, 1.0 - accuracy[best] - given.margin, **options)
        for point in found.front:
            if name not in cheapest or point.usd_per_million < cheapest[name][0]:
                said = ", ".join(f"{count} {kind}" for kind, count in mix.items() if count)
                cheapest[name] = point.usd_per_million, point, said
    for name, (usd, point, said) in sorted(cheapest.items()):
        ratios = (
            f"{single['v100'] / usd:.2f}x less than on V100, {min(single.values()) / usd:.2f}x than on its cheapest kind"
        )
        tiers = " then ".join(str(len(tier.members)) for tier in point.cascade.tiers)
        rows.append([f"cascade of {tiers} models, {said} ({name})", f"{usd:.3f}", on_test(point.cascade), ratios])
    print_table(["what", "USD a million", "error rate on the other half, points over the best model", "rental"], rows)


if __name__ == "__main__":
    main()
