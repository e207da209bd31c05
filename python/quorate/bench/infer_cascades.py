"""Cascades on the clock: the networks of ../shared/data/cifar10_cnn_pool on images of cifar10_images.

The peer is a single network on an engine of its own; the cascade is the cheapest by measured cost that is no less accurate
on the samples that it was chosen on. Requests of 256 show throughput: the note says how much of the saving that mean cost
foretells came true. Single images that arrive as a recorded trace says show latency, from the moment that the trace has to
the answer; the note has what `simulate` foretold of it, and the saving in the seconds that the device was busy. An engine
that keeps no device idle runs small batches where it has time, later tiers above all, and they cost more a sample: the
cascade is played once more with batches that wait to fill.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import quorate as qr

from .table import Row, in_turns

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
SINGLES = ("w24", "w16", "w32px16")
TRACES = ("azure_llm_2023_conv", "mooncake_conversation")
BATCHES = [1, 4, 16, 64]
REQUEST = 256
WAIT_S = 0.02  # max_wait_s of the cascade's second play
LOAD = 0.8  # rate of arrivals over the throughput that the plan has for the single model


@dataclass(frozen=True)
class Side:
    """A committee where its plan puts it; `tiers` are names."""

    library: qr.ModelLibrary
    committee: qr.Cascade
    plan: qr.Plan

    @property
    def tiers(self) -> list[list[str]]:
        return [[self.library.names[member] for member in tier.members] for tier in self.committee.tiers]

    def engine(self, max_wait_s: float = 0.0) -> qr.Engine:
        return qr.Engine(self.library, self.committee, self.plan, max_wait_s=max_wait_s)


@dataclass(frozen=True)
class Pair:
    """A cascade and the single network beside it."""

    cascade: Side
    alone: Side
    profile: qr.Profile
    per_sample_s: dict[str, float]  # of each network, at the batch size where it takes least

    @property
    def case(self) -> str:
        return " before ".join("+".join(tier) for tier in self.cascade.tiers)

    @property
    def peer(self) -> str:
        return f"{self.alone.tiers[0][0]} alone"

    def saving(self, reached: Sequence[float], per_sample_s: Mapping[str, float]) -> float:
        """The share of the time that the cascade saves where `reached` [tiers] of the samples come to each tier."""
        tiers = zip(reached, self.cascade.tiers, strict=True)
        spent = sum(share * sum(per_sample_s[name] for name in tier) for share, tier in tiers)
        return 1.0 - spent / per_sample_s[self.alone.tiers[0][0]]


def images(begin: int, count: int) -> NDArray[np.float32]:
    from PIL import Image

    with np.load(DATA / "cifar10_images" / "train.npz") as z:
        jpeg, offsets = z["jpeg"], z["offsets"]
    numbers = range(begin, begin + count)
    pixels = [np.asarray(Image.open(io.BytesIO(jpeg[offsets[i] : offsets[i + 1]].tobytes()))) for i in numbers]
    mean, std = np.array([125.3, 123.0, 113.9]), np.array([63.0, 62.1, 66.7])
    return np.ascontiguousarray(((np.stack(pixels) - mean) / std).transpose(0, 3, 1, 2).astype(np.float32))


def pairs_of(library: qr.ModelLibrary, profile: qr.Profile, devices: list[qr.Device]) -> tuple[list[Pair], dict[str, Side]]:
    """And every network alone."""
    held_out = library.predictions("valid")
    least = dict(zip(profile.models, (profile.latency_s[0] / np.array(profile.batch_sizes)).min(1), strict=True))
    cost = np.array([least[name] for name in library.names])
    points = qr.find_cascades(held_out, cost, max_depth=2)

    def placed(committee: qr.Cascade) -> Side:
        report = qr.evaluate(committee, held_out, cost, draws=0, compare=False)
        demand = np.array([report.demand[library.names.index(name)] for name in profile.models])
        return Side(library, committee, qr.plan(profile, devices, demand=demand, time_limit_s=1.0))

    members = {
        name: placed(qr.Cascade(tiers=[qr.Tier(members=[member], weights=[1.0])]))
        for member, name in enumerate(library.names)
    }
    pairs = []
    for name in SINGLES:
        member = library.names.index(name)
        loss = float((held_out.probs[member].argmax(-1) != held_out.labels).mean())
        found = min((p for p in points if p.loss <= loss), key=lambda p: p.cost)
        pairs.append(Pair(placed(found), members[name], profile, least))
    return pairs, members


def requests_row(pair: Pair, members: Mapping[str, Side], x: NDArray[np.float32], repeats: int) -> Row:
    """Mean cost is that of the same requests to each network alone, in the same turns."""
    cascade, names = "cascade", [name for tier in [*pair.cascade.tiers, *pair.alone.tiers] for name in tier]
    sides = {cascade: pair.cascade, **{name: members[name] for name in names}}
    with ExitStack() as open_engines:
        engines = {name: open_engines.enter_context(side.engine()) for name, side in sides.items()}

        def stream(engine: qr.Engine) -> None:
            for i in range(0, len(x), REQUEST):
                engine.predict(x[i : i + REQUEST])

        for engine in engines.values():
            engine.predict(x[:REQUEST])
        taken = in_turns({name: partial(stream, engine) for name, engine in engines.items()}, repeats)
        tiers = engines[cascade].stats()["tiers"]
    foretold = pair.saving([tier["reached"] / tiers[0]["reached"] for tier in tiers], taken)
    alone_s = taken[pair.alone.tiers[0][0]]
    realised = 1.0 - taken[cascade] / alone_s
    note = f"saves {100 * realised:.1f} % of {100 * foretold:.1f} % foretold: {100 * realised / foretold:.0f} %"
    case = f"{pair.case}, requests of {REQUEST}, a sample"
    return Row(case, taken[cascade] / len(x), pair.peer, alone_s / len(x), note=note)


@dataclass(frozen=True)
class Played:
    latency_s: NDArray[np.float64]
    busy_s: float
    reached: list[float]  # the share of the samples that came to each tier
    foretold: qr.Simulation

    @property
    def latencies(self) -> str:
        p50, p99 = (1e3 * np.quantile(self.latency_s, q) for q in (0.5, 0.99))
        return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def play(pair: Pair, side: Side, x: NDArray[np.float32], arrivals_s: NDArray[np.float64], max_wait_s: float = 0.0) -> Played:
    """Submits single images when they are due, from a core that is no device's."""
    with side.engine(max_wait_s) as engine:
        for warm in [engine.submit(x[i : i + 1]) for i in range(REQUEST)]:
            warm.result()
        busy_s = sum(device["busy_s"] for device in engine.stats()["devices"].values())
        mine = os.sched_getaffinity(0)
        cores = {core for device in side.plan.devices for core in device.cores}
        os.sched_setaffinity(0, mine - cores or mine)
        try:
            late, pending = [], []
            start = time.perf_counter()
            for i, due in enumerate(arrivals_s):
                while (now := time.perf_counter() - start) < due:
                    if due - now > 5e-4:
                        time.sleep(due - now - 5e-4)
                late.append(now - due)
                pending.append(engine.submit(x[i % len(x)][None]))
            answers = [p.result() for p in pending]
        finally:
            os.sched_setaffinity(0, mine)
        busy_s = sum(device["busy_s"] for device in engine.stats()["devices"].values()) - busy_s
    tier = np.array([answer.tier[0] for answer in answers])
    foretold = qr.simulate(side.plan, pair.profile, arrivals_s, tiers=side.tiers, tier=tier)
    latency_s = np.array(late) + np.array([answer.latency_s for answer in answers])
    reached = [float((tier >= k).mean()) for k in range(len(side.tiers))]
    return Played(latency_s, busy_s, reached, foretold)


