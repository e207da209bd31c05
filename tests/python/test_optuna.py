"""Optuna's samplers behind a study."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import pytest
from small_study import SmallTrial

import quorate as qr
from quorate.optuna import Sampler
from quorate.optuna.sampler import NOTES

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

SPACE = {
    "lr": qr.Float(1e-4, 1e-1, log=True),
    "width": qr.Int(8, 128, log=True),
    "layers": qr.Int(1, 4),
    "act": qr.Categorical(["relu", 1, True, 0.5, 1.0]),
}
RUNGS = [1, 3, 9]


@dataclass
class FakeStudy:
    """What a sampler sees of a study. A trial's fate is drawn from its configuration."""

    folder: Path
    space: dict = field(default_factory=lambda: SPACE)
    seed: int = 3
    objectives: tuple = ("loss",)
    known: list = field(default_factory=list)

    def trials(self):
        return list(self.known)

    def begin(self, config):
        self.known.append(SmallTrial(len(self.known), config))

    def report(self, number, resource, *losses):
        trial = self.known[number]
        trial.losses[resource] = losses[0]
        if len(losses) > 1:
            trial.values[resource] = list(losses)
        trial.state = "completed" if resource == RUNGS[-1] else "paused"

    def go_on(self, sampler, until, losses_of=None):
        """One worker that trains each trial up to a rung that its number tells, now and then a promotion, failures, NaN."""
        while len(self.known) < until:
            number = len(self.known)
            self.begin(sampler.propose(self, number))
            if number % 7 == 6:
                self.known[number].state = "failed"
                continue
            if number % 11 == 5:
                continue  # it runs for ever
            for rung in RUNGS[: 1 + number % 3]:
                self.report(number, rung, *(losses_of or loss_of)(self.known[number].config, rung))
            if number % 5 == 4 and self.known[number - 3].state == "paused":
                trial = self.known[number - 3]
                trial.attempts += 1
                self.report(number - 3, 3 if max(trial.losses) < 3 else 9, *(losses_of or loss_of)(trial.config, 9))
        return [trial.config for trial in self.known]


def loss_of(config, resource):
    if "lr" not in config:
        return [sum((value - 0.2) ** 2 for value in config.values()) + 1 / resource]
    loss = (math.log10(config["lr"]) + 2) ** 2 + abs(config["layers"] - 2) + 1 / resource
    return [math.nan if config["width"] > 100 else loss]


def two_losses(config, resource):
    return [*loss_of(config, resource), config["width"] / resource]


def tpe(seed):
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=5, n_ei_candidates=8)


def gp(seed):
    return optuna.samplers.GPSampler(seed=seed, n_startup_trials=8, warn_independent_sampling=False)


def cma(seed):
    return optuna.samplers.CmaEsSampler(seed=seed, popsize=4)


def qmc(seed):
    return optuna.samplers.QMCSampler(seed=1, scramble=True, independent_sampler=optuna.samplers.RandomSampler(seed=seed))


def grid(seed):
    return optuna.samplers.GridSampler({"x": [0.1, 0.5, 0.9], "y": [0.0, 1.0]}, seed=1)


def check(config, space):
    assert list(config) == list(space)
    for name, parameter in space.items():
        if isinstance(parameter, qr.Categorical):
            assert any(choice == config[name] and type(choice) is type(config[name]) for choice in parameter.choices)
        else:
            assert type(config[name]) is (float if isinstance(parameter, qr.Float) else int)
            assert parameter.low <= config[name] <= parameter.high


@pytest.mark.parametrize("make", [tpe, gp, optuna.samplers.RandomSampler, optuna.samplers.TPESampler])
def test_configurations_depend_on_seed_and_history_alone(tmp_path, make):
    if make is gp:
        pytest.importorskip("torch")
    trials = 30 if make is gp else 80
    configs = FakeStudy(tmp_path).go_on(Sampler(make), trials)
    for config in configs:
        check(config, SPACE)
    if trials == 80:
        assert {repr(config["act"]) for config in configs} == {"'relu'", "1", "True", "0.5", "1.0"}
    anew = FakeStudy(tmp_path)
    for until in (1, 7, 28, trials):  # a new sampler each time, as after a restart
        anew.go_on(Sampler(make), until)
    assert [trial.config for trial in anew.known] == configs
    assert FakeStudy(tmp_path, seed=4).go_on(Sampler(make), 3) != configs[:3]


XY = {"x": qr.Float(0.0, 1.0), "y": qr.Float(0.0, 1.0)}


