"""A front of cascades: error against cost as found and on held-out data, beside single models and the whole ensemble."""

from __future__ import annotations

from . import svg
from .axes import Scale, axis_x, axis_y, scale_around
from .numbers import linear_ticks, log_ticks, percent, quantity, short, unit_of
from .values import CascadesView, Point

WIDTH, HEIGHT = 860, 430
LEFT, RIGHT, TOP, BOTTOM = 76, 830, 44, 370
CAP = 4.0  # px, half the width of an interval's end
HOPELESS = 3.0  # models that err so many times more often than the dearest cascade, and at least 0.3, are not drawn


def cascades_plot(view: CascadesView) -> str:
    """Empty where there is no cascade."""
    if not view.points:
        return ""
    worst = max(p.loss if p.loss is not None else p.selected for p in view.points)
    best = min(p.loss if p.loss is not None else p.selected for p in view.points)
    limit = max(worst, HOPELESS * best, 0.3)
    singles = [single for single in view.singles if single.error <= limit]
    costs = [held[0] for held in view.held_out if held is not None] + [p.cost for p in view.points]
    costs += [single.cost for single in singles] + ([view.whole.cost] if view.whole else [])
    errors = [single.error for single in singles] + ([view.whole.error] if view.whole else [])
    for point in view.points:
        errors += [point.selected] + ([point.low, point.high] if point.loss is not None else [])
    log = min(costs) > 0
    x = scale_around(costs, LEFT, RIGHT, log=log)
    y = scale_around([*errors, 0.0], BOTTOM, TOP, log=False, margin=0.04)
    unit = unit_of(view.cost_name)
    parts = axis_x(x, log_ticks(x.low, x.high) if log else linear_ticks(x.low, x.high), lambda cost: quantity(cost, unit),
                   TOP, BOTTOM, f"mean cost of a sample ({view.cost_name}{', logarithmic' if log else ''})")  # fmt: skip
    ticks = [tick for tick in linear_ticks(0.0, y.high, 8) if tick >= 0]
    parts += axis_y(y, ticks, lambda error: f"{short(100 * error)} %", LEFT, RIGHT, "error: lower is better")
    for single in singles:
        parts.append(svg.circle(x(single.cost), y(single.error), 3, "dot single", _title(single, unit)))
    if view.whole is not None:
        parts.append(svg.circle(x(view.whole.cost), y(view.whole.error), 5, "ring", _title(view.whole, unit)))
    parts += _found(view, x, y, unit) + _held_out(view, x, y, unit)
    hidden = len(view.singles) - len(singles)
    if hidden:
        parts.append(svg.text(RIGHT, TOP - 4, f"{hidden} models above {percent(limit, 0)} not shown", "end", "tick"))
    parts += _legend(view)
    return svg.drawing(WIDTH, HEIGHT, parts, "Error against mean cost of the cascades on the front")


def _title(point: Point, unit: str) -> str:
    return f"{point.label}: error {percent(point.error, 2)}, {quantity(point.cost, unit)} a sample"


def _found(view: CascadesView, x: Scale, y: Scale, unit: str) -> list[str]:
    places = [(x(point.cost), y(point.selected)) for point in view.points]
    parts = [svg.polyline(places, "curve found")] if len(places) > 1 else []
    for place, point in zip(places, view.points, strict=True):
        title = _title(Point(point.cost, point.selected, f"{point.label} on {view.found_on}"), unit)
        parts.append(svg.circle(*place, 2.5, "dot found", title))
    return parts


def _held_out(view: CascadesView, x: Scale, y: Scale, unit: str) -> list[str]:
    parts, places = [], []
    for point, cost in zip(view.points, view.held_out, strict=True):
        if cost is None or point.loss is None:
            continue
        mean, low, high = cost
        at, of = x(mean), y(point.loss)
        places.append((at, of))
        for end in (point.low, point.high):
            parts.append(svg.line(at - CAP, y(end), at + CAP, y(end), "interval of-cascade"))
        parts.append(svg.line(at, y(point.low), at, y(point.high), "interval of-cascade"))
        parts.append(svg.line(x(low), of, x(high), of, "interval of-cascade"))
        title = _title(Point(mean, point.loss, f"{point.label} on {view.held_out_name}"), unit)
        parts.append(svg.circle(at, of, 3.5, "dot cascade", title))
    return ([svg.polyline(places, "curve cascade")] if len(places) > 1 else []) + parts


def _legend(view: CascadesView) -> list[str]:
    kinds = [("found", f"found on {view.found_on} (optimistic)")]
    if any(cost is not None for cost in view.held_out):
        kinds.append(("cascade", f"on {view.held_out_name}, {percent(view.level, 0)} intervals"))
    if view.singles:
        kinds.append(("single", "single models"))
    if view.whole is not None:
        kinds.append(("whole", "mean of all"))
    parts, left = [], float(LEFT)
    for cls, name in kinds:
        if cls in ("found", "cascade"):
            parts.append(svg.line(left - 4, 20, left + 12, 20, f"curve {cls}"))
        parts.append(svg.circle(left + 4, 20, 5 if cls == "whole" else 3.5, "ring" if cls == "whole" else f"dot {cls}"))
        parts.append(svg.text(left + 18, 24, name, cls="tick"))
        left += 18 + len(name) * svg.CHARACTER_PX + 16
    return parts
