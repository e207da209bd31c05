"""Ours and the peers that are installed here, and where the conformance table lies."""

from __future__ import annotations

import atexit
import importlib
import logging
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TextIO

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "conformance"))

import ours
from searches import Peer, Search

PEERS = (("optuna_search", "Optuna"), ("ray_search", "Ray"), ("syne_search", "Syne"))

BRACKETS: dict[str, int | None] = {"one bracket": 1, "all brackets": None}  # of Hyperband's


def installed(progress: TextIO) -> list[Peer]:
    """Ours in both modes, then each peer whose package is there; the others are named on `progress`."""
    folder = tempfile.TemporaryDirectory(prefix="conformance-")
    atexit.register(folder.cleanup)
    return [ours.Study(mode, Path(folder.name)) for mode in ("promote", "delay", "stop")] + others(progress)


def others(progress: TextIO) -> list[Peer]:
    result: list[Peer] = []
    logging.disable(logging.WARNING)  # of a peer's optional parts that are not installed
    for module, name in PEERS:
        try:
            result.append(getattr(importlib.import_module(module), name)())
        except ModuleNotFoundError as missing:
            print(f"{name} is left out: {missing.name} is not installed (benchmarks/peers/setup installs it)", file=progress)
    logging.disable(logging.NOTSET)
    return result


@cache
def variants() -> dict[str, Callable[[int, int], Search]]:
    """{name: start(max_resource, seed)} of what the replay compares: everybody in one bracket and in all of Hyperband's."""

    def start(peer: Peer, brackets: int | None, max_resource: int, seed: int) -> Search:
        return peer.start(max_resource=max_resource, eta=3, brackets=brackets, seed=seed)

    result = {}
    for peer in (*(ours.Hyperband(mode) for mode in ("promote", "delay", "stop")), *others(sys.stderr)):
        for words, brackets in BRACKETS.items():
            result[f"{peer.name}, {words}"] = partial(start, peer, brackets)
    return result