def arrivals_row(pair: Pair, x: NDArray[np.float32], trace: str, seconds: float) -> Row:
    rate = LOAD * pair.alone.plan.throughput
    arrivals_s = qr.arrivals_from(DATA / "arrival_traces" / f"{trace}.csv.gz", rate=rate, samples=round(seconds * rate))
    ours, peer = (play(pair, side, x, arrivals_s) for side in (pair.cascade, pair.alone))
    waiting = play(pair, pair.cascade, x, arrivals_s, WAIT_S)
    shown = []
    for name, side in (("cascade", ours), ("alone", peer)):
        said = f"{1e3 * side.foretold.p50_latency_s:.1f} and {1e3 * side.foretold.p99_latency_s:.1f}"
        shown.append(f"{name} {side.latencies} (foretold {said})")
    foretold = pair.saving(ours.reached, pair.per_sample_s)
    busy = [side.foretold.utilisation[0] * side.foretold.makespan_s for side in (ours, peer)]
    note = f"{'; '.join(shown)}; busy {100 * (1.0 - ours.busy_s / peer.busy_s):.1f} % less, foretold by mean cost "
    note += f"{100 * foretold:.1f} %, by simulate {100 * (1.0 - busy[0] / busy[1]):.1f} %; waiting up to "
    note += f"{1e3 * WAIT_S:.0f} ms {waiting.latencies}, busy {100 * (1.0 - waiting.busy_s / peer.busy_s):.1f} % less"
    case = f"{pair.case}, {trace} at {rate:.0f}/s, p99"
    p99_s = [float(np.quantile(side.latency_s, 0.99)) for side in (ours, peer)]
    return Row(case, p99_s[0], pair.peer, p99_s[1], note=note)


def rows(repeats: int, requests: int = 4, seconds: float = 4.0) -> list[Row]:
    """Thresholds are chosen on the first half of the held-out samples; the images are of the second."""
    folder = DATA / "cifar10_cnn_pool"
    if not folder.is_dir():
        return []
    with np.load(folder / "probs.npz") as z:
        names, known, labels = z["models"].tolist(), z["probs"].astype(np.float32), z["y"].astype(int)
    known /= known.sum(-1, keepdims=True)
    half = known.shape[1] // 2
    x = images(40_000 + half, REQUEST * requests)
    devices = qr.cpu_devices(cores=[1])
    with tempfile.TemporaryDirectory(prefix="quorate-bench-") as at:
        library = qr.ModelLibrary(Path(at) / "library")
        library.set_labels("valid", labels[:half])
        for name, probs in zip(names, known, strict=True):
            library.add(name, predictions={"valid": probs[:half]}, cost={"latency_s": 1.0}, model=folder / f"{name}.pt")
        profile = qr.Profile.measure(library, devices, batch_sizes=BATCHES, sample=x[:64])
        pairs, members = pairs_of(library, profile, devices)
        result = [requests_row(pair, members, x, repeats) for pair in pairs]
        return result + [arrivals_row(pair, x, trace, seconds) for pair in pairs[:2] for trace in TRACES]
