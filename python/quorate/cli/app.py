"""The group of commands, and how it fails: one line on stderr, no traceback unless asked for."""

from __future__ import annotations

from typing import Any

import click

from .._core import Error


class Failure(click.ClickException):
    """Ends the program with one line that says what is wrong, and exit code 1."""

    def show(self, file: Any = None) -> None:
        click.echo(f"error: {self.message}", err=True)


class Stopped(click.ClickException):
    """Ctrl-C: one line, exit code 130 as shells have it."""

    exit_code = 130

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


class Face(click.Group):
    """Turns what the library raises for a caller's mistake, a file or a device that fails into a Failure."""

    def invoke(self, ctx: click.Context) -> Any:
        if ctx.params["debug"]:
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            raise Stopped(str(interrupt) or "stopped") from interrupt
        except (ValueError, Error) as error:
            raise Failure(" ".join(str(error).split())) from error
        except ModuleNotFoundError as error:
            raise Failure(f"needs the Python package {error.name}, which is not installed") from error


@click.group(cls=Face, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="quorate", message="quorate %(version)s")
def quorate(debug: bool) -> None:
    """One training function in, a committee of models that answers within a budget out.

    A run folder holds it all: study.db, library/, front.json, cascade.json, profile.json, plan.json, report.html.
    """


def _add_commands() -> None:
    from . import bench, compile, demo, doctor, place, predict, report, route, search, select, variants

    commands = [demo.demo, search.search, variants.variants, select.select, route.route, compile.compile_command, place.plan]
    commands += [predict.predict, bench.bench, report.report, doctor.doctor]
    for command in commands:
        quorate.add_command(command)


_add_commands()
