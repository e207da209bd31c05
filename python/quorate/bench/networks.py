"""Real networks at 224 pixels, an ensemble of four, against other ways to run them on the same cores.

The networks are torchvision's with random weights, which cost what trained ones cost. Ours: the engine, each model in the
faster of its forms, AOTInductor or OpenVINO, as `Profile.measure` found. A plan is for a stream; of plans for a device a
core and for one with all cores, and for several limits on the batch, each size of request takes the one of which
`simulate` says that it answers such a request first. Peers,
one network after the other with all cores for each: torch eager, as it comes and channels last, ONNX Runtime, and OpenVINO
with shapes fixed to the batch. And Ray Serve, where it is installed: one replica a network, each OpenVINO on one thread.
The note says what was planned, which form each model took, and which share of the cores' peak the multiplications and
additions of convolutions and linear layers come to; peak is what the best of some float32 matrix products reaches on all
cores.

Needs torchvision, onnx, onnxruntime and openvino, and a build with QUORATE_OPENVINO; ray[serve] for its row. Compiling takes
minutes; the folder in QUORATE_BENCH_MODELS keeps what was compiled for the next run.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import quorate as qr

from . import networks_peers
from .infer import profile_beside
from .networks_peers import Run
from .table import Row, in_turns

NETWORKS = ("resnet18", "regnet_y_400mf", "mobilenet_v3_large", "squeezenet1_1")
REQUESTS = (1, 8, 32)  # samples in each
ROUNDS = {1: 8, 8: 1, 32: 1}  # requests in what is timed once
BATCHES = (1, 4, 16)  # that the engine may run


def networks() -> dict[str, Any]:
    """Modules to probabilities [batch, 1000]."""
    import torch
    import torchvision

    torch.manual_seed(0)
    return {
        name: torch.nn.Sequential(getattr(torchvision.models, name)(weights=None), torch.nn.Softmax(1)).eval()
        for name in NETWORKS
    }


def prepared(folder: Path, nets: dict[str, Any]) -> None:
    """<name>.onnx and <name>.pt2 of each, where they are missing."""
    import torch

    example = torch.zeros(2, 3, 224, 224)
    for name, net in nets.items():
        if not (folder / f"{name}.onnx").is_file():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.onnx.export(net, (example,), str(folder / f"{name}.onnx"), input_names=["x"],
                                  dynamic_axes={"x": {0: "batch"}}, dynamo=False)  # fmt: skip
        if not (folder / f"{name}.pt2").is_file():
            qr.compile_model(net, example[:1].numpy(), folder / f"{name}.pt2", max_batch=max(REQUESTS))


def peak_flops() -> float:
    """Multiplications and additions a second of torch's float32 matrix product on all cores."""
    import torch

    a, best = torch.rand(2048, 2048), 0.0
    for _ in range(8):
        begin = time.perf_counter()
        torch.mm(a, a)
        best = max(best, 2 * 2048**3 / (time.perf_counter() - begin))
    return best


