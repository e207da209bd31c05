"""Predictions from Python: shapes, types, copies, kinds, and what is refused."""

import gc

import numpy as np
import pytest

import quorate as qr


def distributions(seed, *shape, dtype=np.float32):
    return np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), size=shape[:-1]).astype(dtype)


@pytest.fixture
def probs():
    return distributions(0, 3, 20, 4)


@pytest.fixture
def labels():
    return np.random.default_rng(1).integers(0, 4, 20)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_an_array_is_kept_without_a_copy(dtype, labels):
    probs = distributions(0, 3, 20, 4, dtype=dtype)
    valid = qr.Predictions(probs, labels)
    assert np.shares_memory(valid.probs, probs) and valid.probs.dtype == dtype
    assert np.array_equal(valid.probs, probs) and not valid.probs.flags.writeable
    assert np.array_equal(valid.labels, labels) and valid.labels.dtype == np.int32
    assert (valid.models, valid.samples, valid.classes) == (3, 20, 4)
    assert valid.names == ["0", "1", "2"] and valid.has_probabilities
    assert repr(valid) == "Predictions(3 models, 20 samples, 4 classes)"


def test_a_memory_map_is_kept(tmp_path, probs, labels):
    np.save(tmp_path / "p.npy", probs)
    mapped = np.load(tmp_path / "p.npy", mmap_mode="r")
    assert np.shares_memory(qr.Predictions(mapped, labels).probs, mapped)


def test_probs_outlive_everything_else(probs, labels):
    expected = probs.copy()
    kept = qr.Predictions(probs, labels).probs
    del probs
    gc.collect()
    assert np.array_equal(kept[::-1].copy(), expected[::-1])


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.astype(np.float64),
        lambda p: np.asfortranarray(p),
        lambda p: p.astype(">f4"),
        lambda p: p.tolist(),
        lambda p: np.repeat(p, 2, axis=2)[:, :, ::2],
    ],
    ids=["float64", "fortran", "big-endian", "list", "strided"],
)
def test_other_layouts_are_copied(change, probs, labels):
    assert np.array_equal(qr.Predictions(change(probs), labels).probs, probs)


def test_names(probs, labels):
    assert qr.Predictions(probs, labels, names=["x", "y", "z"]).names == ["x", "y", "z"]
    assert qr.Predictions(probs, labels, names=None).names == ["0", "1", "2"]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_labels_of_any_integer_type(dtype, probs, labels):
    assert np.array_equal(qr.Predictions(probs, labels.astype(dtype)).labels, labels)


def test_votes():
    votes = np.array([[0, 2], [1, 1]])
    confidence = np.array([[0.5, 0.75], [1.0, 0.25]])
    p = qr.Predictions.from_votes(votes, [0, 1], confidence=confidence, names=["a", "b"])
    assert not p.has_probabilities and p.names == ["a", "b"]
    assert p.probs.tolist() == [[[0.5, 0, 0], [0, 0, 0.75]], [[0, 1, 0], [0, 0.25, 0]]]
    assert p.probs.dtype == np.float32
    assert repr(p) == "Predictions(2 models, 2 samples, 3 classes, votes)"
    ones = qr.Predictions.from_votes(votes.astype(np.uint8), [0, 1]).probs
    assert ones.tolist() == [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 1, 0]]]
    half = qr.Predictions.from_votes(votes, [0, 1], confidence.astype(np.float16)).probs
    assert np.array_equal(half, p.probs)


