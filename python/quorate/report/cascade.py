"""A cascade: how much of the stream reaches each tier, how much stops there, and at which certainty."""

from __future__ import annotations

from . import svg
from .numbers import linear_ticks, percent, short
from .values import CascadeView

WIDTH, LEFT, RIGHT = 860, 190, 830
TOP, ROW, BAR = 40, 74, 26


def cascade_chart(cascade: CascadeView) -> str:
    """One row a tier; the bar's length is its reach, the filled part is what it answers."""
    bottom = TOP + ROW * len(cascade.tiers)
    width = RIGHT - LEFT
    parts = []
    for tick in linear_ticks(0.0, 1.0):
        at = LEFT + tick * width
        parts.append(svg.line(at, TOP - 8, at, bottom, "grid"))
        parts.append(svg.text(at, bottom + 16, percent(tick, 0), "middle", "tick"))
    parts.append(svg.text((LEFT + RIGHT) / 2, bottom + 36, f"share of the samples of {cascade.split}", "middle", "title"))
    for kind, name, at in (("stops", "answered here", LEFT), ("passes", "passed on to the next tier", LEFT + 130)):
        parts.append(svg.rect(at, 8, 12, 12, f"bar {kind}"))
        parts.append(svg.text(at + 18, 18, name, cls="tick"))
    for index, tier in enumerate(cascade.tiers):
        y = TOP + ROW * index + 4
        last = index == len(cascade.tiers) - 1
        rule = "always answers" if last else f"stops at {tier.signal} ≥ {short(tier.threshold)}"
        if not last and tier.threshold > 1:
            rule = "never stops (threshold above 1)"
        parts.append(svg.text(LEFT - 12, y + 12, f"tier {index + 1}", "end", "strong"))
        parts.append(svg.text(LEFT - 12, y + 28, rule, "end", "tick"))
        share = f"tier {index + 1}: reached by {percent(tier.reach)}, answers {percent(tier.answered)}"
        parts.append(svg.rect(LEFT, y, tier.reach * width, BAR, "bar passes", share))
        parts.append(svg.rect(LEFT, y, tier.answered * width, BAR, "bar stops", share))
        said = f"reached by {percent(tier.reach)}, answers {percent(tier.answered)}"
        parts.append(svg.text(LEFT, y + BAR + 16, svg.fitted(f"{said}: {', '.join(tier.members)}", width), cls="tick"))
    return svg.drawing(WIDTH, bottom + 46, parts, "Reach of each tier of the cascade")
