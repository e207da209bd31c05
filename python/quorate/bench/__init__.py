"""Ours and the peers side by side: `quorate bench NAME`, `python -m quorate.bench NAME`, or run(NAME) from here.

A figure means something only beside a peer's from the same run on the same machine, so that is all these print: the time of
each, taken in turns, medians of the repeats, and their ratio.
"""

from __future__ import annotations

import importlib

from .table import Report, Row, machine

NAMES = ("infer", "networks", "plan", "route", "search", "select", "variants")  # each a module here with rows(full, repeats)

__all__ = ["NAMES", "Report", "Row", "run"]


def run(name: str, *, full: bool = False, repeats: int | None = None, as_json: bool = False) -> Report:
    """Runs the benchmark, prints its table (as_json: its JSON) to stdout, and returns it.

    full: the large cases, which take minutes. repeats: how often each side is timed; None: 5, or 1 of the large cases.
    ValueError for a name that is not in NAMES or repeats below 1.
    """
    if name not in NAMES:
        raise ValueError(f'name is "{name}", but must be one of {", ".join(NAMES)}')
    if repeats is None:
        repeats = 1 if full else 5
    if repeats < 1:
        raise ValueError(f"repeats is {repeats}, but must be at least 1")
    rows = importlib.import_module(f".{name}", __name__).rows(full=full, repeats=repeats)
    command = f"quorate bench {name}{' --full' if full else ''} --repeats {repeats}"
    report = Report(name=name, command=command, machine=machine(), rows=rows)
    print(report.to_json() if as_json else report.to_text())
    return report
