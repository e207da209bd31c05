"""The pictures of docs/routing.md, drawn from the CIFAR-10 pools into docs/images.

cascade_front.svg    error against MACs of single models, ensembles and cascades: found on one half, drawn on the other
cascade_pays.svg     two tiers, of which the second is always the most accurate network: error against cost over all
                     thresholds, for four first tiers, of which one pays
cascade_share.svg    what the same cascades cost, by the share of the samples that goes on, and which share it takes to
                     keep the network's accuracy
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import libraries
import numpy as np
import route_pools
from numpy.typing import NDArray
from route_pools import Pool

import quorate as qr
from quorate.report import svg
from quorate.report.axes import Scale, axis_x, axis_y
from quorate.report.fronts import CROPPED_ERROR, front_chart
from quorate.report.numbers import linear_ticks, percent
from quorate.report.plot import standalone
from quorate.report.values import Fronts, Point

IMAGES = Path(__file__).parents[2] / "docs" / "images"
WIDTH, HEIGHT = 860, 430
LEFT, RIGHT, TOP, BOTTOM = 76, 830, 84, 370
MOST_POINTS = 40  # of a curve
SECOND = "w24"
FIRSTS = {"w8": "cascade", "w32px16": "ensemble", "mlp_all_256x128_a0.01": "found", "gnb_hog": "single"}  # and how drawn
CALLED = {"mlp_all_256x128_a0.01": "an MLP on features", "gnb_hog": "naive Bayes", "w8": "network w8",
          "w32px16": "network w32px16"}  # fmt: skip


@dataclass(frozen=True)
class Sweep:
    """Two tiers at each number of samples that stop at the first, the surest first."""

    name: str
    dearness: float  # first tier's cost over the second's
    goes_on: NDArray[np.float64]  # share
    loses: NDArray[np.float64]  # error minus the second tier's own
    accuracy: float  # of the first tier alone
    certainty: float  # its mean confidence

    def least_share(self) -> float:
        """That goes on where the second tier's accuracy is kept."""
        return float(self.goes_on[self.loses <= 0].min())


def sweep(pool: Pool, name: str) -> Sweep:
    predictions, cost = pool.predictions, pool.costs["macs"]
    first, second = pool.models.index(name), pool.models.index(SECOND)
    labels, samples = predictions.labels, predictions.samples
    right = [np.asarray(predictions.probs[m]).argmax(1) == labels for m in (first, second)]
    certainty = np.asarray(predictions.probs[first], np.float64).max(1)
    order = np.argsort(-certainty, kind="stable")
    lost = np.concatenate([[0.0], np.cumsum(right[1][order].astype(float) - right[0][order])]) / samples
    whole = np.concatenate([[True], np.diff(certainty[order]) < 0, [True]])  # equal certainties stop together
    stops = np.flatnonzero(whole)
    return Sweep(
        name, float(cost[first] / cost[second]), 1.0 - stops / samples, lost[stops], float(right[0].mean()),
        float(certainty.mean()),
    )  # fmt: skip


# --- the front


def front(data: Path) -> str:
    search, test = route_pools.cnn_pool(data).split(0, (0.5, 0.5))
    cost = search.costs["macs"]

    def point(committee: qr.Cascade | qr.Ensemble) -> Point:
        report = qr.evaluate(committee, test.predictions, cost, draws=0, compare=False)
        return Point(report.mean_cost, report.loss)

    singles = [Point(of, loss, name) for of, loss, name in zip(cost, test.losses(), test.models, strict=True)]
    ensembles = [point(ensemble) for ensemble in qr.select(search.predictions, cost, metric="accuracy")]
    found = qr.find_cascades(search.predictions, cost, max_depth=3)
    cascades = [point(found.within(of)) for of in np.geomspace(2 * min(cost), found[-1].cost, MOST_POINTS)]
    shown = [[of for of in kind if of.error <= CROPPED_ERROR] for kind in (singles, ensembles, cascades)]
    return front_chart(Fronts(*shown, [], "macs", "the half that nothing was found on"))


# --- when it pays


