"""Plants bugs in the search, one at a time, and sees whether the simulator finds them: mutate.py, or mutate.py --list.

Works in a copy of the checkout, which stays as it is. Prints a table as Markdown; exit code 1 where a bug was not found, or
could not be planted.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mutations import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]
TARGET = "quorate_search_campaign"


@dataclass
class Found:
    found: bool
    schedules: int
    said: str


class Copy:
    """The checkout's files and a build of them."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self.folder, self._jobs = folder, jobs
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
            if name and (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        options = ["-DCMAKE_BUILD_TYPE=None", "-DCMAKE_CXX_FLAGS=-O1", "-DQUORATE_TESTS=ON", "-DQUORATE_INFER=OFF"]
        configure = ["cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja", *options]
        subprocess.run(configure, check=True, capture_output=True)

    def build(self) -> str:
        """Empty, or the compiler's words."""
        command = ["cmake", "--build", str(self.folder / "build"), f"-j{self._jobs}", "--target", TARGET]
        done = subprocess.run(command, capture_output=True, text=True)
        return "" if done.returncode == 0 else done.stdout

    def simulate(self, count: int, seed: int, limit_s: float) -> Found:
        command = [
            str(self.folder / "build/tests" / TARGET),
            "--count",
            str(count),
            "--seed",
            str(seed),
            "--most-violations",
            "1",
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s)
        except subprocess.TimeoutExpired:
            return Found(True, count, f"does not end within {limit_s:g} s")
        ran = re.search(r"^schedules (\d+)", done.stdout, re.MULTILINE)
        violation = re.search(r"^seed \d+: (.*)", done.stdout, re.MULTILINE)
        said = violation[1] if violation else f"ends with {done.returncode}" if done.returncode else ""
        return Found(done.returncode != 0, int(ran[1]) if ran else 0, said)


def planted(copy: Copy, mutation: Mutation, arguments: argparse.Namespace) -> Found:
    """What the simulator says of a build with this bug."""
    path = copy.folder / mutation.file
    text = path.read_text()
    if text.count(mutation.old) != 1:
        return Found(False, 0, f"cannot be planted: its place is {text.count(mutation.old)} times in {mutation.file}")
    path.write_text(text.replace(mutation.old, mutation.new))
    try:
        words = copy.build()
        if words:
            return Found(False, 0, "cannot be planted: it does not compile\n" + words)
        return copy.simulate(arguments.count, arguments.seed, arguments.limit_s)
    finally:
        path.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000, help="schedules for each bug, at most")
    parser.add_argument("--seed", type=int, default=0, help="the first schedule's seed")
    parser.add_argument("--only", default="", help="only bugs whose words or file contain this")
    parser.add_argument("--jobs", type=int, default=2, help="compilers at a time")
    parser.add_argument("--limit-s", type=float, default=600.0, help="a simulation that takes longer hangs: found")
    parser.add_argument("--folder", type=Path, help="where to build, to be kept; default: a temporary folder")
    parser.add_argument("--list", action="store_true", help="say what would be planted, and do nothing")
    arguments = parser.parse_args()
    mutations = [m for m in MUTATIONS if arguments.only in m.bug or arguments.only in m.file]
    if arguments.list:
        print("\n".join(f"{m.file}: {m.bug}" for m in mutations))
        return 0
    with tempfile.TemporaryDirectory(prefix="quorate-mutate-") as temporary:
        copy = Copy(arguments.folder or Path(temporary), arguments.jobs)
        words = copy.build()
        whole = Found(False, 0, words) if words else copy.simulate(arguments.count, arguments.seed, arguments.limit_s)
        if whole.said:
            print(f"The simulator must find nothing before anything is planted, but: {whole.said}", file=sys.stderr)
            return 2
        print(f"Without a bug: {whole.schedules} schedules, nothing found.\n")
        print("| bug | found in schedule | as |\n| --- | ---: | --- |", flush=True)
        missed = []
        began = time.monotonic()
        for mutation in mutations:
            found = planted(copy, mutation, arguments)
            said = found.said.replace("|", "\\|").replace("\n", " ")
            print(
                f"| {mutation.bug} | {found.schedules or '?' if found.found else 'NOT FOUND'} | {said[:160]} |", flush=True
            )
            if not found.found:
                missed.append(mutation.bug)
    took = time.monotonic() - began
    print(
        f"\n{len(mutations) - len(missed)} of {len(mutations)} bugs found in {took:.0f} s"
        + "".join(f"\nmissed: {bug}" for bug in missed)
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
