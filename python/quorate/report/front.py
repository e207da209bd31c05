"""An ensemble front: loss against cost as it was selected, and on held-out data with intervals."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

from . import svg
from .axes import Scale, axis_x, axis_y, scale_around
from .numbers import linear_ticks, log_ticks, percent, quantity, short, unit_of, with_interval
from .values import FrontView, LossPoint

WIDTH, HEIGHT = 860, 430
LEFT, RIGHT, TOP, BOTTOM = 76, 830, 44, 370
SPREAD_FOR_LOG = 8.0  # losses that differ by this factor would press the good ones against the axis
CAP = 4.0  # px, half the width of an interval's end


def _losses(view: FrontView) -> Iterator[float]:
    for point in view.points:
        yield point.selected
        if point.loss is not None:
            yield from (point.loss, point.low, point.high)
        if point.single is not None:
            yield point.single
    if view.best_single is not None:
        yield view.best_single


def _scales(view: FrontView) -> tuple[Scale, Scale]:
    """Logarithmic where all is positive: costs always, losses where they differ much."""
    costs = [point.cost for point in view.points]
    losses = [loss for loss in _losses(view) if math.isfinite(loss)]
    log_y = min(losses) > 0 and max(losses) > SPREAD_FOR_LOG * min(losses)
    x = scale_around(costs, LEFT, RIGHT, log=min(costs) > 0)
    return x, scale_around(losses, BOTTOM, TOP, log=log_y, margin=0.08)


def front_plot(view: FrontView) -> str:
    """Empty where there is no point. Points of several costs, of which the first is drawn, are not joined."""
    if not view.points:
        return ""
    x, y = _scales(view)
    unit, note = unit_of(view.cost_name), ", logarithmic"
    x_ticks = log_ticks(x.low, x.high) if x.log else linear_ticks(x.low, x.high)
    y_ticks = log_ticks(y.low, y.high) if y.log else linear_ticks(y.low, y.high, 8)
    if len(y_ticks) < 2:
        y_ticks = linear_ticks(y.low, y.high)
    parts = axis_x(x, x_ticks, lambda cost: quantity(cost, unit), TOP, BOTTOM,
                   f"cost of a sample ({view.cost_name}{note if x.log else ''})")  # fmt: skip
    parts += axis_y(y, y_ticks, short, LEFT, RIGHT, f"{view.metric}{note if y.log else ''}: lower is better")
    parts += _singles(view, x, y)
    parts += _curve(view, [(p, p.selected) for p in view.points], x, y, "selected")
    held_out = [(p, p.loss) for p in view.points if p.loss is not None]
    for point, _ in held_out:
        parts += _interval(x(point.cost), y(point.low), y(point.high))
    parts += _curve(view, held_out, x, y, "ensemble")
    parts += _legend(view)
    return svg.drawing(WIDTH, HEIGHT, parts, f"{view.metric} against cost of the ensembles on the front")


def _title(view: FrontView, point: LossPoint) -> str:
    said = f"{point.label}: {quantity(point.cost, unit_of(view.cost_name))} a sample, "
    said += f"{short(point.selected, 4)} on {view.selected_on}"
    if point.loss is not None:
        said += f", {with_interval(point.loss, point.low, point.high)} on {view.held_out}"
    return said


def _curve(view: FrontView, points: list[tuple[LossPoint, float]], x: Scale, y: Scale, kind: str) -> list[str]:
    places = [(x(point.cost), y(loss)) for point, loss in points if math.isfinite(loss)]
    parts = [svg.polyline(places, f"curve {kind}")] if len(places) > 1 and _of_one_cost(view) else []
    for point, loss in points:
        if math.isfinite(loss):
            parts.append(svg.circle(x(point.cost), y(loss), 3.5, f"dot {kind}", _title(view, point)))
    return parts


def _of_one_cost(view: FrontView) -> bool:
    return all(later.selected < earlier.selected for earlier, later in itertools.pairwise(view.points))


def _interval(at: float, low: float, high: float) -> list[str]:
    ends = [svg.line(at - CAP, end, at + CAP, end, "interval") for end in (low, high)]
    return [svg.line(at, low, at, high, "interval"), *ends]


def _singles(view: FrontView, x: Scale, y: Scale) -> list[str]:
    """The best model alone at each cost, as steps where costs are one; else a line at the best of all."""
    places = [(x(point.cost), y(point.single)) for point in view.points if point.single is not None]
    if places and not _of_one_cost(view):
        return [svg.circle(*place, 3, "dot single") for place in places]
    steps: list[tuple[float, float]] = []
    for place in places:
        steps += [(place[0], steps[-1][1]), place] if steps else [place]
    if steps:
        return [svg.polyline([*steps, (RIGHT, steps[-1][1])], "curve single")]
    if view.best_single is None:
        return []
    return [svg.line(LEFT, y(view.best_single), RIGHT, y(view.best_single), "curve single")]


def _legend(view: FrontView) -> list[str]:
    kinds = [("selected", "ensembles as selected (optimistic)")]
    if any(point.loss is not None for point in view.points):
        kinds.append(("ensemble", f"on {view.held_out}, {percent(view.level, 0)} intervals"))
    if any(point.single is not None for point in view.points):
        kinds.append(("single", "best model alone at that cost"))
    elif view.best_single is not None:
        kinds.append(("single", f"best model alone: {view.best_single_label}"))
    parts, left = [], float(LEFT)
    for cls, name in kinds:
        parts.append(svg.line(left - 4, 20, left + 12, 20, f"curve {cls}"))
        if cls != "single":
            parts.append(svg.circle(left + 4, 20, 3.5, f"dot {cls}"))
        parts.append(svg.text(left + 18, 24, name, cls="tick"))
        left += 18 + len(name) * svg.CHARACTER_PX + 20
    return parts
