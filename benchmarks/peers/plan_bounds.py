"""Where memory is tight, which side is weak, the plan or its bound? Both by more time than plan_quality.py gives.

For each instance the plan and the bound of one usual run; the best plan and the least bound of longer runs from several
seeds; and what CP-SAT proves in the time it has, told what the best of ours are.
"""

from __future__ import annotations

import argparse
import time

from markdown import print_table
from plan_quality import CLUSTERS, SIZES, proven

import quorate as qr
from quorate.bench.plan_instances import Instance, generated


def planned(instance: Instance, time_limit_s: float, seed: int) -> tuple[float, float]:
    plan = qr.plan(instance.profile, instance.devices, time_limit_s=time_limit_s, max_iterations=10**8, seed=seed)
    return plan.throughput, plan.bound


def row(instance: Instance, usual_s: float, given: argparse.Namespace) -> list[str]:
    begin = time.process_time()
    usual, usual_bound = planned(instance, usual_s, 0)
    taken = time.process_time() - begin
    longer = [planned(instance, given.ours_s, seed) for seed in range(given.runs)]
    best = max([usual, *(throughput for throughput, _ in longer)])
    bound = min([usual_bound, *(each for _, each in longer)])
    theirs = proven(instance, given.cp_sat_s, (best, bound)) if given.cp_sat_s > 0.0 else bound
    least = min(bound, theirs)
    return [
        instance.name,
        f"{usual:.1f} ({taken:.0f} s)",
        f"{usual_bound:.1f}",
        *(f"{best:.1f}", f"{bound:.1f}", f"{theirs:.1f}" if given.cp_sat_s > 0.0 else "-"),
        f"{usual / least:.1%}",
        f"{best / least:.1%}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", default="36x16", choices=SIZES)
    parser.add_argument("--clusters", nargs="+", default=list(CLUSTERS), choices=CLUSTERS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1], help="of the instances")
    parser.add_argument("--runs", type=int, default=1, help="longer runs of ours, each from its own seed")
    parser.add_argument("--ours-s", type=float, default=600.0, help="seconds of each")
    parser.add_argument("--cp-sat-s", type=float, default=0.0, help="seconds that CP-SAT has, 0: it does not run")
    given = parser.parse_args()
    models, devices, usual_s = SIZES[given.size]
    head = [
        "instance",
        "ours (processor time)",
        "its bound",
        "best plan",
        "best bound of ours",
        "CP-SAT's",
        "ours of the least",
    ]
    print_table(
        [*head, "best of the least"],
        (
            row(generated(models, devices, cluster, "tight", seed), usual_s, given)
            for cluster in given.clusters
            for seed in given.seeds
        ),
    )


if __name__ == "__main__":
    main()
