"""The plan: how each device spends a second, and what its memory holds."""

from __future__ import annotations

from . import svg
from .numbers import linear_ticks, percent, quantity
from .values import DeviceView, PlanView

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


def memory_chart(plan: PlanView) -> str:
    """One row a device: the memory of its instances side by side, all devices to one scale."""
    colour, width = hues(plan), RIGHT - LEFT - 190
    used = [sum(instance.memory_bytes for instance in device.instances) for device in plan.devices]
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
        share = f" ({percent(total / device.memory_bytes, 2)})" if device.memory_bytes else ""
        parts.append(svg.text(x + 8, y + 14, quantity(total, "B"), cls="strong"))
        parts.append(svg.text(x + 8, y + 28, f"of {quantity(device.memory_bytes, 'B')}{share}", cls="tick"))
    return svg.drawing(WIDTH, bottom + 46, parts, "Memory of each device by model")
