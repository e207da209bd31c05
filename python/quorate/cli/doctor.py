"""`quorate doctor`: what was built in, which versions, which devices."""

from __future__ import annotations

import click

from ..report.numbers import quantity
from .output import as_json, show, show_json


@click.command()
@as_json
def doctor(json_output: bool) -> None:
    """Say what this installation can do: built-in parts, versions and devices."""
    from ..doctor import doctor as examine

    found = examine()
    if json_output:
        show_json(found)
        return
    rows = [["python", found["python"]], ["platform", found["platform"]], ["cpu", found["cpu"]], ["sqlite", found["sqlite"]]]
    for name, part in found["parts"].items():
        rows.append([f"part {name}", "built in" if part["present"] else f"missing: {part['why']}"])
    rows += [[f"package {name}", version or "not installed"] for name, version in found["packages"].items()]
    for device in found["devices"]:
        cores = f", cores {', '.join(map(str, device['cores']))}" if device["cores"] else ""
        rows.append([f"device {device['name']}", f"{device['kind']}, {quantity(device['memory_bytes'], 'B')}{cores}"])
    show(["", "found"], rows)
