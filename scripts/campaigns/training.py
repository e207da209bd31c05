"""A training function that is tiny but does what real ones do: it goes on from its checkpoint and leaves models."""

from __future__ import annotations

import hashlib
import math
import os
import time
from typing import Any

import numpy as np
import records

import quorate as qr

SPACE = {"x": qr.Float(0.0, 1.0), "act": qr.Categorical(["relu", "gelu"])}
OPTIONS = {"space": SPACE, "max_resource": 81, "eta": 3, "seed": 7}
MODELS_FROM = 27  # resource from which on a job leaves its model in the library
LABELS = [0, 1, 2, 0, 1, 2, 0, 1]
STEP_S = float(os.environ.get("QUORATE_CAMPAIGN_STEP_S", "0.01"))


def loss_of(config: dict[str, Any], resource: int) -> float:
    """The same whoever computes it; one configuration in twenty comes to nothing."""
    if config["x"] > 0.95 and resource > 2:
        return math.nan
    return (config["x"] - 0.3) ** 2 + (0.1 if config["act"] == "relu" else 0.0) + 1.0 / (resource + 10.0 * config["x"])


def state_of(seed: int, resource: int) -> bytes:
    """What the checkpoint after `resource` must hold: each step hashes the state before it."""
    state = str(seed).encode()
    for at in range(1, resource + 1):
        state = hashlib.sha256(state + at.to_bytes(4, "big")).digest()
    return state


def scores_of(trial: int, resource: int) -> np.ndarray[Any, Any]:
    """[samples, classes] of the model that the trial leaves at `resource`."""
    scores = np.random.default_rng([trial, resource]).random((len(LABELS), 3), np.float32) + 0.1
    return scores / scores.sum(axis=1, keepdims=True)


def train(job: Any) -> None:
    records.begin(job.trial, job.attempt)
    at = job.checkpoint_resource
    state = state_of(job.seed, 0) if job.checkpoint is None else job.checkpoint.read_bytes()
    assert state == state_of(job.seed, at), f"the checkpoint of trial {job.trial} is not the one of resource {at}"
    for resource in range(at + 1, job.to_resource + 1):
        records.step(job.trial, job.attempt, resource)
        time.sleep(STEP_S)
        state = hashlib.sha256(state + resource.to_bytes(4, "big")).digest()
        loss = loss_of(job.config, resource)
        go_on = job.report(resource, loss)
        records.acknowledged(job.trial, resource, loss)
        job.save_checkpoint(state)
        if not go_on:
            break
    if job.to_resource >= MODELS_FROM:
        name = job.add_model({"valid": scores_of(job.trial, job.to_resource)}, {"flops": float(job.to_resource)})
        records.append("models", name, job.trial, job.to_resource)
