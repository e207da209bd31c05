"""`quorate.ray` with actors and a clock of our own: who waits, who is replaced, what counts."""

import threading
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install 'quorate[ray]'")

import ray.exceptions

import quorate as qr
import quorate.ray
from quorate import ray_line
from quorate.worker_job import TrainingFailed, WorkerDied


class Line:
    """An actor that does what the next of `fates` says: raise it, or train."""

    made: list
    fates: list
    places: int

    def __init__(self, executor, train):
        self.ready = len(Line.made)
        self.ended = self.dead = False
        Line.made.append(self)

    def check_ready(self):
        pass

    def check_alive(self, job):
        if self.dead:
            raise WorkerDied("it died in its sleep")

    def train(self, job):
        job.trained.append(self)
        fate = Line.fates.pop(0) if Line.fates else None
        if callable(fate):
            fate()
        elif fate is not None:
            raise fate

    def end(self):
        self.ended = True


@pytest.fixture
def pool(monkeypatch):
    Line.made, Line.fates, Line.places = [], [], 100

    def wait(refs, timeout):
        taken = [line.ready for line in Line.made if not line.ended]
        return [ref for ref in refs if taken.index(ref) < Line.places], []

    monkeypatch.setattr(quorate.ray, "RayLine", Line)
    for name, function in {"is_initialized": lambda: True, "put": lambda data: data, "wait": wait}.items():
        monkeypatch.setattr(quorate.ray.ray, name, function)
    return quorate.ray.Executor().pool(print)


def job(trial=0, stop_requested=False, device=None):
    made = SimpleNamespace(trial=trial, stop_requested=stop_requested, device=device, trained=[], released=False)
    made.release = lambda: setattr(made, "released", True)
    return made


def test_a_worker_is_kept_for_the_next_job(pool):
    Line.fates = [None, TrainingFailed("no"), None]
    pool(job())
    with pytest.raises(TrainingFailed, match="no"):
        pool(job())
    pool(job())
    assert len(Line.made) == 1 and not Line.made[0].ended
    pool.close()
    assert Line.made[0].ended


@pytest.mark.parametrize("fate", [WorkerDied("gone"), qr.StudyStopped(), KeyError("odd")])
def test_a_worker_that_failed_is_replaced(pool, fate):
    Line.fates = [fate]
    with pytest.raises(type(fate)):
        pool(job())
    assert [line.ended for line in Line.made] == [True]
    pool(job())
    assert [line.ended for line in Line.made] == [True, False]


def test_a_worker_that_died_while_idle_is_no_fault_of_the_next_job(pool):
    Line.made[0].dead = True
    following = job()
    pool(following)
    assert following.trained == [Line.made[1]] and Line.made[0].ended


def test_lost_nodes_are_not_the_trials_fault_unless_they_are_many(pool):
    Line.fates = [ray_line.WorkerLost("Ray node n1 was lost") for _ in range(4)]
    for trial in (7, 7, 8):
        lost = job(trial)
        pool(lost)
        assert lost.released
    with pytest.raises(WorkerDied, match="Ray node n1 was lost; with it 3 workers were lost under this trial"):
        pool(job(7))


def test_calls_are_served_in_turn_where_there_are_fewer_places(pool):
    Line.places = 1
    begun, go_on = threading.Event(), threading.Event()

    def hold():
        begun.set()
        go_on.wait()

    Line.fates = [hold]
    served = []

    def call(trial):
        pool(job(trial))
        served.append(trial)

    first = threading.Thread(target=call, args=(0,))
    first.start()
    begun.wait()
    others = []
    for trial in range(1, 5):
        others.append(threading.Thread(target=call, args=(trial,)))
        others[-1].start()
        while len(pool._queue) < trial:
            time.sleep(0.001)
    go_on.set()
    for thread in [first, *others]:
        thread.join()
    assert served == [0, 1, 2, 3, 4]
    assert len(Line.made) == 5 and not any(line.ended for line in Line.made)


def test_devices_of_this_machine_are_refused(pool):
    device = qr.Device("cuda:1", kind="h200", memory_bytes=1)
    with pytest.raises(ValueError, match="devices has 'cuda:1' of this machine, but must be empty for Ray: num_gpus says"):
        pool(job(device=device))


def test_a_call_that_waits_stops(pool):
    Line.places = 0
    Line.made[0].ended = True
    pool._idle = []
    with pytest.raises(qr.StudyStopped):
        pool(job(stop_requested=True))


class Actor:
    """Its methods give what `results` says, one after the other; "silent" never comes."""

    def __init__(self, results):
        self.results = results
        self.next = SimpleNamespace(remote=lambda *arguments: self.results.pop(0) if self.results else "silent")


@pytest.fixture
def line(monkeypatch):
    """Makes a RayLine of an Actor; time passes in looks alone."""

    def get(result):
        if isinstance(result, Exception):
            raise result
        return result

    fake = {
        "wait": lambda refs, timeout, fetch_local=True: ([ref for ref in refs if ref != "silent"], []),
        "get": get,
        "nodes": lambda: [{"NodeID": "n1", "Alive": True}, {"NodeID": "n2", "Alive": False}],
    }
    for name, function in fake.items():
        monkeypatch.setattr(ray_line.ray, name, function)
    monkeypatch.setattr(ray_line, "time", SimpleNamespace(sleep=lambda seconds: None))

    def make(*results, node="n1", lease_s=60.0):
        line = object.__new__(ray_line.RayLine)
        line._actor, line._node, line._lease_s = Actor(list(results)), node, lease_s
        return line

    return make


def unavailable():
    return ray.exceptions.ActorUnavailableError("socket closed", None)


def test_a_broken_connection_is_tried_again(line):
    assert line(*[unavailable() for _ in range(50)], "an answer")._call(job(), "next") == "an answer"


@pytest.mark.parametrize(
    ("results", "node", "error", "message"),
    [
        ([], "n1", WorkerDied, "the worker on Ray node n1 gave no sign of life for 60 s"),
        ([unavailable()], "n1", ray_line.WorkerLost, "Ray node n1 was out of reach for 20 s"),
        ([unavailable() for _ in range(300)], "n1", ray_line.WorkerLost, "Ray node n1 was out of reach for 20 s"),
        ([ray.exceptions.ActorDiedError()], "n1", WorkerDied, "the worker on Ray node n1 died: The actor died unexpectedly"),
        ([ray.exceptions.ActorDiedError()], "n2", ray_line.WorkerLost, "Ray node n2 was lost"),
        ([unavailable(), ray.exceptions.ActorDiedError()], "n2", ray_line.WorkerLost, "Ray node n2 was lost"),
    ],
)
def test_whose_fault_it_is(line, results, node, error, message):
    with pytest.raises(error, match=message):
        line(*results, node=node)._call(job(), "next")


def test_a_call_that_waits_for_an_answer_stops(line):
    with pytest.raises(qr.StudyStopped):
        line()._call(job(stop_requested=True), "next")
