"""Predictions in files: read piece by piece, so that memory does not bound them, and safe where a file is truncated."""

import json
import subprocess
import sys

import numpy as np
import pytest

import quorate as qr

MODELS, SAMPLES, CLASSES = 40, 2000, 100

# Prints how much more than before is resident at the peak, in bytes, and the front.
PROGRAM = """
import json, re, sys
import numpy as np
import quorate as qr

def resident(field):
    return 1024 * int(re.search(field + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1])

kind, path, metric = sys.argv[1:]
labels = np.arange({samples}) % {classes}
warm = qr.Predictions(np.full((2, 8, {classes}), 1 / {classes}, np.float32), np.zeros(8, int))
qr.select(warm, [1.0, 2.0], metric=metric)
before = resident("VmHWM")
if kind == "library":
    valid = qr.ModelLibrary(path).predictions("valid")
elif kind == "map":
    valid = qr.Predictions(np.load(path, mmap_mode="r"), labels)
else:
    valid = qr.Predictions(np.load(path), labels)
front = qr.select(valid, np.arange(1.0, valid.models + 1), metric=metric, max_size=8)
print(json.dumps([resident("VmHWM") - before, [[point.members, point.weights, point.loss] for point in front]]))
"""


def run(kind, path, metric):
    program = PROGRAM.format(samples=SAMPLES, classes=CLASSES)
    done = subprocess.run(
        [sys.executable, "-c", program, kind, str(path), metric], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A file of all models, and a library of the same."""
    folder = tmp_path_factory.mktemp("stored")
    random = np.random.default_rng(0)
    labels = np.arange(SAMPLES) % CLASSES
    library = qr.ModelLibrary(folder / "library")
    library.set_labels("valid", labels)
    probs = np.empty((MODELS, SAMPLES, CLASSES), np.float16)
    for m in range(MODELS):
        logits = random.normal(size=(SAMPLES, CLASSES))
        logits[np.arange(SAMPLES), labels] += random.uniform(1, 3)
        probs[m] = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        library.add(f"m{m:02}", predictions={"valid": probs[m]})
    np.save(folder / "probs.npy", probs)
    return folder


@pytest.mark.parametrize("metric", ["log_loss", "accuracy", "brier"])
def test_the_front_is_that_of_memory_and_files_are_not_resident(stored, metric):
    everything = MODELS * SAMPLES * CLASSES * 2
    in_memory, expected = run("memory", stored / "probs.npy", metric)
    assert in_memory >= everything * 0.9
    for kind, path in (("map", stored / "probs.npy"), ("library", stored / "library")):
        grown, front = run(kind, path, metric)
        assert front == expected
        # What is left are a scorer's own tables, which an array in memory needs as well.
        assert grown < in_memory - everything * 0.6
    assert len(expected) > 1


def test_a_file_that_is_truncated_while_it_is_in_use(tmp_path):
    random = np.random.default_rng(0)
    probs = random.dirichlet(np.ones(10), size=(3, 500)).astype(np.float32)
    np.save(tmp_path / "p.npy", probs)
    size = (tmp_path / "p.npy").stat().st_size
    labels = random.integers(0, 10, 500)
    valid = qr.Predictions(np.load(tmp_path / "p.npy", mmap_mode="r"), labels)
    part = qr.Predictions(np.load(tmp_path / "p.npy", mmap_mode="r")[1:], labels)
    library = qr.ModelLibrary(tmp_path / "library")
    library.set_labels("valid", labels)
    for m in range(3):
        library.add(str(m), predictions={"valid": probs[m]})
    stored = library.predictions("valid")
    cascade = qr.find_cascades(valid, [1.0, 2.0, 3.0])[0]
    with open(tmp_path / "p.npy", "r+b") as file:
        file.truncate(10_000)
    with open(tmp_path / "library/models/1/valid.npy", "r+b") as file:
        file.truncate(5_000)

    of_map = f"{tmp_path}/p.npy: is truncated while it is read: expected at least {size} bytes, found 10000"
    of_library = (
        f"{tmp_path}/library/models/1/valid.npy: is truncated while it is read: expected at least 20128 bytes, found 5000"
    )
    for predictions, words in ((valid, of_map), (part, of_map), (stored, of_library)):
        costs = np.ones(predictions.models)
        for metric in ("log_loss", "accuracy", "brier"):
            with pytest.raises(qr.FileError) as caught:
                qr.select(predictions, costs, metric=metric)
            assert str(caught.value) == words
        for use in (
            predictions.as_votes,
            lambda p=predictions: p.take([499]),
            lambda p=predictions, c=costs: qr.find_cascades(p, c),
        ):
            with pytest.raises(qr.FileError) as caught:
                use()
            assert str(caught.value) == words
    with pytest.raises(qr.FileError, match="is truncated while it is read"):
        qr.evaluate(cascade, valid, [1.0, 2.0, 3.0])
    with pytest.raises(qr.FileError, match=r"expected 20128 bytes for shape .*, found 5000"):
        library.predictions("valid")
    assert np.array_equal(library.predictions("valid", ["0", "2"]).probs, probs[[0, 2]])


def test_a_private_map_is_read_as_memory(tmp_path):
    probs = np.random.default_rng(0).dirichlet(np.ones(4), size=(2, 6)).astype(np.float32)
    np.save(tmp_path / "p.npy", probs[::-1])
    mapped = np.load(tmp_path / "p.npy", mmap_mode="c")
    mapped[:] = probs  # the file stays as it was
    valid = qr.Predictions(mapped, np.zeros(6, int))
    assert np.array_equal(valid.take(range(6)).probs, probs)


def test_a_map_that_others_write_to_is_followed(tmp_path):
    probs = np.random.default_rng(0).dirichlet(np.ones(4), size=(2, 6)).astype(np.float32)
    np.save(tmp_path / "p.npy", probs)
    mapped = np.load(tmp_path / "p.npy", mmap_mode="r+")
    valid = qr.Predictions(mapped[1:, 2:], np.zeros(4, int))
    mapped[1, 2] = [0, 0, 1, 0]
    assert np.array_equal(valid.take([0]).probs, [[[0, 0, 1, 0]]])
