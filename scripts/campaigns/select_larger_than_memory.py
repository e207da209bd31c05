"""Selects from a library that is larger than the memory it may take: select_larger_than_memory.py --folder /big/disk.

Writes a library of float16 predictions, model by model, and selects from it, a process for each metric; prints how long that
took, the most memory that was ever resident and the front's largest ensemble, as Markdown. Then compares fronts from files
with those from memory, on so much of the library as fits both ways. Exit code 1 where a front differs or where more than
--limit-gib was resident. Removes what it wrote.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import quorate as qr

GIB = 2**30
METRICS = ("log_loss", "brier", "accuracy")


def probabilities(seed: int, labels: NDArray[np.int64], classes: int, shared: NDArray[np.float32]) -> NDArray[np.float16]:
    """[samples, classes]: what all models share, a part of this one's own, and its lead for the truth."""
    random = np.random.default_rng([seed, 1])
    scores = random.standard_normal(shared.shape, dtype=np.float32)
    scores += shared
    scores[np.arange(len(labels)), labels] += np.float32(random.uniform(2.0, 5.0))
    np.exp(scores, out=scores)
    scores /= scores.sum(1, keepdims=True)
    return scores.astype(np.float16)


def write(folder: Path, models: int, samples: int, classes: int, seed: int) -> None:
    random = np.random.default_rng([seed, 0])
    labels = random.integers(0, classes, samples)
    shared = random.standard_normal((samples, classes), dtype=np.float32)
    library = qr.ModelLibrary(folder)
    library.set_labels("valid", labels)
    for m in range(models):
        probs = probabilities(seed + m, labels, classes, shared)
        library.add(f"{m:04}", predictions={"valid": probs}, cost={"latency_s": float(random.uniform(1e-3, 1e-2))})


def resident_bytes(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return 1024 * int(found[1])


def select(folder: Path, metric: str, max_size: int, names: list[str] | None, in_memory: bool) -> dict[str, Any]:
    library = qr.ModelLibrary(folder)
    begin = time.perf_counter()
    valid = library.predictions("valid", names)
    if in_memory:
        files = [folder / "models" / name / "valid.npy" for name in valid.names]
        valid = qr.Predictions(np.stack([np.load(file) for file in files]), valid.labels, valid.names)
    opened = time.perf_counter()
    front = qr.select(valid, library.cost("latency_s", names), metric=metric, max_size=max_size)
    return {
        "front": [[point.members, point.weights, point.loss, point.cost, point.found_by] for point in front],
        "open_s": opened - begin,
        "select_s": time.perf_counter() - opened,
        "peak_bytes": resident_bytes("VmHWM"),
        "file_bytes": resident_bytes("RssFile"),
    }


def in_a_process_of_its_own(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    found: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return found


def report(folder: Path, options: argparse.Namespace) -> bool:
    stored = options.models * options.samples * options.classes * 2
    print(f"{options.models} x {options.samples:,} x {options.classes} as float16: {stored / 1e9:.1f} GB\n")
    print("| metric | check, s | select, s | peak resident, MiB | of files at the end, MiB | points | largest ensemble |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    good = True
    sizes = ["--max-size", str(options.max_size)]
    for metric in options.metrics:
        found = in_a_process_of_its_own("--from", str(folder), "--metrics", metric, *sizes)
        good &= found["peak_bytes"] <= options.limit_gib * GIB
        members, _, loss, *_ = found["front"][-1]
        print(
            f"| {metric} | {found['open_s']:.1f} | {found['select_s']:.1f} | {found['peak_bytes'] / 2**20:.0f} "
            f"| {found['file_bytes'] / 2**20:.0f} | {len(found['front'])} | {members}, loss {loss:.6f} |",
            flush=True,
        )
    few = min(options.models, options.compare)
    for metric in options.metrics:
        both = ["--from", str(folder), "--metrics", metric, "--compare", str(few), *sizes]
        files, memory = in_a_process_of_its_own(*both), in_a_process_of_its_own(*both, "--in-memory")
        same = files["front"] == memory["front"]
        good &= same
        print(
            f"\n{metric}, {few} models: the front of files is {'that' if same else 'NOT that'} of memory "
            f"({len(files['front'])} points, {files['peak_bytes'] / 2**20:.0f} and {memory['peak_bytes'] / 2**20:.0f} MiB)",
            flush=True,
        )
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where there is room for the library (default: temporary files)")
    parser.add_argument("--models", type=int, default=500)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--max-size", type=int, default=16)
    parser.add_argument("--metrics", nargs="+", default=list(METRICS))
    parser.add_argument("--compare", type=int, default=40, help="so many models are selected from both ways")
    parser.add_argument("--limit-gib", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", dest="source", type=Path, help=argparse.SUPPRESS)  # a process of its own
    parser.add_argument("--in-memory", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.source is not None:
        whole = "--compare" not in sys.argv
        names = None if whole else [f"{m:04}" for m in range(options.compare)]
        print(json.dumps(select(options.source, options.metrics[0], options.max_size, names, options.in_memory)))
        return
    with tempfile.TemporaryDirectory(prefix="quorate-", dir=options.folder) as folder:
        begin = time.perf_counter()
        write(Path(folder) / "library", options.models, options.samples, options.classes, options.seed)
        print(f"written in {time.perf_counter() - begin:.0f} s", file=sys.stderr)
        good = report(Path(folder) / "library", options)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
