"""Runs the conformance table on ours and on whichever peers are installed, and prints who passes which row (Markdown)."""

from __future__ import annotations

import argparse
import sys

from peers import installed
from searches import NotOffered, Peer
from table import ROWS, Row


def outcome(row: Row, peer: Peer) -> tuple[str, str]:
    """("pass" | "fail" | "n/a", why)."""
    try:
        row.check(peer)
    except NotOffered as reason:
        return "n/a", str(reason)
    except AssertionError as reason:
        return "fail", str(reason)
    return "pass", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reasons", action="store_true", help="below the table, why each row failed")
    given = parser.parse_args()
    peers = installed(progress=sys.stderr)
    reasons = []
    print("| row |", " | ".join(peer.name for peer in peers), "|")
    print("| --- |", " | ".join("---" for _ in peers), "|")
    passed = dict.fromkeys((peer.name for peer in peers), 0)
    for row in ROWS:
        cells = []
        for peer in peers:
            result, why = outcome(row, peer)
            cells.append(result)
            passed[peer.name] += result == "pass"
            if why:
                reasons.append(f"- {peer.name}, {row.name}: {why}")
        print(f"| {row.name}: {row.says} |", " | ".join(cells), "|", flush=True)
    print(f"| **passed, of {len(ROWS)}** |", " | ".join(str(passed[peer.name]) for peer in peers), "|")
    if given.reasons:
        print("\n" + "\n".join(reasons))


if __name__ == "__main__":
    main()
