"""The few shapes that the drawings are made of, as SVG text. Colours are classes: the page's style knows light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

CHARACTER_PX = 6.4  # about the mean width of a character at the drawings' 12 px


def number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def text(x: float, y: float, content: str, anchor: str = "start", cls: str = "", turn: bool = False) -> str:
    """`turn`: read from below, for the axis at the left."""
    turned = f' transform="rotate(-90 {number(x)} {number(y)})"' if turn else ""
    kind = f' class="{cls}"' if cls else ""
    return f'<text x="{number(x)}" y="{number(y)}" text-anchor="{anchor}"{kind}{turned}>{escape(content)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, cls: str) -> str:
    return f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" class="{cls}"/>'


def rect(x: float, y: float, width: float, height: float, cls: str, title: str = "") -> str:
    shape = f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(width, 0))}" height="{number(height)}" class="{cls}"'
    return f"{shape}><title>{escape(title)}</title></rect>" if title else f"{shape}/>"


def circle(x: float, y: float, radius: float, cls: str, title: str = "") -> str:
    shape = f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" class="{cls}"'
    return f"{shape}><title>{escape(title)}</title></circle>" if title else f"{shape}/>"


def polyline(points: Sequence[tuple[float, float]], cls: str, title: str = "") -> str:
    shape = f'<polyline points="{" ".join(f"{number(x)},{number(y)}" for x, y in points)}" class="{cls}"'
    return f"{shape}><title>{escape(title)}</title></polyline>" if title else f"{shape}/>"


def drawing(width: float, height: float, parts: Iterable[str], label: str) -> str:
    """One SVG that shrinks with the page; `label` says what it shows to those who cannot see it."""
    body = "\n".join(parts)
    return (
        f'<svg viewBox="0 0 {number(width)} {number(height)}" width="{number(width)}" role="img" '
        f'aria-label="{escape(label, quote=True)}">\n{body}\n</svg>'
    )


def size_of(drawing: str) -> tuple[float, float]:
    """Width and height of what drawing() gave."""
    _, _, width, height = drawing.split('viewBox="', 1)[1].split('"', 1)[0].split()
    return float(width), float(height)


def stacked(drawings: Sequence[str], label: str) -> str:
    """Drawings below each other as one."""
    sizes = [size_of(each) for each in drawings]
    parts, y = [], 0.0
    for each, (_, height) in zip(drawings, sizes, strict=True):
        parts.append(each.replace("<svg ", f'<svg y="{number(y)}" height="{number(height)}" ', 1))
        y += height
    return drawing(max(width for width, _ in sizes), y, parts, label)


def fitted(content: str, width_px: float) -> str:
    """`content`, cut with an ellipsis to about `width_px`; empty where not even three characters fit."""
    room = int(width_px / CHARACTER_PX)
    if len(content) <= room:
        return content
    return content[: room - 1] + "…" if room >= 4 else ""


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions near `wanted`, at least `gap` from each other and within [low, high], in the order given: for labels."""
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    placed = [0.0] * len(wanted)
    edge = low
    for index in order:
        placed[index] = max(wanted[index], edge)
        edge = placed[index] + gap
    edge = high
    for index in reversed(order):
        placed[index] = min(placed[index], edge)
        edge = placed[index] - gap
    return placed
