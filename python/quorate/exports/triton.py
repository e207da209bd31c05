"""A plan as a model repository of the Triton Inference Server."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .._core import FileError
from ..files import write_text
from .instances import Placed, instances

if TYPE_CHECKING:
    from .. import Plan

Tensors = Mapping[str, tuple[str, Sequence[int]]]  # {name: (Triton's data type, shape without the batch)}


def triton_configs(
    plan: Plan,
    *,
    backend: str | Mapping[str, str] = "pytorch",
    inputs: Tensors | None = None,
    outputs: Tensors | None = None,
    max_queue_delay_s: float = 0.0,
    gpus: Mapping[str, int] | None = None,
) -> dict[str, str]:
    """{model: its config.pbtxt} for each model that the plan places.

    backend: Triton's, one for all or {model: backend}. inputs, outputs: {name: (data type as "TYPE_FP32", shape of a
    sample)}, of all models; None: left to Triton, which asks the model where the backend can. max_queue_delay_s: how long a
    batch may wait to fill. gpus: {device's name: GPU number}, where devices are not called cuda:N or gpu:N; CPUs need none.

    Triton knows one largest batch a model, not one an instance: it is the smallest that the plan has for the model, as
    memory was planned for no more. Instances on one GPU take turns, as the plan counts on, where the server is started with
    ``--rate-limit=execution_count``. The planned shares of time are not enforced.

    ``ValueError`` for an infeasible plan, devices without a number, a model without a backend or with a name that is no
    folder's.
    """
    if not max_queue_delay_s >= 0.0:
        raise ValueError(f"max_queue_delay_s is {max_queue_delay_s}, but must be at least 0")
    configs = {}
    for model, placed in instances(plan, gpus).items():
        if model in (".", "..") or "/" in model or "\0" in model:
            raise ValueError(f"model {model!r} has a name that no folder can have, but Triton finds models by folder")
        if not isinstance(backend, str) and model not in backend:
            raise ValueError(f'backend has none for model "{model}", but the plan places it')
        name = backend if isinstance(backend, str) else backend[model]
        lines = [f"name: {_text(model)}", f"backend: {_text(name)}", f"max_batch_size: {min(p.batch for p in placed)}"]
        lines += _tensors("input", inputs) + _tensors("output", outputs)
        lines += _groups(placed)
        lines += ["dynamic_batching {", f"  preferred_batch_size: [ {min(p.batch for p in placed)} ]"]
        lines += [f"  max_queue_delay_microseconds: {round(max_queue_delay_s * 1e6)}", "}"]
        configs[model] = "\n".join(lines) + "\n"
    return configs


def to_triton(
    plan: Plan,
    folder: str | os.PathLike[str],
    *,
    backend: str | Mapping[str, str] = "pytorch",
    inputs: Tensors | None = None,
    outputs: Tensors | None = None,
    max_queue_delay_s: float = 0.0,
    gpus: Mapping[str, int] | None = None,
    files: Mapping[str, str | os.PathLike[str]] | None = None,
) -> Path:
    """Writes a model repository: FOLDER/MODEL/config.pbtxt and FOLDER/MODEL/1/ for each placed model; returns its path.

    files: {model: its file}, copied into the model's version folder as model.<ending> (a TorchScript file as model.pt); the
    rest is yours to put there. The other arguments are those of triton_configs. The repository appears whole or not at all.
    ``ValueError`` as there, and for files of models that the plan does not place; ``quorate.FileError`` where the folder is
    there already, cannot be written, or a file cannot be read.
    """
    configs = triton_configs(
        plan, backend=backend, inputs=inputs, outputs=outputs, max_queue_delay_s=max_queue_delay_s, gpus=gpus
    )
    path, given = Path(folder), dict(files or {})
    for model in given:
        if model not in configs:
            raise ValueError(f'files has one for model "{model}", but the plan does not place it')
    if path.exists():
        raise FileError(
            f"{path}: is there already, but a model repository is written whole: name a folder that is not there"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as work:
            whole = Path(work) / "repository"
            for model, config in configs.items():
                version = whole / model / "1"
                version.mkdir(parents=True)
                write_text(whole / model / "config.pbtxt", config)
                if model in given:
                    shutil.copyfile(given[model], version / f"model{Path(given[model]).suffix}")
            whole.rename(path)
    except OSError as error:
        raise FileError(f"{error.filename or path}: {error.strerror}") from error
    return path


def _groups(placed: Sequence[Placed]) -> list[str]:
    lines = ["instance_group ["]
    groups = [
        [
            "    count: 1",
            "    kind: KIND_GPU",
            f"    gpus: [ {one.gpu} ]",
            '    rate_limiter { resources [ { name: "turn" count: 1 } ] }',
        ]
        for one in placed
        if one.gpu is not None
    ]
    if cpus := sum(one.gpu is None for one in placed):
        groups.append([f"    count: {cpus}", "    kind: KIND_CPU"])
    for index, group in enumerate(groups):
        lines += ["  {", *group, "  }," if index + 1 < len(groups) else "  }"]
    return [*lines, "]"]


def _tensors(field: str, tensors: Tensors | None) -> list[str]:
    return [
        f"{field} {{ name: {_text(name)} data_type: {data_type} dims: [ {', '.join(map(str, dims))} ] }}"
        for name, (data_type, dims) in (tensors or {}).items()
    ]


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