def flops_of(nets: dict[str, Any]) -> int:
    """Of one sample through all."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        for net in nets.values():
            net(torch.zeros(1, 3, 224, 224))
    return int(counter.get_total_flops())


@dataclass(frozen=True)
class Choice:
    foretold_s: float  # of one request
    plan: qr.Plan
    forms: list[str]  # of each network, its faster

    @property
    def note(self) -> str:
        lanes = " + ".join(str(len(device.cores)) for device in self.plan.devices)
        return f"cores {lanes}, batches of {self.plan.batch.max()}, foretold {1e3 * self.foretold_s:.1f} ms; " + ", ".join(
            self.forms
        )


def chosen(profiles: list[tuple[list[qr.Device], qr.Profile]], samples: int) -> Choice:
    """Of plans for the devices and the profile of each, and for its smallest batch sizes alone, the one that answers a
    request of so many samples first."""
    choices = []
    for devices, profile in profiles:
        for sizes in range(1, len(profile.batch_sizes) + 1):
            latency_s, memory = profile.latency_s[:, :, :sizes], profile.memory_bytes[:, :, :sizes]
            small = qr.Profile(profile.models, profile.batch_sizes[:sizes], profile.kinds, latency_s, memory)
            seconds = dict(zip(small.models, latency_s[0, :, -1], strict=True))
            forms = [min((f"{name}.pt2", f"{name}.onnx"), key=seconds.__getitem__) for name in NETWORKS]
            demand = np.array([float(name in forms) for name in small.models])
            plan = qr.plan(small, devices, demand=demand, time_limit_s=0.5)
            choices.append(Choice(qr.simulate(plan, small, np.zeros(samples)).makespan_s, plan, forms))
    return min(choices, key=lambda choice: choice.foretold_s)


def answers_of(engine: qr.Engine) -> Run:
    return lambda x: engine.predict(x).probs


def timed(sides: dict[str, Run], x: NDArray[np.float32], repeats: int) -> dict[str, float]:
    """Seconds of ROUNDS requests, after one that all must answer alike."""
    known = sides["eager, one after another"](x)
    for name, run in sides.items():
        if not np.abs(run(x) - known).max() < 1e-4:
            raise AssertionError(f"{name} answers otherwise than torch")

    def rounds(run: Run) -> Callable[[], None]:
        def side() -> None:
            for _ in range(ROUNDS[len(x)]):
                run(x)

        return side

    return in_turns({name: rounds(run) for name, run in sides.items()}, repeats)


def rows(*, full: bool, repeats: int) -> list[Row]:
    import torch

    cores = len(os.sched_getaffinity(0))
    nets, scratch = networks(), tempfile.TemporaryDirectory(prefix="quorate-bench-")
    folder = Path(os.environ.get("QUORATE_BENCH_MODELS", scratch.name))
    folder.mkdir(parents=True, exist_ok=True)
    prepared(folder, nets)
    torch.set_num_threads(cores)
    library = qr.ModelLibrary()
    library.set_labels("none", [0])
    for name in NETWORKS:
        for form in ("pt2", "onnx"):
            probs = {"none": np.full((1, 1000), 1e-3, np.float32)}
            library.add(f"{name}.{form}", predictions=probs, model=folder / f"{name}.{form}")
    x = np.random.default_rng(0).normal(size=(max(REQUESTS), 3, 224, 224)).astype(np.float32)
    profiles = []
    for devices in (qr.cpu_devices(cores=[1] * cores), qr.cpu_devices(cores=[cores])):
        measured = profile_beside(library, devices, library.names, x[:1], batch_sizes=BATCHES, warmup=1, repeats=3)
        profiles.append((devices, measured))
    peak, work = peak_flops(), flops_of(nets)
    files = [folder / f"{name}.onnx" for name in NETWORKS]
    peers = {
        "eager, one after another": networks_peers.eager(nets, channels_last=False),
        "eager, channels last": networks_peers.eager(nets, channels_last=True),
        "ONNX Runtime, in turn": networks_peers.onnx_runtime(files, cores),
    }
    result = []
    with networks_peers.ray_running(cores) as ray:
        for batch in REQUESTS:
            choice = chosen(profiles, batch)
            members = [library.names.index(form) for form in choice.forms]
            ensemble = qr.Ensemble(members, [1 / len(members)] * len(members))
            with ExitStack() as open_sides:
                sides = {**peers, "OpenVINO, in turn": networks_peers.openvino(files, cores, batch)}
                if ray:
                    sides["Ray Serve"] = open_sides.enter_context(networks_peers.ray_serve(files, cores, batch))
                engine = open_sides.enter_context(qr.Engine(library, ensemble, choice.plan))
                taken = timed({"ours": answers_of(engine), **sides}, x[:batch], repeats)
            samples = batch * ROUNDS[batch]
            share = work * samples / taken["ours"] / peak
            note = f"{100 * share:.0f} % of {peak / 1e9:.0f} GFLOP/s; {choice.note}"
            for name in sides:
                case = f"4 networks, requests of {batch}"
                result.append(Row(case, taken["ours"] / samples, name, taken[name] / samples, note=note))
                note = ""
            if not ray:
                result.append(Row(case, taken["ours"] / samples, "Ray Serve", None, note="not installed"))
    scratch.cleanup()
    return result
