"""`quorate bench`: ours and a peer, side by side in one run."""

from __future__ import annotations

import click

from .output import as_json


@click.command()
@click.argument("name")
@click.option("--full", is_flag=True, help="The large cases, which take minutes.")
@click.option("--repeats", type=int, help="How often each side is timed. Default: 5, of the large cases 1.")
@as_json
def bench(name: str, full: bool, repeats: int | None, json_output: bool) -> None:
    """Run the benchmark NAME: ours, the peer and the ratio from the same run."""
    from ..bench import run

    run(name, full=full, repeats=repeats, as_json=json_output)
