"""A run folder's files as the values that the page is drawn from. What has not run yet is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .._core import FileError
from ..files import read_json
from ..folder import RunFolder
from .cascade_view import cascades_view, class_table, comparison_table, figure_words
from .front_view import diversity_view, front_table, front_view
from .plan_view import plan_view, stretch_view
from .values import (
    CascadeView,
    DiversityView,
    Fronts,
    FrontView,
    PlanView,
    Point,
    Run,
    Search,
    Table,
    TierView,
    Trial,
)
from .words import certificate_words

if TYPE_CHECKING:
    from .. import Cascade, ModelLibrary, Predictions, Study


def read_run(run: RunFolder) -> Run:
    """Raises ValueError where there is nothing to report on, FileError for a file that cannot be read."""
    import quorate as qr

    library = run.library() if (run.path / "library").is_dir() else None
    table = read_table(run) if run.result.is_file() else None
    search = search_view(qr.Study.open(run.path)) if run.study.is_file() else None
    fronts = fronts_view(run, library, table) if library is not None and len(library) > 0 else None
    cascade = cascade_view(run, library) if library is not None and run.cascade.is_file() else None
    plan = read_plan(run, library) if run.plan.is_file() else None
    if not (search or fronts or table or plan):
        raise ValueError(f"{run.path} holds nothing to report on: no study.db, no library/, no plan.json")
    front, diversity = held_out_views(run, library) if library is not None and run.front.is_file() else (None, None)
    shown = table[0] if table else None
    return Run(f"quorate: {run.path}", search, fronts, cascade, plan, shown, front, diversity)


def read_plan(run: RunFolder, library: ModelLibrary | None) -> PlanView:
    """The plan, and a stretch of a simulated stream: through the cascade's tiers by the plan's demand, where the plan was
    made for the cascade that is there; else a sample asks all of its models at once."""
    import quorate as qr

    plan, profile = qr.Plan.load(run.plan), qr.Profile.load(run.profile)
    view = plan_view(plan, profile)
    if not plan.feasible:
        return view
    tiers: list[list[str]] = []
    if library is not None and run.cascade.is_file():
        tiers = [[library.names[m] for m in tier.members] for tier in qr.Cascade.load(run.cascade).tiers]
        placed = {model for model, hosted in zip(plan.models, plan.batch.max(0).tolist(), strict=True) if hosted}
        demand = dict(zip(plan.models, plan.demand.tolist(), strict=True))
        if not {name for tier in tiers for name in tier} <= placed or max(demand[name] for name in tiers[0]) < 1.0:
            tiers = []
    return replace(view, stretch=stretch_view(plan, profile, tiers=tiers))


def search_view(study: Study) -> Search:
    trials = [Trial(t.number, t.state, {int(r): float(loss) for r, loss in t.losses.items()}) for t in study.trials()]
    return Search(trials, [int(resource) for resource in study.rungs])


def read_table(run: RunFolder) -> tuple[Table, list[Point]]:
    """The table of result.json, and its rows' points as they were on the split that they were chosen on."""
    document = read_json(run.result)
    try:
        table = Table(list(document["columns"]), [list(row) for row in document["rows"]], list(document["notes"]))
        points = [Point(float(p["cost"]), float(p["error"]), str(p["label"])) for p in document["chosen"]]
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"{run.result}: is not a result that `quorate demo` wrote: {error!r}") from error
    return table, points


def error_of_each(predictions: Predictions) -> list[float]:
    """The share of samples that each model answers wrongly."""
    import numpy as np

    return [float((np.asarray(probs).argmax(-1) != predictions.labels).mean()) for probs in predictions.probs]


