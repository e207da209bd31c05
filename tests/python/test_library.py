"""ModelLibrary from Python: shapes, types, copies, errors, and the files that they leave."""

import gc
import hashlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

DATA = Path(__file__).parents[3] / "shared" / "data"


def distributions(seed, *shape, dtype=np.float32):
    return np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), size=shape[:-1]).astype(dtype)


def hash_of(folder):
    """One hash over every path below a folder and its content."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).rglob("*")):
        digest.update(
            str(path.relative_to(folder)).encode() + b"\0" + (path.read_bytes() if path.is_file() else b"folder") + b"\0"
        )
    return digest.hexdigest()


@pytest.fixture
def probs():
    return distributions(0, 3, 20, 4)


@pytest.fixture
def labels():
    return np.random.default_rng(1).integers(0, 4, 20)


@pytest.fixture
def library(tmp_path, probs, labels):
    library = qr.ModelLibrary(tmp_path / "library")
    library.set_labels("valid", labels)
    for m, name in enumerate(["c", "a", "b"]):
        library.add(name, predictions={"valid": probs[m]}, cost={"latency_s": m + 1.0}, about={"trial": str(m)})
    return library


class TestModelLibrary:
    def test_what_was_added_is_there(self, library, probs, labels, tmp_path):
        for seen in (library, qr.ModelLibrary(tmp_path / "library"), qr.ModelLibrary(str(tmp_path / "library"))):
            assert seen.names == ["c", "a", "b"] and len(seen) == 3 and seen.splits == ["valid"]
            assert "a" in seen and seen.contains("a") and "z" not in seen
            valid = seen.predictions("valid")
            assert np.array_equal(valid.probs, probs) and np.array_equal(valid.labels, labels) and valid.names == seen.names
            assert np.array_equal(seen.predictions("valid", names=["b", "c"]).probs, probs[[2, 0]])
            assert np.array_equal(seen.cost("latency_s"), [1, 2, 3]) and seen.cost("latency_s").dtype == np.float64
            assert np.array_equal(seen.cost("latency_s", names=["b"]), [3])
            assert seen.folder == tmp_path / "library"
            entry = seen.entry("a")
            assert (entry.name, entry.cost, entry.about, entry.splits) == (
                "a",
                {"latency_s": 2.0},
                {"trial": "1"},
                ["valid"],
            )
            assert entry.model_file is None and entry.model_sha256 == ""
            assert repr(entry) == 'ModelLibrary.Entry("a", splits: valid)'
        assert repr(library) == f'ModelLibrary("{tmp_path / "library"}", 3 models, splits: valid)'
        assert repr(qr.ModelLibrary()) == "ModelLibrary(in memory, 0 models, splits: )"

    def test_files_are_plain(self, library, probs, labels, tmp_path):
        folder = tmp_path / "library"
        library.add("half", predictions={"valid": probs[0].astype(np.float16)})
        assert np.array_equal(np.load(folder / "models/a/valid.npy"), probs[1])
        assert np.load(folder / "models/half/valid.npy").dtype == np.float16
        assert np.array_equal(np.load(folder / "labels/valid.npy"), labels)
        np.save(tmp_path / "by_numpy.npy", probs[1])
        assert (folder / "models/a/valid.npy").read_bytes() == (tmp_path / "by_numpy.npy").read_bytes()
        assert json.loads((folder / "models/a/meta.json").read_text())["cost"] == {"latency_s": 2.0}
        assert not [path for path in folder.rglob(".*")]

    @pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
    @pytest.mark.parametrize("dtype", ["i1", "u2", "<i4", "<i8", "u8"])
    def test_files_that_numpy_wrote(self, library, probs, labels, tmp_path, version, dtype):
        with open(tmp_path / "library/labels/valid.npy", "wb") as file:
            np.lib.format.write_array(file, labels.astype(dtype), version=version)
        with open(tmp_path / "library/models/a/valid.npy", "wb") as file:
            np.lib.format.write_array(file, probs[0], version=version)
        seen = qr.ModelLibrary(tmp_path / "library").predictions("valid", ["a"])
        assert np.array_equal(seen.probs[0], probs[0]) and np.array_equal(seen.labels, labels)

    def test_in_memory_arrays_are_shared(self, labels):
        probs = distributions(0, 20, 4)
        library = qr.ModelLibrary()
        library.set_labels("valid", labels)
        library.add("m", predictions={"valid": probs})
        assert np.shares_memory(library.predictions("valid").probs, probs)
        assert library.folder is None
        expected = probs.copy()
        del probs
        gc.collect()
        assert np.array_equal(library.predictions("valid").probs[0], expected)

    def test_model_files(self, library, probs, tmp_path):
        first, second = tmp_path / "net.pt2", tmp_path / "net.pt"
        first.write_bytes(b"first")
        second.write_bytes(b"second")
        library.add("m", predictions={"valid": probs[0]}, cost={"latency_s": 1}, model=str(first))
        entry = library.entry("m")
        assert entry.model_file.read_bytes() == b"first" and entry.model_file.suffix == ".pt2"
        assert entry.model_sha256 == hashlib.sha256(b"first").hexdigest()
        library.replace_model("m", second, {"latency_s": 0.5})
        for seen in (library, qr.ModelLibrary(library.folder)):
            assert seen.entry("m").model_file.read_bytes() == b"second" and seen.entry("m").cost == {"latency_s": 0.5}
        library.replace_model("m", first, {}, {"from": "second"})
        library.replace_model("m", first, {})
        for seen in (library, qr.ModelLibrary(library.folder)):
            assert seen.entry("m").about == {"from": "second"}

    def test_another_process_adds_in_between(self, library, probs, tmp_path):
        program = (
            "import sys, numpy as np, quorate as qr; library = qr.ModelLibrary(sys.argv[1]);"
            "quarter = np.full((20, 4), .25, np.float32);"
            "library.add('0 from elsewhere', predictions={'valid': quarter}, cost={'latency_s': 9})"
        )
        subprocess.run([sys.executable, "-c", program, str(library.folder)], check=True)
        assert len(library) == 3
        library.refresh()
        assert library.names == ["c", "a", "b", "0 from elsewhere"]
        library.add("1 later", predictions={"valid": probs[0]}, cost={"latency_s": 1})
        assert qr.ModelLibrary(library.folder).names == ["c", "a", "b", "0 from elsewhere", "1 later"]

    def test_remove(self, library, probs, labels, tmp_path):
        kept = library.predictions("valid")
        library.remove("a")
        memory = qr.ModelLibrary()
        memory.set_labels("valid", labels)
        for name in ["c", "a", "b"]:
            memory.add(name, predictions={"valid": probs[0]})
        memory.remove(name="a")
        for seen in (library, qr.ModelLibrary(library.folder), memory):
            assert seen.names == ["c", "b"] and len(seen) == 2 and "a" not in seen
            assert seen.predictions("valid").names == ["c", "b"]
        assert np.array_equal(kept.probs, probs)
        assert sorted(path.name for path in (library.folder / "models").iterdir()) == ["b", "c"]
        library.add("a", predictions={"valid": probs[0]})
        assert library.names == ["c", "b", "a"]

    def test_another_process_removes_in_between(self, library, tmp_path):
        program = "import sys, quorate as qr; qr.ModelLibrary(sys.argv[1]).remove('a')"
        subprocess.run([sys.executable, "-c", program, str(library.folder)], check=True)
        with pytest.raises(qr.FileError, match=r"models/a/valid\.npy: cannot open"):
            library.predictions("valid")
        library.refresh()
        assert library.predictions("valid").names == ["c", "b"]

    def test_bytes(self, library, probs, tmp_path):
        for name in library.names:
            files = (library.folder / "models" / name).iterdir()
            assert library.entry(name).bytes == sum(path.stat().st_size for path in files)
        memory = qr.ModelLibrary()
        memory.set_labels("valid", library.predictions("valid").labels)
        memory.add("half", predictions={"valid": probs[0].astype(np.float16)})
        assert memory.entry("half").bytes == 20 * 4 * 2

    def test_threads_add_together(self, library, probs):
        def add(thread):
            for i in range(5):
                library.add(f"{thread}-{i}", predictions={"valid": probs[0]}, cost={"latency_s": 1})
                library.predictions("valid")

        threads = [threading.Thread(target=add, args=(t,)) for t in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(library) == 23 and qr.ModelLibrary(library.folder).names == library.names

    def test_real_predictions_come_back(self, tmp_path):
        file = DATA / "digits_5models_probs" / "probs.npz"
        if not file.exists():
            pytest.skip("the shared data folder is not here")
        data = np.load(file)
        probs = data["probs"].astype(np.float32)
        probs /= probs.sum(-1, keepdims=True)
        library = qr.ModelLibrary(tmp_path)
        library.set_labels("all", data["y"])
        for m, rows in enumerate(probs):
            library.add(str(m), predictions={"all": rows})
        seen = qr.ModelLibrary(tmp_path).predictions("all")
        assert np.array_equal(seen.probs, probs) and np.array_equal(seen.labels, data["y"])


class TestBadInput:
    """Each call is refused with these words and leaves every file as it was."""

    @pytest.fixture
    def refused(self, tmp_path):
        def check(error, words, call):
            before = hash_of(tmp_path)
            with pytest.raises(error) as caught:
                call()
            assert words in str(caught.value)
            assert hash_of(tmp_path) == before

        return check

    def test_arguments(self, library, probs, labels, refused, tmp_path):
        def add(name="m", array=probs[0], cost=None, **more):
            return lambda: library.add(name, predictions={"valid": array}, cost=cost or {}, **more)

        refused(ValueError, 'name is "a", but', add("a"))
        refused(ValueError, 'name is "../m", but must be a plain file name', add("../m"))
        refused(ValueError, "predictions is empty", lambda: library.add("m", predictions={}))
        refused(
            ValueError,
            'split is "test", but must be one that has labels',
            lambda: library.add("m", predictions={"test": probs[0]}),
        )
        refused(ValueError, 'predictions["valid"] has shape [3, 20, 4], but must be [samples, classes]', add(array=probs))
        refused(ValueError, 'predictions["valid"] has shape [19, 4]', add(array=probs[0, 1:]))
        refused(ValueError, 'predictions["valid"] has type int64', add(array=np.ones((20, 4), int)))
        refused(ValueError, "sum to 2, but must sum to 1", add(array=probs[0] * 0 + 0.5))
        refused(ValueError, "but must be from 0 to 1", add(array=np.full((20, 2), 0.5, np.float32)))
        refused(ValueError, "has 5 classes, but must have 4", add(array=np.full((20, 5), 0.2, np.float32)))
        refused(ValueError, 'cost["latency_s"] is nan', add(cost={"latency_s": float("nan")}))
        refused(ValueError, 'cost["latency_s"] is -1', add(cost={"latency_s": -1}))
        refused(qr.FileError, f"{tmp_path}/none: cannot open: No such file or directory", add(model=tmp_path / "none"))
        refused(ValueError, "are other than those", lambda: library.set_labels("valid", labels[::-1]))
        refused(ValueError, "labels is empty", lambda: library.set_labels("test", np.array([], int)))
        refused(ValueError, "labels[0] is -1", lambda: library.set_labels("test", [-1]))
        refused(qr.FileError, "none: cannot open", lambda: library.replace_model("a", tmp_path / "none", {}))
        refused(TypeError, "incompatible function arguments", add(about={"trial": 3}))
        refused(ValueError, 'name is "z", but must be a model of', lambda: library.remove("z"))
        assert library.names == ["c", "a", "b"]

    def test_questions(self, library, refused):
        refused(ValueError, 'split is "test", but must be one that has labels in', lambda: library.predictions("test"))
        refused(ValueError, 'name is "z", but must be a model of', lambda: library.predictions("valid", ["z"]))
        refused(ValueError, "names is empty", lambda: library.predictions("valid", []))
        refused(ValueError, "names is empty", lambda: library.cost("latency_s", []))
        refused(ValueError, "these models lack it: c, a, b", lambda: library.cost("flops"))
        refused(ValueError, 'name is "z", but must be a model of', lambda: library.entry("z"))
        refused(ValueError, "the library has 0 models", lambda: qr.ModelLibrary().predictions("valid"))

    def test_folders(self, library, refused, tmp_path):
        (tmp_path / "file").write_text("x")
        refused(qr.FileError, f"{tmp_path}/file", lambda: qr.ModelLibrary(tmp_path / "file"))
        refused(qr.FileError, "/proc/none/labels: cannot create", lambda: qr.ModelLibrary("/proc/none"))

    @pytest.mark.parametrize("name", ["models/a/meta.json", "models/a/valid.npy", "labels/valid.npy"])
    def test_truncated_and_missing_files(self, library, refused, name):
        path = library.folder / name
        whole = path.read_bytes()
        for size in range(0, len(whole) - 1):
            path.unlink()
            path.write_bytes(whole[:size])
            with pytest.raises(qr.FileError) as caught:
                qr.ModelLibrary(library.folder).predictions("valid")
            assert str(caught.value).startswith(f"{path}: ")
            assert path.read_bytes() == whole[:size]
        path.unlink()
        error, words = (
            (ValueError, 'split is "valid"') if name.startswith("labels") else (qr.FileError, f"{path}: cannot open")
        )
        refused(error, words, lambda: qr.ModelLibrary(library.folder).predictions("valid"))

    def test_foreign_arrays(self, library, probs, refused):
        path = library.folder / "models/a/valid.npy"
        foreign = {
            "little-endian float16, float32 or integers": probs[0].astype(np.float64),
            "in C order": np.asfortranarray(probs[0]),
            "has shape [19, 4] of floats, but must be floats [20, 4]": probs[0, 1:],
            "has shape [20, 4] of integers": np.zeros((20, 4), np.int32),
            "sum to 2, but must sum to 1": np.full((20, 4), 0.5, np.float32),
        }
        for words, array in foreign.items():
            np.save(path, array)
            refused(qr.FileError, words, lambda: library.predictions("valid"))
        np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
        refused(qr.FileError, "little-endian float16, float32 or integers", lambda: library.predictions("valid"))

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_unwritable_folder(self, library, probs, refused):
        models = library.folder / "models"
        models.chmod(0o500)
        try:
            refused(qr.FileError, "Permission denied", lambda: library.add("m", predictions={"valid": probs[0]}))
        finally:
            models.chmod(0o700)