@pytest.mark.parametrize("make", [cma, qmc, grid, lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=4)])
def test_what_a_sampler_notes_survives_a_restart(tmp_path, make):
    if make is cma:
        pytest.importorskip("cmaes")
    if make is qmc:
        pytest.importorskip("scipy")
    (tmp_path / "one").mkdir()
    (tmp_path / "many").mkdir()
    configs = FakeStudy(tmp_path / "one", XY).go_on(Sampler(make), 40)
    anew = FakeStudy(tmp_path / "many", XY)
    for until in (1, 9, 10, 25, 40):
        anew.go_on(Sampler(make), until)
        with (tmp_path / "many" / NOTES).open("a") as file:
            file.write('{"trial": ')  # the process was killed while it wrote
    assert [trial.config for trial in anew.known] == configs


def test_cma_es_comes_closer(tmp_path):
    pytest.importorskip("cmaes")
    study = FakeStudy(tmp_path, XY)
    for _ in range(15):
        number = len(study.known)
        for trial in range(number, number + 10):
            study.begin(Sampler(cma).propose(study, trial))
            study.report(trial, 9, *loss_of(study.known[trial].config, 9))
    losses = [trial.losses[9] - 1 / 9 for trial in study.known]
    assert min(losses[-30:]) < 0.01 * min(losses[:10])


def test_what_the_sampler_sees(tmp_path):
    seen = []

    class Looks(optuna.samplers.RandomSampler):
        def sample_relative(self, study, trial, search_space):
            seen.append([(t.state.name, t.values, dict(t.intermediate_values)) for t in study.get_trials(deepcopy=False)])
            return {}

    def make(seed):
        return Looks(seed=seed)

    study = FakeStudy(tmp_path, XY)
    sampler = Sampler(make)

    def looks():
        """By one sampler that goes on, and by one that begins anew: both must see the same."""
        sampler.propose(study, len(study.known))
        Sampler(make).propose(study, len(study.known))
        one, other = (dict(enumerate(trials[:-1])) for trials in seen[-2:])
        for trials in (one, other):  # of the intermediate values only the last one counts
            for number, (state, values, losses) in trials.items():
                trials[number] = (state, values if state != "FAIL" else None, max(losses.items(), default=None))
        assert [v[0] for v in one.values()] == [v[0] for v in other.values()]
        assert all(one[n] == other[n] for n in one if one[n][0] != "FAIL")
        return one

    for x in range(5):
        study.begin({"x": x / 10, "y": 0.5})
    assert set(looks().values()) == {("RUNNING", None, None)}
    study.report(0, 1, 0.5)
    study.report(1, 1, 0.25)
    study.report(2, 1, math.nan)
    study.report(3, 9, 0.125)
    study.known[4].state = "failed"
    nothing = ("PRUNED", None, None)
    assert list(looks().values()) == [
        ("PRUNED", [0.5], (1, 0.5)), ("PRUNED", [0.25], (1, 0.25)), nothing, ("COMPLETE", [0.125], (9, 0.125)),
        ("FAIL", None, None),
    ]  # fmt: skip
    study.known[0].state, study.known[0].attempts = "running", 2  # promoted: it counts as it is known
    assert looks()[0] == ("PRUNED", [0.5], (1, 0.5))
    study.known[1].attempts = 2
    study.report(0, 3, 0.75)
    study.report(1, 3, math.inf)
    assert list(looks().values())[:3] == [("PRUNED", [0.75], (3, 0.75)), nothing, nothing]
    study.known[0].state, study.known[0].attempts = "failed", 3
    assert looks()[0][0] == "FAIL"


def test_a_proposal_that_never_began_is_made_again(tmp_path):
    study, sampler = FakeStudy(tmp_path), Sampler(tpe)
    study.go_on(sampler, 12)
    proposed = sampler.propose(study, 12)
    assert sampler.propose(study, 12) == proposed
    study.begin({"lr": 0.01, "width": 8, "layers": 1, "act": True})  # it was enqueued
    assert sampler.propose(study, 13) == Sampler(tpe).propose(study, 13)
    with pytest.raises(ValueError, match=r"trial is 15, but must be at most 13, the number of the study's next trial"):
        sampler.propose(study, 15)


