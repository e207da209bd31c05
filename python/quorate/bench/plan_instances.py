"""Planning problems: generated ones, and ones built from published measurements where those lie beside the checkout.

Measured are the latencies alone. No published table at hand holds the memory of an instance at each batch size, so memory is
generated, from a seed, and scaled so that it is loose or tight.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import quorate as qr

GB = 1e9
BATCHES = (1, 8, 32, 128)
# Devices' memory together, over what each model needs once at the smallest batch.
ROOM = {"loose": 3.0, "tight": 1.25, "uneven": 1.25}


@dataclass(frozen=True)
class Instance:
    name: str
    profile: qr.Profile
    devices: list[qr.Device]


@dataclass(frozen=True)
class Measured:
    """Latencies [kinds, models, batches] of a table, inf where it holds none."""

    kinds: list[str]
    models: list[str]
    batches: list[int]
    latency_s: NDArray[np.float64]


def generated(models: int, devices: int, cluster: str, memory: str, seed: int) -> Instance:
    """cluster: "one kind", "three kinds" or "with CPUs" (a quarter of the devices, a tenth as fast). Latency is fixed +
    batch x each, both spread over a factor of ten; a kind's speed differs for each model by up to two either way."""
    rng = np.random.default_rng([seed, models, devices, len(cluster)])
    kinds = {"one kind": ["a"], "three kinds": ["a", "b", "c"], "with CPUs": ["a", "b", "cpu"]}[cluster]
    speed = np.array([{"a": 1.0, "b": 2.0, "c": 3.0, "cpu": 0.1}[kind] for kind in kinds])
    fixed, each = 1e-3 * 10 ** rng.random(models), 2e-4 * 10 ** rng.random(models)
    spread = 2.0 ** rng.uniform(-1, 1, (len(kinds), models))
    latency = (fixed[:, None] + each[:, None] * np.array(BATCHES)) / (speed[:, None] * spread)[:, :, None]
    names = [f"m{i}" for i in range(models)]
    of = [kinds[min(int(d * len(kinds) / devices), len(kinds) - 1)] for d in range(devices)]
    if cluster == "with CPUs":
        of = ["cpu" if d % 4 == 3 else kinds[d % 2] for d in range(devices)]
    return with_memory(
        f"{models} x {devices} {cluster}, {memory}", Measured(kinds, names, list(BATCHES), latency), of, memory, rng
    )


def with_memory(name: str, table: Measured, kinds: list[str], memory: str, rng: np.random.Generator) -> Instance:
    """Weights of 0.2 to 4 GB; activations that at the largest batch take a tenth of the weights up to as much as they. The
    devices share out what ROOM says, up to a fifth more or less each, and each holds the largest model alone: where that
    decides, all have one size, or, if memory is "uneven", one from there to twice as much each."""
    models, batches = len(table.models), np.array(table.batches, float)
    weights = 0.2 * GB * 20 ** rng.random(models)
    activations = weights[:, None] * rng.uniform(0.1, 1.0, models)[:, None] * batches / batches.max()
    need = np.ceil(weights[:, None] + activations)
    each = ROOM[memory] * need[:, 0].sum() / len(kinds)
    largest = float(need[:, 0].max())

    def bytes_of_one() -> int:
        alone = 1.05 * largest * (rng.uniform(1.0, 2.0) if memory == "uneven" else 1.0)
        return int(max(each * rng.uniform(0.8, 1.2), alone))

    devices = [qr.Device(f"{kind}:{d}", kind=kind, memory_bytes=bytes_of_one()) for d, kind in enumerate(kinds)]
    all_kinds = np.broadcast_to(need, table.latency_s.shape)
    profile = qr.Profile(table.models, table.batches, table.kinds, table.latency_s, all_kinds)
    return Instance(name, profile, devices)


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _table(cells: dict[tuple[str, str, int], float], most_batches: int = 8) -> Measured:
    """Models that run on every kind; of many batch sizes a spread."""
    kinds = sorted({kind for kind, _, _ in cells})
    models = sorted({model for _, model, _ in cells if all(any((k, model) == c[:2] for c in cells) for k in kinds)})
    batches = sorted({batch for _, model, batch in cells if model in models})
    if len(batches) > most_batches:
        batches = [batches[round(i * (len(batches) - 1) / (most_batches - 1))] for i in range(most_batches)]
    latency = np.array([[[cells.get((k, m, b), np.inf) for b in batches] for m in models] for k in kinds])
    runs = np.isfinite(latency).any(2).all(0)
    return Measured(kinds, [m for m, ok in zip(models, runs, strict=True) if ok], batches, latency[:, runs])


