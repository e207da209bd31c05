"""How differently the members of an ensemble err, as small heat tables."""

from __future__ import annotations

from . import svg
from .values import DiversityView

LABELS, CELL, GAP, TOP = 170, 40, 46, 62
NARROW = 26  # of a cell where there are many members
WIDE_ENOUGH_FOR = 8  # members with figures in their cells


def heat_chart(view: DiversityView) -> str:
    """Disagreement and error correlation side by side; empty where there are not two members."""
    count = len(view.names)
    if count < 2:
        return ""
    tables = [("error correlation", view.error_correlation)]
    if view.disagreement is not None:
        tables.insert(0, ("disagreement", view.disagreement))
    cell = CELL if count <= WIDE_ENOUGH_FOR else NARROW
    parts = [
        svg.text(LABELS - 10, TOP + cell * row + cell / 2 + 4, svg.fitted(f"{name} ({row + 1})", LABELS - 14), "end", "tick")
        for row, name in enumerate(view.names)
    ]
    left = float(LABELS)
    for title, values in tables:
        parts += _table(title, values, view.names, left, cell)
        left += count * cell + GAP
    return svg.drawing(left, TOP + count * cell + 12, parts, "Disagreement and error correlation of the members")


def _table(title: str, values: list[list[float]], names: list[str], left: float, cell: float) -> list[str]:
    """Strong colour is much disagreement, or much correlation; a negative correlation has the other hue."""
    parts = [svg.text(left, 20, title, cls="strong")]
    most = max((abs(v) for a, row in enumerate(values) for b, v in enumerate(row) if a != b), default=0.0) or 1.0
    for a, row in enumerate(values):
        parts.append(svg.text(left + cell * a + cell / 2, TOP - 8, str(a + 1), "middle", "tick"))
        for b, value in enumerate(row):
            x, y = left + cell * b, TOP + cell * a
            if a == b:
                parts.append(svg.rect(x, y, cell - 2, cell - 2, "bar idle"))
                continue
            said = f"{names[a]} and {names[b]}: {title} {value:.3f}"
            shade = min(7, int(8 * abs(value) / most))
            parts.append(svg.rect(x, y, cell - 2, cell - 2, f"heat{shade} {'less' if value < 0 else 'more'}", said))
            if cell == CELL:
                parts.append(svg.text(x + cell / 2 - 1, y + cell / 2 + 4, _figure(value), "middle", "inside"))
    return parts


def _figure(value: float) -> str:
    """ ".07", "-.12", "1": two decimals without the zero before them."""
    text = f"{value:.2f}"
    return "1" if text == "1.00" else "0" if text in ("0.00", "-0.00") else text.replace("0.", ".")
