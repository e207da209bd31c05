"""Trials as a table of pandas."""

import math
import sys
from datetime import UTC, datetime

import pytest
import small_study

import quorate as qr

pytest.importorskip("pandas")

from quorate.frames import trials_dataframe


def test_one_row_a_trial(tmp_path):
    table = trials_dataframe(small_study.every_state(tmp_path))
    assert list(table.columns) == [
        "number", "state", "bracket", "attempts", "loss", "resource",
        "params_lr", "params_width", "params_act", "params_odd",
        "loss@1", "loss@3", "loss@9", "started", "changed", "duration_s", "message",
    ]  # fmt: skip
    assert list(table["number"]) == list(range(9))
    assert list(table["state"][:3]) == ["completed", "paused", "stopped"]
    first, failed, waiting, diverged = (table.loc[number] for number in (0, 3, 5, 6))
    assert (first["loss"], first["resource"], first["loss@1"], first["loss@9"]) == (0.25, 9, 0.9, 0.25)
    assert (first["params_lr"], first["params_width"], first["params_act"]) == (0.01, 8, "relu")
    assert first["started"] == datetime.fromtimestamp(1.7e9, UTC) and first["duration_s"] == 90.5
    assert (first["changed"] - first["started"]).total_seconds() == 90.5
    assert (failed["message"], failed["attempts"]) == ("RuntimeError: out of luck", 2)
    assert math.isnan(waiting["loss"]) and table["resource"].isna()[5] and math.isnan(waiting["loss@1"])
    assert math.isnan(diverged["loss"]) and (diverged["resource"], diverged["bracket"]) == (9, 2)
    assert table["loss@1"].dtype == "float64" and table["params_width"].dtype == "int64"
    assert [type(choice) for choice in table["params_odd"][:4]] == [int, bool, str, float]


def test_of_a_study(tmp_path):
    study = qr.Study(tmp_path, space={"x": qr.Float(0.0, 1.0)}, max_resource=9, seed=1)
    study.run(lambda job: job.report(job.to_resource, job.config["x"]), trials=20)
    table = study.trials_dataframe()
    best = table[table.resource == study.max_resource].nsmallest(1, "loss")
    assert list(best.number) == [study.best().number] and list(best["loss@9"]) == [study.best().losses[9]]
    assert (table.duration_s >= 0).all() and table.started.is_monotonic_increasing


def test_several_objectives(tmp_path):
    table = trials_dataframe(small_study.two_objectives(tmp_path))
    assert list(table.loc[0, ["error", "latency_s", "resource", "error@3", "latency_s@3"]]) == [0.25, 18.0, 9, 0.5, 6.0]
    assert "loss" not in table.columns


def test_no_trials(tmp_path):
    table = trials_dataframe(small_study.SmallStudy(tmp_path, small_study.SPACE))
    assert len(table) == 0 and "params_lr" in table.columns and "loss@9" in table.columns


def test_without_pandas(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"needs pandas, which is not installed: pip install 'quorate\[pandas\]'"):
        trials_dataframe(small_study.every_state(tmp_path))
