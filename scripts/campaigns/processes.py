"""The processes of a campaign: found by the mark in their environment, told apart by their place in the tree."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import records


def stat(pid: int) -> tuple[str, int] | None:
    """State and parent; None where it is gone."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return state, int(parent)


def alive(pid: int) -> bool:
    found = stat(pid)
    return found is not None and found[0] != "Z"


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def marked(folder: Path) -> list[int]:
    """All that carry the campaign's mark, but for this one."""
    mark = f"{records.FOLDER}={folder}\0".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes() + b"\0"
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if mark in environment and alive(int(entry.name)):
            found.append(int(entry.name))
    return sorted(found)


def children(pid: int) -> list[int]:
    found = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return sorted(child for child in found if alive(child))


def spawned(pid: int) -> list[int]:
    """The worker processes that a scheduler spawned, without multiprocessing's own helper."""
    return [child for child in children(pid) if "spawn_main" in command(child)]


def kill(pid: int) -> bool:
    """Whether it was there to be killed."""
    if not alive(pid):
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(folder: Path, seconds: float) -> list[int]:
    """Those that are still there after so long."""
    end = time.monotonic() + seconds
    while (left := marked(folder)) and time.monotonic() < end:
        time.sleep(0.05)
    return left
