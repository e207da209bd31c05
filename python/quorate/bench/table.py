"""Timing in turns, and the table and JSON that a benchmark ends with."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One case: our seconds beside a peer's on the same input."""

    case: str
    ours_s: float
    peer: str
    peer_s: float | None  # None: the peer could not run; note says why
    limit_s: float | None = None  # what the machine's memory allows at best, where that can be said
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The peer's time over ours: above 1, ours is faster."""
        return None if self.peer_s is None else self.peer_s / self.ours_s


@dataclass(frozen=True)
class Report:
    name: str
    command: str
    machine: dict[str, str]
    rows: list[Row]

    def to_json(self) -> str:
        rows = [{**asdict(row), "ratio": row.ratio} for row in self.rows]
        return json.dumps({"name": self.name, "command": self.command, "machine": self.machine, "rows": rows}, indent=1)

    def to_text(self) -> str:
        """The table, by rich where it is installed, and below it the command and the machine."""
        head = ["case", "ours", "peer", "peer's", "ratio", "memory limit", "note"]
        body = [
            [row.case, seconds(row.ours_s), row.peer, seconds(row.peer_s), times(row.ratio), seconds(row.limit_s), row.note]
            for row in self.rows
        ]
        table = rich_table(head, body) if importlib.util.find_spec("rich") else plain_table(head, body)
        return "\n".join([table, self.command, ", ".join(f"{key} {value}" for key, value in self.machine.items())])


def in_turns(sides: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each side, each timed once a round, so that what slows the machine down slows all of them."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(samples) for name, samples in taken.items()}


def seconds(value: float | None) -> str:
    if value is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def times(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}x"


def plain_table(head: list[str], body: list[list[str]]) -> str:
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in [head, *body]
    )


def rich_table(head: list[str], body: list[list[str]]) -> str:
    from rich.console import Console
    from rich.table import Table

    table = Table(*head, box=None, pad_edge=False)
    for line in body:
        table.add_row(*line)
    out = io.StringIO()
    Console(file=out, width=160).print(table, markup=False)
    return "\n".join(line.rstrip() for line in out.getvalue().rstrip("\n").split("\n"))


def machine() -> dict[str, str]:
    """What the figures depend on: processor, cores that this process may use, system, versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    versions = {name: version_of(name) for name in ("numpy", "optuna")}
    return {
        "cpu": cpu,
        "cores": str(len(os.sched_getaffinity(0))),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", platform.system()),
        "python": platform.python_version(),
        **{name: version for name, version in versions.items() if version},
    }


def version_of(distribution: str) -> str:
    """Empty where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
