"""A plot area: data to pixels, grid, ticks and titles."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import svg


@dataclass(frozen=True)
class Scale:
    """Maps [low, high] to pixels [begin, end], evenly in the value or in its logarithm."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        if self.log:
            value, low, high = math.log(max(value, self.low * 1e-3)), math.log(self.low), math.log(self.high)
        else:
            low, high = self.low, self.high
        return self.begin + (value - low) / (high - low) * (self.end - self.begin)


def scale_around(values: Sequence[float], begin: float, end: float, log: bool, margin: float = 0.06) -> Scale:
    """A scale that holds all of `values` (log: all positive) with a margin on both sides."""
    low, high = min(values), max(values)
    if log:
        spread = max(math.log(high / low), math.log(1.5))
        middle = math.sqrt(low * high)
        half = math.exp(spread * (0.5 + margin))
        return Scale(middle / half, middle * half, begin, end, log=True)
    spread = max(high - low, 1e-9 + 0.05 * abs(high))
    middle = (low + high) / 2
    return Scale(middle - spread * (0.5 + margin), middle + spread * (0.5 + margin), begin, end)


def axis_x(
    scale: Scale, ticks: Sequence[float], show: Callable[[float], str], top: float, bottom: float, title: str
) -> list[str]:
    """Vertical grid lines with their values below, and the axis' title."""
    parts = [svg.line(scale(tick), top, scale(tick), bottom, "grid") for tick in ticks]
    parts += [svg.text(scale(tick), bottom + 16, show(tick), "middle", "tick") for tick in ticks]
    parts.append(svg.line(scale.begin, bottom, scale.end, bottom, "axis"))
    parts.append(svg.text((scale.begin + scale.end) / 2, bottom + 36, title, "middle", "title"))
    return parts


def axis_y(
    scale: Scale, ticks: Sequence[float], show: Callable[[float], str], left: float, right: float, title: str
) -> list[str]:
    """Horizontal grid lines with their values at the left, and the axis' title."""
    parts = [svg.line(left, scale(tick), right, scale(tick), "grid") for tick in ticks]
    parts += [svg.text(left - 6, scale(tick) + 4, show(tick), "end", "tick") for tick in ticks]
    parts.append(svg.text(left - 50, (scale.begin + scale.end) / 2, title, "middle", "title", turn=True))
    return parts
