"""`quorate select`: the front of ensembles."""

from __future__ import annotations

import click

from ..folder import RunFolder
from ..report.numbers import quantity, short, unit_of
from .output import as_json, show, show_json


@click.command()
@click.argument("folder")
@click.option("--split", default="valid", show_default=True, help="Predictions to select on.")
@click.option("--metric", default="log_loss", show_default=True, help="log_loss, accuracy or brier.")
@click.option("--cost", "cost_key", default="latency_s", show_default=True, help="A cost of the library's models.")
@click.option("--max-size", default=16, show_default=True, help="Picks at most, repeats counted.")
@click.option("--max-cost", type=float, help="Also say which ensemble is the best within this cost.")
@as_json
def select(
    folder: str, split: str, metric: str, cost_key: str, max_size: int, max_cost: float | None, json_output: bool
) -> None:
    """Select ensembles from FOLDER's library: the whole front of loss against cost, written to front.json."""
    import quorate as qr

    run = RunFolder.existing(folder)
    library = run.library()
    front = qr.select(library.predictions(split), cost=library.cost(cost_key), metric=metric, max_size=max_size)
    within = None if max_cost is None else front.within(max_cost=max_cost)
    front.save(run.front)
    run.remember(cost=cost_key, metric=metric)
    names = library.names
    if json_output:
        points = [
            {"cost": point.cost, "loss": point.loss, "members": [names[m] for m in point.members],
             "weights": list(point.weights), "found_by": point.found_by, "within_max_cost": point == within}
            for point in front
        ]  # fmt: skip
        show_json({"file": str(run.front), "metric": metric, "cost": cost_key, "split": split, "front": points})
        return
    unit, rows = unit_of(cost_key), []
    for point in front:
        members = ", ".join(f"{names[m]} x {short(w)}" for m, w in zip(point.members, point.weights, strict=True))
        mark = " *" if point == within else ""
        rows.append([members, quantity(point.cost, unit), short(point.loss, 4), point.found_by + mark])
    notes = [f"Losses are on {split}, which the ensembles were selected on: optimistic. Written to {run.front}."]
    if within is not None:
        notes.insert(0, f"* the best within {quantity(max_cost or 0.0, unit)}")
    show(["members x weight", f"{cost_key} a sample", f"{metric} on {split}", "found by"], rows, notes=notes)
