"""ONNX models in the engine, by OpenVINO where it is built in (QUORATE_OPENVINO), against torch itself."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

torch = pytest.importorskip("torch", reason="the engine needs torch")
pytest.importorskip("quorate._infer", reason="built without the engine")

FEATURES, CLASSES = (3, 8, 8), 4


def refusal(file: Path) -> str:
    """What the engine says of a file that it cannot load."""
    library = qr.ModelLibrary()
    library.set_labels("valid", [0])
    library.add("m", predictions={"valid": np.ones((1, 1), np.float32)}, model=file)
    with pytest.raises(qr.FileError) as raised:
        qr.Profile.measure(library, qr.cpu_devices(cores=[1]), batch_sizes=[1], sample=np.zeros((1, 3), np.float32))
    return str(raised.value)


@pytest.fixture
def openvino(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="torch.onnx needs it")
    (tmp_path / "text.onnx").write_text("this is no model")
    if "has no OpenVINO" in refusal(tmp_path / "text.onnx"):
        pytest.skip("built without OpenVINO: -DQUORATE_OPENVINO=ON")


def network(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    layers = [torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(8, CLASSES), torch.nn.Softmax(1)).eval()


def export(net: torch.nn.Module, inputs: tuple, path: Path, free: dict | None = None) -> Path:
    names = [f"x{i}" for i in range(len(inputs))]
    axes = {name: {0: "batch"} for name in names} if free is None else free
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, inputs, str(path), input_names=names, dynamic_axes=axes, dynamo=False)
    return path


def test_a_damaged_file_or_a_build_without_openvino_says_so(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("this is no model")
    said = refusal(tmp_path / "text.onnx")
    assert "text.onnx" in said and ("is no ONNX model" in said or "-DQUORATE_OPENVINO=ON" in said)


def test_runs_as_torch_does(openvino: None, tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(40, *FEATURES)).astype(np.float32)
    nets = [network(0), network(1)]
    with torch.inference_mode():
        probs = [net(torch.from_numpy(x)).numpy() for net in nets]
    library = qr.ModelLibrary(tmp_path / "library")
    library.set_labels("valid", np.arange(40) % CLASSES)
    onnx = export(nets[0], (torch.from_numpy(x[:2]),), tmp_path / "net.onnx")
    torch.jit.trace(nets[1], torch.from_numpy(x[:2])).save(str(tmp_path / "net.pt"))
    for name, file, answers in (("onnx", onnx, probs[0]), ("script", tmp_path / "net.pt", probs[1])):
        library.add(name, predictions={"valid": answers}, model=file)
    both, mean = qr.Ensemble([0, 1], [0.5, 0.5]), (probs[0] + probs[1]) / 2
    one = qr.cpu_devices(cores=[1])[0]
    two = [one, qr.Device("cpu:1", kind=one.kind, memory_bytes=one.memory_bytes, cores=one.cores)]
    profile = qr.Profile.measure(library, two, batch_sizes=[1, 8], sample=x[:1], repeats=1)
    weights = 4 * sum(p.numel() for p in nets[0].parameters())
    assert weights <= profile.weights_bytes[0, 0] <= weights + 200  # and a few shapes
    with qr.Engine(library, both, qr.plan(profile, two, time_limit_s=0.1)) as engine:
        for count in (1, 5, 40):
            assert np.abs(engine.predict(x[:count]).probs - mean[:count]).max() < 1e-5
        pending = [engine.submit(x) for _ in range(10)]
        assert all(np.abs(p.result().probs - mean).max() < 1e-5 for p in pending)
        with pytest.raises(ValueError, match=r"must have \[3, 8, 8\]"):
            engine.predict(np.zeros((1, 3, 9, 8), np.float32))
    # Only what was recorded is loaded.
    file = library.entry("onnx").model_file
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(qr.FileError, match="has changed since it was added"):
        qr.Engine(library, both, qr.plan(profile, two, time_limit_s=0.1))


class Sums(torch.nn.Module):
    def forward(self, a, b):
        return torch.softmax((a + b).flatten(1), 1)


class Counts(torch.nn.Module):
    def forward(self, a):
        return torch.softmax(a.float(), 1)


@pytest.mark.parametrize(
    ("net", "inputs", "free", "words"),
    [
        (Sums(), 2 * (torch.zeros(2, 3),), None, "has 2 inputs and 1 outputs, but must have one of each"),
        (Counts(), (torch.zeros(2, 3, dtype=torch.int64),), None, "has an input of type i64, but must have one of f32"),
        (Counts(), (torch.zeros(2, 3),), {}, "takes batches of 2 only, but must take any from 1 on"),
        (Counts(), (torch.zeros(2, 3),), {"x0": {0: "n", 1: "k"}}, "but only the batch may be dynamic"),
        (Counts(), (torch.zeros(2),), {"x0": {0: "n"}}, "but must have [batch, features...]"),
    ],
)
def test_refuses_models_that_batches_cannot_go_through(openvino, tmp_path, net, inputs, free, words) -> None:
    if inputs[0].ndim == 1:
        net = torch.nn.Softmax(0)
    assert words in refusal(export(net, inputs, tmp_path / "model.onnx", free))
