"""A front as a drawing: what is in it, and that the file needs no other."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import quorate as qr
from quorate.report import values
from quorate.report.front import front_plot
from quorate.report.heat import heat_chart
from quorate.report.numbers import with_interval
from quorate.report.page import page

POINTS = [
    values.LossPoint(1e-6, 0.5, "small", 0.52, 0.48, 0.56, 0.52, "small"),
    values.LossPoint(3e-6, 0.4, "small + <large>", 0.43, 0.4, 0.46, 0.47, "large"),
]
VIEW = values.FrontView(POINTS, "latency_s", "log_loss", "valid", "calib", 0.9, 0.47, "large")
DIVERSITY = values.DiversityView(["small", "<large>"], "calib", [[0.0, 0.1], [0.1, 0.0]], [[1.0, -0.2], [-0.2, 1.0]], "it")


def shapes(drawing: str, tag: str, cls: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", drawing))
    return [shape for shape in root.iter(tag) if shape.get("class") == cls]


def test_optimistic_and_held_out_losses_stand_beside_each_other() -> None:
    drawing = front_plot(VIEW)
    assert len(shapes(drawing, "circle", "dot selected")) == 3  # one is the legend's
    assert len(shapes(drawing, "circle", "dot ensemble")) == 3
    assert len(shapes(drawing, "line", "interval")) == 6 and len(shapes(drawing, "polyline", "curve single")) == 1
    assert "on calib, 90 % intervals" in drawing and "&lt;large&gt;" in drawing and "3 µs" in drawing


def test_a_front_without_an_evaluation_is_drawn_as_it_was_selected() -> None:
    bare = values.FrontView([values.LossPoint(0.0, 0.5), values.LossPoint(1.0, 0.4)], "cost")
    drawing = front_plot(bare)  # a cost of 0: no logarithm
    assert "logarithmic" not in drawing and not shapes(drawing, "circle", "dot ensemble")
    assert front_plot(values.FrontView([], "cost")) == ""
    assert front_plot(values.FrontView([values.LossPoint(1.0, 0.0)], "cost"))  # one point, never wrong


def test_points_of_several_costs_are_not_joined() -> None:
    several = values.FrontView([values.LossPoint(1.0, 0.4, loss=0.4, single=0.5), values.LossPoint(2.0, 0.45)], "cost")
    drawing = front_plot(several)
    assert not shapes(drawing, "polyline", "curve selected") and len(shapes(drawing, "circle", "dot single")) == 1


def test_the_heat_tables_name_and_shade_every_pair() -> None:
    drawing = heat_chart(DIVERSITY)
    assert len(shapes(drawing, "rect", "heat7 more")) == 2 and len(shapes(drawing, "rect", "heat7 less")) == 2
    assert "small and &lt;large&gt;: error correlation -0.200" in drawing and ">-.20<" in drawing
    assert heat_chart(values.DiversityView(["alone"], "calib", [[0.0]], [[1.0]])) == ""
    many = [[float(a == b) for b in range(9)] for a in range(9)]
    names = [str(m) for m in range(9)]
    assert "disagreement 0" not in heat_chart(values.DiversityView(names, "calib", None, many))


def test_the_page_shows_both() -> None:
    document = page(values.Run("x", front=VIEW, diversity=DIVERSITY))
    assert "<h2>Ensembles</h2>" in document and "<h2>Diversity</h2>" in document
    assert "calib, which nothing was selected on" in document
    body = document[document.index("<main>") : document.index("</main>") + len("</main>")]
    ElementTree.fromstring(body)
    optimistic = page(values.Run("x", front=values.FrontView([values.LossPoint(1.0, 0.4)], "cost")))
    assert "optimistic. `quorate select --held-out`" in optimistic


@pytest.mark.parametrize(
    ("figures", "text"),
    [
        ((0.02361, 0.0114, 0.0357), "+0.024 [0.011, 0.036]"),
        ((-12.3, -14.0, -10.1), "-12.3 [-14.0, -10.1]"),
        ((0.0, 0.0, 0.0), "0 [0, 0]"),
        ((1234.5, 1000.0, 1500.0), "+1234 [1000, 1500]"),
    ],
)
def test_figures_are_as_long_as_their_intervals_are_wide(figures: tuple[float, float, float], text: str) -> None:
    assert with_interval(*figures, sign=True) == text


def test_plot_front_is_a_whole_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    probs = rng.dirichlet(np.ones(3), size=(4, 300)).astype(np.float32)
    data = qr.Predictions(probs, labels)
    front = qr.select(data, [1.0, 2.0, 3.0, 4.0], max_size=4)
    seen = qr.evaluate_front(front, data, [1.0, 2.0, 3.0, 4.0], draws=50)
    drawing = qr.plot_front(front, seen, tmp_path / "front.svg", cost="usd", names=["a", "b", "c", "d"])
    assert (tmp_path / "front.svg").read_text(encoding="utf-8") == drawing
    root = ElementTree.fromstring(drawing)
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and "log_loss" in drawing and "<style>" in drawing
    assert not re.search(r"href\s*=|@import|url\(|<script", drawing)
    assert "ensembles as selected" in qr.plot_front(front, metric="log_loss")
    with pytest.raises(ValueError, match="evaluation is of another front"):
        qr.plot_front(qr.EnsembleFront([front[0]]), seen)
    with pytest.raises(ValueError, match="front has no points"):
        qr.plot_front(qr.EnsembleFront())
    with pytest.raises(qr.FileError, match="absent"):
        qr.plot_front(front, path=tmp_path / "absent" / "front.svg")
