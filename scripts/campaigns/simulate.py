"""Simulates studies in which everything goes wrong that can: simulate.py --count 1000000 --seed 0.

Builds the program for it where need be, and runs it on all cores. Exit code 1 where something that must never be was: the
seed is printed, and the same schedule is played again, event by event, with --seed <seed> --count 1 --trace.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build/simulate"
TARGET = "quorate_search_campaign"


def main() -> int:
    if {"-h", "--help"} & set(sys.argv):
        print(__doc__)
        return 0
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DQUORATE_TESTS=ON", "-DQUORATE_INFER=OFF"]
    for command in (
        ["cmake", "-S", ROOT, "-B", FOLDER, "-G", "Ninja", *options],
        ["cmake", "--build", FOLDER, "--target", TARGET],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            print(done.stdout + done.stderr, file=sys.stderr)
            return 2
    return subprocess.run([FOLDER / "tests" / TARGET, *sys.argv[1:]]).returncode


if __name__ == "__main__":
    sys.exit(main())
