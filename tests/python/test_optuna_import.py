"""Optuna's studies that go on as ours."""

import math

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

import quorate as qr
from quorate.optuna import export_study, import_study

optuna.logging.set_verbosity(optuna.logging.WARNING)
SPACE = {"x": qr.Float(0.0, 1.0), "width": qr.Int(8, 128, log=True), "act": qr.Categorical(["relu", "gelu"])}
SAME = {"x": FloatDistribution(0.0, 1.0), "width": IntDistribution(8, 128, log=True)} | {
    "act": CategoricalDistribution(["relu", "gelu"])
}


def loss_of(config, resource):
    return (config["x"] - 0.3) ** 2 + 1 / resource if config["width"] > 16 else math.nan


def train(job):
    for resource in range(job.checkpoint_resource + 1, job.to_resource + 1):
        if not job.report(resource, loss_of(job.config, resource)):
            break


def outcome(study):
    return [(t.number, t.config, t.state, repr(t.losses), t.bracket) for t in study.trials()]


def params(number):
    return {"x": number * 0.618 % 1, "width": 17 + number % 100, "act": "gelu"}


def trial(number, losses=None, value=None, state=TrialState.PRUNED, values=None):
    about = {"params": params(number), "distributions": SAME, "intermediate_values": losses or {}}
    return create_trial(**about, value=value, values=values, state=state)


def optuna_study(*trials, directions=("minimize",)):
    study = optuna.create_study(directions=directions)
    study.add_trials(trials)
    return study


@pytest.mark.parametrize("mode", ["promote", "delay", "stop"])
def test_what_was_exported_comes_back(tmp_path, mode):
    options = {"max_resource": 9, "eta": 3, "seed": 5, "mode": mode}
    study = qr.Study(tmp_path / "ours", space=SPACE, **options)
    study.run(train, trials=40)
    imported = import_study(export_study(study), tmp_path / "back", **options)
    assert outcome(imported) == outcome(study)
    assert imported.space == SPACE and imported.seed == 5
    study.run(train, trials=50)
    imported.run(train, trials=50)
    assert outcome(imported) == outcome(study)


def test_what_values_do_not_reach_is_left_to_workers(tmp_path):
    trials = [trial(number, {1: 0.1 * number, 2: 0.05}) for number in range(12)]
    study = import_study(optuna_study(*trials), tmp_path / "study", max_resource=9, min_resource=3, eta=3)
    assert [t.config for t in study.trials()] == [params(number) for number in range(12)]
    assert {t.state for t in study.trials()} == {"waiting"}
    assert [t.losses for t in study.trials()] == [{1: 0.1 * number, 2: 0.05} for number in range(12)]
    jobs = []

    def learn(job):
        jobs.append((job.trial, job.checkpoint_resource))
        train(job)

    study.run(learn, trials=12)
    assert {number for number, _ in jobs} == set(range(12)) and jobs[0][1] == 0
    assert {t.state for t in study.trials()} <= {"paused", "completed"}
    assert study.trials()[3].losses[1] == pytest.approx(0.3)  # what was replayed stands


def test_final_values_count_at_the_end(tmp_path):
    trials = [trial(number, value=float(number), state=TrialState.COMPLETE) for number in range(6)]
    study = import_study(optuna_study(*trials), tmp_path / "one", max_resource=27, min_resource=27)
    assert [(t.state, t.losses) for t in study.trials()] == [("completed", {27: float(number)}) for number in range(6)]
    assert study.best().number == 0
    stop = import_study(optuna_study(*trials), tmp_path / "stop", max_resource=27, mode="stop")
    assert [(t.state, t.losses) for t in stop.trials()] == [("completed", {27: float(number)}) for number in range(6)]


def test_steps_from_0_and_maximised_values(tmp_path):
    done = trial(0, {0: 0.25, 1: 0.5, 2: 0.75}, 0.875, TrialState.COMPLETE)
    study = import_study(
        optuna_study(done, directions=["maximize"]), tmp_path / "study", max_resource=3, min_resource=3, step_offset=1
    )
    assert study.trials()[0].losses == {1: -0.25, 2: -0.5, 3: -0.875}


def test_several_objectives(tmp_path):
    done = [trial(number, state=TrialState.COMPLETE, values=[1.0 + number, 5.0 - number]) for number in range(3)]
    source = optuna_study(*done, directions=["minimize", "maximize"])
    study = import_study(source, tmp_path / "study", max_resource=3, min_resource=3)
    assert study.objectives == ["loss_0", "loss_1"]
    assert [t.values for t in study.trials()] == [{3: [1.0 + number, number - 5.0]} for number in range(3)]


def test_failures_and_trials_that_never_began(tmp_path):
    source = optuna_study(
        trial(0, {9: 0.5}), trial(1, {1: 0.5}, state=TrialState.FAIL),
        create_trial(state=TrialState.FAIL), create_trial(state=TrialState.WAITING), trial(4, {9: 0.25}),
    )  # fmt: skip
    source.ask()
    study = import_study(source, tmp_path / "study", min_resource=9, max_resource=27, max_attempts=3)
    assert [t.config["x"] for t in study.trials()] == [params(number)["x"] for number in (0, 1, 4)]
    failed = study.trials()[1]
    assert (failed.state, failed.losses, failed.attempts) == ("failed", {1: 0.5}, 3)
    assert "it failed in Optuna" in failed.message
    assert study.max_attempts == 3


@pytest.mark.parametrize(
    ("distribution", "value", "message"),
    [
        (FloatDistribution(0, 1, step=0.25), 0.5, r'"p" has the distribution FloatDistribution\(.*step=0.25\), but'),
        (IntDistribution(0, 8, step=2), 2, r'"p" has the distribution IntDistribution\(.*step=2\), but must have a Float'),
        (CategoricalDistribution(["a", None]), "a", r'"p" has the distribution Categorical.*without a step or a Categ'),
    ],
)
def test_distributions_without_a_counterpart_are_refused(tmp_path, distribution, value, message):
    one = create_trial(params={"p": value}, distributions={"p": distribution}, state=TrialState.PRUNED)
    with pytest.raises(ValueError, match=message):
        import_study(optuna_study(one), tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_imported_is_refused_and_nothing_is_left(tmp_path):
    folder = tmp_path / "study"
    other = create_trial(params={"x": 0.5}, distributions={"x": FloatDistribution(0.0, 2.0)}, state=TrialState.PRUNED)
    with pytest.raises(ValueError, match=r"trial 1 has the parameters .*, but must have those of trial 0"):
        import_study(optuna_study(trial(0), other), folder)
    with pytest.raises(ValueError, match=r"trial 0 has a value at step 0, but with step_offset=0 steps must be from 1 to"):
        import_study(optuna_study(trial(0, {0: 0.5})), folder)
    with pytest.raises(ValueError, match=r"has a value at step 27, but .* must be from 0 to max_resource=27 - 1"):
        import_study(optuna_study(trial(0, {27: 0.5})), folder, step_offset=1)
    with pytest.raises(ValueError, match=r"optuna_study has no completed or pruned trial, but must have one"):
        import_study(optuna_study(trial(0, state=TrialState.FAIL)), folder)
    with pytest.raises(ValueError, match="eta"):
        import_study(optuna_study(trial(0)), folder, eta=0.5)
    assert list(tmp_path.iterdir()) == []
    (folder / "library").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"folder is .*study, which is not empty, but must be new or empty"):
        import_study(optuna_study(trial(0)), folder)