def test_take(probs, labels):
    valid = qr.Predictions(probs, labels)
    for chosen in ([3, 1, 1], np.array([19], np.uint8)):
        part = valid.take(chosen)
        assert np.array_equal(part.probs, probs[:, chosen]) and np.array_equal(part.labels, labels[chosen])
    votes = qr.Predictions.from_votes(probs.argmax(-1), labels)
    assert np.array_equal(votes.take([5, 4]).probs, votes.probs[:, [5, 4]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_values(dtype):
    random = np.random.default_rng(3)
    values = random.normal(size=(3, 20, 2)).astype(dtype)
    targets = random.normal(size=(20, 2)).astype(np.float32)
    p = qr.Predictions.from_values(values, targets, names=["a", "b", "c"])
    assert p.has_values and not p.has_probabilities and p.names == ["a", "b", "c"]
    assert (p.models, p.samples, p.classes) == (3, 20, 2)
    assert np.shares_memory(p.values, values) and np.array_equal(p.values, values) and p.values.dtype == dtype
    assert np.array_equal(p.targets, targets) and p.targets.dtype == np.float32 and p.labels.shape == (0,)
    assert not p.values.flags.writeable and not p.targets.flags.writeable
    assert repr(p) == "Predictions(3 models, 20 samples, 2 outputs, values)"
    part = p.take([3, 3, 0])
    assert np.array_equal(part.values, values[:, [3, 3, 0]]) and np.array_equal(part.targets, targets[[3, 3, 0]])
    single = qr.Predictions.from_values(values[:, :, 0], targets[:, 0].astype(np.float64))
    assert single.values.shape == (3, 20, 1) and np.array_equal(single.targets, targets[:, :1])
    assert np.array_equal(qr.Predictions.from_values(values[:, :, :1], np.arange(20)).targets[:, 0], np.arange(20))


def test_as_votes(probs, labels):
    votes = qr.Predictions(probs, labels, ["x", "y", "z"]).as_votes()
    assert not votes.has_probabilities and votes.names == ["x", "y", "z"] and votes.classes == 4
    assert np.array_equal(votes.probs, np.eye(4)[probs.argmax(-1)])
    assert np.array_equal(votes.labels, labels) and votes.targets.shape == (0, 0)


def test_values_that_are_wrong(probs, labels):
    def says(words, call):
        with pytest.raises(ValueError) as caught:
            call()
        assert words in str(caught.value)

    values, targets = np.ones((2, 5, 3), np.float32), np.zeros((5, 3), np.float32)
    make = qr.Predictions.from_values
    says(
        "values has shape [5], but must be [models, samples, outputs], or [models, samples]",
        lambda: make(values[0, :, 0], targets),
    )
    says("values has type int64, but must be float16 or float32", lambda: make(values.astype(int), targets))
    says("targets has shape [1, 5, 3], but must be [samples, outputs], or [samples]", lambda: make(values, targets[None]))
    says("targets has type <U1, but must be of real numbers", lambda: make(values, ["x"]))
    says("targets has type bool, but must be of real numbers", lambda: make(values, targets > 0))
    says(
        "targets has shape [4, 3], but must be [5, 3]: the samples and outputs of values",
        lambda: make(values, targets[1:]),
    )
    says("targets has shape [5], but must be [5, 3]", lambda: make(values, targets[:, 0]))
    says("there are 0 models", lambda: make(values[:0], targets))
    changed = values.copy()
    changed[1, 2, 0] = np.nan
    says('the value of output 0 by model "b" on sample 2 is nan', lambda: make(changed, targets, names=["a", "b"]))
    says("targets[0, 0] is inf, but must be finite", lambda: make(values, targets + np.inf))
    regression, classes = make(values, targets), qr.Predictions(probs, labels)
    says("these predictions hold values, but probs is of classes: use .values", lambda: regression.probs)
    says("these predictions hold classes, but values is of regression: use .probs", lambda: classes.values)
    says("predictions hold values, but votes need classes", regression.as_votes)
    cascade = qr.find_cascades(classes, [1.0, 2.0, 3.0])[0]
    for call in (
        lambda: qr.find_cascades(regression, [1.0, 2.0]),
        lambda: qr.calibrate(cascade, regression),
        lambda: qr.evaluate(cascade, regression, [1.0, 2.0]),
    ):
        says("predictions hold values, but a cascade needs probabilities or votes", call)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 3), (4, 1, 3), (4, 5, 1)])
@pytest.mark.parametrize("metric", ["log_loss", "accuracy", "brier"])
def test_one_model_one_sample_one_class(shape, metric):
    probs = distributions(4, *shape)
    valid = qr.Predictions(probs, np.zeros(shape[1], int))
    assert np.array_equal(valid.probs, probs) and valid.as_votes().probs.shape == shape
    front = qr.select(valid, np.arange(1.0, shape[0] + 1), metric=metric)
    best = min(qr.loss(qr.Ensemble([m], [1.0]), valid, metric) for m in range(shape[0]))
    assert front[-1].loss <= best
    if shape[2] == 1:
        assert front[0].loss == 0.0 and len(front) == 1  # every model is sure of the only class


