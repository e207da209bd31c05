"""The plan: how each device spends a second, and what its memory holds."""

from __future__ import annotations

from . import svg
from .numbers import linear_ticks, percent, quantity
from .values import DeviceView, PlanView, StretchView

WIDTH, LEFT, RIGHT = 860, 120, 830
TOP, ROW, BAR = 16, 56, 34
HUES = 8  # colours that the page's style defines for models


def hues(plan: PlanView) -> dict[str, str]:
    """A colour class for each model, in the order in which the plan names them."""
    names = dict.fromkeys(instance.model for device in plan.devices for instance in device.instances)
    return {name: f"hue{index % HUES}" for index, name in enumerate(names)}


def _named_bar(x: float, y: float, width: float, name: str, detail: str, hue: str, title: str) -> list[str]:
    parts = [svg.rect(x, y, width - 1, BAR, f"bar {hue}", title)]
    parts.append(svg.text(x + 5, y + 14, svg.fitted(name, width - 10), cls="inside"))
    parts.append(svg.text(x + 5, y + 28, svg.fitted(detail, width - 10), cls="inside"))
    return parts


def _device_label(y: float, device: DeviceView) -> list[str]:
    return [
        svg.text(LEFT - 10, y + 14, device.name, "end", "strong"),
        svg.text(LEFT - 10, y + 28, device.kind, "end", "tick"),
    ]


def gantt(plan: PlanView) -> str:
    """One row a device: a second of it, divided between its instances by their shares; what is left is idle."""
    colour, width = hues(plan), RIGHT - LEFT
    bottom = TOP + ROW * len(plan.devices)
    parts = []
    for tick in linear_ticks(0.0, 1.0):
        at = LEFT + tick * width
        parts += [svg.line(at, TOP - 6, at, bottom, "grid"), svg.text(at, bottom + 16, f"{tick:g} s", "middle", "tick")]
    parts.append(
        svg.text(
            (LEFT + RIGHT) / 2, bottom + 36, "one second of each device, divided by the planned shares", "middle", "title"
        )
    )
    for row, device in enumerate(plan.devices):
        y = TOP + ROW * row + 4
        parts += _device_label(y, device)
        parts.append(svg.rect(LEFT, y, width, BAR, "bar idle", f"{device.name}: idle where nothing is drawn"))
        x = float(LEFT)
        for instance in device.instances:
            said = f"{instance.model}: batch {instance.batch}, {percent(instance.share)} of {device.name}"
            detail = f"batch {instance.batch}, {percent(instance.share, 0)}"
            parts += _named_bar(x, y, instance.share * width, instance.model, detail, colour[instance.model], said)
            x += instance.share * width
    return svg.drawing(WIDTH, bottom + 46, parts, "Time of each device by model")


def stretch_chart(plan: PlanView, stretch: StretchView) -> str:
    """One row a device: the batches that it ran in the first moments of a simulated stream, each as long as it took."""
    colour, width = hues(plan), RIGHT - LEFT - 60
    bottom = TOP + ROW * len(plan.devices)
    parts = []
    for tick in linear_ticks(0.0, stretch.span_s):
        at = LEFT + tick / stretch.span_s * width
        parts += [
            svg.line(at, TOP - 6, at, bottom, "grid"),
            svg.text(at, bottom + 16, quantity(tick, "s"), "middle", "tick"),
        ]
    title = f"the first {quantity(stretch.span_s, 's')} of a simulated stream: {stretch.stream}"
    parts.append(svg.text(LEFT + width / 2, bottom + 36, title, "middle", "title"))
    for row, device in enumerate(plan.devices):
        y = TOP + ROW * row + 4
        parts += _device_label(y, device)
        parts.append(svg.rect(LEFT, y, width, BAR, "bar idle", f"{device.name}: idle where nothing is drawn"))
        for batch in stretch.batches:
            if batch.device != row or batch.begin_s >= stretch.span_s:
                continue
            begin, end = (LEFT + min(moment / stretch.span_s, 1.0) * width for moment in (batch.begin_s, batch.end_s))
            said = f"{batch.model}: {batch.samples} samples, {quantity(batch.end_s - batch.begin_s, 's')} on {device.name}"
            parts += _named_bar(begin, y, end - begin, batch.model, str(batch.samples), colour[batch.model], said)
        parts.append(svg.text(LEFT + width + 8, y + 14, percent(stretch.utilisation[row], 0), cls="strong"))
        parts.append(svg.text(LEFT + width + 8, y + 28, "busy", cls="tick"))
    return svg.drawing(WIDTH, bottom + 46, parts, "Batches of each device in a simulated stream")


def memory_chart(plan: PlanView) -> str:
    """One row a device: what its instances keep in memory side by side, then the workspace of the largest batch, which they
    share as they take turns; all devices to one scale."""
    colour, width = hues(plan), RIGHT - LEFT - 190
    shared = [max((one.workspace_bytes for one in device.instances), default=0) for device in plan.devices]
    used = [sum(one.memory_bytes for one in device.instances) + shared[d] for d, device in enumerate(plan.devices)]
    most = max([*used, 1])
    bottom = TOP + ROW * len(plan.devices)
    parts = []
    for tick in linear_ticks(0.0, most, 4):
        at = LEFT + tick / most * width
        parts += [
            svg.line(at, TOP - 6, at, bottom, "grid"),
            svg.text(at, bottom + 16, quantity(tick, "B"), "middle", "tick"),
        ]
    parts.append(svg.text(LEFT + width / 2, bottom + 36, "memory of the instances placed there", "middle", "title"))
    for row, (device, total) in enumerate(zip(plan.devices, used, strict=True)):
        y = TOP + ROW * row + 4
        parts += _device_label(y, device)
        x = float(LEFT)
        for instance in device.instances:
            length = instance.memory_bytes / most * width
            size = quantity(instance.memory_bytes, "B")
            parts += _named_bar(x, y, length, instance.model, size, colour[instance.model], f"{instance.model}: {size}")
            x += length
        if shared[row]:
            length, size = shared[row] / most * width, quantity(shared[row], "B")
            parts += _named_bar(x, y, length, "workspace", size, "idle", f"workspace of the largest batch: {size}")
            x += length
        share = f" ({percent(total / device.memory_bytes, 2)})" if device.memory_bytes else ""
        parts.append(svg.text(x + 8, y + 14, quantity(total, "B"), cls="strong"))
        parts.append(svg.text(x + 8, y + 28, f"of {quantity(device.memory_bytes, 'B')}{share}", cls="tick"))
    return svg.drawing(WIDTH, bottom + 46, parts, "Memory of each device by model")
