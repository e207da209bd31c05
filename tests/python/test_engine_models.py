"""Engines of Python callables and replayed models: failure, streaming, and what inputs may be."""

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

torch = pytest.importorskip("torch", reason="the engine needs torch")
pytest.importorskip("quorate._infer", reason="built without the engine")

FEATURES, CLASSES = 3, 4


def softmax(logits):
    e = np.exp(logits - logits.max(1, keepdims=True))
    return (e / e.sum(1, keepdims=True)).astype(np.float32)


class Linear:
    def __init__(self, seed):
        self.weights = np.random.default_rng(seed).normal(size=(FEATURES, CLASSES)).astype(np.float32) * 2

    def __call__(self, x):
        return softmax(x @ self.weights)


def broken(x):
    raise ValueError(f"no answer to {len(x)} samples")


def samples(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, FEATURES)).astype(np.float32)


def library(models):
    """In memory and without files: what runs is given to the engine."""
    x = samples(60, seed=1)
    lib = qr.ModelLibrary()
    lib.set_labels("valid", np.arange(60) % CLASSES)
    for i in range(models):
        lib.add(f"m{i}", predictions={"valid": Linear(i)(x)}, cost={"latency_s": 1e-3})
    return lib


def placed(models, batch=8, devices=1):
    one = qr.cpu_devices(cores=[1])[0]
    lanes = [qr.Device(f"cpu:{i}", kind=one.kind, memory_bytes=10**9, cores=one.cores) for i in range(devices)]
    shape = (1, models, 1)
    profile = qr.Profile([f"m{i}" for i in range(models)], [batch], [one.kind], np.full(shape, 1e-3), np.ones(shape, int))
    return qr.plan(profile, lanes, time_limit_s=0.1)


def ensemble(models):
    return qr.Ensemble(members=list(range(models)), weights=[1 / models] * models)


def engine(models, **options):
    """`models`: callables, in order."""
    names = {f"m{i}": model for i, model in enumerate(models)}
    return qr.Engine(library(len(models)), ensemble(len(models)), placed(len(models)), models=names, **options)


def test_callables_answer_as_they_do_alone():
    models = [Linear(i) for i in range(3)]
    x = samples(100)
    with engine(models) as running:
        got = running.predict(x)
    assert np.abs(got.probs - sum(model(x) for model in models) / 3).max() < 1e-6
    assert not got.degraded.any() and got.lost == [] and got.foretold_accuracy is None


def test_a_callable_may_give_a_tensor_and_must_not_write():
    def writes(x):
        x[:] = 0.0

    with engine([lambda x: torch.softmax(torch.tensor(x) @ torch.ones(FEATURES, CLASSES), 1)]) as running:
        assert running.predict(samples(5)).probs == pytest.approx(1 / CLASSES)
    with engine([writes]) as running, pytest.raises(qr.DeviceError, match=r'model "m0" failed .*read-only'):
        running.predict(samples(5))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (broken, r'model "m0" failed on a batch of shape \[5, 3\]: ValueError: no answer to 5 samples$'),
        (lambda x: Linear(0)(x).astype(np.float64), "its output has type float64, but must be float32"),
        (lambda x: Linear(0)(x)[0], r"its output has shape \[4\], but must be \[batch, classes\]"),
        (lambda x: Linear(0)(x)[1:], r"an output of shape \[4, 4\] for a batch of 5"),
        (lambda x: 2 * Linear(0)(x), "end the model in a softmax"),
        (lambda x: None, "its output has type object"),
    ],
)
def test_what_a_callable_gave_wrong_is_said(model, message):
    with engine([model]) as running, pytest.raises(qr.DeviceError, match=message):
        running.predict(samples(5))


