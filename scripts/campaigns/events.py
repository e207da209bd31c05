"""The events of a study's database, read without the library that wrote them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Event:
    kind: str  # "start", "report", "done", "failed", "gave_up", "released", "note", "enqueued", "checkpoint", "dropped"
    trial: int
    attempt: int
    resource: int
    loss: float | None  # None: NaN
    text: str
    time_s: float | None  # since 1970; None: written by a version that did not note it


def read(folder: Path) -> list[Event]:
    with sqlite3.connect(f"file:{folder / 'study.db'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT kind, trial, attempt, resource, loss, text, time_s FROM event ORDER BY id"
        ).fetchall()
    database.close()
    return [Event(*row) for row in rows]
