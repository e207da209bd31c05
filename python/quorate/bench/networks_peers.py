"""Other ways to run the networks of networks.py on the same cores: x [batch, 3, 224, 224] to the mean of their answers."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Run = Callable[[NDArray[np.float32]], Any]


def eager(nets: dict[str, Any], *, channels_last: bool) -> Run:
    """Torch, one network after the other, with the threads that torch is set to."""
    import torch

    layout = torch.channels_last if channels_last else torch.contiguous_format
    laid_out = [copy.deepcopy(net).to(memory_format=layout) for net in nets.values()]

    def run(x: NDArray[np.float32]) -> Any:
        with torch.inference_mode():
            batch = torch.from_numpy(x).contiguous(memory_format=layout)
            return sum(net(batch) for net in laid_out).numpy() / len(laid_out)

    return run


def onnx_runtime(files: list[Path], cores: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores
    sessions = [onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"]) for file in files]
    return lambda x: sum(session.run(None, {"x": x})[0] for session in sessions) / len(sessions)


def compiled_openvino(file: Path, threads: int, batch: int) -> Run:
    """One network, its shapes fixed to the batch."""
    from openvino import Core

    core = Core()
    model = core.read_model(str(file))
    model.reshape([batch, 3, 224, 224])
    config = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(model, "CPU", config)
    return lambda x: compiled(x)[0]


def openvino(files: list[Path], cores: int, batch: int) -> Run:
    nets = [compiled_openvino(file, cores, batch) for file in files]
    return lambda x: sum(net(x) for net in nets) / len(nets)


class Replica:
    """A network in a process of Ray Serve: by OpenVINO, the fastest of its forms, on one thread. A request is a batch."""

    def __init__(self, file: str, batch: int):
        self.run = compiled_openvino(Path(file), 1, batch)

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.array(self.run(x))


@contextmanager
def ray_serve(files: list[Path], cores: int, batch: int) -> Iterator[Run]:
    """A deployment with one replica for each network, called by handles, without HTTP; the input is put into Ray's object
    store once for all. Ray and Serve are up before: see ray_running()."""
    import ray
    from ray import serve

    share = {"num_cpus": cores / len(files)}
    handles = []
    for file in files:
        deployment = serve.deployment(name=file.stem, num_replicas=1, max_ongoing_requests=8, ray_actor_options=share)
        application = deployment(Replica).bind(str(file), batch)
        handles.append(serve.run(application, name=file.stem, route_prefix=None))

    def run(x: NDArray[np.float32]) -> Any:
        shared = ray.put(x)
        answers = [handle.remote(shared) for handle in handles]
        return sum(answer.result() for answer in answers) / len(answers)

    try:
        yield run
    finally:
        for file in files:
            serve.delete(file.stem)


@contextmanager
def ray_running(cores: int) -> Iterator[bool]:
    """False where ray[serve] is not installed."""
    try:
        import ray
        from ray import serve
    except ModuleNotFoundError:
        yield False
        return
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        serve.start(proxy_location="Disabled")
        yield True
    finally:
        serve.shutdown()
        ray.shutdown()
