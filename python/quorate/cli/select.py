"""`quorate select`: the front of ensembles, and what it is worth on other data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ..folder import RunFolder
from ..report.front_view import gain_words
from ..report.numbers import percent, quantity, short, unit_of, with_interval
from .output import as_json, show, show_json

if TYPE_CHECKING:
    from quorate import Ensemble, EvaluatedPoint, FrontEvaluation

METRICS = "log_loss, accuracy, brier, balanced_accuracy or macro_f1"


def amounts(option: str, given: Sequence[str], costs: Sequence[str]) -> dict[str, float]:
    """{cost: amount} of options such as 3e-3, which is of the first cost, and memory_bytes=1e9."""
    found: dict[str, float] = {}
    for text in given:
        name, mark, number = text.rpartition("=")
        name = name if mark else costs[0]
        if name not in costs:
            raise ValueError(f"{option} is {text!r}, but must name a --cost: {', '.join(costs)}")
        if name in found:
            raise ValueError(f"{option} is given twice for {name}")
        try:
            found[name] = float(number)
        except ValueError as error:
            raise ValueError(f"{option} is {text!r}, but must be a number, or a cost's name, = and a number") from error
    return found


@click.command()
@click.argument("folder")
@click.option("--split", default="valid", show_default=True, help="Predictions to select on.")
@click.option("--held-out", help="Other predictions, to measure the front on. Writes front_evaluation.json.")
@click.option("--metric", default="log_loss", show_default=True, help=f"{METRICS}.")
@click.option("--combine", default="mean", show_default=True, help="mean (of probabilities), logits (their mean) or vote.")
@click.option(
    "--cost",
    "costs",
    multiple=True,
    default=["latency_s"],
    show_default=True,
    help="A cost of the library's models. Several times: several costs; the first is that of a point.",
)
@click.option("--parallel", multiple=True, help="A --cost of which an ensemble costs its dearest member, not the sum.")
@click.option("--budget", multiple=True, help="No point costs more: 3e-3 of the first cost, or memory_bytes=1e9.")
@click.option("--max-cost", multiple=True, help="Also say which ensemble is the best within this cost; as --budget.")
@click.option("--max-size", default=16, show_default=True, help="Picks at most, repeats counted.")
@click.option("--with-replacement/--without-replacement", default=True, show_default=True)
@click.option("--sorted-start", default=0, show_default=True, help="So many of the best models alone are picked first.")
@click.option("--patience", default=0, show_default=True, help="Picks without a new least loss that end a search; 0: all.")
@click.option("--bags", default=0, show_default=True, help="Searches among random parts of the models.")
@click.option("--bag-fraction", default=0.5, show_default=True, help="How large such a part is.")
@click.option("--caps", default=40, show_default=True, help="Budgets of each cost with a search of their own.")
@click.option("--swaps/--no-swaps", default=True, show_default=True, help="Improve the front by exchanging members.")
@click.option("--seed", default=0, show_default=True, help="Of the bags and of the intervals' draws.")
@click.option("--draws", default=10_000, show_default=True, help="Of the bootstrap behind the intervals on --held-out.")
@click.option("--level", default=0.95, show_default=True, help="Of those intervals.")
@as_json
def select(
    folder: str, split: str, held_out: str | None, metric: str, combine: str, costs: tuple[str, ...],
    parallel: tuple[str, ...], budget: tuple[str, ...], max_cost: tuple[str, ...], max_size: int, with_replacement: bool,
    sorted_start: int, patience: int, bags: int, bag_fraction: float, caps: int, swaps: bool, seed: int, draws: int,
    level: float, json_output: bool,
) -> None:  # fmt: skip
    """Select ensembles from FOLDER's library: the whole front of loss against cost, written to front.json."""
    import quorate as qr

    if split == held_out:
        raise ValueError(
            f"--held-out is {split!r}, but must be another split than --split: what was selected on is optimistic"
        )
    if len(set(costs)) < len(costs):
        raise ValueError(f"--cost is {', '.join(costs)}, but must name each cost once")
    for name in parallel:
        if name not in costs:
            raise ValueError(f"--parallel is {name!r}, but must name a --cost: {', '.join(costs)}")
    budgets, limits = amounts("--budget", budget, costs), amounts("--max-cost", max_cost, costs)
    run = RunFolder.existing(folder)
    library = run.library()
    several = len(costs) > 1
    cost: Any = {name: library.cost(name) for name in costs} if several else library.cost(costs[0])
    front = qr.select(
        library.predictions(split), cost=cost, metric=metric, combine=combine, max_size=max_size,
        with_replacement=with_replacement, parallel=list(parallel) if several else bool(parallel),
        budget=budgets if several else budgets.get(costs[0]), sorted_start=sorted_start, patience=patience, bags=bags,
        bag_fraction=bag_fraction, seed=seed, caps=caps, swaps=swaps,
    )  # fmt: skip
    within = front.within(limits if several else limits[costs[0]]) if limits else None
    seen = None
    if held_out is not None:
        seen = qr.evaluate_front(
            front, library.predictions(held_out), cost=cost, metric=metric, draws=draws, level=level, seed=seed
        )
    front.save(run.front)
    run.remember(cost=costs[0], metric=metric, selected_on=split)
    if seen is not None and held_out is not None:
        seen.save(run.evaluation)
        run.remember(held_out=held_out)
    names = library.names
    points = seen.points if seen is not None else [None] * len(front)
    if json_output:
        written = [_as_json(ensemble, point, names, costs) for ensemble, point in zip(front, points, strict=True)]
        for ensemble, fields in zip(front, written, strict=True):
            fields["within_max_cost"] = ensemble == within
        where = {"file": str(run.front), "metric": metric, "cost": costs[0], "costs": list(costs), "split": split}
        found = seen.as_good if seen is not None else None
        as_good = None if found is None else {"point": found.point, "cost_ratio": found.cost_ratio}
        show_json(where | {"combine": combine, "held_out": held_out, "as_good": as_good, "front": written})
        return
    columns = ["members x weight", *(f"{name} a sample" for name in costs), f"{metric} on {split}"]
    columns += [f"on {held_out} [{percent(level, 0)}]", "gain at its cost", "over"] if seen is not None else []
    rows = [
        [*_row(ensemble, point, names, costs), ensemble.found_by + (" *" if ensemble == within else "")]
        for ensemble, point in zip(front, points, strict=True)
    ]
    show([*columns, "found by"], rows, notes=_notes(limits, seen, split, held_out, str(run.front), names))


