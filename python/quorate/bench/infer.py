"""The engine beside what it cannot beat: the models' own time, and what the plan said.

- overhead: models that only take the time of their profile (Replay), on one core; the peer is the sum of those times.
- plans: random profiles of such models on two one-core devices; the peer is the time that the plan's throughput foretells.
  With full=True also small TorchScript models, measured, planned and run.
- cascades, with full=True: see infer_cascades.py.

A core for each device and one for the caller are assumed where the machine has them; with fewer, the caller competes.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import quorate as qr

from . import infer_cascades
from .table import Row

# Seconds of a batch of 1 and of 32, TorchScript on one thread of a shared 2.5 GHz Xeon: four networks of cifar10_cnn_pool,
# as its models.json has them.
BATCHES = (1, 32)
RECORDED = {
    "w4": (0.000774, 0.00756),
    "w8": (0.00154, 0.0147),
    "w16": (0.00265, 0.0312),
    "w24": (0.00344, 0.0506),
}


@dataclass(frozen=True)
class Replayed:
    """A committee of replayed models, placed: `x` are samples that ask for the rows of their own numbers."""

    library: qr.ModelLibrary
    models: dict[str, qr.Replay]
    plan: qr.Plan
    committee: qr.Cascade | qr.Ensemble

    def engine(self, **options: Any) -> qr.Engine:
        return qr.Engine(self.library, self.committee, self.plan, models=self.models, features=[1], **options)


ROWS = 1000


def answers(reach: float, classes: int = 10) -> NDArray[np.float32]:
    """[ROWS, classes]: sure of all rows but a share `reach` of them, evenly spread; those of a smaller share are among those
    of a larger."""
    place = np.arange(ROWS) * 0.6180339887498949 % 1.0
    top = np.where(place < reach, 0.3, 0.9)
    probs = np.repeat(((1.0 - top) / (classes - 1))[:, None], classes, axis=1)
    probs[:, 0] = top
    return probs.astype(np.float32)


def samples(count: int) -> NDArray[np.float32]:
    return (np.arange(count) % ROWS).astype(np.float32)[:, None]


def replayed(profile: qr.Profile, devices: list[qr.Device], tiers: list[list[int]], reach: list[float]) -> Replayed:
    """`reach` [tiers]: the share of the stream that comes to each."""
    names = list(profile.models)
    library = qr.ModelLibrary()
    library.set_labels("valid", np.zeros(2, int))
    for name in names:
        library.add(name, predictions={"valid": answers(0.0)[:2]}, cost={"latency_s": 1.0})
    stops = [qr.Tier(members=tier, weights=[1 / len(tier)] * len(tier), threshold=0.5) for tier in tiers[:-1]]
    committee = qr.Cascade(tiers=[*stops, qr.Tier(members=tiers[-1], weights=[1 / len(tiers[-1])] * len(tiers[-1]))])
    demand, models = np.zeros(len(names)), {}
    for k, tier in enumerate(tiers):
        goes_on = answers(reach[k + 1] if k + 1 < len(tiers) else 0.0)
        for member in tier:
            demand[member] = reach[k]
            models[names[member]] = qr.Replay(profile, names[member], goes_on)
    plan = qr.plan(profile, devices, demand=demand, time_limit_s=0.5)
    if not plan.feasible:
        raise AssertionError(plan.why)
    return Replayed(library, models, plan, committee)


def seconds_of(engine: qr.Engine, x: NDArray[np.float32]) -> float:
    start = time.perf_counter()
    engine.predict(x)
    return time.perf_counter() - start


def overhead_row(batch: int, repeats: int, seconds: float) -> Row:
    """All recorded models as an ensemble on one core, one large request."""
    device = qr.cpu_devices(cores=[1])
    column = BATCHES.index(batch)
    latency = np.array([[[times[column]] for times in RECORDED.values()]])
    profile = qr.Profile(list(RECORDED), [batch], [device[0].kind], latency, np.ones(latency.shape, int))
    committee = replayed(profile, device, [list(range(len(RECORDED)))], [1.0])
    batches = max(2, round(seconds / latency.sum()))
    ideal = batches * latency.sum()
    with committee.engine() as engine:
        engine.predict(samples(batch))
        taken = [seconds_of(engine, samples(batches * batch)) for _ in range(repeats)]
    over = (median(taken) - ideal) / batches / len(RECORDED)
    note = f"{100 * (median(taken) / ideal - 1):.2f} % over, {1e6 * over:.1f} us a batch; "
    note += f"least {100 * (min(taken) / ideal - 1):.2f} %"
    return Row(f"4 models, batches of {batch}", median(taken), "the models' own time", ideal, note=note)


def request_rows(repeats: int, requests: int) -> list[Row]:
    """One model of 0.2 ms, requests of one sample: one after the other, and many at once."""
    device = qr.cpu_devices(cores=[1])
    latency_s = 2e-4
    profile = qr.Profile(["m"], [1], [device[0].kind], np.full((1, 1, 1), latency_s), np.ones((1, 1, 1), int))
    committee = replayed(profile, device, [[0]], [1.0])
    x = samples(1)
    one, many = [], []
    with committee.engine() as engine:
        engine.predict(x)
        for _ in range(repeats):
            start = time.perf_counter()
            for _ in range(requests):
                engine.predict(x)
            one.append((time.perf_counter() - start) / requests)
            start = time.perf_counter()
            for pending in [engine.submit(x) for _ in range(requests)]:
                pending.result()
            many.append((time.perf_counter() - start) / requests)
    rows = []
    for words, taken in (("one after the other", one), ("many at once", many)):
        note = f"{1e6 * (median(taken) - latency_s):.1f} us over, least {1e6 * (min(taken) - latency_s):.1f} us"
        rows.append(Row(f"a request of one sample, {words}", median(taken), "the model's own time", latency_s, note=note))
    return rows


def random_committee(seed: int, devices: list[qr.Device]) -> Replayed:
    """2 to 6 models whose time grows with the batch from a fixed part, one to three tiers, two one-core devices."""
    rng = np.random.default_rng(seed)
    models = int(rng.integers(2, 7))
    batches = [1, 8, 32]
    each = rng.uniform(5e-5, 5e-4, models)
    fixed = rng.uniform(1e-4, 1e-3, models)
    latency = (fixed[:, None] + each[:, None] * np.array(batches))[None]
    profile = qr.Profile([f"m{i}" for i in range(models)], batches, [devices[0].kind], latency, np.ones(latency.shape, int))
    cuts = sorted(rng.choice(np.arange(1, models), size=min(int(rng.integers(0, 3)), models - 1), replace=False).tolist())
    tiers = [list(range(a, b)) for a, b in zip([0, *cuts], [*cuts, models], strict=True)]
    reach = np.cumprod([1.0, *rng.uniform(0.2, 0.8, len(tiers) - 1)])
    return replayed(profile, devices, tiers, [float(share) for share in reach])


def seconds_per_sample(engine: qr.Engine, x: NDArray[np.float32], count: int) -> float:
    """In the middle of a long stream of requests of 256: a plan's throughput speaks of neither its begin nor its end, when
    queues are not full."""
    edge = 4
    start = time.perf_counter()
    pending = []
    for i in range(2 * edge + max(edge, count // 256)):
        at = 256 * i % (len(x) - 255)
        pending.append((time.perf_counter() - start, engine.submit(x[at : at + 256])))
    ends = sorted(begin + p.result().latency_s for begin, p in pending)[edge:-edge]
    return (ends[-1] - ends[0]) / (256 * (len(ends) - 1))


def plans_row(plans: int, seconds: float) -> Row:
    devices = qr.cpu_devices(cores=[1, 1])
    measured, planned = [], []
    for seed in range(plans):
        committee = random_committee(seed, devices)
        with committee.engine() as engine:
            measured.append(seconds_per_sample(engine, samples(256 * ROWS), round(seconds * committee.plan.throughput)))
        planned.append(1.0 / committee.plan.throughput)
    return said_and_done(f"{plans} random plans, replayed", measured, planned)


def said_and_done(case: str, measured: list[float], planned: list[float]) -> Row:
    """Seconds per sample, and how far the throughput is from the plan's."""
    errors = [p / m - 1.0 for m, p in zip(measured, planned, strict=True)]
    worst = max(errors, key=abs)
    note = f"throughput off by {100 * median(map(abs, errors)):.1f} % (median), {100 * worst:.1f} % (worst)"
    return Row(case, median(measured), "the plan's word", median(planned), note=note)


