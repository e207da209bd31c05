"""`quorate demo`: the whole chain on handwritten digits."""

from __future__ import annotations

from pathlib import Path

import click

from .output import as_json, show, show_json


@click.command()
@click.option("--folder", default="runs/digits", show_default=True, help="The run folder; the same folder goes on.")
@click.option("--trials", default=80, show_default=True, help="Networks that the search tries.")
@click.option("--workers", default=2, show_default=True, help="Processes that train.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--compile/--no-compile", "compile_models", default=True, show_default=True, help="Make the chosen networks native code."
)
@as_json
def demo(folder: str, trials: int, workers: int, seed: int, compile_models: bool, json_output: bool) -> None:
    """Search, select, route, compile, plan and run a committee of small networks on scikit-learn's digits.

    Takes minutes on two cores. Stopped at any moment and started again, it goes on where it was.
    """
    from ..demo.run import Settings, run_demo
    from ..progress import ProgressLine

    try:
        with ProgressLine() as line:
            result = run_demo(Settings(Path(folder), trials, workers, seed, compile_models), line.say)
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(
            f"stopped; the same command goes on where it was: quorate demo --folder {folder}"
        ) from interrupt
    if json_output:
        show_json(result | {"folder": folder})
        return
    notes = [*result["notes"], f"The whole story: {Path(folder) / 'report.html'}"]
    show(result["columns"], result["rows"], title="539 test images, which nothing was chosen on", notes=notes)
