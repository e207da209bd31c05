"""The engine beside what it cannot beat: the models' own time, and what the plan said.

- overhead: models that only take the time of their profile (Replay), on one core; the peer is the sum of those times.
- plans: random profiles of such models on two one-core devices; the peer is the time that the plan's throughput foretells.
  With full=True also small TorchScript models, measured, planned and run.
- cascades, with full=True: the networks of ../shared/data/cifar10_cnn_pool on images of cifar10_images; the peer is the
  last tier's model alone on the same engine, and the note says how much of the saving that mean cost foretells came true.

A core for each device and one for the caller are assumed where the machine has them; with fewer, the caller competes.
"""

from __future__ import annotations

import io
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

import quorate as qr

from .table import Row

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
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
    """[ROWS, classes]: sure of all rows but a share `reach` of them, evenly spread."""
    unsure = np.floor((np.arange(ROWS) + 1) * reach) > np.floor(np.arange(ROWS) * reach)
    top = np.where(unsure, 0.3, 0.9)
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
        goes_on = reach[k + 1] / reach[k] if k + 1 < len(tiers) else 0.0
        for member in tier:
            demand[member] = reach[k]
            models[names[member]] = qr.Replay(profile, names[member], answers(goes_on))
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
    each = rng.uniform(2e-4, 2e-3, models)
    fixed = rng.uniform(2e-4, 2e-3, models)
    latency = (fixed[:, None] + each[:, None] * np.array(batches))[None]
    profile = qr.Profile([f"m{i}" for i in range(models)], batches, [devices[0].kind], latency, np.ones(latency.shape, int))
    cuts = sorted(rng.choice(np.arange(1, models), size=min(int(rng.integers(0, 3)), models - 1), replace=False).tolist())
    tiers = [list(range(a, b)) for a, b in zip([0, *cuts], [*cuts, models], strict=True)]
    reach = np.cumprod([1.0, *rng.uniform(0.2, 0.8, len(tiers) - 1)])
    return replayed(profile, devices, tiers, [float(share) for share in reach])


def off(measured_s: float, planned_s: float) -> float:
    """How far the measured throughput is from the plan's."""
    return planned_s / measured_s - 1.0


def plans_row(plans: int, seconds: float) -> Row:
    devices = qr.cpu_devices(cores=[1, 1])
    measured, planned = [], []
    for seed in range(plans):
        committee = random_committee(seed, devices)
        count = ROWS * max(1, round(seconds * committee.plan.throughput / ROWS))
        with committee.engine() as engine:
            engine.predict(samples(64))
            measured.append(seconds_of(engine, samples(count)))
        planned.append(count / committee.plan.throughput)
    return said_and_done(f"{plans} random plans, replayed", measured, planned)


def said_and_done(case: str, measured: list[float], planned: list[float]) -> Row:
    errors = [off(m, p) for m, p in zip(measured, planned, strict=True)]
    worst = max(errors, key=abs)
    note = f"throughput off by {100 * median(map(abs, errors)):.1f} % (median), {100 * worst:.1f} % (worst)"
    return Row(case, median(measured), "the plan's word", median(planned), note=note)


