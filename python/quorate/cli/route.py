"""`quorate route`: the front of cascades, one of them, its certificate, and what it is worth on other data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..folder import RunFolder
from ..report.cascade_view import comparison_table, figure_words
from ..report.numbers import percent, quantity, short, unit_of
from .output import as_json, show, show_json
from .select import amounts

if TYPE_CHECKING:
    from quorate import Cascade, CascadeComparison, CascadeReport, Estimate, ModelLibrary


def _sizes(context: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} must be numbers with commas between, as 1,2,3") from error


def limits_of(
    library: ModelLibrary, prices: Sequence[str], max_mean: Sequence[str], max_worst: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The limits of `find_cascades` that options such as --max-mean usd=0.01 name."""
    limits: dict[str, dict[str, Any]] = {}
    for option, key, given in (("--max-mean", "max_mean", max_mean), ("--max-worst", "max_worst", max_worst)):
        if given and not prices:
            raise ValueError(f"{option} is {given[0]!r}, but must name a --price, and there is none")
        for name, amount in amounts(option, given, prices).items() if given else ():
            limits.setdefault(name, {"cost": library.cost(name)})[key] = amount
    return limits


@click.command()
@click.argument("folder")
@click.option("--split", default="valid", show_default=True, help="Predictions to find cascades on.")
@click.option("--calib", default="calib", show_default=True, help="Other predictions, to calibrate on.")
@click.option("--held-out", help="Yet others, to measure the calibrated cascade on, with intervals.")
@click.option("--cost", "cost_key", help="A cost of the library's models. Default: what `select` used, else latency_s.")
@click.option("--price", "prices", multiple=True, help="Another cost of the library's models, measured too: usd.")
@click.option("--max-mean", multiple=True, help="No cascade costs more of a --price on average: usd=0.01.")
@click.option("--max-worst", multiple=True, help="Nor of a sample that reaches the last tier: usd=0.05.")
@click.option("--max-depth", default=3, show_default=True)
@click.option(
    "--signal", default="confidence", show_default=True, help="confidence, margin, entropy, agreement or vote_agreement."
)
@click.option("--combine", default="last", show_default=True, help="last (tier's answer), mean (of all so far) or majority.")
@click.option("--tier-sizes", callback=_sizes, help="Members of a tier, as 1,2,3. Default: 1, for agreement 1,2,3.")
@click.option("--max-last-size", default=0, show_default=True, help="Members of a last tier at most; 0: no limit.")
@click.option("--parallel", default=0.0, show_default=True, help="How far a tier's members run at once, 0 to 1.")
@click.option("--max-worst-cost", type=float, help="Of a sample that reaches the last tier.")
@click.option("--max-cost", type=float, help="Mean cost. Default: the cheapest within --tolerance of the best.")
@click.option("--tolerance", default=0.005, show_default=True, help="Error, above that of the front's best.")
@click.option("--max-loss-increase", default=0.01, show_default=True, help="The promise: so much more error at most,")
@click.option("--delta", default=0.1, show_default=True, help="broken with at most this probability.")
@click.option("--bytes", "sample_bytes", type=float, help="Of a sample, sent where it leaves the first --edge-tiers.")
@click.option("--edge-tiers", default=1, show_default=True, help="So many tiers stand where samples come from.")
@click.option("--draws", default=2_000, show_default=True, help="Of the bootstrap behind the intervals.")
@click.option("--level", default=0.95, show_default=True, help="Of the intervals.")
@click.option("--seed", default=0, show_default=True, help="Of the draws.")
@as_json
def route(
    folder: str, split: str, calib: str, held_out: str | None, cost_key: str | None, prices: tuple[str, ...],
    max_mean: tuple[str, ...], max_worst: tuple[str, ...], max_depth: int, signal: str, combine: str,
    tier_sizes: tuple[int, ...] | None, max_last_size: int, parallel: float, max_worst_cost: float | None,
    max_cost: float | None, tolerance: float, max_loss_increase: float, delta: float, sample_bytes: float | None,
    edge_tiers: int, draws: int, level: float, seed: int, json_output: bool,
) -> None:  # fmt: skip
    """Find cascades in FOLDER's library, take one and calibrate it. Writes cascades.json and cascade.json."""
    import quorate as qr

    from ..report.words import certificate_words

    if split == calib:
        raise ValueError(f"--calib is {calib!r}, but must be another split than --split: a promise needs fresh data")
    if held_out in (split, calib):
        raise ValueError(
            f"--held-out is {held_out!r}, but must be another split than --split and --calib: these are optimistic"
        )
    if edge_tiers < 1:
        raise ValueError(f"--edge-tiers is {edge_tiers}, but must be at least 1")
    run = RunFolder.existing(folder)
    library = run.library()
    key = cost_key or run.settings()["cost"]
    cost = library.cost(key)
    found = qr.find_cascades(
        library.predictions(split), cost, max_depth=max_depth, signal=signal, combine=combine, tier_sizes=tier_sizes,
        max_last_size=max_last_size, max_worst_cost=max_worst_cost, parallel=parallel,
        limits=limits_of(library, prices, max_mean, max_worst),
    )  # fmt: skip
    enough = found[-1].loss + tolerance
    taken = found.within(max_cost=max_cost) if max_cost is not None else next(c for c in found if c.loss <= enough)
    cascade = qr.calibrate(taken, library.predictions(calib), max_loss_increase=max_loss_increase, delta=delta)
    assert cascade.certificate is not None  # calibrate's result has one
    on = held_out or calib
    depth = len(cascade.tiers)
    sent = None if sample_bytes is None else [sample_bytes if k == edge_tiers else 0.0 for k in range(depth)]
    seen = qr.evaluate(
        cascade, library.predictions(on), cost, costs={name: library.cost(name) for name in prices}, bytes_to_tier=sent,
        draws=draws, level=level, seed=seed,
    )  # fmt: skip
    found.save(run.cascades)
    cascade.save(run.cascade)
    run.remember(cost=key, routed_on=split, routed_held_out=held_out or "")
    words = certificate_words(cascade.certificate)
    if json_output:
        show_json({
            "files": [str(run.cascades), str(run.cascade)], "front": len(found), "cost": key, "on": on,
            "holds": cascade.certificate.holds, "certificate": words, **_as_json(cascade, seen, library.names),
        })  # fmt: skip
        return
    notes = [*figure_words(seen, key, on), f"One of {len(found)} on the front; written to {run.cascade}.", words]
    if held_out is None:
        notes.append("--held-out SPLIT measures the cascade on samples that nothing was chosen on, beside single models.")
    columns = ["tier", "members", "answers where", f"{key} of a sample", "reached by", f"answers, of {on}"]
    show(columns, _tier_rows(cascade, seen, library.names, unit_of(key)), notes=notes)
    if held_out is not None:
        table = comparison_table(seen, key)
        show(table.columns, table.rows, title=f"Beside it, on {held_out}", notes=table.notes)