def test_a_sampler_that_raises_can_be_asked_again(tmp_path):
    fails = [True]

    class Fails(optuna.samplers.RandomSampler):
        def sample_independent(self, study, trial, name, distribution):
            if fails:
                raise RuntimeError("out of luck")
            return super().sample_independent(study, trial, name, distribution)

    study, sampler = FakeStudy(tmp_path, XY), Sampler(lambda seed: Fails(seed=seed))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of luck"):
            sampler.propose(study, 0)
    fails.clear()
    assert study.go_on(sampler, 8) == FakeStudy(tmp_path, XY).go_on(Sampler(optuna.samplers.RandomSampler), 8)


def test_several_studies_share_a_sampler(tmp_path):
    studies = [FakeStudy(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 2))]
    for study in studies:
        study.folder.mkdir()
    sampler = Sampler(tpe)
    for until in (8, 16, 24):
        for study in studies:
            study.go_on(sampler, until)
    for study in studies:
        alone = FakeStudy(study.folder, seed=study.seed)
        assert alone.go_on(Sampler(tpe), 24) == [trial.config for trial in study.known]


def train(job):
    for resource in range(job.checkpoint_resource + 1, job.to_resource + 1):
        if not job.report(resource, loss_of(job.config, resource)[0]):
            return


REAL = {"space": SPACE, "max_resource": 9, "eta": 3, "seed": 2}


def test_a_study_that_was_interrupted_goes_on_as_if_it_had_not_been(tmp_path):
    whole = qr.Study(tmp_path / "whole", **REAL)
    whole.run(train, trials=40, sampler=Sampler(tpe))
    for interrupted_at in (0, 13, 29, None):
        sampler = Sampler(tpe)

        class Interrupts:
            def propose(self, study, trial, sampler=sampler, at=interrupted_at):
                if trial == at:
                    raise KeyboardInterrupt
                return sampler.propose(study, trial)

        study = qr.Study(tmp_path / "parts", **REAL)
        try:
            study.run(train, trials=40, sampler=Interrupts())
        except KeyboardInterrupt:
            assert len(study.trials()) == interrupted_at
        del study
    study = qr.Study(tmp_path / "parts", **REAL)
    assert [(t.config, repr(t.losses), t.state) for t in study.trials()] == [
        (t.config, repr(t.losses), t.state) for t in whole.trials()
    ]


def test_a_study_with_several_workers_and_what_was_enqueued(tmp_path):
    study = qr.Study(tmp_path, **REAL)
    first = {"lr": 0.05, "width": 9, "layers": 2, "act": True}
    study.enqueue(first)
    study.run(train, trials=40, workers=4, sampler=Sampler(tpe))
    assert study.trials()[0].config == first
    assert len(study.trials()) == 40
    for trial in study.trials():
        check(trial.config, SPACE)


@pytest.mark.parametrize("make", [tpe, optuna.samplers.NSGAIISampler])
def test_several_objectives(tmp_path, make):
    study = FakeStudy(tmp_path, objectives=("loss", "latency_s"))
    for config in study.go_on(Sampler(make), 60, two_losses):
        check(config, SPACE)


def test_what_cannot_be_a_sampler_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"make is a TPESampler, but must make one from a seed"):
        Sampler(optuna.samplers.TPESampler())
    with pytest.raises(ValueError, match=r"make is 3, but must be callable as make\(seed=...\)"):
        Sampler(3)
    study = FakeStudy(tmp_path)
    with pytest.raises(ValueError, match=r"make\(seed=\d+\) returned None, but must return one of Optuna's samplers"):
        Sampler(lambda seed: None).propose(study, 0)
    far = {"x": [2.0], "y": [0.5]}
    with (
        pytest.warns(UserWarning, match="out of range"),
        pytest.raises(ValueError, match=r'the sampler chose 2.0 for "x", but must choose from 0.0 to 1.0'),
    ):
        Sampler(lambda seed: optuna.samplers.GridSampler(far)).propose(FakeStudy(tmp_path, XY), 0)
    (tmp_path / NOTES).write_text('{"trial": 0}\n')
    with pytest.raises(qr.FileError, match=r"sampler\.jsonl: line 1 is not what a sampler noted \(KeyError\('config'\)\)"):
        Sampler(tpe).propose(study, 0)


def test_notes_are_lines_of_json(tmp_path):
    study = FakeStudy(tmp_path, XY)
    study.go_on(Sampler(grid), 3)
    notes = [json.loads(line) for line in (tmp_path / NOTES).read_text().splitlines()]
    assert [note["trial"] for note in notes] == [0, 1, 2]
    assert [note["config"] for note in notes] == [trial.config for trial in study.known]
