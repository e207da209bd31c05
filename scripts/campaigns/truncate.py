"""Cuts a study's files off at every byte and opens it: truncate.py, or truncate.py --some for every edge of a page.

Each time the study must be refused, with an error that names its file, and be as it was once the file is whole again; or it
must open with every report that was acknowledged. Prints a table as Markdown; exit code 1 where reports are lost without a
word.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import training

import quorate as qr

PAGE, FRAME_HEADER, LOG_HEADER = 4096, 24, 32  # of SQLite's database and of its write-ahead log
FILES = ("study.db", "study.db-wal", "study.acknowledged")
OPTIONS = training.OPTIONS | {"max_resource": 9}


@dataclass
class Outcome:
    sizes: int = 0
    refused: int = 0
    intact: int = 0
    harmed: list[int] = field(default_factory=list)
    said: set[str] = field(default_factory=set)


def train(job: Any) -> None:
    for resource in range(job.from_resource + 1, job.to_resource + 1):
        job.report(resource, training.loss_of(job.config, resource))
        job.save_checkpoint(bytes([resource]) * 40)


def losses(study: qr.Study) -> list[dict[int, float]]:
    return [trial.losses for trial in study.trials()]


def copied(source: Path, target: Path) -> Path:
    """A study's files as a kill would leave them at this moment."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*-shm", "study.lock"))
    return target


def images(folder: Path, trials: int) -> dict[str, tuple[Path, list[dict[int, float]]]]:
    """Folders as a kill and as a proper end leave them, with what was acknowledged by then."""
    study = qr.Study(folder / "study", **OPTIONS)
    study.run(train, trials=trials)
    expected = losses(study)
    killed = copied(folder / "study", folder / "killed")
    del study
    return {"killed": (killed, expected), "closed": (copied(folder / "study", folder / "closed"), expected)}


def sizes_of(path: Path, some: bool) -> list[int]:
    """In descending order, so that one file can be cut shorter and shorter."""
    whole = path.stat().st_size
    if not some:
        return list(range(whole - 1, -1, -1))
    edges = {0, LOG_HEADER, *range(0, whole, PAGE), *range(LOG_HEADER, whole, FRAME_HEADER + PAGE), whole}
    near = {edge + by for edge in edges for by in (-1, 0, 1)}
    return sorted((size for size in near | set(range(0, whole, 2039)) if 0 <= size < whole), reverse=True)


def cut(source: Path, name: str, expected: list[dict[int, float]], folder: Path, some: bool) -> Outcome:
    outcome = Outcome()
    whole = (source / name).read_bytes()
    copied(source, folder)
    for size in sizes_of(source / name, some):
        os.truncate(folder / name, size)
        outcome.sizes += 1
        try:
            study = qr.Study(folder, **OPTIONS)
        except qr.FileError as error:
            outcome.refused += 1
            outcome.said.add(str(error))
            if str(folder / "study.") not in str(error) or (folder / name).read_bytes() != whole[:size]:
                outcome.harmed.append(size)
            continue
        if losses(study) == expected:
            outcome.intact += 1
        else:
            outcome.harmed.append(size)
        del study
        shutil.rmtree(folder)
        copied(source, folder)
    (folder / name).write_bytes(whole)
    if losses(qr.Study(folder, **OPTIONS)) != expected:
        outcome.harmed.append(len(whole))
    shutil.rmtree(folder)
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--some", action="store_true", help="only where pages end, beside it, and every 2039 bytes")
    arguments = parser.parse_args()
    harmed = 0
    print("| after | file | sizes | refused | opened whole | reports lost |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as name:
        for after, (image, expected) in images(Path(name), arguments.trials).items():
            for file in FILES:
                if not (image / file).exists():
                    continue
                found = cut(image, file, expected, Path(name) / "cut", arguments.some)
                print(
                    f"| {after} | {file} | {found.sizes} | {found.refused} | {found.intact} | {len(found.harmed)} |",
                    flush=True,
                )
                harmed += len(found.harmed)
                for words in sorted(found.said)[:3]:
                    print(f"said: {words}", file=sys.stderr)
    return 1 if harmed else 0


if __name__ == "__main__":
    sys.exit(main())
