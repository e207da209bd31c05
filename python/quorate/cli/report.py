"""`quorate report`: the run as a page."""

from __future__ import annotations

import click

from .output import as_json, show_json


@click.command()
@click.argument("folder")
@as_json
def report(folder: str, json_output: bool) -> None:
    """Write FOLDER/report.html, one self-contained page, from whatever stages have run there."""
    from ..report import report as write_report

    path = write_report(folder)
    if json_output:
        show_json({"file": str(path), "bytes": path.stat().st_size})
    else:
        click.echo(str(path))
