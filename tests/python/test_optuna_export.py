"""A study in an Optuna storage, and Optuna's own use of it."""

import importlib
import math
import sys
from datetime import datetime

import optuna
import pytest
import small_study
from optuna.trial import TrialState

import quorate as qr
from quorate.optuna import export_study

optuna.logging.set_verbosity(optuna.logging.WARNING)
COMPLETE, PRUNED, FAIL, RUNNING = TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING


@pytest.fixture(params=["memory", "sqlite"])
def storage(request, tmp_path):
    return None if request.param == "memory" else f"sqlite:///{tmp_path / 'optuna.db'}"


def test_every_state(tmp_path, storage):
    study = small_study.every_state(tmp_path)
    exported = export_study(study, storage, "digits")
    if storage is not None:
        exported = optuna.load_study(study_name="digits", storage=storage)
    trials = exported.trials
    assert [trial.state for trial in trials] == [COMPLETE, PRUNED, PRUNED, FAIL, RUNNING, RUNNING, FAIL, PRUNED, FAIL]
    assert [trial.values for trial in trials] == [[0.25], [0.625], [math.inf], None, None, None, None, None, None]
    assert trials[1].intermediate_values == {1: 0.75, 3: 0.625}
    assert trials[2].intermediate_values == {1: math.inf}
    assert math.isnan(trials[6].intermediate_values[9])
    assert trials[0].params == {"lr": 0.01, "width": 8, "act": "relu", "odd": "1"}
    assert trials[2].params["odd"] == "'1'"
    assert trials[0].distributions == {
        "lr": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
        "width": optuna.distributions.IntDistribution(8, 128, log=True),
        "act": optuna.distributions.CategoricalDistribution(["relu", "gelu"]),
        "odd": optuna.distributions.CategoricalDistribution(["1", "True", "'1'", "0.5"]),
    }
    assert trials[3].user_attrs == {"state": "failed", "bracket": 0, "attempts": 2, "message": "RuntimeError: out of luck"}
    assert trials[6].user_attrs == {"state": "completed", "bracket": 2, "attempts": 1}
    assert trials[0].datetime_start == datetime.fromtimestamp(1.7e9)
    assert trials[0].duration.total_seconds() == 90.5
    assert trials[4].datetime_complete is None
    assert exported.user_attrs == {"min_resource": 1, "max_resource": 9, "eta": 3.0, "mode": "promote", "seed": 3}
    assert exported.metric_names == ["loss"]
    assert exported.best_trial.number == 0


def test_several_objectives(tmp_path, storage):
    exported = export_study(small_study.two_objectives(tmp_path), storage)
    assert exported.study_name == tmp_path.resolve().name
    assert exported.metric_names == ["error", "latency_s"]
    assert [trial.values for trial in exported.trials[:2]] == [[0.25, 18.0], [0.625, 6.0]]
    assert [trial.number for trial in exported.best_trials] == [0]


def test_a_name_that_is_taken_is_refused_and_left_alone(tmp_path, storage):
    storage = storage or optuna.storages.InMemoryStorage()
    study = small_study.every_state(tmp_path)
    export_study(study, storage, "digits")
    with pytest.raises(ValueError, match=r'name is "digits", but must be a new one: the storage has a study of that name'):
        export_study(study, storage, "digits")
    assert len(optuna.load_study(study_name="digits", storage=storage).trials) == 9


def test_nothing_half_written_is_left(tmp_path, storage):
    storage = storage or optuna.storages.InMemoryStorage()
    study = small_study.every_state(tmp_path)
    study.known[5].config["width"] = 4096  # no study would hold this
    with pytest.raises(ValueError, match="width"):
        export_study(study, storage, "digits")
    assert optuna.get_all_study_names(storage) == []


def test_importances_come_for_free(tmp_path):
    space = {"x": qr.Float(0.0, 1.0), "y": qr.Float(0.0, 1.0)}
    study = small_study.SmallStudy(tmp_path, space)
    for number in range(60):
        x, y = number * 0.618 % 1, number * 0.414 % 1
        study.known.append(small_study.SmallTrial(number, {"x": x, "y": y}, "completed", {9: (x - 0.3) ** 2 + 0.001 * y}))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    importances = optuna.importance.get_param_importances(export_study(study), evaluator=evaluator)
    assert list(importances) == ["x", "y"] and importances["x"] > 0.9


def test_without_optuna(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[:2] == ["quorate", "optuna"]]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ImportError, match=r"needs Optuna, which is not installed: pip install 'quorate\[optuna\]'"):
        importlib.import_module("quorate.optuna")
