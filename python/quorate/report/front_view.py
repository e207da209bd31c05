"""A front, and what was measured of it, as the values that its drawings are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .numbers import percent, quantity, short, unit_of, with_interval
from .values import DiversityView, FrontView, LossPoint, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .. import Ensemble, EnsembleFront, EvaluatedPoint, FrontEvaluation, Predictions, SingleComparison

MOST_MEMBERS = 12  # in a heat table
MOST_ROWS = 14  # in the table
MOST_CHARACTERS = 26  # of an ensemble's members, before they are counted instead


def front_view(
    front: EnsembleFront,
    evaluation: FrontEvaluation | None,
    cost: str,
    metric: str,
    names: Sequence[str] | None = None,
) -> FrontView:
    """Raises ValueError for an evaluation of another front."""
    if evaluation is None:
        points = [LossPoint(p.cost, p.loss, _label(p, names)) for p in front]
        return FrontView(points, cost, metric)
    if [point.ensemble for point in evaluation] != list(front):
        raise ValueError("evaluation is of another front: give the one that evaluate_front() made of this")
    points = []
    for point in evaluation:
        single = point.at_cost
        points.append(
            LossPoint(
                point.cost, point.selected_loss, _label(point.ensemble, names), point.loss, point.loss_low, point.loss_high,
                None if single is None else single.loss, "" if single is None else _name(single.model, names),
            )
        )  # fmt: skip
    best = evaluation.points[0].best
    return FrontView(
        points, cost, evaluation.metric, level=evaluation.level, best_single=best.loss,
        best_single_label=_name(best.model, names),
    )  # fmt: skip


def _name(model: int, names: Sequence[str] | None) -> str:
    return names[model] if names is not None else f"model {model}"


def _label(ensemble: Ensemble, names: Sequence[str] | None) -> str:
    if names is not None:
        return " + ".join(names[member] for member in ensemble.members)
    return ("model " if len(ensemble.members) == 1 else "models ") + ", ".join(str(member) for member in ensemble.members)


def front_table(evaluation: FrontEvaluation, cost: str, names: Sequence[str], selected_on: str, held_out: str) -> Table:
    """Optimistic and honest figures side by side, of MOST_ROWS points from the cheapest to the best."""
    level = percent(evaluation.level, 0)
    columns = ["ensemble", cost, f"on {selected_on}", f"on {held_out} [{level}]", f"gain [{level}]", "over"]
    unit, count = unit_of(cost), len(evaluation)
    shown = evaluation.points
    if count > MOST_ROWS:
        shown = [shown[round(row * (count - 1) / (MOST_ROWS - 1))] for row in range(MOST_ROWS)]
    best = evaluation.points[0].best
    found = evaluation.as_good
    as_good = ""
    if found is not None:
        point = evaluation.points[found.point]
        as_good = (
            f" The cheapest ensemble that is no worse than it here costs {short(found.cost_ratio)} of it, with a gain of "
            f"{gain_words(point.best)}."
        )
    some = f"{len(shown)} of the front's {count} ensembles. " if count > MOST_ROWS else ""
    notes = [
        f"{some}{evaluation.metric}, lower is better; figures on {selected_on} are optimistic, as the ensembles were "
        "selected on it. The gain is that over the best model alone that costs no more; the best of all is "
        f"{names[best.model]} with {short(best.loss, 4)}.{as_good} Models alone were chosen on {held_out} itself, which "
        "flatters them, not the ensembles.",
        f"Intervals: percentile bootstrap over {evaluation.samples} samples, {evaluation.draws} draws, gains paired, each "
        "for its own ensemble: nothing is corrected for looking at many.",
    ]
    return Table(columns, [_row(point, unit, names) for point in shown], notes)


def _row(point: EvaluatedPoint, unit: str, names: Sequence[str]) -> list[str]:
    members = _label(point.ensemble, names)
    single = point.at_cost or point.best
    return [
        members if len(members) <= MOST_CHARACTERS else f"{len(point.ensemble.members)} models",
        quantity(point.cost, unit),
        short(point.selected_loss, 4),
        with_interval(point.loss, point.loss_low, point.loss_high),
        gain_words(single),
        names[single.model],
    ]


def gain_words(single: SingleComparison) -> str:
    """ "+0.012 [0.004, 0.02]": positive where the ensemble is better."""
    return with_interval(single.gain, single.gain_low, single.gain_high, sign=True)


def diversity_view(ensemble: Ensemble, predictions: Predictions, names: Sequence[str], split: str) -> DiversityView | None:
    """Of the ensemble's heaviest members; None where it has one alone."""
    import quorate as qr

    heaviest = sorted(zip(ensemble.weights, ensemble.members, strict=True), key=lambda pair: (-pair[0], pair[1]))
    members = sorted(member for _, member in heaviest[:MOST_MEMBERS])
    if len(members) < 2:
        return None
    found = qr.diversity(predictions, members)
    return DiversityView(
        [names[member] for member in members],
        split,
        None if found.disagreement is None else found.disagreement.tolist(),
        found.error_correlation.tolist(),
    )
