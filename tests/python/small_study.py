"""A study made by hand, for what only looks at one: a trial in every state."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import quorate as qr


@dataclass
class SmallTrial:
    number: int
    config: dict
    state: str = "running"
    losses: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)
    bracket: int = 0
    attempts: int = 1
    message: str = ""
    started_s: float = 1.7e9
    changed_s: float = 1.7e9 + 90.5


@dataclass
class SmallStudy:
    folder: Path
    space: dict
    known: list = field(default_factory=list)
    objectives: list = field(default_factory=lambda: ["loss"])
    seed: int = 3
    min_resource: int = 1
    max_resource: int = 9
    eta: float = 3.0
    mode: str = "promote"
    rungs: tuple = (1, 3, 9)

    def trials(self):
        return list(self.known)


SPACE = {
    "lr": qr.Float(1e-4, 1e-1, log=True),
    "width": qr.Int(8, 128, log=True),
    "act": qr.Categorical(["relu", "gelu"]),
    "odd": qr.Categorical([1, True, "1", 0.5]),
}


def config(number):
    return {"lr": 0.01 / (number + 1), "width": 8 + number, "act": "relu", "odd": [1, True, "1", 0.5][number % 4]}


def every_state(folder):
    losses = [
        ("completed", {1: 0.9, 3: 0.5, 9: 0.25}),
        ("paused", {1: 0.75, 3: 0.625}),
        ("stopped", {1: math.inf}),
        ("failed", {1: 0.5}),
        ("running", {1: 0.375}),
        ("waiting", {}),
        ("completed", {9: math.nan}),
        ("paused", {1: math.nan}),
        ("completed", {9: -math.inf}),
    ]
    trials = [SmallTrial(number, config(number), state, of) for number, (state, of) in enumerate(losses)]
    trials[3].message, trials[3].attempts = "RuntimeError: out of luck", 2
    trials[6].bracket = 2
    return SmallStudy(folder, SPACE, trials)


def two_objectives(folder):
    study = every_state(folder)
    study.objectives = ["error", "latency_s"]
    for trial in study.known:
        trial.values = {resource: [loss, 2.0 * resource] for resource, loss in trial.losses.items()}
    return study