def triton_table(data: Path) -> Measured:
    """NVIDIA's published figures on V100 and T4, offline, one request at a time: a batch takes batch / (inferences/s)."""
    cells: dict[tuple[str, str, int], float] = {}
    for row in _rows(data / "gpu_batch_latency" / "triton.csv.gz"):
        batch, rate = int(row["batch"]), float(row["inferences_per_s"])
        if row["scenario"] != "Offline" or row["concurrency"] != "1" or rate <= 0 or "WideAndDeep" in row["model_path"]:
            continue  # WideAndDeep's batches begin at 16,384: no batch size in common
        model = "/".join([row["model_path"].split("/triton")[0].split("/")[-1] + row["model_path"].split("/triton")[1]])
        place = (
            "v100" if "V100" in row["gpu"] else "t4",
            f"{model} {row['backend']} {row['accelerator']}".strip(" -"),
            batch,
        )
        cells[place] = batch / rate
    return _table(cells)


def timm_table(data: Path, models: int, seed: int) -> Measured:
    """timm's published figures: an RTX 3090 in two memory layouts as two kinds, and an i9 as a CPU kind. One batch size a
    model and kind."""
    runs = {"amp-nchw-pt240-cu124-rtx3090": "3090", "amp-nhwc-pt240-cu124-rtx3090": "3090-nhwc",
            "fp32-nchw-pt240-cpu-i9_10940x-dynamo": "cpu-i9"}  # fmt: skip
    cells: dict[tuple[str, str, int], float] = {}
    for row in _rows(data / "timm_profiles" / "infer.csv.gz"):
        if row["run"] in runs:
            batch = int(float(row["infer_batch_size"]))
            cells[runs[row["run"]], row["model"], batch] = batch / float(row["infer_samples_per_sec"])
    names: dict[str, set[str]] = defaultdict(set)
    for kind, model, _ in cells:
        names[model].add(kind)
    whole = sorted(model for model, kinds in names.items() if len(kinds) == len(runs))
    chosen = set(np.random.default_rng(seed).choice(whole, models, replace=False).tolist())
    return _table({place: value for place, value in cells.items() if place[1] in chosen})


def colocation_table(data: Path) -> Measured:
    """Gavel's training steps alone on a K80 and a P100: a step of a batch as the latency of a batch."""
    cells: dict[tuple[str, str, int], float] = {}
    for row in _rows(data / "colocation_throughputs" / "physical_cluster.csv.gz"):
        named = re.fullmatch(r"\('(.+) \(batch size (\d+)\)', 1\)", row["job"])
        if named and not row["colocated_with"] and "unconsolidated" not in row["worker"] and float(row["steps_per_s"]) > 0:
            cells[row["worker"], named[1], int(named[2])] = 1.0 / float(row["steps_per_s"])
    return _table(cells, most_batches=16)


def measured(data: Path, memory: str, seed: int = 0) -> list[Instance]:
    """One of each data set."""
    result = []
    for name, table, of in (
        ("gpu_batch_latency", triton_table(data), ["v100", "t4", "t4", "t4"]),
        ("timm_profiles", timm_table(data, 12, seed), ["3090", "3090-nhwc", "cpu-i9", "cpu-i9"]),
        ("colocation_throughputs", colocation_table(data), ["p100", "k80", "k80", "k80"]),
    ):
        title = f"{len(table.models)} x {len(of)} {name}, {memory}"
        result.append(with_memory(title, table, of, memory, np.random.default_rng(seed)))
    return result
