"""quorate: one training function in, a committee of models that answers within a budget out."""

from ._core import (
    Device,
    DeviceError,
    Error,
    FileError,
    cpu_devices,
    discover_devices,
)

__all__ = [
    "Device",
    "DeviceError",
    "Error",
    "FileError",
    "cpu_devices",
    "discover_devices",
]
