"""Real networks at 224 pixels, an ensemble of four, against other ways to run them on the same cores.

The networks are torchvision's with random weights, which cost what trained ones cost. Ours: the engine on one-core devices
where `plan` puts the models, each in the faster of its forms, AOTInductor or OpenVINO, as `Profile.measure` found. Peers,
one network after the other with all cores for each: torch eager, ONNX Runtime, and OpenVINO with shapes fixed to the batch.
The note says which form each model took, and which share of the cores' peak the multiplications and additions of
convolutions and linear layers come to; peak is what the best of some float32 matrix products reaches on all cores.

Needs torchvision, onnx, onnxruntime and openvino, and a build with QUORATE_OPENVINO. Compiling takes minutes; the folder in
QUORATE_BENCH_MODELS keeps what was compiled for the next run.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import quorate as qr

from .table import Row, in_turns

NETWORKS = ("resnet18", "regnet_y_400mf", "mobilenet_v3_large", "squeezenet1_1")
REQUESTS = (1, 8, 32)  # samples in each
ROUNDS = {1: 8, 8: 1, 32: 1}  # requests in what is timed once
BATCHES = (1, 8)  # that the engine runs; resnet18 took 24.8 ms an image at 8 and 25.6 at 32

Run = Callable[[NDArray[np.float32]], Any]


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


def eager(nets: dict[str, Any]) -> Run:
    import torch

    def run(x: NDArray[np.float32]) -> Any:
        with torch.inference_mode():
            return sum(net(torch.from_numpy(x)) for net in nets.values()) / len(nets)

    return run


def onnx_runtime(folder: Path, cores: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores
    files = [str(folder / f"{name}.onnx") for name in NETWORKS]
    sessions = [onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"]) for file in files]
    return lambda x: sum(session.run(None, {"x": x})[0] for session in sessions) / len(sessions)


def openvino(folder: Path, cores: int, batch: int) -> Run:
    from openvino import Core

    core, compiled = Core(), []
    for name in NETWORKS:
        model = core.read_model(str(folder / f"{name}.onnx"))
        model.reshape([batch, 3, 224, 224])
        config = {"INFERENCE_NUM_THREADS": cores, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        compiled.append(core.compile_model(model, "CPU", config))
    return lambda x: sum(one(x)[0] for one in compiled) / len(compiled)


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


def fastest(profile: qr.Profile, column: int) -> dict[str, str]:
    """{network: its form of least latency}."""
    seconds = dict(zip(profile.models, profile.latency_s[0, :, column], strict=True))
    return {name: min((f"{name}.pt2", f"{name}.onnx"), key=seconds.__getitem__) for name in NETWORKS}


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
    devices = qr.cpu_devices(cores=[1] * cores)
    x = np.random.default_rng(0).normal(size=(max(REQUESTS), 3, 224, 224)).astype(np.float32)
    profile = qr.Profile.measure(library, devices, batch_sizes=BATCHES, sample=x[:1], warmup=1, repeats=3)
    peak, work = peak_flops(), flops_of(nets)
    result, peers = [], {"eager, one after another": eager(nets), "ONNX Runtime, in turn": onnx_runtime(folder, cores)}
    for batch in REQUESTS:
        forms = fastest(profile, 0 if batch == 1 else 1)
        members = [library.names.index(form) for form in forms.values()]
        demand = np.array([float(name in forms.values()) for name in profile.models])
        plan = qr.plan(profile, devices, demand=demand, time_limit_s=1.0)
        rows_of_batch = x[:batch]
        sides = {**peers, "OpenVINO, in turn": openvino(folder, cores, batch)}
        ensemble = qr.Ensemble(members, [1 / len(members)] * len(members))
        with qr.Engine(library, ensemble, plan) as engine:
            known = sides["eager, one after another"](rows_of_batch).numpy()
            if not np.abs(engine.predict(rows_of_batch).probs - known).max() < 1e-4:
                raise AssertionError("the engine answers otherwise than torch")

            def timed(run: Run, batch: int = batch, inputs: NDArray[np.float32] = rows_of_batch) -> Callable[[], None]:
                def side() -> None:
                    for _ in range(ROUNDS[batch]):
                        run(inputs)

                return side

            def ours(inputs: NDArray[np.float32], engine: qr.Engine = engine) -> Any:
                return engine.predict(inputs).probs

            for run in sides.values():
                run(rows_of_batch)
            taken = in_turns({"ours": timed(ours)} | {name: timed(run) for name, run in sides.items()}, repeats)
        samples = batch * ROUNDS[batch]
        share = work * samples / taken["ours"] / peak
        note = f"{100 * share:.0f} % of {peak / 1e9:.0f} GFLOP/s; " + ", ".join(forms.values())
        for name in sides:
            result.append(
                Row(f"4 networks, requests of {batch}", taken["ours"] / samples, name, taken[name] / samples, note=note)
            )
            note = ""
    scratch.cleanup()
    return result
