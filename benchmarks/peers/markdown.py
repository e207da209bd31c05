"""Tables as the documentation has them."""

from __future__ import annotations

from collections.abc import Iterable


def print_table(head: list[str], rows: Iterable[list[str]]) -> None:
    """Each row as soon as it is there: some take minutes."""
    for row in (head, ["---"] * len(head)):
        print("| " + " | ".join(row) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
    print()
