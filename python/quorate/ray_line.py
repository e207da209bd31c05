"""This end of the line to an actor that trains on a Ray cluster; the other one is `ray_worker`."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import ActorUnavailableError, RayActorError, RayError

from ._core import StudyStopped, TrialJob
from .ray_worker import Bytes, RayWorker
from .worker_job import LOOK_S, TrainingFailed, WorkerDied, answer, fields_of

if TYPE_CHECKING:
    from .ray import Executor

RECONNECT_S = 20.0  # how long a broken connection may take to come back, unless Ray knows sooner that it will not


class WorkerLost(RuntimeError):
    """A worker ended, or could not start, for no fault of its job's: its node is gone, say."""


def stop_where_requested(job: TrialJob) -> None:
    if job.stop_requested:
        raise StudyStopped


@dataclass
class Silence:
    """Counts looks, not a clock: while this process itself is stopped nobody's time runs out."""

    limit_s: float
    error: type[Exception]
    what: str
    looks: int = 0

    def look(self, job: TrialJob) -> None:
        stop_where_requested(job)
        self.looks += 1
        if self.looks * LOOK_S >= self.limit_s:
            raise self.error(f"{self.what} for {self.limit_s:g} s")


class RayLine:
    """An actor and this end of the line to it."""

    def __init__(self, executor: Executor, train: ray.ObjectRef) -> None:
        self._lease_s = executor.lease_s
        self._actor = (
            ray.remote(RayWorker)
            .options(
                num_cpus=executor.num_cpus,
                num_gpus=executor.num_gpus,
                resources=dict(executor.resources or {}),
                runtime_env=dict(executor.runtime_env) if executor.runtime_env else None,
                max_concurrency=8,
                # A worker that died is replaced by a new one, wherever there is room: no state is lost with it.
                max_restarts=0,
                max_task_retries=0,
            )
            .remote(train, executor.num_gpus)
        )
        self.ready = self._actor.ready.remote()
        self._node = ""
        self._number = 0
        self._checkpoint: list[ray.ObjectRef] | None = None

    def check_ready(self) -> None:
        """Once `ready` is: ValueError where it cannot import the training function, WorkerLost where it did not start."""
        try:
            self._node, why = ray.get(self.ready)
        except RayError as error:
            raise WorkerLost(f"a worker could not be started: {error}") from None
        if why is not None:
            raise ValueError(f"train must be importable on the cluster, but a worker there says {why}")

    def check_alive(self, job: TrialJob) -> None:
        """Raises WorkerDied or WorkerLost where it is not."""
        self._call(job, "ready")

    def _begin(self, job: TrialJob) -> None:
        fields = fields_of(job)
        checkpoint = None
        if job.checkpoint is not None and not self._is_here():
            fields["checkpoint"] = None
            checkpoint = [ray.put(job.checkpoint.read_bytes())]
        self._number += 1
        self._call(job, "begin", self._number, fields, checkpoint, self._is_here())
        self._checkpoint = checkpoint  # until the next job: the worker fetches it in its own time

    def train(self, job: TrialJob) -> None:
        self._begin(job)
        answered, reply = 0, None
        while True:
            question = self._call(job, "next", self._number, answered, reply, self._lease_s / 4)
            if question is None:
                continue
            answered, name, arguments = question
            if name == "done":
                return
            if name == "failed":
                raise TrainingFailed(arguments)
            reply = self._answer(job, name, arguments)

    def _answer(self, job: TrialJob, name: str, arguments: tuple[Any, ...]) -> tuple[bool, Any]:
        if name != "add_model" or not isinstance(arguments[2], Bytes):
            return answer(job, name, arguments)
        predictions, cost, model, about = arguments
        with tempfile.TemporaryDirectory(prefix="quorate-") as folder:
            path = Path(folder, model.name)
            path.write_bytes(model.data)
            return answer(job, name, (predictions, cost, path, about))

    def _call(self, job: TrialJob, name: str, *arguments: Any) -> Any:
        """What the actor's method says. The job's lease runs until it has ended there, not while its result travels."""
        silent = Silence(self._lease_s, WorkerDied, f"the worker on Ray node {self._node} gave no sign of life")
        while True:
            result = getattr(self._actor, name).remote(*arguments)
            while not ray.wait([result], timeout=LOOK_S, fetch_local=False)[0]:
                silent.look(job)
            while not ray.wait([result], timeout=LOOK_S)[0]:
                stop_where_requested(job)
            try:
                return ray.get(result)
            except ActorUnavailableError:
                # The connection broke. Whether the method was called or not: called again it does no more.
                if silent.error is WorkerDied:
                    silent = Silence(min(RECONNECT_S, self._lease_s), WorkerLost, f"Ray node {self._node} was out of reach")
                time.sleep(LOOK_S)
                silent.look(job)
            except RayError as error:
                raise self._lost(error) from None

    def _lost(self, error: RayError) -> Exception:
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        preempted = isinstance(error, RayActorError) and error.preempted
        if preempted or self._node not in alive:
            return WorkerLost(f"Ray node {self._node} was lost")
        return WorkerDied(f"the worker on Ray node {self._node} died: {error}")

    def _is_here(self) -> bool:
        return bool(self._node == ray.get_runtime_context().get_node_id())

    def end(self) -> None:
        ray.kill(self._actor)
