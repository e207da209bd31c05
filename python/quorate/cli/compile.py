"""`quorate compile`: chosen models as native code for this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..folder import RunFolder, load_samples
from ..placing import tiers_of
from ..report.numbers import quantity
from .output import as_json, show, show_json
from .script import load_script, required

if TYPE_CHECKING:
    from quorate import ModelLibrary


def chosen(run: RunFolder, library: ModelLibrary, members: str, max_cost: float | None = None) -> list[str]:
    """The names that --members means."""
    import quorate as qr

    if members == "all":
        return library.names
    if members == "cascade":
        committee: qr.Cascade | qr.Ensemble = qr.Cascade.load(run.need(run.cascade, "route"))
    elif members == "ensemble":
        front = qr.EnsembleFront.load(run.need(run.front, "select"))
        committee = front[-1] if max_cost is None else front.within(max_cost=max_cost)
    else:
        return members.split(",")
    return [library.names[member] for member in sorted({member for tier in tiers_of(committee) for member in tier})]


@click.command(name="compile")
@click.argument("folder")
@click.option(
    "--members", default="cascade", show_default=True, help="Models to compile: cascade, ensemble, all, or names as a,b."
)
@click.option("--max-cost", type=float, help="With --members ensemble: the front's best within it. Default: its best.")
@click.option("--max-batch", default=64, show_default=True, help="They take batches from 1 to this.")
@click.option("--sample", type=click.Path(path_type=Path), help="Inputs [n, ...] as .npy. Default: FOLDER/sample.npy.")
@click.option(
    "--script", type=click.Path(path_type=Path), help="A Python file whose build(name, file) gives a model's module."
)
@click.option("--again", is_flag=True, help="Compile anew what is compiled: for other batches, or on another machine.")
@click.option("--processes", default=2, show_default=True, help="Models that are compiled at a time.")
@as_json
def compile_command(
    folder: str, members: str, max_cost: float | None, max_batch: int, sample: Path | None, script: Path | None, again: bool,
    processes: int, json_output: bool,
) -> None:  # fmt: skip
    """Make models of FOLDER's library native code for this machine (AOTInductor, .pt2): half a minute each.

    A model brings what is compiled as its file, TorchScript or saved by torch.export.save; or SCRIPT builds its module. What
    it came with is kept, so that the library can go to another machine and be compiled there. Of a cascade's or ensemble's
    members those are left out that are compiled already, so the same command goes on where it was stopped.
    """
    import quorate as qr

    from ..packages import package_of
    from ..progress import ProgressLine

    run = RunFolder.existing(folder)
    library = run.library()
    names = chosen(run, library, members, max_cost)
    if members in ("cascade", "ensemble", "all") and not again:
        names = [name for name in names if package_of(library, name) is None] or names
    example = load_samples(sample or run.need(run.sample, "search"))
    build = None if script is None else required(load_script(script), "build", "build(name, file) gives a torch.nn.Module")
    with ProgressLine() as line:
        made = qr.compile_models(
            library, names, example, max_batch=max_batch, build=build, again=again, processes=processes,
            progress=lambda words: line.say("compile", words),
        )  # fmt: skip
    if json_output:
        show_json({name: package.about() | {"sha256": library.entry(name).model_sha256} for name, package in made.items()})
        return
    rows = []
    for name, package in made.items():
        file = library.entry(name).model_file
        assert file is not None  # it was compiled
        shape = "x".join(map(str, package.features))
        rows.append([name, shape, f"1 to {package.max_batch}", package.instructions, quantity(file.stat().st_size, "B")])
    notes = [f"Costs stay as they were. `quorate plan {folder} --measure` measures how fast the models are now."]
    show(["model", "sample", "batches", "instructions", "file"], rows, notes=notes)
