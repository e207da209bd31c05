"""`quorate predict`: answers of a planned cascade."""

from __future__ import annotations

import time
from pathlib import Path

import click

from ..folder import RunFolder, load_samples, save_array
from ..report.numbers import percent, quantity
from .output import as_json, show, show_json


@click.command()
@click.argument("folder")
@click.argument("inputs", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="Where the probabilities go, a .npy file."
)
@as_json
def predict(folder: str, inputs: Path, output: Path, json_output: bool) -> None:
    """Answer INPUTS, a .npy file [samples, features...], with FOLDER's cascade where its plan puts it.

    The output holds float32 probabilities [samples, classes].
    """
    import numpy as np

    import quorate as qr

    run = RunFolder.existing(folder)
    library = run.library()
    cascade = qr.Cascade.load(run.need(run.cascade, "route"))
    placement = qr.Plan.load(run.need(run.plan, "plan"))
    samples = load_samples(inputs)
    # Where the run folder knows a sample, other shapes are refused before a model sees them.
    features = load_samples(run.sample).shape[1:] if run.sample.exists() else None
    with qr.Engine(library, cascade, placement, features=features) as engine:
        begin = time.perf_counter()
        answer = engine.predict(samples)
        seconds = time.perf_counter() - begin
    save_array(output, np.asarray(answer.probs))
    answered = np.bincount(answer.tier, minlength=len(cascade.tiers))
    if json_output:
        shape = list(answer.probs.shape)
        show_json({"file": str(output), "shape": shape, "seconds": seconds, "answered_by_tier": answered.tolist()})
        return
    rows = [
        [
            str(index + 1),
            ", ".join(library.names[member] for member in tier.members),
            str(count),
            percent(count / len(samples)),
        ]
        for index, (tier, count) in enumerate(zip(cascade.tiers, answered, strict=True))
    ]
    rate = (
        f"{len(samples)} samples in {quantity(seconds, 's')}: {len(samples) / seconds:,.0f} samples/s. Written to {output}."
    )
    show(["tier", "members", "samples answered", "share"], rows, notes=[rate])
