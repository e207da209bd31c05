"""What this installation can do: parts that were built, versions, devices."""

from __future__ import annotations

import importlib
import platform
import sqlite3
from importlib import metadata
from typing import Any

from ._core import discover_devices

PACKAGES = ("quorate", "numpy", "torch", "scikit-learn", "click", "rich", "optuna", "ray", "torchao", "openvino")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _engine() -> dict[str, Any]:
    try:
        importlib.import_module("quorate._infer")
    except ImportError as error:
        return {"present": False, "why": str(error)}
    return {"present": True, "why": ""}


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(
                (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
            )
    except OSError:
        return platform.machine()


def doctor() -> dict[str, Any]:
    """As a dictionary: python, platform, cpu, parts {name: {present, why}}, packages {name: version or None}, devices."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "sqlite": sqlite3.sqlite_version,
        "parts": {"core": {"present": True, "why": ""}, "infer": _engine()},
        "packages": {package: _version(package) for package in PACKAGES},
        "devices": [
            {"name": d.name, "kind": d.kind, "memory_bytes": d.memory_bytes, "cores": list(d.cores)}
            for d in discover_devices()
        ],
    }
