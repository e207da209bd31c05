"""What a plan places, model by model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .. import Device, Plan

GPU_NAME = re.compile(r"(?:cuda|gpu):(\d+)")


@dataclass(frozen=True)
class Placed:
    """An instance: the model runs on the device at this batch size."""

    model: str
    device: Device
    gpu: int | None  # its number on its machine; None: a CPU
    batch: int
    share: float  # of the device's time
    beside: int  # instances on the device, this one included


def instances(plan: Plan, gpus: Mapping[str, int] | None) -> dict[str, list[Placed]]:
    """All instances of each placed model, in the plan's order. ValueError for a plan that is infeasible and for a device
    that is neither a CPU nor named in `gpus` nor "cuda:N" or "gpu:N"."""
    if not plan.feasible:
        raise ValueError(f"plan is infeasible ({plan.why}), but must be feasible to be exported")
    batch, share = plan.batch.tolist(), plan.share.tolist()
    numbers = [gpu_number(device, gpus or {}) for device in plan.devices]
    placed: dict[str, list[Placed]] = {}
    for m, model in enumerate(plan.models):
        for d, device in enumerate(plan.devices):
            if batch[d][m] > 0:
                beside = sum(size > 0 for size in batch[d])
                one = Placed(model, device, numbers[d], batch[d][m], share[d][m], beside)
                placed.setdefault(model, []).append(one)
    return placed


def gpu_number(device: Device, gpus: Mapping[str, int]) -> int | None:
    if device.name in gpus:
        return gpus[device.name]
    if named := GPU_NAME.fullmatch(device.name):
        return int(named[1])
    if device.kind.startswith("cpu") or device.name.startswith("cpu"):
        return None
    raise ValueError(
        f'device "{device.name}" of kind "{device.kind}" is neither a CPU nor called cuda:N or gpu:N: say its number in gpus'
    )
