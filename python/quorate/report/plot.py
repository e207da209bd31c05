"""A front, of ensembles or of cascades, as an SVG file of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .. import CascadeFront, CascadeReport, EnsembleFront, FrontEvaluation


def plot_front(
    front: EnsembleFront,
    evaluation: FrontEvaluation | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    cost: str = "cost",
    metric: str = "loss",
    names: Sequence[str] | None = None,
) -> str:
    """Loss against cost of a front's ensembles as an SVG document, which needs no other file.

    front: drawn as it was selected, which is optimistic. evaluation: what ``evaluate_front`` gave for it; adds the losses on
    held-out data with their intervals, and the best model alone (at each point's cost where it was told costs). path: also
    written there, in one step. cost: the cost's name, for the axis; one that ends in ``_s``, ``_bytes``, ``_usd`` or
    ``flops`` brings its unit. metric: the losses' name; an evaluation knows it. names: [models], for what is said of a
    point under the mouse.

    Raises ``ValueError`` for a front without points and for an evaluation of another front, ``quorate.FileError`` where the
    file cannot be written.
    """
    from ..files import write_text
    from .front import front_plot
    from .front_view import front_view

    if len(front) == 0:
        raise ValueError("front has no points, but must have at least one")
    view = front_view(front, evaluation, cost, metric, names)
    drawing = standalone(front_plot(view))
    if path is not None:
        write_text(Path(path), drawing)
    return drawing


def plot_cascades(
    front: CascadeFront,
    reports: Sequence[CascadeReport] | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    cost: str = "cost",
    names: Sequence[str] | None = None,
) -> str:
    """Error against mean cost of a front's cascades as an SVG document, which needs no other file.

    front: drawn as it was found, which is optimistic. reports: what ``evaluate`` gave for each of its cascades, in order, on
    other data; adds these figures with their intervals, every single model and the mean of all models of the last cascade.
    path: also written there, in one step. cost: the cost's name, for the axis; one that ends in ``_s``, ``_bytes``, ``_usd``
    or ``flops`` brings its unit. names: [models], for what is said of a point under the mouse.

    Raises ``ValueError`` for a front without cascades and for reports that are not one for each, ``quorate.FileError`` where
    the file cannot be written.
    """
    from ..files import write_text
    from .cascade_view import cascades_view
    from .cascades import cascades_plot

    if len(front) == 0:
        raise ValueError("front has no cascades, but must have at least one")
    drawing = standalone(cascades_plot(cascades_view(front, reports, cost, names)))
    if path is not None:
        write_text(Path(path), drawing)
    return drawing


def standalone(drawing: str) -> str:
    """The page's style and paper put into a drawing, for a file of its own."""
    from importlib import resources

    from .front import HEIGHT, WIDTH

    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    head, body = drawing.split(">", 1)
    paper = f'<rect x="0" y="0" width="{WIDTH}" height="{HEIGHT}" class="paper"/>'
    return f'{head} height="{HEIGHT}" xmlns="http://www.w3.org/2000/svg">\n<style>\n{style}</style>\n{paper}{body}\n'
