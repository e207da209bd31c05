"""`quorate route`: the front of cascades, one of them, and its certificate."""

from __future__ import annotations

import click

from ..folder import RunFolder
from ..report.numbers import percent, quantity, short, unit_of
from .output import as_json, show, show_json


def _sizes(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} must be numbers with commas between, as 1,2,3") from error


@click.command()
@click.argument("folder")
@click.option("--split", default="valid", show_default=True, help="Predictions to find cascades on.")
@click.option("--calib", default="calib", show_default=True, help="Other predictions, to calibrate on.")
@click.option("--cost", "cost_key", help="A cost of the library's models. Default: what `select` used, else latency_s.")
@click.option("--max-depth", default=3, show_default=True)
@click.option("--signal", default="confidence", show_default=True, help="confidence, agreement or vote_agreement.")
@click.option("--tier-sizes", callback=_sizes, help="Members of a tier, as 1,2,3. Default: 1, for agreement 1,2,3.")
@click.option("--max-worst-cost", type=float, help="Of a sample that reaches the last tier.")
@click.option("--max-cost", type=float, help="Mean cost. Default: the cheapest within --tolerance of the best.")
@click.option("--tolerance", default=0.005, show_default=True, help="Error, above that of the front's best.")
@click.option("--max-loss-increase", default=0.01, show_default=True, help="The promise: so much more error at most,")
@click.option("--delta", default=0.1, show_default=True, help="broken with at most this probability.")
@as_json
def route(
    folder: str, split: str, calib: str, cost_key: str | None, max_depth: int, signal: str,
    tier_sizes: tuple[int, ...] | None, max_worst_cost: float | None, max_cost: float | None, tolerance: float,
    max_loss_increase: float, delta: float, json_output: bool,
) -> None:  # fmt: skip
    """Find cascades in FOLDER's library, take one and calibrate it. Writes cascades.json and cascade.json."""
    import quorate as qr

    from ..report.words import certificate_words

    if split == calib:
        raise ValueError(f"--calib is {calib!r}, but must be another split than --split: a promise needs fresh data")
    run = RunFolder.existing(folder)
    library = run.library()
    key = cost_key or run.settings()["cost"]
    cost = library.cost(key)
    found = qr.find_cascades(
        library.predictions(split),
        cost,
        max_depth=max_depth,
        signal=signal,
        tier_sizes=tier_sizes,
        max_worst_cost=max_worst_cost,
    )
    enough = found[-1].loss + tolerance
    taken = found.within(max_cost=max_cost) if max_cost is not None else next(c for c in found if c.loss <= enough)
    cascade = qr.calibrate(taken, library.predictions(calib), max_loss_increase=max_loss_increase, delta=delta)
    assert cascade.certificate is not None  # calibrate's result has one
    seen = qr.evaluate(cascade, library.predictions(calib), cost)
    found.save(run.cascades)
    cascade.save(run.cascade)
    run.remember(cost=key)
    unit = unit_of(key)
    names = [[library.names[member] for member in tier.members] for tier in cascade.tiers]
    words = certificate_words(cascade.certificate)
    if json_output:
        tiers = [
            {"members": members, "signal": tier.signal, "threshold": tier.threshold, "answered": float(share)}
            for members, tier, share in zip(names, cascade.tiers, seen.tier_share, strict=True)
        ]
        show_json({
            "files": [str(run.cascades), str(run.cascade)], "front": len(found), "tiers": tiers, "cost": key, "on": calib,
            "mean_cost": seen.mean_cost, "worst_cost": seen.worst_cost, "accuracy": seen.accuracy,
            "holds": cascade.certificate.holds, "certificate": words,
        })  # fmt: skip
        return
    rows = []
    for index, (members, tier, share) in enumerate(zip(names, cascade.tiers, seen.tier_share, strict=True)):
        last = index == len(names) - 1
        rule = "always" if last else "never" if tier.threshold > 1 else f"{tier.signal} ≥ {short(tier.threshold, 4)}"
        rows.append([str(index + 1), ", ".join(members), rule, percent(float(share))])
    notes = [
        f"On {calib}: accuracy {percent(seen.accuracy)}, mean cost {quantity(seen.mean_cost, unit)}, "
        f"worst {quantity(seen.worst_cost, unit)} ({key}). One of {len(found)} on the front; written to {run.cascade}.",
        words,
    ]
    show(["tier", "members", "answers where", f"answers, of {calib}"], rows, notes=notes)