def test_an_engine_goes_on_without_a_model_that_fails():
    lib = library(3)
    x = samples(30)
    held_out = lib.predictions("valid")
    with engine([Linear(0), broken, Linear(2)], held_out=held_out, failures_in_a_row=2, retry_after_s=1e9) as running:
        for _ in range(3):
            got = running.predict(x)
            assert np.abs(got.probs - (Linear(0)(x) + Linear(2)(x)) / 2).max() < 1e-6
            assert got.degraded.all() and got.degraded.dtype == bool and got.lost == ["m1"]
            left = qr.Ensemble(members=[0, 2], weights=[0.5, 0.5])
            assert got.foretold_accuracy == qr.evaluate(left, held_out, np.ones(3), draws=0, compare=False).accuracy
        model = running.stats()["models"]["m1"]
    assert "no answer to" in model["aside"] and model["failed_batches"] >= 2
    with engine([Linear(0), broken], degrade=False) as running, pytest.raises(qr.DeviceError, match="no answer to"):
        running.predict(x)


def test_memory_that_ran_out_halves_the_batch():
    def small(x):
        if len(x) > 3:
            raise MemoryError
        return Linear(0)(x)

    x = samples(50)
    with engine([small]) as running:
        got = running.predict(x)
        assert running.stats()["devices"]["cpu:0"]["batch"] == {"m0": 2}
    assert np.abs(got.probs - Linear(0)(x)).max() < 1e-6 and not got.degraded.any()


class Gate:
    """A model that answers when it is let."""

    def __init__(self):
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self, x):
        self.entered.set()
        assert self.open.wait(60)
        return Linear(0)(x)


def test_a_model_that_hangs_is_left_behind():
    gate, x = Gate(), samples(10)
    late = 'model "m0" took more than 0.05 s for a batch of 8 on device "cpu:0"'
    with engine([gate], batch_timeout_s=0.05) as running:
        for _ in range(2):  # the second finds it put aside
            with pytest.raises(qr.DeviceError, match=late):
                running.predict(x)
        assert late in running.stats()["models"]["m0"]["aside"]
    gate.open.set()


def test_deadlines_cancelling_and_a_full_queue():
    gate, x = Gate(), samples(4)
    with engine([gate], max_queue_samples=8, when_full="refuse") as running:
        first = running.submit(x)
        assert gate.entered.wait(60)
        late = running.submit(x, deadline_s=0.001)
        with pytest.raises(qr.DeadlineExceeded, match="the deadline passed with 4 of 4 samples unanswered"):
            late.result()
        again = running.submit(x)
        with pytest.raises(qr.QueueFull, match="8 samples are without an answer, and no more enter from 8 up"):
            running.submit(x)
        assert again.cancel() and not again.cancel()
        with pytest.raises(qr.Cancelled, match="this request was cancelled"):
            again.result()
        gate.open.set()
        assert len(first.result().tier) == 4
        stats = running.stats()
        assert (stats["requests"], stats["requests_failed"]) == (3, 2)
        with pytest.raises(ValueError, match="deadline_s is -1, but must be above 0"):
            running.submit(x, deadline_s=-1)
    assert issubclass(qr.QueueFull, qr.Error) and issubclass(qr.DeadlineExceeded, qr.Error)


def test_replayed_models_answer_their_rows():
    probs = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    profile = qr.Profile(["m0"], [8], [qr.cpu_devices(cores=[1])[0].kind], np.full((1, 1, 1), 1e-4), np.ones((1, 1, 1), int))
    model = qr.Replay(profile, "m0", probs, wait="sleep")
    x = np.array([[1.0], [0.0], [1.0]], np.float32)
    assert (model.run(x) == probs[[1, 0, 1]]).all()
    with qr.Engine(library(1), ensemble(1), placed(1), models={"m0": model}) as running:
        assert (running.predict(x).probs == probs[[1, 0, 1]]).all()
    with pytest.raises(ValueError, match='wait is "nap", but must be "spin" or "sleep"'):
        qr.Replay(profile, "m0", probs, wait="nap")
    with pytest.raises(ValueError, match='the profile has no model "m7"'):
        qr.Replay(profile, "m7", probs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": {"m9": broken}}, 'backends has a model "m9", but the library has none of that name'),
        ({"models": {"m0": 7}}, r'models\["m0"\] is 7, but must be callable'),
        ({"models": {}}, 'model "m0" has no file in the library'),
        ({"when_full": "drop"}, 'when_full is "drop", but must be "wait" or "refuse"'),
        ({"max_wait_s": -1.0}, "max_wait_s is -1, but must be at least 0"),
        ({"batch_timeout_s": 0.0}, "batch_timeout_s is 0, but must be above 0"),
        ({"failures_in_a_row": 0}, "failures_in_a_row is 0, but must be at least 1"),
        ({"retry_after_s": -1.0}, "retry_after_s is -1, but must be at least 0"),
    ],
)
def test_refuses_options_that_make_no_sense(options, message):
    options = {"models": {"m0": Linear(0)}, **options}
    with pytest.raises(ValueError, match=message):
        qr.Engine(library(1), ensemble(1), placed(1), **options)


