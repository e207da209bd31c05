"""A worker that asks a scheduler over a line that loses and repeats messages: worker_ask.py ADDRESS SEED.

It outlives the scheduler, and asks again under the same name whatever it had no answer to.
"""

from __future__ import annotations

import os
import random
import sys
import time
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

import records
import scheduler_ask
import training

FATES = {"arrives": 0.88, "is lost": 0.03, "its answer is lost": 0.03, "comes twice": 0.03, "comes after an old one": 0.03}
LATE = 0.004  # of the reports come so late that the lease has run out


class AttemptOver(Exception):
    """Somebody else has the job now, or had it and is done."""


class Line:
    def __init__(self, address: str, rng: random.Random) -> None:
        self._address, self._rng = address, rng
        self._connection: Connection | None = None
        self._old: tuple[tuple[Any, ...], Any] | None = None

    def __call__(self, *message: Any) -> Any:
        """The answer, however often it takes. Raises AttemptOver."""
        while True:
            fate = self._rng.choices(list(FATES), list(FATES.values()))[0]
            if fate == "is lost":
                continue
            try:
                if fate == "comes twice":
                    self._same(message, self._sent(message))
                if fate == "comes after an old one" and self._old is not None:
                    self._same(*self._old)
                found = self._sent(message)
            except (OSError, EOFError):  # the scheduler is gone; perhaps it had done it already
                self._connection = None
                time.sleep(0.02)
                continue
            if fate == "its answer is lost":
                continue
            kind, value = found
            if kind == "over":
                raise AttemptOver(value)
            if message[0] in ("report", "tell"):
                self._old = (message, found)
            return value if kind != "nothing" else None if not value else sys.exit(0)

    def _sent(self, message: tuple[Any, ...]) -> Any:
        if self._connection is None:
            self._connection = Client(self._address, "AF_UNIX")
        self._connection.send(message)
        return self._connection.recv()

    def _same(self, message: tuple[Any, ...], before: Any) -> None:
        """What is said again has the answer that it had."""
        again = self._sent(message)
        if again != before and message[0] != "ask" and "over" not in (again[0], before[0]):
            records.append(
                "strange", repr(message).replace(" ", ""), repr(before).replace(" ", "_"), repr(again).replace(" ", "_")
            )


class Job:
    """What training.train wants of a job, said over the line."""

    def __init__(self, line: Line, rng: random.Random, fields: dict[str, Any]) -> None:
        self._line, self._rng = line, rng
        self.__dict__.update(fields)
        self.token: str = fields["token"]

    def report(self, resource: int, loss: float) -> bool:
        late = self._rng.random() < LATE
        if late:
            time.sleep(1.5 * scheduler_ask.LEASE_S)
        try:
            return bool(self._line("report", self.token, (resource, loss)))
        except AttemptOver:
            records.append("late", os.getpid(), late)
            raise

    def save_checkpoint(self, data: bytes) -> None:
        self._line("save_checkpoint", self.token, (data,))

    def add_model(self, predictions: dict[str, Any], cost: dict[str, float]) -> str:
        return str(self._line("add_model", self.token, (predictions, cost)))


def work(address: str, seed: str) -> None:
    rng = random.Random(seed)
    line = Line(address, rng)
    for request in range(sys.maxsize):
        fields = line("ask", f"{seed}:{os.getpid()}:{request}", ())
        if fields is None:
            time.sleep(0.02)
            continue
        job = Job(line, rng, fields)
        try:
            training.train(job)
            line("tell", job.token, ())
        except AttemptOver:
            continue
        except FileNotFoundError as error:  # the checkpoint of a job that has gone to somebody else meanwhile
            try:
                line("fail", job.token, (str(error),))
            except AttemptOver:
                continue


if __name__ == "__main__":
    work(str(Path(sys.argv[1])), sys.argv[2])
