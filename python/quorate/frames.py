"""A study's trials as a table of pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from ._core import Study, Trial


def trials_dataframe(study: Study) -> pd.DataFrame:
    """One row a trial: number, state, bracket, attempts, loss, resource (the highest, where that loss was measured),
    params_<name>, loss@<rung>, started, changed (UTC), duration_s between them, message.

    Each objective has such columns by its name; "loss" is what one alone is called by default. NaN where nothing was
    measured. Raises ImportError without pandas.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise ImportError("trials_dataframe needs pandas, which is not installed: pip install 'quorate[pandas]'") from error
    objectives, names, rungs = study.objectives, list(study.space), study.rungs
    rows = [_row(trial, objectives, names, rungs) for trial in study.trials()]
    columns = ["number", "state", "bracket", "attempts", *objectives, "resource", *(f"params_{name}" for name in names)]
    columns += [f"{objective}@{rung}" for rung in rungs for objective in objectives]
    columns += ["started", "changed", "duration_s", "message"]
    table = pd.DataFrame.from_records(rows, columns=columns)
    table["resource"] = table["resource"].astype("Int64")
    for name in ("started", "changed"):
        table[name] = pd.to_datetime(table[name], unit="s", utc=True)
    return table


def _row(trial: Trial, objectives: list[str], names: list[str], rungs: list[int]) -> list[Any]:
    nothing = [float("nan")] * len(objectives)
    values = trial.values or {resource: [loss] for resource, loss in trial.losses.items()}
    resource = max(values, default=None)
    config = trial.config
    row: list[Any] = [trial.number, trial.state, trial.bracket, trial.attempts]
    row += nothing if resource is None else values[resource]
    row += [resource, *(config[name] for name in names)]
    for rung in rungs:
        row += values.get(rung, nothing)
    return [*row, trial.started_s, trial.changed_s, trial.changed_s - trial.started_s, trial.message]
