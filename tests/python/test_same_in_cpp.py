"""C++ and Python give identical selections, cascades and plans for the same library."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

PROGRAM = Path(__file__).parents[2] / "build" / "release" / "tests" / "quorate_values"


@pytest.fixture
def library(tmp_path: Path) -> qr.ModelLibrary:
    random = np.random.default_rng(7)
    lib = qr.ModelLibrary(tmp_path / "library")
    labels = {split: random.integers(0, 4, 500) for split in ("valid", "calib")}
    for split, y in labels.items():
        lib.set_labels(split, y)
    for m in range(7):
        predictions = {}
        for split, y in labels.items():
            scores = random.normal(size=(500, 4))
            scores[np.arange(500), y] += 0.5 + 0.3 * m
            p = np.exp(2 * scores)
            predictions[split] = (p / p.sum(1, keepdims=True)).astype(np.float16 if m % 2 else np.float32)
        lib.add(f"m{m}", predictions=predictions, cost={"latency_s": 1e-3 * 2.0**m})
    return lib


def test_cpp_and_python_agree_to_the_last_bit(library: qr.ModelLibrary) -> None:
    if not PROGRAM.exists():
        pytest.skip(f"{PROGRAM} is not built: run scripts/test")
    assert library.folder is not None
    out = subprocess.run([PROGRAM, library.folder], capture_output=True, text=True, check=True)

    valid, calib, cost = library.predictions("valid"), library.predictions("calib"), library.cost("latency_s")
    values: list[str] = [
        qr.select(valid, cost=cost, metric=metric, max_size=8).to_json() for metric in ("log_loss", "accuracy", "brier")
    ]
    cascades = qr.find_cascades(valid, cost)
    values.append(cascades.to_json())
    values.append(qr.find_cascades(valid, cost, signal="agreement", parallel=True).to_json())
    cascade = qr.calibrate(cascades.knee(), calib, max_loss_increase=0.05, delta=0.1)
    values.append(cascade.to_json())
    report = qr.evaluate(cascade, valid, cost)
    values.append(report.to_json())

    batches = [1, 8]
    latency_s = np.array([[[one * (1 + 0.25 * (batch - 1)) for batch in batches] for one in cost]])
    memory_bytes = np.broadcast_to(np.array([1000, 8000]), latency_s.shape)
    profile = qr.Profile(library.names, batches, ["toy"], latency_s, memory_bytes)
    devices = [qr.Device(f"toy:{i}", kind="toy", memory_bytes=30000) for i in range(2)]
    plan = qr.plan(profile, devices, demand=report.demand, time_limit_s=60.0, max_iterations=20)
    assert plan.feasible
    values.append(plan.to_json())

    assert out.stdout == "".join(f"{value}\n" for value in values)