def fronts_view(
    run: RunFolder, library: ModelLibrary, table: tuple[Table, list[Point]] | None, split: str = "valid"
) -> Fronts | None:
    import quorate as qr

    key = run.settings()["cost"]
    entries = [library.entry(name) for name in library.names]
    if not all(key in entry.cost and split in entry.splits for entry in entries):
        return None  # nothing to draw them by
    names, cost, predictions = library.names, library.cost(key), library.predictions(split)
    singles = [Point(float(c), e, name) for c, e, name in zip(cost, error_of_each(predictions), names, strict=True)]
    ensembles, cascades = [], []
    if run.front.is_file():
        for ensemble in qr.EnsembleFront.load(run.front):
            label = f"{len(ensemble.members)} models" if len(ensemble.members) > 1 else names[ensemble.members[0]]
            ensembles.append(
                Point(ensemble.cost, qr.evaluate(ensemble, predictions, cost, draws=0, compare=False).loss, label)
            )
    if run.cascades.is_file():
        for cascade in qr.CascadeFront.load(run.cascades):
            cascades.append(Point(cascade.cost, cascade.loss, " → ".join(_tier_names(cascade, names))))
    return Fronts(singles, ensembles, cascades, table[1] if table else [], key, split)


def held_out_views(run: RunFolder, library: ModelLibrary) -> tuple[FrontView | None, DiversityView | None]:
    """The front as it was selected and on held-out data, and how differently its best ensemble's members err there. An
    evaluation of another front than the one that is there now is left out."""
    import quorate as qr

    front = qr.EnsembleFront.load(run.front)
    if len(front) == 0:
        return None, None
    settings, names = run.settings(), library.names
    evaluation = qr.FrontEvaluation.load(run.evaluation) if run.evaluation.is_file() else None
    if evaluation is not None and [point.ensemble for point in evaluation] != list(front):
        evaluation = None
    selected_on, held_out = settings.get("selected_on", "valid"), settings.get("held_out", "held-out data")
    view = front_view(front, evaluation, settings["cost"], settings["metric"], names)
    table = front_table(evaluation, settings["cost"], names, selected_on, held_out) if evaluation is not None else None
    view = replace(view, selected_on=selected_on, held_out=held_out, table=table)
    split = held_out if evaluation is not None else selected_on
    if split not in library.splits:
        return view, None
    best = front[-1]
    diversity = diversity_view(best, library.predictions(split), names, split)
    return view, replace(diversity, of="the ensemble of least loss") if diversity is not None else None


def _tier_names(cascade: Cascade, names: list[str]) -> list[str]:
    return [" + ".join(names[member] for member in tier.members) for tier in cascade.tiers]


MOST_CASCADES = 40  # of a front, on held-out data


def cascade_view(run: RunFolder, library: ModelLibrary) -> CascadeView:
    """Measured on the split that `quorate route --held-out` named, else on "calib" where the library has it, else on
    "valid"; the whole front only on the first."""
    import quorate as qr

    cascade, settings, names = qr.Cascade.load(run.cascade), run.settings(), library.names
    key, held_out = settings["cost"], settings.get("routed_held_out", "")
    fresh = held_out in library.splits
    split = held_out if fresh else "calib" if "calib" in library.splits else "valid"
    predictions, cost = library.predictions(split), library.cost(key)
    seen = qr.evaluate(cascade, predictions, cost)
    tiers, reach = [], 1.0
    for tier, answered in zip(cascade.tiers, seen.tier_share, strict=True):
        members = [names[member] for member in tier.members]
        tiers.append(TierView(members, tier.signal.replace("_", " "), tier.threshold, max(reach, 0.0), float(answered)))
        reach -= float(answered)
    view = CascadeView(
        tiers,
        split,
        certificate_words(cascade.certificate) if cascade.certificate else "",
        figure_words(seen, key, split),
        comparison_table(seen, key),
        class_table(seen, key),
    )
    if not fresh or not run.cascades.is_file():
        return view
    front = list(qr.CascadeFront.load(run.cascades))
    if len(front) > MOST_CASCADES:
        front = [front[round(index * (len(front) - 1) / (MOST_CASCADES - 1))] for index in range(MOST_CASCADES)]
    last = len(front) - 1
    reports = [qr.evaluate(c, predictions, cost, compare=k in (0, last)) for k, c in enumerate(front)]
    drawn = cascades_view(qr.CascadeFront(front), reports, key, names)
    found_on = settings.get("routed_on", "the data of the search")
    return replace(view, front=replace(drawn, found_on=found_on, held_out_name=split))
