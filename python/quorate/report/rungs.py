"""The search: each trial's loss over the resource that it was given, and how many reached each rung."""

from __future__ import annotations

import math

from . import svg
from .axes import Scale, axis_x, axis_y, scale_around
from .numbers import log_ticks, short
from .values import Search, Trial

WIDTH, HEIGHT = 860, 400
LEFT, RIGHT, TOP, BOTTOM = 76, 830, 44, 340


def _curve(trial: Trial) -> list[tuple[int, float]]:
    return [(resource, loss) for resource, loss in sorted(trial.losses.items()) if math.isfinite(loss) and loss > 0]


def rung_chart(search: Search) -> str:
    """Empty where no trial has reported a finite loss above 0."""
    curves = {trial.number: curve for trial in search.trials if (curve := _curve(trial))}
    if not curves:
        return ""
    losses = [loss for curve in curves.values() for _, loss in curve]
    last = max([resource for curve in curves.values() for resource, _ in curve] + search.rungs)
    first = min([resource for curve in curves.values() for resource, _ in curve] + search.rungs)
    x = Scale(first, max(last, 2 * first), LEFT + 16, RIGHT - 40, log=True)
    y = scale_around(losses, BOTTOM, TOP, log=True)
    parts = axis_x(
        x, search.rungs, lambda rung: short(rung), TOP, BOTTOM, "resource given to a trial (units of training, logarithmic)"
    )
    parts += axis_y(y, log_ticks(y.low, y.high), short, LEFT, RIGHT, f"{search.metric} on valid (logarithmic)")
    for rung in search.rungs:
        reached = sum(max(resource for resource, _ in curve) >= rung for curve in curves.values())
        parts.append(svg.text(x(rung), TOP - 12, f"{reached} trial{'s' if reached != 1 else ''}", "middle", "tick"))
    best = min(curves, key=lambda number: (-curves[number][-1][0], curves[number][-1][1]))
    for number, curve in sorted(curves.items(), key=lambda item: item[1][-1][0]):
        done = curve[-1][0] >= last
        cls = "best" if number == best else "full" if done else "part"
        name = f"trial {number}: {search.metric} {short(curve[-1][1])} at resource {curve[-1][0]}"
        points = [(x(resource), y(loss)) for resource, loss in curve]
        parts.append(svg.polyline(points, f"curve {cls}", name))
        parts.append(svg.circle(*points[-1], 3.5 if number == best else 2.5, f"dot {cls}", name))
    resource, loss = curves[best][-1]
    parts.append(svg.text(x(resource) + 7, y(loss) + 4, f"#{best}", cls="strong"))
    return svg.drawing(WIDTH, HEIGHT, parts, f"Loss by resource of {len(curves)} trials")
