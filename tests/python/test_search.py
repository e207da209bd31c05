import math
from fractions import Fraction

import numpy as np
import pytest

import quorate as qr

SPACE = {"x": qr.Float(1e-4, 1.0, log=True), "n": qr.Int(1, 9), "k": qr.Categorical(["p", "q"])}


def test_parameters_print_and_compare():
    assert repr(qr.Float(1e-4, 0.1, log=True)) == "Float(0.0001, 0.1, log=True)"
    assert repr(qr.Int(1, 3)) == "Int(1, 3)"
    assert repr(qr.Categorical(["a", True])) == 'Categorical(["a", true])'
    assert qr.Int(1, 3) == qr.Int(1, 3) != qr.Int(1, 4)
    assert (qr.Float(0, 1).low, qr.Float(0, 1).high, qr.Float(0, 1).log) == (0.0, 1.0, False)


def test_choices_keep_their_types():
    choices = [True, 1, 1.0, "1"]
    assert [(type(c), c) for c in qr.Categorical(choices).choices] == [(type(c), c) for c in choices]
    with pytest.raises(ValueError, match=r"choices\[1\] is None, but must be a bool, an int, a float or a str"):
        qr.Categorical(["a", None])
    with pytest.raises(ValueError, match="choices is 'relu', but must be a list"):
        qr.Categorical("relu")


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "space is empty"),
        ({"x": qr.Float(1, 1)}, r'space\["x"\].low is 1, but must be below high, 1'),
        ({"x": qr.Float(0, 1, log=True)}, r'space\["x"\].low is 0, but must be above 0 where log is set'),
        ({"x": qr.Int(2, 1)}, r'space\["x"\].low is 2, but must be at most high, 1'),
        ({"x": qr.Categorical([])}, r'space\["x"\].choices is empty'),
        ({"x": 3}, r'space\["x"\] is 3, but must be a Float, Int or Categorical'),
        ({3: qr.Int(1, 2)}, "space has the name 3, but names must be str"),
        ({"": qr.Int(1, 2)}, "names must not be empty"),
    ],
)
def test_a_bad_space_says_what_is_wrong(space, message):
    with pytest.raises(ValueError, match=message):
        qr.AsyncHyperband(space)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_resource": 0}, "min_resource is 0"),
        ({"max_resource": 0}, "max_resource is 0, but must be at least min_resource, 1"),
        ({"eta": 1}, "eta is 1, but must be from 1.1"),
        ({"mode": "halt"}, 'mode is "halt", but must be "promote", "delay" or "stop"'),
        ({"sampling": "halton"}, 'sampling is "halton", but must be "random" or "sobol"'),
        ({"objectives": 0}, "objectives is 0, but must be at least 1"),
    ],
)
def test_bad_options_say_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        qr.AsyncHyperband(SPACE, **options)


def test_promotes_the_best_and_is_deterministic():
    def jobs():
        hb = qr.AsyncHyperband(SPACE, max_resource=9, eta=3, seed=4)
        seen = []
        for _ in range(200):
            job = hb.ask()
            seen.append(job)
            assert list(job.config) == list(SPACE)
            assert 0 <= job.from_resource < job.to_resource == hb.rungs[job.rung]
            hb.tell(job, job.config["x"])
        assert hb.rungs == [1, 3, 9]
        return seen

    first = jobs()
    assert first == jobs()
    promoted = [job for job in first if job.from_resource == 1]
    entered = [job.config["x"] for job in first if job.bracket == 0 and job.from_resource == 0]
    assert promoted
    assert max(job.config["x"] for job in promoted) < sorted(entered)[-1]


def test_stop_mode_reports():
    hb = qr.AsyncHyperband(SPACE, max_resource=3, mode="stop")
    jobs = [job for job in (hb.ask() for _ in range(20)) if job.bracket == 0][:2]
    assert hb.report(jobs[0], 1, 0.5)
    assert not hb.report(jobs[1], 1, math.nan)
    assert hb.state(jobs[1].trial) == "stopped"
    assert not hb.report(jobs[0], 3, 0.5)
    assert hb.state(jobs[0].trial) == "completed"
    assert hb.resume() is None


def test_wrong_use_is_a_value_error():
    hb = qr.AsyncHyperband(SPACE)
    job = hb.ask()
    with pytest.raises(TypeError):
        hb.tell(job, "low")
    hb.tell(job, 0.5)
    with pytest.raises(ValueError, match="which is over"):
        hb.tell(job, 0.5)
    with pytest.raises(ValueError, match="only trials below 0 were handed out"):
        qr.AsyncHyperband(SPACE).tell(job, 0.5)


def test_enqueue():
    hb = qr.AsyncHyperband(SPACE)
    hb.enqueue({"k": "q", "n": 3, "x": 1})
    assert hb.ask().config == {"x": 1.0, "n": 3, "k": "q"}
    with pytest.raises(ValueError, match='config lacks "n"'):
        hb.enqueue({"x": 0.5, "k": "p"})
    with pytest.raises(ValueError, match=r'config\["n"\] is 10, but must be a value of Int\(1, 9\)'):
        hb.enqueue({"x": 0.5, "k": "p", "n": 10})
    with pytest.raises(ValueError, match="config has 4 names, but must have 3"):
        hb.enqueue({"x": 0.5, "k": "p", "n": 1, "z": 1})


@pytest.mark.parametrize("eta", [1.1, 1.5, 2, 2.5, math.e, 3, 4, 10])
@pytest.mark.parametrize(("low", "high"), [(1, 1), (1, 27), (2, 100), (7, 999), (5, 10**12), (10**9, 10**12)])
def test_rungs_are_exact(low, high, eta):
    factor = Fraction(round(eta * 1000), 1000)
    expected, resource = [], Fraction(high)
    while int(resource) >= low:
        expected.append(int(resource))
        resource /= factor
    assert qr.AsyncHyperband(SPACE, low, high, eta).rungs == sorted(set(expected))