@pytest.mark.parametrize("metric", ["log_loss", "accuracy", "brier"])
def test_models_that_are_all_the_same(metric, probs, labels):
    valid = qr.Predictions(np.repeat(probs[:1], 5, axis=0), labels)
    front = qr.select(valid, [3.0, 1.0, 1.0, 2.0, 5.0], metric=metric)
    assert [point.members for point in front] == [[1]]  # the cheapest, then the first


def test_labels_without_some_class(probs):
    valid = qr.Predictions(probs, np.full(20, 2))
    for metric in ("log_loss", "accuracy", "brier"):
        assert qr.select(valid, [1.0, 2.0, 3.0], metric=metric)[-1].loss <= qr.loss(qr.Ensemble([0], [1.0]), valid, metric)


def test_a_model_of_nan(probs, labels, tmp_path):
    probs[1] = np.nan
    np.save(tmp_path / "p.npy", probs)
    for array in (probs, probs.astype(np.float16), np.load(tmp_path / "p.npy", mmap_mode="r")):
        with pytest.raises(ValueError, match='the probability of class 0 by model "1" on sample 0 is nan'):
            qr.Predictions(array, labels)


def test_bad_input(probs, labels):
    def says(words, call):
        with pytest.raises(ValueError) as caught:
            call()
        assert words in str(caught.value)

    says("probs has shape [20, 4], but must be [models, samples, classes]", lambda: qr.Predictions(probs[0], labels))
    says("probs has type int64, but must be float16 or float32", lambda: qr.Predictions(np.ones((1, 2, 1), int), [0, 0]))
    says("probs has type", lambda: qr.Predictions("nothing", labels))
    says("labels has type float64, but must be of integers", lambda: qr.Predictions(probs, labels * 1.0))
    says("labels has shape [1, 20]", lambda: qr.Predictions(probs, labels[None]))
    says("labels has 19 entries, but there are 20 samples", lambda: qr.Predictions(probs, labels[1:]))
    says("labels holds 4294967296, but must fit 32 bits", lambda: qr.Predictions(probs, labels + 2**32 - labels[0]))
    says("but must be from 0 to 3", lambda: qr.Predictions(probs, labels + 4))
    says("but must be from 0 to 3", lambda: qr.Predictions(probs, labels - 4))
    says("names has 1 entries, but there are 3 models", lambda: qr.Predictions(probs, labels, ["x"]))
    says("there are 0 models", lambda: qr.Predictions(probs[:0], labels))
    for wrong, words in ((-0.5, "is -0.5"), (np.nan, "is nan"), (np.inf, "is inf")):
        for dtype in (np.float16, np.float32):
            changed = probs.astype(dtype)
            changed[1, 7, 2] = wrong
            says(
                f'the probability of class 2 by model "1" on sample 7 {words}',
                lambda p=changed: qr.Predictions(p, labels),
            )
    for dtype, near, far, tolerance in ((np.float32, 0.0009, 0.0011, "0.001"), (np.float16, 0.009, 0.012, "0.01")):
        changed = np.full((1, 2, 4), 0.25, dtype)
        changed[0, 1, 0] += dtype(near)
        qr.Predictions(changed, [0, 0])
        changed[0, 1, 0] = 0.25 + far
        says(f"must sum to 1 within {tolerance}", lambda p=changed: qr.Predictions(p, [0, 0]))
    votes = probs.argmax(-1)
    says("classes has shape [20]", lambda: qr.Predictions.from_votes(votes[0], labels))
    says("is -1, but must be at least 0", lambda: qr.Predictions.from_votes(votes * 0 - 1, labels))
    says(
        "confidence has shape [20], but must be [models, samples]",
        lambda: qr.Predictions.from_votes(votes, labels, probs[0, :, 0]),
    )
    says("confidence has shape [1, 20]", lambda: qr.Predictions.from_votes(votes, labels, probs[:1, :, 0]))
    says("is 2, but must be from 0 to 1", lambda: qr.Predictions.from_votes(votes, labels, np.full((3, 20), 2.0)))
    valid = qr.Predictions(probs, labels)
    says("samples holds 20, but must be below 20", lambda: valid.take([20]))
    says("samples holds -1, but must be at least 0", lambda: valid.take([-1]))
    says("numpy.flatnonzero", lambda: valid.take(labels > 0))
    says("samples is empty", lambda: valid.take(np.array([], int)))
