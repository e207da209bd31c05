"""`quorate plan`: which model of the cascade runs on which device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..folder import RunFolder, load_samples
from ..placing import demand, tiers_of
from ..report.numbers import percent, short
from .app import Failure
from .output import as_json, say, show, show_json


def _numbers(context: click.Context, parameter: click.Parameter, text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"{text!r} must be numbers with commas between, as 1,1") from error


@click.command()
@click.argument("folder")
@click.option("--cores", callback=_numbers, default="1,1", show_default=True, help="One device for each group of cores.")
@click.option("--batch-sizes", callback=_numbers, default="1,8,32,128", show_default=True, help="To measure at.")
@click.option("--sample", type=click.Path(path_type=Path), help="One input [1, ...] as .npy. Default: FOLDER/sample.npy.")
@click.option("--measure", "again", is_flag=True, help="Measure again even where profile.json is there.")
@click.option("--time-limit", default=1.0, show_default=True, help="Seconds to plan for.")
@as_json
def plan(
    folder: str,
    cores: list[int],
    batch_sizes: list[int],
    sample: Path | None,
    again: bool,
    time_limit: float,
    json_output: bool,
) -> None:
    """Place the models of FOLDER's cascade on CPU devices. Measures profile.json where it is missing; writes plan.json."""
    import quorate as qr

    run = RunFolder.existing(folder)
    library = run.library()
    cascade = qr.Cascade.load(run.need(run.cascade, "route"))
    devices = qr.cpu_devices(cores=cores)
    names = [library.names[member] for member in sorted(member for tier in tiers_of(cascade) for member in tier)]
    profile = None if again or not run.profile.is_file() else qr.Profile.load(run.profile)
    if profile is None or not set(names) <= set(profile.models) or not {d.kind for d in devices} <= set(profile.kinds):
        say(f"measuring {len(names)} models at batch sizes {', '.join(map(str, batch_sizes))}")
        inputs = load_samples(sample or run.need(run.sample, "search"))[:1]
        profile = qr.Profile.measure(library, devices, batch_sizes=batch_sizes, sample=inputs, models=names)
        if missing := sorted(set(names) - set(profile.models)):
            raise Failure(f"{', '.join(missing)} ran at no batch size, but the cascade asks for it")
        profile.save(run.profile)
    split = "calib" if "calib" in library.splits else "valid"
    wanted = demand(cascade, library.predictions(split), library.cost(run.settings()["cost"]), profile.models)
    made = qr.plan(profile, devices, demand=wanted, objective="throughput", time_limit_s=time_limit)
    if not made.feasible:
        raise Failure(f"no plan fits: {made.why}")
    made.save(run.plan)
    _print(made, run, json_output)


def _print(made: Any, run: RunFolder, json_output: bool) -> None:
    if json_output:
        placed = [
            {"device": device.name, "model": model, "batch": int(made.batch[d][m]), "share": float(made.share[d][m])}
            for d, device in enumerate(made.devices) for m, model in enumerate(made.models) if made.batch[d][m] > 0
        ]  # fmt: skip
        show_json({"file": str(run.plan), "throughput_per_s": made.throughput, "bound_per_s": made.bound, "placed": placed})
        return
    rows = [
        [device.name, model, str(int(made.batch[d][m])), percent(float(made.share[d][m])), percent(float(made.demand[m]))]
        for d, device in enumerate(made.devices) for m, model in enumerate(made.models) if made.batch[d][m] > 0
    ]  # fmt: skip
    note = f"{short(made.throughput)} samples/s planned; no plan has more than {short(made.bound)}. Written to {run.plan}."
    show(["device", "model", "batch size", "share of the device", "share of the stream"], rows, notes=[note])
