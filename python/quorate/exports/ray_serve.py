"""A plan as a configuration file of Ray Serve."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import write_json
from .instances import Placed, instances

if TYPE_CHECKING:
    from .. import Plan

FINEST = 1e4  # Ray keeps resources in units of 0.0001


def ray_serve_config(
    plan: Plan,
    import_path: str,
    *,
    name: str = "quorate",
    route_prefix: str = "/",
    batch_wait_timeout_s: float = 0.01,
    gpus: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The document that ``serve deploy`` takes: an application of one deployment for each model and kind of device.

    import_path: "module:application", which has a deployment of each name here: the model's, or "MODEL@KIND" where a model
    runs on several kinds. num_replicas is the number of devices of the kind that host it. A replica asks for its part of a
    GPU among those that share one in the plan (for a CPU: as many CPUs as the device has cores), and for the same of a
    resource named as the kind, which nodes must be started with: ``ray start --resources='{"h200": 8}'``. user_config,
    which the deployment's ``reconfigure`` gets, holds model, max_batch_size (the smallest that the plan has there, as
    memory was planned for no more) and batch_wait_timeout_s, for ``set_max_batch_size`` and ``set_batch_wait_timeout_s`` of
    ``@serve.batch``. Twice as many requests as a batch holds may be under way at a replica, so that the next batch fills
    while one runs.

    Ray packs replicas by these parts alone: it knows no GPU memory and no shares of time, and may put together what the
    plan put apart. ``ValueError`` for an infeasible plan, an import path without a colon, and devices as in instances().
    """
    if import_path.count(":") != 1:
        raise ValueError(f'import_path is "{import_path}", but must be "module:application"')
    if not batch_wait_timeout_s >= 0.0:
        raise ValueError(f"batch_wait_timeout_s is {batch_wait_timeout_s}, but must be at least 0")
    deployments = []
    for model, placed in instances(plan, gpus).items():
        kinds = list(dict.fromkeys(one.device.kind for one in placed))
        for kind in kinds:
            here = [one for one in placed if one.device.kind == kind]
            batch = min(one.batch for one in here)
            deployments.append(
                {
                    "name": model if len(kinds) == 1 else f"{model}@{kind}",
                    "num_replicas": len(here),
                    "max_ongoing_requests": 2 * batch,
                    "ray_actor_options": _resources(here),
                    "user_config": {
                        "model": model,
                        "max_batch_size": batch,
                        "batch_wait_timeout_s": batch_wait_timeout_s,
                    },
                }
            )
    application = {"name": name, "route_prefix": route_prefix, "import_path": import_path, "deployments": deployments}
    return {"applications": [application]}


def to_ray_serve(
    plan: Plan,
    path: str | os.PathLike[str],
    import_path: str,
    *,
    name: str = "quorate",
    route_prefix: str = "/",
    batch_wait_timeout_s: float = 0.01,
    gpus: Mapping[str, int] | None = None,
) -> Path:
    """Writes ray_serve_config's document as JSON, which is YAML too, in one step; returns its path. ``quorate.FileError``
    where that fails."""
    config = ray_serve_config(
        plan, import_path, name=name, route_prefix=route_prefix, batch_wait_timeout_s=batch_wait_timeout_s, gpus=gpus
    )
    write_json(Path(path), config)
    return Path(path)


def _resources(here: list[Placed]) -> dict[str, Any]:
    # Rounded down: parts of what shares a device never sum to more than the device.
    part = min(math.floor(FINEST / one.beside) / FINEST for one in here)
    kind = {here[0].device.kind: part}
    if here[0].gpu is None:
        cores = min(len(one.device.cores) or 1 for one in here)
        return {"num_cpus": math.floor(cores * part * FINEST) / FINEST, "num_gpus": 0, "resources": kind}
    return {"num_cpus": 0, "num_gpus": part, "resources": kind}
