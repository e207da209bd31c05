"""Training on a Ray cluster: `study.run(train, workers=8, executor=quorate.ray.Executor())`.

The study, with its database and its library, stays in the process that calls run(), on its threads. Each of them hands its
job to a Ray actor, kept for many jobs, and does there for it what the training function calls on its job. All calls go from
here to the actors, and none of them does more when it is repeated: the questions of a job are numbered, and are asked for by
the number of the last one answered. An actor keeps nothing that is not in the study too.
"""

from __future__ import annotations

import logging
import pickle
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

try:
    import ray
except ModuleNotFoundError as error:
    raise ImportError("quorate.ray needs Ray, which is not installed: pip install 'quorate[ray]'") from error

from ._core import TrialJob
from .ray_line import RayLine, WorkerLost, stop_where_requested
from .worker_job import LOOK_S, WorkerDied, WorkerJob, train_and_keep

LOST_WORKERS = 3  # when so many were lost under one trial, the trial itself is what they die of


@dataclass(frozen=True)
class Executor:
    """Where `Study.run` trains, for its argument `executor`: actors of a Ray cluster, as many as run() has `workers`.

    num_cpus, num_gpus, resources: what Ray reserves for each of them; with num_gpus=0.5 two share a GPU. address: of the
    cluster, as for ray.init; None: the one that RAY_ADDRESS names, or that runs on this machine, or a new one on this
    machine, without a dashboard, for as long as the run. A connection that this process has already is used as it is.
    runtime_env: as for ray.init, for the workers alone. lease_s: how long a worker may give no sign of life before its job
    fails. start_s: how long to wait for the first worker, which may need a node that is yet to come.
    """

    num_cpus: float = 1
    num_gpus: float = 0
    address: str | None = None
    resources: Mapping[str, float] | None = None
    runtime_env: Mapping[str, Any] | None = None
    lease_s: float = 60.0
    start_s: float = 300.0

    def __post_init__(self) -> None:
        for name in ("num_cpus", "num_gpus"):
            value = getattr(self, name)
            if not value >= 0:
                raise ValueError(f"{name} is {value}, but must be at least 0")
        if self.num_gpus > 1 and self.num_gpus != int(self.num_gpus):
            raise ValueError(f"num_gpus is {self.num_gpus}, but must be a whole number or a part of one GPU")
        for name in ("lease_s", "start_s"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} is {value}, but must be more than 0")
        if self.address is not None and self.address.startswith("ray://"):
            raise ValueError(
                f"address is {self.address!r}, but must be that of the cluster itself, such as 'host:6379' or 'auto': the "
                "process that runs the study is a driver of the cluster, not a Ray client"
            )

    def needs(self) -> dict[str, float]:
        """What Ray reserves for a worker, by Ray's names."""
        return {"CPU": self.num_cpus, "GPU": self.num_gpus} | dict(self.resources or {})

    def pool(self, train: Callable[[WorkerJob], None]) -> RayPool:
        """What run() calls for each job. Raises ValueError where `train` cannot be pickled or unpickled on the cluster."""
        return RayPool(self, train)


class RayPool:
    """Calls `train` in Ray actors; as many as there are calls at once, where the cluster has room for them."""

    def __init__(self, executor: Executor, train: Callable[[WorkerJob], None]) -> None:
        try:
            pickled = ray.cloudpickle.dumps(train)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(f"train is {train!r}, but must be picklable for quorate.ray.Executor: {error}") from error
        self._executor = executor
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()  # calls that wait for a worker
        self._idle: list[RayLine] = []
        self._starting: list[RayLine] = []
        self._lost: Counter[int] = Counter()  # by trial
        self._ours = not ray.is_initialized()
        if self._ours:
            ray.init(address=executor.address, include_dashboard=False, logging_level=logging.WARNING)
        try:
            self._train = ray.put(pickled)
            self._start_first()
        except BaseException:  # Ctrl-C among them
            self.close()
            raise

    def _start_first(self) -> None:
        """Tells at once whether train can be used, and whether the cluster has a place."""
        self._starting.append(RayLine(self._executor, self._train))
        deadline_s = time.monotonic() + self._executor.start_s
        while not self._collected():
            ray.wait([self._starting[0].ready], timeout=LOOK_S)
            if time.monotonic() > deadline_s:
                free = ray.available_resources()
                raise TimeoutError(
                    f"no worker could be started in start_s={self._executor.start_s:g} s: each needs "
                    f"{self._executor.needs()}, and the cluster has {free} free"
                )

    def _collected(self) -> list[RayLine]:
        """Makes those idle that are ready, and returns all that are."""
        for worker in list(self._starting):
            if ray.wait([worker.ready], timeout=0)[0]:
                self._starting.remove(worker)
                try:
                    worker.check_ready()
                except BaseException:
                    worker.end()
                    raise
                self._idle.append(worker)
        return self._idle

    def _taken(self, job: TrialJob) -> RayLine:
        """An idle worker: one that is started now, or one that comes back from its job earlier, as there may be fewer places
        than calls. Who waits longest is served first."""
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                while True:
                    if self._queue[0] is ticket and self._collected():
                        return self._idle.pop()
                    while len(self._idle) + len(self._starting) < len(self._queue):
                        self._starting.append(RayLine(self._executor, self._train))
                    self._changed.wait(LOOK_S)
                    stop_where_requested(job)
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def _living(self, job: TrialJob) -> RayLine:
        """An idle worker that is alive: if one died while it was idle, that is no fault of this job's."""
        while True:
            worker = self._taken(job)
            try:
                worker.check_alive(job)
                return worker
            except (WorkerDied, WorkerLost):
                worker.end()
            except BaseException:
                worker.end()
                raise

    def __call__(self, job: TrialJob) -> None:
        if job.device is not None:
            raise ValueError(f"devices has {job.device.name!r} of this machine, but must be empty for Ray: num_gpus says")
        try:
            self._train_job(job)
        except WorkerLost as lost:
            self._lost[job.trial] += 1
            if self._lost[job.trial] >= LOST_WORKERS:
                raise WorkerDied(f"{lost}; with it {self._lost[job.trial]} workers were lost under this trial") from None
            job.release()  # to go on elsewhere; it does not count as one of max_attempts

    def _train_job(self, job: TrialJob) -> None:
        train_and_keep(self._living(job), job, self._keep)

    def _keep(self, worker: RayLine) -> None:
        with self._changed:
            self._idle.append(worker)
            self._changed.notify_all()

    def close(self) -> None:
        """Ends all workers, and Ray where it was started here. No call may be under way."""
        for worker in self._idle + self._starting:
            worker.end()
        self._idle, self._starting = [], []
        if self._ours:
            ray.shutdown()
