"""Kills a study's processes at random moments and checks that nothing was lost: kill.py --kills 1000 --seed 0.

Stopped and started again with the same folder, it goes on where it was. Prints a table as Markdown; exit code 1 where
something that must hold does not.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import checks
import killer
import processes
import records
import systems

SYSTEMS = {"run": systems.Run, "ask": systems.Ask}


def table(figures: dict[str, object]) -> str:
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in figures.items())])


def run(
    folder: Path, system: systems.Run | systems.Ask, kills: int, seed: int, steps: tuple[int, int], most_repeated: float
) -> checks.Verdict:
    for pid in processes.marked(folder):  # of a campaign that was stopped itself
        processes.kill(pid)
    began = time.time()
    killer.Campaign(system, folder, seed, steps).run(kills)
    kill_s = time.time() - began
    began = time.time()
    system.finish(folder)
    verdict = checks.check(folder, system.name, system.at_once)
    verdict.figures["last run and checks (s)"] = round(time.time() - began, 1)
    repeated = records.read_work(folder).repeated_share
    verdict.must(repeated <= most_repeated, f"{100 * repeated:.2f} % of the steps were repeated")
    left = processes.wait_until_gone(folder, 20.0)
    verdict.must(not left, f"processes are left: {[processes.command(pid) for pid in left]}")
    done = killer.read_kills(folder)
    kinds = Counter(kill.what for kill in done)
    verdict.figures = {
        "kills": f"{len(done)}: " + ", ".join(f"{count} {what}" for what, count in sorted(kinds.items())),
        "time for the kills of this session (s)": round(kill_s),
        **verdict.figures,
        "processes left": len(left),
    }
    return verdict


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--how", choices=list(SYSTEMS), default="run", help="Study.run with processes, or Study.ask")
    parser.add_argument("--steps", type=int, nargs=2, default=killer.STEPS, help="fewest and most between two kills")
    parser.add_argument("--most-repeated", type=float, default=0.02, help="share of the steps that may be repeated")
    parser.add_argument("--folder", type=Path, help="default: runs/kill-<how>")
    arguments = parser.parse_args()
    folder = (arguments.folder or Path(f"runs/kill-{arguments.how}")).absolute()
    system = SYSTEMS[arguments.how](arguments.workers)
    verdict = run(folder, system, arguments.kills, arguments.seed, tuple(arguments.steps), arguments.most_repeated)
    print(table(verdict.figures))
    for what in verdict.broken:
        print(f"\nBROKEN: {what}")
    return 1 if verdict.broken else 0


if __name__ == "__main__":
    sys.exit(main())