def _row(ensemble: Ensemble, point: EvaluatedPoint | None, names: Sequence[str], costs: Sequence[str]) -> list[str]:
    row = [", ".join(f"{names[m]} x {short(w)}" for m, w in zip(ensemble.members, ensemble.weights, strict=True))]
    row += [quantity(amount, unit_of(name)) for name, amount in _costs(ensemble, costs).items()]
    row.append(short(ensemble.loss, 4))
    if point is None:
        return row
    row.append(with_interval(point.loss, point.loss_low, point.loss_high))
    single = point.at_cost
    return row + ([gain_words(single), names[single.model]] if single is not None else ["-", "-"])


def _costs(ensemble: Ensemble, names: Sequence[str]) -> dict[str, float]:
    return {name: ensemble.costs.get(name, ensemble.cost) for name in names}


def _as_json(ensemble: Ensemble, point: EvaluatedPoint | None, names: Sequence[str], costs: Sequence[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "cost": ensemble.cost, "costs": _costs(ensemble, costs), "loss": ensemble.loss,
        "members": [names[m] for m in ensemble.members], "weights": list(ensemble.weights), "found_by": ensemble.found_by,
    }  # fmt: skip
    if point is None:
        return fields
    fields["held_out"] = {"loss": point.loss, "low": point.loss_low, "high": point.loss_high}
    for key, single in (("best_single", point.best), ("best_single_at_cost", point.at_cost)):
        fields["held_out"][key] = None if single is None else {
            "model": names[single.model], "loss": single.loss, "gain": single.gain, "low": single.gain_low,
            "high": single.gain_high,
        }  # fmt: skip
    return fields


def _notes(
    limits: Mapping[str, float], seen: FrontEvaluation | None, split: str, held_out: str | None, file: str,
    names: Sequence[str],
) -> list[str]:  # fmt: skip
    notes = [f"Losses on {split} are optimistic: the ensembles were selected on it. Written to {file}."]
    if seen is None:
        notes.append("--held-out SPLIT measures them on samples that nothing was selected on.")
    else:
        best = seen.points[0].best
        notes.append(
            f"On {held_out}: {seen.samples} samples, percentile bootstrap of {seen.draws} draws, paired; each interval is "
            f"for its own point. The best model of all there is {names[best.model]} with {short(best.loss, 4)}."
        )
    if limits:
        said = ", ".join(f"{quantity(most, unit_of(name))} of {name}" for name, most in limits.items())
        notes.insert(0, f"* the best within {said}")
    return notes
