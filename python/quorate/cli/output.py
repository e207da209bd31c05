"""Results go to stdout, as a table or as JSON; everything said along the way goes to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

as_json: Callable[[Command], Command] = click.option(
    "--json", "json_output", is_flag=True, help="Print JSON instead of a table."
)
PLAIN_WIDTH = 140  # of a table where stdout is no terminal


def say(message: str) -> None:
    """One line of log."""
    click.echo(message, err=True)


def show(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", notes: Sequence[str] = ()) -> None:
    """A table on stdout: the first column to the left, the others, which hold numbers, to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
    table = Table(title=title or None, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    for note in notes:
        console.print(Text(note), soft_wrap=True)


def show_json(value: Any) -> None:
    """JSON on stdout."""
    click.echo(json.dumps(value, indent=1, allow_nan=False))