def _tier_rows(cascade: Cascade, seen: CascadeReport, names: Sequence[str], unit: str) -> list[list[str]]:
    rows, reach = [], 1.0
    for index, (tier, share) in enumerate(zip(cascade.tiers, seen.tier_share, strict=True)):
        last = index == len(cascade.tiers) - 1
        rule = "always" if last else "never" if tier.threshold > 1 else f"{tier.signal} ≥ {short(tier.threshold, 4)}"
        members = ", ".join(names[member] for member in tier.members)
        cost = quantity(tier.cost, unit) if tier.cost > 0 else "-"
        rows.append([str(index + 1), members, rule, cost, percent(max(reach, 0.0)), percent(float(share))])
        reach -= float(share)
    return rows


def _estimate(estimate: Estimate) -> dict[str, float | None]:
    """JSON has no infinity: a ratio to a free model is null."""
    ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: None if end == float("inf") else end for name, end in ends.items()}


def _row(row: CascadeComparison) -> dict[str, Any]:
    return {
        "name": row.name, "loss": row.loss, "mean_cost": row.mean_cost, "loss_difference": _estimate(row.loss_difference),
        "cost_ratio": _estimate(row.cost_ratio), "verdict": row.verdict,
        "cost_ratios": {name: _estimate(ratio) for name, ratio in row.cost_ratios.items()},
    }  # fmt: skip


def _as_json(cascade: Cascade, seen: CascadeReport, names: Sequence[str]) -> Mapping[str, Any]:
    tiers = [
        {
            "members": [names[member] for member in tier.members],
            "signal": tier.signal,
            "threshold": tier.threshold,
            "answered": float(share),
        }
        for tier, share in zip(cascade.tiers, seen.tier_share, strict=True)
    ]
    equal = seen.at_equal_accuracy()
    return {
        "tiers": tiers, "samples": seen.samples, "accuracy": seen.accuracy,
        "accuracy_interval": [seen.accuracy_low, seen.accuracy_high], "mean_cost": seen.mean_cost,
        "mean_cost_interval": [seen.mean_cost_low, seen.mean_cost_high], "worst_cost": seen.worst_cost,
        "costs": {name: {"mean": _estimate(of.mean), "worst": of.worst} for name, of in seen.costs.items()},
        "bytes_per_sample": _estimate(seen.bytes_per_sample), "bytes_ratio": seen.bytes_ratio,
        "comparison": [_row(row) for row in seen.comparison],
        "at_equal_accuracy": None if equal is None else _row(equal),
    }  # fmt: skip