def profiles_beside(
    library: qr.ModelLibrary, devices: Sequence[qr.Device], names: list[str], sample: NDArray[np.float32], **options: Any
) -> list[qr.Profile]:
    """One a device, all measured at once, as they will run: neighbours share a clock and memory."""
    with ThreadPoolExecutor(len(devices)) as pool:
        each = pool.map(
            lambda device: qr.Profile.measure(library, [device], sample=sample, models=names, **options), devices
        )
        return list(each)


def profile_beside(
    library: qr.ModelLibrary, devices: list[qr.Device], names: list[str], sample: NDArray[np.float32], **options: Any
) -> qr.Profile:
    """Of devices of one kind: the mean over them, since a virtual machine's cores are alike in name only."""
    each = profiles_beside(library, devices, names, sample, **options)
    latency_s = np.mean([profile.latency_s for profile in each], axis=0)
    first = each[0]
    return qr.Profile(first.models, first.batch_sizes, first.kinds, latency_s, first.memory_bytes)


def small_networks(folder: Path, x: NDArray[np.float32]) -> qr.ModelLibrary:
    import torch

    library = qr.ModelLibrary(folder / "library")
    library.set_labels("valid", np.zeros(4, int))
    for i, width in enumerate((4, 6, 8, 12, 16, 20, 24, 32)):
        torch.manual_seed(i)
        net = torch.nn.Sequential(
            torch.nn.Conv2d(3, width, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(width, 2 * width, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(), torch.nn.Linear(2 * width, 10), torch.nn.Softmax(1),
        ).eval()  # fmt: skip
        file = folder / f"net{i}.pt"
        torch.jit.freeze(torch.jit.script(net)).save(str(file))
        with torch.inference_mode():
            probs = net(torch.from_numpy(x[:4])).numpy()
        library.add(f"net{i}", predictions={"valid": probs}, cost={"latency_s": 1.0}, model=file)
    return library


def foretold_again(library: qr.ModelLibrary, plan: qr.Plan, sample: NDArray[np.float32]) -> float:
    """The throughput of the plan's placement by its batches as they are measured now, on all devices at once."""
    sizes = sorted({int(batch) for batch in plan.batch.flat if batch})
    each = profiles_beside(library, plan.devices, plan.models, sample, batch_sizes=sizes, warmup=2, repeats=3)
    latency_s = np.stack([profile.latency_s[0] for profile in each])
    placed = plan.batch[:, :, None] == np.array(sizes)
    profile = qr.Profile(
        plan.models,
        sizes,
        [device.name for device in plan.devices],
        np.where(placed, latency_s, np.inf),
        np.stack([profile.memory_bytes[0] for profile in each]),
    )
    devices = [qr.Device(d.name, kind=d.name, memory_bytes=d.memory_bytes) for d in plan.devices]
    return qr.plan(profile, devices, demand=plan.demand, time_limit_s=0.1).throughput


def torchscript_row(plans: int, slices: int, seconds: float) -> Row:
    """Committees drawn from eight small networks. A shared machine's speed changes within seconds: slices of running a plan
    and of measuring its models take turns, each run is held against the mean of the forecasts just before and after it, and
    the median of the slices counts."""
    devices = qr.cpu_devices(cores=[1, 1])
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4096, 3, 32, 32)).astype(np.float32)
    measured, planned = [], []
    with tempfile.TemporaryDirectory(prefix="quorate-bench-") as folder:
        library = small_networks(Path(folder), x)
        for _ in range(plans):
            chosen = sorted(rng.choice(8, size=int(rng.integers(2, 6)), replace=False).tolist())
            ensemble = qr.Ensemble(members=chosen, weights=[1 / len(chosen)] * len(chosen))
            names = [library.names[i] for i in chosen]
            plan = qr.plan(profile_beside(library, devices, names, x[:32], repeats=7), devices, time_limit_s=0.1)
            taken, foretold = [], [1.0 / foretold_again(library, plan, x[:32])]
            with qr.Engine(library, ensemble, plan) as engine:
                for _ in range(slices):
                    taken.append(seconds_per_sample(engine, x, round(seconds * plan.throughput)))
                    foretold.append(1.0 / foretold_again(library, plan, x[:32]))
            ratios = [mean(foretold[i : i + 2]) / taken[i] for i in range(slices)]
            measured.append(median(taken))
            planned.append(median(taken) * median(ratios))
    return said_and_done(f"{plans} random ensembles of small TorchScript networks", measured, planned)


def rows(*, full: bool, repeats: int) -> list[Row]:
    seconds = 1.0 if full else 0.3
    result = [overhead_row(batch, repeats, seconds) for batch in BATCHES]
    result += request_rows(repeats, 2000 if full else 300)
    result.append(plans_row(20 if full else 3, seconds))
    if not full:
        return result
    result.append(torchscript_row(20, 5, 0.2))
    return result + infer_cascades.rows(max(repeats, 3))
