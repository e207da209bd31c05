"""`python -m quorate.bench NAME`: the same as `quorate bench NAME`, without what the command line needs installed."""

from __future__ import annotations

import argparse

from . import NAMES, run


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m quorate.bench", description="Ours and the peers side by side in one run."
    )
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--full", action="store_true", help="the large cases, which take minutes")
    parser.add_argument("--repeats", type=int, help="how often each side is timed (default: 5, of the large cases 1)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args()
    try:
        run(given.name, full=given.full, repeats=given.repeats, as_json=given.json)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
