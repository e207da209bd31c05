"""Cheaper versions of a trained network beside the network itself, all compiled for this machine, on one core.

The networks are of ../shared/data/cifar10_cnn_pool. int8 takes its ranges from 256 training images; the note says the
accuracy on 2,000 held-out images, that of the original first, and the 95 % interval of the difference (paired, normal).
Needs torchao. Compiling takes minutes.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

import quorate as qr

from .infer_cascades import DATA, images
from .table import Row

BATCH = 32
HELD_OUT = 2_000


def rows(*, full: bool, repeats: int) -> list[Row]:
    folder = DATA / "cifar10_cnn_pool"
    if not folder.is_dir():
        raise ValueError(f"{folder} is not there, but must be: its networks are what is made cheaper")
    result = []
    for name in ("w12", "w24") if full else ("w24",):
        with tempfile.TemporaryDirectory(prefix="quorate-bench-") as at:
            result += network_rows(name, folder, Path(at), repeats)
    return result


def network_rows(name: str, folder: Path, at: Path, repeats: int) -> list[Row]:
    with np.load(folder / "probs.npz") as z:
        probs, labels = z["probs"][z["models"].tolist().index(name), :HELD_OUT], z["y"][:HELD_OUT].astype(int)
    train, x = images(0, 256), images(40_000, HELD_OUT)
    library = qr.ModelLibrary(at)
    library.set_labels("valid", labels)
    probs = probs.astype(np.float32)
    probs /= probs.sum(-1, keepdims=True)
    library.add(name, predictions={"valid": probs}, cost={"latency_s": 1.0}, model=folder / f"{name}.pt")
    qr.compile_models(library, [name], train[:1], max_batch=BATCH)
    made = qr.add_variants(library, name, None, train, {"valid": x}, max_batch=BATCH)

    devices = qr.cpu_devices(cores=[1])
    rounds = [qr.Profile.measure(library, devices, batch_sizes=[BATCH], sample=x[:BATCH]) for _ in range(repeats)]
    seconds = {
        model: median(float(profile.latency_s[0, m, 0]) for profile in rounds) / BATCH
        for m, model in enumerate(library.names)
    }
    right = np.asarray(library.predictions("valid").probs).argmax(-1) == labels
    result = []
    for index, variant in enumerate(made, start=1):
        difference = right[index].astype(float) - right[0]
        half = 1.96 * float(difference.std()) / math.sqrt(HELD_OUT)
        mean = float(difference.mean())
        note = (
            f"{100 * right[0].mean():.1f} % becomes {100 * right[index].mean():.1f} %: "
            f"{100 * mean:+.2f} [{100 * (mean - half):+.2f}, {100 * (mean + half):+.2f}]"
        )
        result.append(Row(f"{variant.name}, batch {BATCH}", seconds[variant.name], name, seconds[name], note=note))
    return result