def test_several_objectives():
    hb = qr.AsyncHyperband(SPACE, min_resource=3, max_resource=9, objectives=2)
    jobs = [job for job in (hb.begin() for _ in range(40)) if job.bracket == 0]
    losses = [[5, 5], (1, 9), np.array([9.0, 1.0]), [3, 3], [6, 6], [2, math.nan]]
    for job, values in zip(jobs, losses, strict=False):
        assert not hb.report(job, 3, values) if job.trial % 2 else hb.tell(job, values) is None
    assert hb.can_resume()
    assert [hb.resume().trial, hb.resume().trial] == [jobs[1].trial, jobs[2].trial]  # two of the front's three: its ends
    assert hb.resume() is None
    with pytest.raises(ValueError, match="losses holds 1 values, but must hold 2, one for each objective"):
        hb.tell(jobs[6], 0.5)
    with pytest.raises(ValueError, match="losses holds 3 values, but must hold 2"):
        hb.report(jobs[6], 3, [1, 2, 3])
    with pytest.raises(TypeError):
        hb.tell(jobs[6], ["low", "high"])


def test_one_objective_takes_a_sequence_of_one():
    hb = qr.AsyncHyperband(SPACE, max_resource=1)
    hb.tell(hb.ask(), [0.5])
    hb.tell(hb.ask(), np.float32(0.5))
    assert hb.rung_size(0, 0) == 2


def test_sobol_trials_spread_evenly():
    space = {"x": qr.Float(0, 1), "n": qr.Int(0, 7)}
    hb = qr.AsyncHyperband(space, seed=3, sampling="sobol")
    configs = [hb.begin().config for _ in range(64)]
    assert len({(int(config["x"] * 8), config["n"]) for config in configs}) == 64  # one in each cell
    assert [hb.config(trial) for trial in range(64)] == configs
    assert [qr.AsyncHyperband(space, seed=4, sampling="sobol").begin().config] != configs[:1]
    with pytest.raises(ValueError, match="space has 257 parameters, but must have at most 256"):
        qr.AsyncHyperband({str(i): qr.Float(0, 1) for i in range(257)}, sampling="sobol")


def test_enqueued_configurations_count_and_move_no_other():
    hb, plain = qr.AsyncHyperband(SPACE, seed=1), qr.AsyncHyperband(SPACE, seed=1)
    mine = {"x": 0.5, "n": 3, "k": "q"}
    hb.enqueue(mine)
    assert hb.queued == 1
    first, second = hb.begin(), hb.begin()
    assert hb.queued == 0
    assert hb.config(first.trial) == mine
    plain.begin()
    assert second.config == plain.begin().config
    with pytest.raises(ValueError, match="trial is 2, but must be from 0 to 1"):
        hb.config(2)


def test_least_promising_first():
    hb = qr.AsyncHyperband(SPACE, min_resource=3, max_resource=9)
    jobs = [job for job in (hb.begin() for _ in range(40)) if job.bracket == 0][:4]
    for job, loss in zip(jobs, [0.5, 0.2, math.nan, 0.9], strict=True):
        hb.tell(job, loss)
    assert hb.least_promising() == [jobs[i].trial for i in (2, 3, 0, 1)]
    hb.fail(hb.resume())
    assert hb.least_promising() == [jobs[i].trial for i in (1, 2, 3, 0)]


def test_several_objectives_promote_the_front():
    machine = qr.AsyncHyperband(SPACE, max_resource=3, eta=3, objectives=2, seed=1)
    jobs = [job for job in (machine.begin() for _ in range(30)) if job.bracket == 0][:6]
    for i, job in enumerate(jobs):
        machine.tell(job, [float(i), 0.0] if i < 3 else (10.0 + i, 10.0))
    assert machine.can_resume()
    assert {machine.resume().trial, machine.resume().trial} < {job.trial for job in jobs[:3]}
    with pytest.raises(ValueError, match="2"):
        machine.tell(machine.begin(), 0.5)


def test_sobol_points_depend_on_seed_and_number():
    def drawn(seed, sampling="sobol"):
        machine = qr.AsyncHyperband(SPACE, seed=seed, sampling=sampling)
        return [machine.begin().config for _ in range(8)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert drawn(1) != drawn(1, "random")
    machine = qr.AsyncHyperband(SPACE, seed=1, sampling="sobol")
    machine.enqueue(drawn(2)[5])
    assert machine.queued == 1
    assert [machine.begin().config for _ in range(8)] == [drawn(2)[5], *drawn(1)[1:]]
    assert machine.config(3) == drawn(1)[3]
    with pytest.raises(ValueError, match='sampling is "halton", but must be "random" or "sobol"'):
        drawn(1, "halton")
    with pytest.raises(ValueError, match="objectives is 0, but must be at least 1"):
        qr.AsyncHyperband(SPACE, objectives=0)


def test_brackets_can_be_fewer(tmp_path):
    machine = qr.AsyncHyperband(SPACE, brackets=1)
    assert {machine.begin().bracket for _ in range(50)} == {0}
    with pytest.raises(ValueError, match="brackets is 0, but must be at least 1, or None for all"):
        qr.AsyncHyperband(SPACE, brackets=0)
    assert qr.Study(tmp_path, SPACE, brackets=2).brackets == 2
    assert qr.Study.open(tmp_path).brackets == 2
    with pytest.raises(ValueError, match="brackets is 0, but must be 2, as the study in"):
        qr.Study(tmp_path, SPACE)
