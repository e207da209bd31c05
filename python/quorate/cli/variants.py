"""`quorate variants`: cheaper versions of models as candidates of their own."""

from __future__ import annotations

from pathlib import Path

import click

from ..folder import RunFolder, load_samples
from ..library_compiling import portable_file
from ..report.numbers import percent, quantity, short, unit_of
from .compile import chosen
from .output import as_json, show, show_json
from .script import load_script, required


def _inputs(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, Path]:
    pairs = [text.partition("=") for text in given]
    if wrong := [split + mark for split, mark, path in pairs if not (split and path)]:
        raise click.BadParameter(f"{wrong[0]!r} must be a split and its file, as valid=valid.npy")
    return {split: Path(path) for split, _, path in pairs}


@click.command()
@click.argument("folder")
@click.option("--members", required=True, help="Models to make cheaper: names as a,b, or cascade, ensemble, all.")
@click.option("--inputs", multiple=True, callback=_inputs, help="The inputs behind a split's predictions: valid=valid.npy.")
@click.option(
    "--example", type=click.Path(path_type=Path), required=True, help="Training inputs [n, ...] as .npy, some hundreds."
)
@click.option("--kinds", default="bf16,int8,half_resolution", show_default=True)
@click.option("--max-batch", default=32, show_default=True, help="They take batches from 1 to this, and are timed at it.")
@click.option(
    "--script", type=click.Path(path_type=Path), help="A Python file whose build(name, file) gives a model's module."
)
@as_json
def variants(
    folder: str, members: str, inputs: dict[str, Path], example: Path, kinds: str, max_batch: int, script: Path | None,
    json_output: bool,
) -> None:  # fmt: skip
    """Add cheaper versions of models to FOLDER's library: bf16, int8, half the resolution. Half a minute each.

    Each becomes a model of its own, NAME.KIND, compiled for this machine, with its own predictions on --inputs, which must
    hold all splits of the model, and its cost measured beside the model's own. Then `quorate select` and `quorate route`
    choose among all of them.
    """
    import quorate as qr

    from ..progress import ProgressLine

    run = RunFolder.existing(folder)
    library = run.library()
    build = None if script is None else required(load_script(script), "build", "build(name, file) gives a torch.nn.Module")
    x_by_split = {split: load_samples(path) for split, path in inputs.items()}
    shown = load_samples(example)
    made = []
    with ProgressLine() as line:
        for name in chosen(run, library, members):
            module = None if build is None else build(name, portable_file(library, name))
            made += qr.add_variants(
                library, name, module, shown, x_by_split, kinds=kinds.split(","), max_batch=max_batch,
                progress=lambda words: line.say("variants", words),
            )  # fmt: skip
    if json_output:
        show_json([{"name": v.name, "cost": v.cost, "speedup": v.speedup, "changed": v.changed} for v in made])
        return
    rows = [
        [
            variant.name,
            f"{short(variant.speedup)}x",
            ", ".join(f"{key} {quantity(value, unit_of(key))}" for key, value in sorted(variant.cost.items())),
            ", ".join(f"{split} {percent(share)}" for split, share in sorted(variant.changed.items())),
        ]
        for variant in made
    ]
    notes = [f"`quorate select {folder}` and `quorate route {folder}` choose among all models."]
    show(["model", "speed of the original's", "cost", "other classes"], rows, notes=notes)
