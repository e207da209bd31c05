"""The page around the drawings."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib import resources

from .cascade import cascade_chart
from .cascades import cascades_plot
from .front import front_plot
from .fronts import front_chart
from .gantt import gantt, memory_chart, stretch_chart
from .heat import heat_chart
from .numbers import percent, quantity
from .rungs import rung_chart
from .values import CascadeView, DiversityView, Fronts, FrontView, PlanView, Run, Search, Table


def _section(title: str, lead: str, body: str) -> str:
    head = f'<h2>{escape(title)}</h2>\n<p class="lead">{escape(lead)}</p>'
    return f'<section>\n{head}\n<div class="scroll">{body}</div>\n</section>'


def table_html(table: Table) -> str:
    def row(cells: list[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "\n".join(row(cells, "td") for cells in table.rows)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    return f"<table>\n<thead>{row(table.columns, 'th')}</thead>\n<tbody>{body}</tbody>\n</table>{notes}"


def _search(search: Search) -> str:
    lead = (
        f"{len(search.trials)} trials. A line is a trial; it ends where it was paused. From each rung (vertical line) the "
        "better ones went on: blue lines came to the end, the thick one has the lowest loss there."
    )
    return _section("Search", lead, rung_chart(search))


def _fronts(fronts: Fronts) -> str:
    lead = (
        f"Everything here was chosen on {fronts.split}, so what stands on it is optimistic; the table above is on samples "
        "that nothing was chosen on."
        if fronts.chosen
        else f"Chosen and drawn on {fronts.split}: optimistic."
    )
    return _section("Error against cost", lead, front_chart(fronts))


def _front(front: FrontView) -> str:
    if not any(point.loss is not None for point in front.points):
        lead = (
            f"Losses are those on {front.selected_on}, which the ensembles were selected on: optimistic. "
            "`quorate select --held-out` measures them on another split."
        )
        return _section("Ensembles", lead, front_plot(front))
    lead = f"What selection saw on {front.selected_on} (optimistic) beside {front.held_out}, which nothing was selected on."
    return _section("Ensembles", lead, front_plot(front) + (table_html(front.table) if front.table else ""))


def _diversity(view: DiversityView) -> str:
    lead = (
        f"Members of {view.of or 'the ensemble'} on {view.split}. Disagreement is the share of samples that two models "
        "answer differently; members that err together (high correlation) add little to each other."
    )
    return _section("Diversity", lead, heat_chart(view))


def _cascade(cascade: CascadeView) -> str:
    body = cascade_chart(cascade)
    if cascade.certificate:
        body += f'<p class="note">{escape(cascade.certificate)}</p>'
    body += "".join(f'<p class="note">{escape(line)}</p>' for line in cascade.figures)
    parts = [_section("Cascade", "Each tier answers what it is sure of and passes the rest on.", body)]
    if cascade.front is not None:
        lead = f"Cascades as they were found (optimistic) and on {cascade.split}, beside every single model there."
        parts.append(_section("Cascades against single models", lead, cascades_plot(cascade.front)))
    if cascade.comparison is not None:
        lead = f"The cascade beside single models and the mean of all its models, on {cascade.split}."
        parts.append(_section("Comparison", lead, table_html(cascade.comparison)))
    if cascade.classes is not None:
        parts.append(_section("Classes", f"The cascade on {cascade.split}, by true class.", table_html(cascade.classes)))
    return "\n".join(parts)


def _plan(plan: PlanView) -> str:
    if plan.why:
        return _section("Plan", f"No plan fits: {plan.why}", "")
    gap = 1 - plan.throughput_per_s / plan.bound_per_s if plan.bound_per_s > 0 else 0.0
    lead = (
        f"Planned: {plan.throughput_per_s:,.0f} samples/s; no plan on these devices has more than "
        f"{plan.bound_per_s:,.0f} samples/s (gap at most {percent(max(gap, 0.0))})."
    )
    parts = [_section("Plan", lead, gantt(plan))]
    if plan.stretch is not None:
        waits = f"{quantity(plan.stretch.p50_latency_s, 's')} (median), {quantity(plan.stretch.p99_latency_s, 's')} (p99)"
        lead = f"Simulated with the profile's latencies and the engine's policy; a sample is answered after {waits}."
        parts.append(_section("The plan in motion", lead, stretch_chart(plan, plan.stretch)))
    parts.append(_section("Memory", "What each device holds.", memory_chart(plan)))
    return "\n".join(parts)


def _sections(run: Run) -> Iterator[str]:
    if run.table:
        yield _section("Result", "Answered by the engine on samples that no choice was made on.", table_html(run.table))
    if run.fronts:
        yield _fronts(run.fronts)
    if run.front:
        yield _front(run.front)
    if run.diversity:
        yield _diversity(run.diversity)
    if run.cascade:
        yield _cascade(run.cascade)
    if run.plan:
        yield _plan(run.plan)
    if run.search:
        yield _search(run.search)


def page(run: Run) -> str:
    """The whole document."""
    style = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    body = "\n".join(_sections(run))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(run.title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{escape(run.title)}</h1>
<p class="lead">search → select → route → plan → answers</p>
{body}
</main>
</body>
</html>
"""
