"""Error against cost: every single model, the ensembles' front and the cascades' front."""

from __future__ import annotations

from . import svg
from .axes import Scale, axis_x, axis_y, scale_around
from .numbers import linear_ticks, log_ticks, percent, quantity, short, unit_of
from .values import Fronts, Point

WIDTH, HEIGHT = 860, 430
LEFT, RIGHT, TOP, BOTTOM = 76, 830, 44, 370
CROPPED_ERROR = 0.30  # a model that errs more often than this would press all others against the axis


def _title(kind: str, point: Point, cost_key: str) -> str:
    return f"{point.label or kind}: error {percent(point.error)}, {quantity(point.cost, unit_of(cost_key))} a sample"


def front_chart(fronts: Fronts) -> str:
    """Empty where there is no model with a cost above 0."""
    everything = [p for p in (*fronts.singles, *fronts.ensembles, *fronts.cascades, *fronts.chosen) if p.cost > 0]
    shown = [p for p in everything if p.error <= CROPPED_ERROR] or everything
    if not shown:
        return ""
    unit = unit_of(fronts.cost_key)
    x = scale_around([p.cost for p in shown], LEFT, RIGHT, log=True)
    y = scale_around([p.error for p in shown] + [0.0], BOTTOM, TOP, log=False, margin=0.05)
    inside = {id(p) for p in shown}
    parts = axis_x(x, log_ticks(x.low, x.high), lambda cost: quantity(cost, unit), TOP, BOTTOM,
                   f"mean cost of a sample ({fronts.cost_key}, logarithmic)")  # fmt: skip
    ticks = [tick for tick in linear_ticks(0.0, y.high) if tick >= 0]
    parts += axis_y(y, ticks, lambda error: f"{short(100 * error)} %", LEFT, RIGHT, f"error on {fronts.split}")
    for point in fronts.singles:
        if id(point) in inside:
            parts.append(
                svg.circle(x(point.cost), y(point.error), 3, "dot single", _title("single model", point, fronts.cost_key))
            )
    for kind, points in (("ensemble", fronts.ensembles), ("cascade", fronts.cascades)):
        places = [(x(p.cost), y(p.error)) for p in points if id(p) in inside]
        if len(places) > 1:
            parts.append(svg.polyline(places, f"curve {kind}"))
        for point in points:
            if id(point) in inside:
                parts.append(
                    svg.circle(x(point.cost), y(point.error), 3, f"dot {kind}", _title(kind, point, fronts.cost_key))
                )
    parts += _chosen([p for p in fronts.chosen if id(p) in inside], x, y)
    kinds = [("single", "single models", fronts.singles), ("ensemble", "ensembles (front)", fronts.ensembles)]
    kinds += [("cascade", "cascades (front, before calibration)", fronts.cascades)]
    parts += _legend([(cls, name) for cls, name, points in kinds if points], len(everything) - len(shown))
    return svg.drawing(WIDTH, HEIGHT, parts, "Error against cost of single models, ensembles and cascades")


def _chosen(points: list[Point], x: Scale, y: Scale) -> list[str]:
    """A ring around each chosen point and its label above, labels kept apart, a thin line from one to the other."""
    width = max((len(p.label) for p in points), default=0) * svg.CHARACTER_PX + 10
    labels_x = svg.apart([x(p.cost) for p in points], width, LEFT + width / 2, RIGHT - width / 2)
    parts = []
    for point, label_x in zip(points, labels_x, strict=True):
        at_x, at_y = x(point.cost), y(point.error)
        label_y = max(TOP + 14, min(at_y - 46, BOTTOM - 90))
        parts.append(svg.line(label_x, label_y + 4, at_x, at_y - 7, "leader"))
        parts.append(svg.circle(at_x, at_y, 6, "ring", f"{point.label}: error {percent(point.error)}"))
        parts.append(svg.text(label_x, label_y, point.label, "middle", "strong"))
    return parts


def _legend(kinds: list[tuple[str, str]], hidden: int) -> list[str]:
    parts, left = [], float(LEFT)
    for cls, name in kinds:
        parts.append(svg.circle(left + 4, 20, 4, f"dot {cls}"))
        parts.append(svg.text(left + 14, 24, name, cls="tick"))
        left += 14 + len(name) * svg.CHARACTER_PX + 24
    if hidden:
        parts.append(svg.text(RIGHT, 24, f"{hidden} models above {percent(CROPPED_ERROR, 0)} not shown", "end", "tick"))
    return parts
