"""A scheduler whose workers are processes of somebody else: scheduler_ask.py FOLDER TRIALS ADDRESS.

One thread for each connection. What a worker wants done is done on the attempt that its token names.
"""

from __future__ import annotations

import sys
import threading
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

import training

import quorate as qr

LEASE_S = 3.0
MAX_ATTEMPTS = 100  # more than kills and leases that run out can hit one job
FIELDS = ("token", "trial", "config", "from_resource", "to_resource", "attempt", "seed", "checkpoint", "checkpoint_resource")


def answer(study: qr.Study, trials: int, name: str, token: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        if name == "ask":
            job = study.ask(trials=trials, request=token)
            if job is None:
                return "nothing", study.finished(trials)
            return "job", {field: getattr(job, field) for field in FIELDS}
        return "done", getattr(study.attempt(token), name)(*arguments)
    except qr.AttemptOver as error:
        return "over", str(error)


def serve(connection: Connection, study: qr.Study, trials: int) -> None:
    while True:
        try:
            connection.send(answer(study, trials, *connection.recv()))
        except (EOFError, ConnectionError):
            return


if __name__ == "__main__":
    study = qr.Study(Path(sys.argv[1]), **training.OPTIONS, max_attempts=MAX_ATTEMPTS, lease_s=LEASE_S)
    study.library.set_labels("valid", training.LABELS)
    address = Path(sys.argv[3])
    address.unlink(missing_ok=True)
    with Listener(str(address), "AF_UNIX") as listener:
        while True:
            thread = threading.Thread(target=serve, args=(listener.accept(), study, int(sys.argv[2])), daemon=True)
            thread.start()