def test_arrays_that_are_not_aligned_are_copied_and_others_are_not():
    x = samples(6)
    bytes_ = np.zeros(x.nbytes + 1, np.uint8)
    bytes_[1:] = x.view(np.uint8).ravel()
    unaligned = bytes_[1:].view(np.float32).reshape(x.shape)
    assert not unaligned.flags.aligned
    seen = []

    def notes(batch):
        seen.append((batch.__array_interface__["data"][0], batch.flags.aligned))
        return Linear(0)(batch)

    with engine([notes]) as running:
        want = running.predict(x).probs
        assert (running.predict(unaligned).probs == want).all()
        assert (running.predict(torch.from_numpy(x)).probs == want).all()
        assert (running.predict(torch.from_numpy(x).requires_grad_()).probs == want).all()
    address = x.__array_interface__["data"][0]
    assert [at == address for at, _ in seen] == [True, False, True, True]
    assert all(aligned for _, aligned in seen)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(2, FEATURES, dtype=torch.bfloat16), "x has type torch.bfloat16, but must be float32"),
        (torch.zeros(2, FEATURES, device="meta"), "x lies on meta, but must lie in this machine's memory"),
        (np.zeros((2, FEATURES), ">f4"), "x has type >f4, but must be float32"),
        ("text", "x has type <U4, but must be float32"),
    ],
)
def test_refuses_other_arrays(x, message):
    with engine([Linear(0)]) as running, pytest.raises(ValueError, match=message):
        running.submit(x)


def test_predict_says_how_far_it_is(capsys):
    x, said = samples(3000), []
    with engine([Linear(0)]) as running:
        running.predict(x, progress=said.append)
        assert said == sorted(said) and said[-1] == 3000
        running.predict(x, progress=True)
        assert "predict  3000/3000 samples" in capsys.readouterr().err
        with pytest.raises(ValueError, match="progress is 3, but must be True, False or callable"):
            running.predict(x, progress=3)
        with pytest.raises(KeyError):
            running.predict(x, progress={}.__getitem__)
        pending = running.submit(x)
        assert 0 <= pending.answered() <= 3000
        pending.result()
        assert pending.answered() == 3000


def test_lets_go_of_inputs():
    with engine([Linear(0)]) as running:
        x = samples(5)
        alive = weakref.ref(x)
        answer = running.predict(x)
        del x
        assert alive() is None and answer.latency_s > 0.0

        x = samples(5)
        alive = weakref.ref(x)
        pending = running.submit(x)
        del x
        for _ in range(60_000):  # nobody asks for the answer
            if alive() is None:
                break
            time.sleep(1e-3)
        assert alive() is None and pending.done()


def test_an_engine_may_end_on_one_of_its_own_threads():
    held, submitted = {}, threading.Event()

    def drops_it(x):
        assert submitted.wait(60)  # the call of submit() keeps the engine, too
        held.clear()
        gc.collect()
        return Linear(0)(x)

    held["engine"] = engine([drops_it])
    pending = held["engine"].submit(samples(3))
    submitted.set()
    with pytest.raises(qr.Error, match="the engine was closed before this was answered"):
        pending.result(timeout=60)


def test_a_program_may_end_with_callables_at_work():
    program = f"""
import sys, threading
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_engine_models import *
running = engine([Linear(0), Linear(1)])
pending = [running.submit(samples(5000)) for _ in range(20)]
threading.Thread(target=lambda: globals().pop("running"), daemon=True).start()
"""
    path = os.pathsep.join([str(Path(qr.__file__).parents[1]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
