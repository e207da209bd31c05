"""Model files in processes of their own."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

torch = pytest.importorskip("torch", reason="the engine needs torch")
pytest.importorskip("quorate._infer", reason="built without the engine")

FEATURES, CLASSES = 3, 4


def workers():
    """The processes that this one has started for models."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            words = (entry / "cmdline").read_text()
        except OSError:  # it ended meanwhile
            continue
        if parent == str(os.getpid()) and "run_isolated_worker" in words:
            found.append(int(entry.name))
    return found


def test_a_killed_model_is_a_failed_batch_and_nothing_more(tmp_path):
    lib = qr.ModelLibrary(tmp_path / "library")
    lib.set_labels("valid", np.arange(8) % CLASSES)
    x = np.random.default_rng(0).normal(size=(8, FEATURES)).astype(np.float32)
    for i in range(2):
        torch.manual_seed(i)
        net = torch.nn.Sequential(torch.nn.Linear(FEATURES, CLASSES), torch.nn.Softmax(1)).eval()
        torch.jit.script(net).save(str(tmp_path / f"net{i}.pt"))
        with torch.inference_mode():
            probs = net(torch.from_numpy(x)).numpy()
        lib.add(f"net{i}", predictions={"valid": probs}, cost={"latency_s": 1e-3}, model=tmp_path / f"net{i}.pt")
    devices = qr.cpu_devices(cores=[1])
    plan = qr.plan(qr.Profile.measure(lib, devices, batch_sizes=[8], sample=x[:1], repeats=1), devices, time_limit_s=0.1)
    ensemble = qr.Ensemble(members=[0, 1], weights=[0.5, 0.5])
    probs = lib.predictions("valid").probs
    with qr.Engine(lib, ensemble, plan, isolate=True) as engine:
        whole = engine.predict(x)
        assert np.abs(whole.probs - probs.mean(0)).max() < 1e-6 and whole.lost == []
        assert len(workers()) == 2
        os.kill(workers()[0], signal.SIGKILL)
        less = engine.predict(x)
        assert len(less.lost) == 1 and less.degraded.all()
        left = 1 - lib.names.index(less.lost[0])
        assert np.abs(less.probs - probs[left]).max() < 1e-6
        again = engine.predict(x)
        assert (again.probs == whole.probs).all() and again.lost == []
        failed = {name: model["failed_batches"] for name, model in engine.stats()["models"].items()}
        assert failed == {less.lost[0]: 1, lib.names[left]: 0}
    del engine
    assert workers() == []

    next((tmp_path / "library" / "models" / "net1").glob("model.*")).write_bytes(b"changed")
    with pytest.raises(qr.FileError, match="has changed since it was added"):
        qr.Engine(lib, ensemble, plan, isolate=True)
