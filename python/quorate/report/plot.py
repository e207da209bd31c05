"""A front, of ensembles or of cascades, or a plan as an SVG file of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from . import svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from .. import CascadeFront, CascadeReport, EnsembleFront, FrontEvaluation, Plan, Profile


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


def plot_plan(
    plan: Plan,
    profile: Profile,
    path: str | os.PathLike[str] | None = None,
    *,
    arrivals_s: ArrayLike | None = None,
    tiers: Sequence[Sequence[str | int]] = (),
    tier: ArrayLike | None = None,
    span_s: float | None = None,
) -> str:
    """A plan as an SVG document, which needs no other file: the batches of each device in the first moments of a simulated
    stream, a second of each device divided by the planned shares, and what each device's memory holds.

    arrivals_s: the stream; None: 2,000 samples, evenly at 90 % of the planned throughput. tiers, tier: as in ``simulate``.
    span_s: how much of the stream is drawn; None: some twenty batches a device. path: also written there, in one step.

    Raises ``ValueError`` for an infeasible plan and what ``simulate`` raises, ``quorate.FileError`` where the file cannot be
    written.
    """
    from ..files import write_text
    from .gantt import gantt, memory_chart, stretch_chart
    from .plan_view import plan_view, stretch_view

    if not plan.feasible:
        raise ValueError(f"plan is infeasible ({plan.why}), but must be feasible to be drawn")
    view = plan_view(plan, profile)
    stretch = stretch_view(plan, profile, arrivals_s=arrivals_s, tiers=tiers, tier=tier, span_s=span_s)
    drawing = standalone(svg.stacked([stretch_chart(view, stretch), gantt(view), memory_chart(view)], "A plan"))
    if path is not None:
        write_text(Path(path), drawing)
    return drawing


def standalone(drawing: str) -> str:
    """The page's style and paper put into a drawing, for a file of its own."""
    from importlib import resources

    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    head, body = drawing.split(">", 1)
    width, height = (svg.number(length) for length in svg.size_of(drawing))
    paper = f'<rect x="0" y="0" width="{width}" height="{height}" class="paper"/>'
    return f'{head} height="{height}" xmlns="http://www.w3.org/2000/svg">\n<style>\n{style}</style>\n{paper}{body}\n'
