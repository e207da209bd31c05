"""A plan and a simulated stretch of it as the values that are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .numbers import percent, quantity
from .values import BatchView, DeviceView, Instance, PlanView, StretchView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from .. import Plan, Profile

SAMPLES, LOAD = 2000, 0.9  # of the stream that is simulated where none is given: how many, and of the planned throughput
BATCHES = 20  # of a device, about as many as can be told apart in its row


def plan_view(plan: Plan, profile: Profile) -> PlanView:
    """Memory is the profile's, by names of models and kinds of devices."""
    if not plan.feasible:
        return PlanView([], 0.0, 0.0, plan.why)
    devices, weights = [], profile.weights_bytes
    for d, device in enumerate(plan.devices):
        instances = []
        for m, model in enumerate(plan.models):
            batch = int(plan.batch[d][m])
            if batch > 0:
                place = profile.kinds.index(device.kind), profile.models.index(model), profile.batch_sizes.index(batch)
                whole = int(profile.memory_bytes[place])
                stays = whole if weights is None else int(weights[place[:2]])
                instances.append(Instance(model, batch, float(plan.share[d][m]), stays, whole - stays))
        devices.append(DeviceView(device.name, device.kind, device.memory_bytes, instances))
    return PlanView(devices, plan.throughput, plan.bound)


def stretch_view(
    plan: Plan,
    profile: Profile,
    *,
    arrivals_s: ArrayLike | None = None,
    tiers: Sequence[Sequence[str | int]] = (),
    tier: ArrayLike | None = None,
    span_s: float | None = None,
) -> StretchView:
    """The arguments are plot_plan's."""
    import numpy as np

    import quorate as qr

    stream = "the arrivals given"
    if arrivals_s is None:
        rate = LOAD * plan.throughput
        arrivals_s = np.arange(SAMPLES) / rate
        stream = f"{quantity(rate, '')} samples/s, {percent(LOAD, 0)} of what is planned"
    whole = qr.simulate(plan, profile, arrivals_s, tiers=tiers, tier=tier, record_s=np.inf)
    if span_s is None:
        share = BATCHES * len(plan.devices) / max(whole.batches, 1)
        span_s = whole.makespan_s * min(share, 1.0)
    batches = [
        BatchView(device, plan.models[model], samples, begin_s, end_s)
        for device, model, samples, begin_s, end_s in whole.record
        if begin_s < span_s
    ]
    return StretchView(batches, span_s, stream, whole.p50_latency_s, whole.p99_latency_s, whole.utilisation.tolist())
