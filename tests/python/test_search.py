import math

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
        ({"mode": "halt"}, 'mode is "halt", but must be "promote" or "stop"'),
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