def legend(sweeps: list[Sweep]) -> list[str]:
    parts = []
    for index, of in enumerate(sweeps):
        x, y = LEFT + (index % 2) * 412.0, 18.0 + 20.0 * (index // 2)
        kind = FIRSTS[of.name]
        parts.append(svg.line(x - 4, y, x + 14, y, f"curve {kind}"))
        parts.append(svg.circle(x + 5, y, 3.5, f"dot {kind}"))
        said = f"{CALLED[of.name]}: costs {percent(of.dearness, 0 if of.dearness >= 0.01 else 2)} of it, "
        said += f"right {percent(of.accuracy, 0)}, sure {percent(of.certainty, 0)}"
        parts.append(svg.text(x + 20, y + 4, said, cls="tick"))
    return parts


def pays(sweeps: list[Sweep]) -> str:
    x, y = Scale(0.0, 1.5, LEFT, RIGHT), Scale(-0.01, 0.05, BOTTOM, TOP)
    parts = [svg.rect(LEFT, y(0.0), x(1.0) - LEFT, BOTTOM - y(0.0), "hue2 heat4")]
    parts += axis_x(x, linear_ticks(0.0, 1.5, 6), lambda of: f"{of:g}", TOP, BOTTOM,
                    f"mean cost of a sample, over that of {SECOND} alone")  # fmt: skip
    parts += axis_y(y, linear_ticks(-0.01, 0.05, 6), lambda of: f"{100 * of:+g}" if of else "0", LEFT, RIGHT,
                    f"error above {SECOND}'s, points")  # fmt: skip
    parts.append(svg.line(x(1.0), TOP, x(1.0), BOTTOM, "axis"))
    parts.append(svg.line(LEFT, y(0.0), RIGHT, y(0.0), "axis"))
    parts.append(svg.text(LEFT + 8, BOTTOM - 10, "cheaper and no worse: here it pays", cls="strong"))
    for of in sweeps:
        inside = np.flatnonzero((of.loses <= y.high) & (of.loses >= y.low))
        shown = inside[np.unique(np.rint(np.linspace(0, len(inside) - 1, 3 * MOST_POINTS)).astype(int))]
        places = [(x(of.dearness + share), y(lost)) for share, lost in zip(of.goes_on[shown], of.loses[shown], strict=True)]
        parts.append(svg.polyline(places, f"curve {FIRSTS[of.name]}", CALLED[of.name]))
    parts.append(svg.circle(x(1.0), y(0.0), 5, "ring", SECOND))
    parts.append(svg.text(x(1.0) + 10, y(0.0) + 18, f"{SECOND} alone", cls="strong"))
    return svg.drawing(WIDTH, HEIGHT, [*parts, *legend(sweeps)], "Error against cost of four cascades of two tiers")


# --- the share that goes on


def share(sweeps: list[Sweep]) -> str:
    x, y = Scale(0.0, 1.0, LEFT, RIGHT), Scale(0.0, 1.5, BOTTOM, TOP)
    parts = [svg.rect(LEFT, y(1.0), RIGHT - LEFT, BOTTOM - y(1.0), "hue2 heat4")]
    parts += axis_x(x, linear_ticks(0.0, 1.0, 10), lambda of: percent(of, 0), TOP, BOTTOM,
                    "share of the samples that goes on to the second tier")  # fmt: skip
    parts += axis_y(y, linear_ticks(0.0, 1.5, 6), lambda of: f"{of:g}", LEFT, RIGHT, f"mean cost, over that of {SECOND}")
    parts.append(svg.line(LEFT, y(1.0), RIGHT, y(1.0), "axis"))
    parts.append(svg.text(LEFT + 8, y(1.0) + 18, f"cheaper than {SECOND} alone", cls="strong"))
    for of in sweeps:
        kind, least = FIRSTS[of.name], of.least_share()
        ends = [(x(r), y(of.dearness + r)) for r in (0.0, 1.0)]
        parts.append(svg.polyline(ends, f"curve {kind}", CALLED[of.name]))
        at = (x(least), y(of.dearness + least))
        said = f"{CALLED[of.name]}: {percent(least, 0)} must go on, costs {of.dearness + least:.2f}"
        parts.append(svg.circle(*at, 5, f"dot {kind}", said))
        parts.append(svg.text(at[0] - 10, at[1] - 8, f"{of.dearness + least:.2f}", "end", "strong"))
    return svg.drawing(WIDTH, HEIGHT, [*parts, *legend(sweeps)], "Cost of a cascade by the share that goes on")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=libraries.DEFAULT_DATA, help="holds the cifar10_* folders")
    parser.add_argument("--to", type=Path, default=IMAGES)
    given = parser.parse_args()
    pool = route_pools.both_pools(given.data)
    sweeps = [sweep(pool, name) for name in FIRSTS]
    given.to.mkdir(parents=True, exist_ok=True)
    drawings = {"front": front(given.data), "pays": pays(sweeps), "share": share(sweeps)}
    for name, drawing in drawings.items():
        path = given.to / f"cascade_{name}.svg"
        path.write_text(standalone(drawing), encoding="utf-8")
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    for of in sweeps:
        least = of.least_share()
        print(f"{of.name} before {SECOND}: costs {of.dearness:.4f} of it, right {100 * of.accuracy:.1f} %, "
              f"mean confidence {100 * of.certainty:.1f} %; {100 * least:.1f} % go on at equal accuracy, "
              f"cost {of.dearness + least:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