def torchscript_row(plans: int, seconds: float) -> Row:
    """Committees drawn from eight small networks, measured once."""
    import torch

    devices = qr.cpu_devices(cores=[1, 1])
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(prefix="quorate-bench-") as folder:
        library = qr.ModelLibrary(Path(folder) / "library")
        library.set_labels("valid", np.zeros(4, int))
        x = rng.normal(size=(4096, 3, 32, 32)).astype(np.float32)
        for i, width in enumerate((4, 6, 8, 12, 16, 20, 24, 32)):
            torch.manual_seed(i)
            net = torch.nn.Sequential(
                torch.nn.Conv2d(3, width, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
                torch.nn.Conv2d(width, 2 * width, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
                torch.nn.Flatten(), torch.nn.Linear(2 * width, 10), torch.nn.Softmax(1),
            ).eval()  # fmt: skip
            file = Path(folder) / f"net{i}.pt"
            torch.jit.freeze(torch.jit.script(net)).save(str(file))
            with torch.inference_mode():
                probs = net(torch.from_numpy(x[:4])).numpy()
            library.add(f"net{i}", predictions={"valid": probs}, cost={"latency_s": 1.0}, model=file)
        profile = qr.Profile.measure(library, devices, batch_sizes=[1, 8, 32], sample=x[:32], repeats=21)
        measured, planned = [], []
        for _ in range(plans):
            chosen = sorted(rng.choice(8, size=int(rng.integers(2, 6)), replace=False).tolist())
            demand = np.zeros(8)
            demand[chosen] = 1.0
            plan = qr.plan(profile, devices, demand=demand, time_limit_s=0.5)
            ensemble = qr.Ensemble(members=chosen, weights=[1 / len(chosen)] * len(chosen))
            with qr.Engine(library, ensemble, plan) as engine:
                engine.predict(x[:64])
                repeats = max(1, round(seconds * plan.throughput / len(x)))
                start = time.perf_counter()
                for pending in [engine.submit(x) for _ in range(repeats)]:
                    pending.result()
                measured.append((time.perf_counter() - start) / repeats)
            planned.append(len(x) / plan.throughput)
    return said_and_done(f"{plans} random ensembles of small TorchScript networks", measured, planned)


def images(begin: int, count: int) -> NDArray[np.float32]:
    from PIL import Image

    with np.load(DATA / "cifar10_images" / "train.npz") as z:
        jpeg, offsets = z["jpeg"], z["offsets"]
    numbers = range(begin, begin + count)
    pixels = [np.asarray(Image.open(io.BytesIO(jpeg[offsets[i] : offsets[i + 1]].tobytes()))) for i in numbers]
    mean, std = np.array([125.3, 123.0, 113.9]), np.array([63.0, 62.1, 66.7])
    return np.ascontiguousarray(((np.stack(pixels) - mean) / std).transpose(0, 3, 1, 2).astype(np.float32))


def cascade_rows(pairs: list[tuple[str, str]], repeats: int, requests: int) -> list[Row]:
    """Thresholds are those at which the first half of the held-out samples has the last tier's accuracy; the images are
    of the second half."""
    folder = DATA / "cifar10_cnn_pool"
    with np.load(folder / "probs.npz") as z:
        names, known, labels = z["models"].tolist(), z["probs"].astype(np.float32), z["y"].astype(int)
    known /= known.sum(-1, keepdims=True)
    half = known.shape[1] // 2
    x = images(40_000 + half, 256 * requests)
    devices = qr.cpu_devices(cores=[1])
    rows = []
    with tempfile.TemporaryDirectory(prefix="quorate-bench-") as at:
        library = qr.ModelLibrary(Path(at) / "library")
        library.set_labels("valid", labels[:half])
        for name in sorted({name for pair in pairs for name in pair}):
            probs = np.ascontiguousarray(known[names.index(name), :half])
            file = folder / f"{name}.pt"
            library.add(name, predictions={"valid": probs}, cost={"latency_s": 1.0}, model=file)
        profile = qr.Profile.measure(library, devices, batch_sizes=[1, 16, 64], sample=x[:64])
        per_sample = dict(zip(profile.models, (profile.latency_s[0] / np.array(profile.batch_sizes)).min(1), strict=True))
        for pair in pairs:
            rows.append(cascade_row(library, profile, devices, pair, per_sample, x, repeats))
    return rows


def cascade_row(
    library: qr.ModelLibrary,
    profile: qr.Profile,
    devices: list[qr.Device],
    pair: tuple[str, str],
    per_sample: dict[str, float],
    x: NDArray[np.float32],
    repeats: int,
) -> Row:
    members = [library.names.index(name) for name in pair]
    last = members[1]
    held_out = library.predictions("valid")
    cost = np.array([per_sample[name] for name in library.names])
    pool = qr.Predictions(np.ascontiguousarray(held_out.probs[members]), held_out.labels, names=list(pair))
    single_loss = float((held_out.probs[last].argmax(-1) != held_out.labels).mean())
    found = min(
        (p for p in qr.find_cascades(pool, cost[members], max_depth=2) if p.loss <= single_loss), key=lambda p: p.cost
    )
    threshold = found.tiers[0].threshold
    first = qr.Tier(members=[members[0]], weights=[1.0], threshold=threshold)
    cascade = qr.Cascade(tiers=[first, qr.Tier(members=[last], weights=[1.0])])
    alone = qr.Ensemble(members=[last], weights=[1.0])
    report = qr.evaluate(cascade, held_out, cost, draws=0, compare=False)
    demand = np.array([report.demand[library.names.index(name)] for name in profile.models])
    only = np.array([float(name == pair[1]) for name in profile.models])
    plans = [qr.plan(profile, devices, demand=d, time_limit_s=1.0) for d in (demand, only)]
    taken: list[list[float]] = [[], []]
    with qr.Engine(library, cascade, plans[0]) as ours, qr.Engine(library, alone, plans[1]) as peer:
        for engine in (ours, peer):
            engine.predict(x[:256])
        for _ in range(repeats):
            for engine, times in ((ours, taken[0]), (peer, taken[1])):
                start = time.perf_counter()
                for i in range(0, len(x), 256):
                    engine.predict(x[i : i + 256])
                times.append((time.perf_counter() - start) / len(x))
        tiers = ours.stats()["tiers"]
    reached = tiers[1]["reached"] / tiers[0]["reached"]
    foretold = 1.0 - (per_sample[pair[0]] + reached * per_sample[pair[1]]) / per_sample[pair[1]]
    realised = 1.0 - median(taken[0]) / median(taken[1])
    note = f"saves {100 * realised:.1f} % of {100 * foretold:.1f} % foretold: {100 * realised / foretold:.0f} %"
    return Row(
        f"{pair[0]} before {pair[1]}, requests of 256", median(taken[0]), f"{pair[1]} alone", median(taken[1]), note=note
    )


def rows(*, full: bool, repeats: int) -> list[Row]:
    seconds = 1.0 if full else 0.3
    result = [overhead_row(batch, repeats, seconds) for batch in BATCHES]
    result += request_rows(repeats, 2000 if full else 300)
    result.append(plans_row(20 if full else 3, seconds))
    if not full:
        return result
    result.append(torchscript_row(20, seconds))
    if not (DATA / "cifar10_cnn_pool").is_dir():
        return result
    return result + cascade_rows([("w4", "w24"), ("w6", "w32px16"), ("w8", "w24")], max(repeats, 3), 4)
