"""What was measured of a cascade, as the tables and lines that the page and the command line show."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .numbers import percent, quantity, short, unit_of, with_interval
from .values import CascadesView, LossPoint, Point, Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .. import Cascade, CascadeComparison, CascadeFront, CascadeReport, Estimate

MOST_ROWS = 14  # of a table
SHOWN_RATIO = 1e4  # larger ones are said to be so


def estimate_words(estimate: Estimate, sign: bool = False) -> str:
    """ "0.024 [0.011, 0.036]"."""
    return with_interval(estimate.value, estimate.low, estimate.high, sign=sign)


def compared(report: CascadeReport) -> list[CascadeComparison]:
    """What to show of a comparison: the single models that none beats in both cost and loss, the one that the cascade's
    accuracy costs without it, and the mean of all."""
    singles = [row for row in report.comparison if row.model is not None]
    best = [
        row
        for row in singles
        if not any(
            (other.loss, other.mean_cost) != (row.loss, row.mean_cost)
            and other.loss <= row.loss
            and other.mean_cost <= row.mean_cost
            for other in singles
        )
    ]
    best.sort(key=lambda row: row.mean_cost)
    if len(best) > MOST_ROWS:
        best = [best[round(index * (len(best) - 1) / (MOST_ROWS - 1))] for index in range(MOST_ROWS)]
    return best + [row for row in report.comparison if row.model is None]


def comparison_table(report: CascadeReport, cost: str) -> Table:
    """Every row against the cascade."""
    level, unit = percent(report.level, 0), unit_of(cost)
    columns = ["beside it", "error", cost, f"loss difference [{level}]", f"cost x [{level}]", "the cascade is"]
    rows = []
    for row in compared(report):
        large = row.cost_ratio.value > SHOWN_RATIO
        rows.append([
            row.name, percent(row.loss, 2), quantity(row.mean_cost, unit), estimate_words(row.loss_difference, sign=True),
            f"above {SHOWN_RATIO:.0f}" if large else estimate_words(row.cost_ratio), row.verdict,
        ])  # fmt: skip
    singles = sum(row.model is not None for row in report.comparison)
    notes = [
        f"Single models: those of {singles} that none beats in both cost and loss here, which flatters them. Loss "
        "difference: the cascade's minus theirs. Cost x: the cascade's over theirs. Intervals: percentile bootstrap over "
        f"{report.samples} samples, {report.draws} draws, paired, each for its own row.",
        equal_accuracy_words(report),
    ]
    return Table(columns, rows, notes)


def equal_accuracy_words(report: CascadeReport) -> str:
    """What the cascade's accuracy costs without it."""
    row = report.at_equal_accuracy()
    if row is None:
        near = report.at_equal_accuracy(within_interval=True)
        said = "No single model errs as little as the cascade here"
        if near is None:
            return f"{said}, and the data show the difference to each."
        return f"{said}; of those not shown to be worse, {near.name} is the cheapest: {_times(near)}."
    money = "".join(f", {estimate_words(ratio)} of its {name}" for name, ratio in row.cost_ratios.items())
    return f"At equal accuracy: {row.name} is the cheapest single model that errs no more; {_times(row)}{money}."


def _times(row: CascadeComparison) -> str:
    return f"the cascade costs {estimate_words(row.cost_ratio)} times as much"


def class_table(report: CascadeReport, cost: str) -> Table | None:
    """The classes that have samples, the worst first where they are many; None where there is one."""
    seen = [(c, one) for c, one in enumerate(report.per_class) if one.samples > 0]
    if len(seen) < 2:
        return None
    shown = seen
    if len(seen) > MOST_ROWS:
        shown = sorted(seen, key=lambda pair: (pair[1].accuracy, pair[0]))[:MOST_ROWS]
    depth = len(report.tier_share)
    columns = ["class", "samples", f"accuracy [{percent(report.level, 0)}]", cost, "answers of it"]
    columns += [f"tier {k + 1}" for k in range(depth)] if depth > 1 else []
    rows = []
    for c, one in shown:
        row = [str(c), str(one.samples), with_interval(one.accuracy, one.accuracy_low, one.accuracy_high)]
        row += [quantity(one.mean_cost, unit_of(cost)), str(one.answered)]
        rows.append(row + ([percent(float(share)) for share in one.tier_share] if depth > 1 else []))
    notes = [f"The {len(shown)} worst of {len(seen)} classes."] if len(shown) < len(seen) else []
    return Table(columns, rows, notes)


def figure_words(report: CascadeReport, cost: str, split: str) -> list[str]:
    """Accuracy, costs and what is sent, each with its interval."""
    unit = unit_of(cost)

    def amount(value: float, low: float, high: float, its_unit: str) -> str:
        return f"{quantity(value, its_unit)} [{quantity(low, its_unit)}, {quantity(high, its_unit)}]"

    lines = [
        f"On {split}, {report.samples} samples: accuracy {percent(report.accuracy, 2)} "
        f"[{percent(report.accuracy_low, 2)}, {percent(report.accuracy_high, 2)}], "
        f"mean cost {amount(report.mean_cost, report.mean_cost_low, report.mean_cost_high, unit)}, "
        f"worst {quantity(report.worst_cost, unit)} ({cost})."
    ]
    for name, further in report.costs.items():
        mean = further.mean
        said = amount(mean.value, mean.low, mean.high, unit_of(name))
        lines.append(f"{name}: mean {said}, worst {quantity(further.worst, unit_of(name))}.")
    if report.bytes_to_last > 0:
        sent = report.bytes_per_sample
        lines.append(
            f"Sent between tiers: {amount(sent.value, sent.low, sent.high, 'B')} a sample, {percent(report.bytes_ratio)} of "
            "what sending every sample to the last tier takes."
        )
    return lines


def cascades_view(
    front: CascadeFront, reports: Sequence[CascadeReport] | None, cost: str, names: Sequence[str] | None = None
) -> CascadesView:
    """Raises ValueError where reports are not one for each cascade."""
    if reports is not None and len(reports) != len(front):
        raise ValueError(f"reports has {len(reports)} entries, but the front has {len(front)} cascades")
    points: list[LossPoint] = []
    held_out: list[tuple[float, float, float] | None] = []
    for index, cascade in enumerate(front):
        point = LossPoint(cascade.cost, cascade.loss, _tiers(cascade, names))
        if reports is not None:
            seen = reports[index]
            point = replace(point, loss=seen.loss, low=seen.loss_low, high=seen.loss_high)
        points.append(point)
        held_out.append(None if reports is None else (seen.mean_cost, seen.mean_cost_low, seen.mean_cost_high))
    rows = next((seen.comparison for seen in reports or [] if seen.comparison), [])
    singles = [Point(row.mean_cost, row.loss, row.name) for row in rows if row.model is not None]
    last = next((seen.comparison for seen in reversed(reports or []) if seen.comparison), [])
    whole = [Point(row.mean_cost, row.loss, "mean of all models of the last cascade") for row in last if row.model is None]
    return CascadesView(
        points, held_out, singles, whole[0] if whole else None, cost,
        level=reports[0].level if reports else 0.95,
    )  # fmt: skip


def _tiers(cascade: Cascade, names: Sequence[str] | None) -> str:
    return " → ".join(
        " + ".join(names[member] if names is not None else f"model {member}" for member in tier.members)
        + (f" ≥ {short(tier.threshold)}" if tier is not cascade.tiers[-1] and tier.threshold > 0 else "")
        for tier in cascade.tiers
    )
