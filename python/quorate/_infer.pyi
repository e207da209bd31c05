from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._core import Cascade, Device, Ensemble, Error, ModelLibrary, Plan, Predictions, Profile

class QueueFull(Error): ...
class DeadlineExceeded(Error): ...
class Cancelled(Error): ...

class Replay:
    def __init__(
        self, profile: Profile, model: str, probs: Any, wait: str = "spin", devices: ReplayedDevices | None = None
    ) -> None: ...
    def run(self, x: Any) -> NDArray[np.float32]: ...

class ReplayedDevices:
    def __init__(self) -> None: ...

class Answer:
    @property
    def probs(self) -> NDArray[np.float32]: ...
    @property
    def tier(self) -> NDArray[np.int32]: ...
    @property
    def certainty(self) -> NDArray[np.float64]: ...
    @property
    def answer(self) -> NDArray[np.int32]: ...
    @property
    def degraded(self) -> NDArray[np.bool_]: ...
    @property
    def lost(self) -> list[str]: ...
    @property
    def foretold_accuracy(self) -> float | None: ...
    @property
    def latency_s(self) -> float: ...

class Pending:
    def done(self) -> bool: ...
    def answered(self) -> int: ...
    def result(self, timeout: float | None = None) -> Answer: ...
    def cancel(self) -> bool: ...

class Engine:
    def __init__(
        self,
        library: ModelLibrary,
        committee: Cascade | Ensemble,
        plan: Plan,
        *,
        trust: bool = False,
        features: Sequence[int] | None = None,
        models: Mapping[str, Callable[[NDArray[np.float32]], Any] | Replay] | None = None,
        isolate: bool = False,
        max_queue_samples: int = 1048576,
        when_full: str = "wait",
        max_wait_s: float = 0.0,
        degrade: bool = True,
        failures_in_a_row: int = 3,
        retry_after_s: float = 30.0,
        batch_timeout_s: float | None = None,
        held_out: Predictions | None = None,
        profile: Profile | None = None,
    ) -> None: ...
    def submit(self, x: Any, deadline_s: float | None = None) -> Pending: ...
    def predict(
        self, x: Any, deadline_s: float | None = None, *, progress: bool | Callable[[int], object] = False
    ) -> Answer: ...
    def close(self, drain: bool = True) -> None: ...
    def stats(self) -> dict[str, Any]: ...
    def __enter__(self) -> Engine: ...
    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...

def run_isolated_worker() -> None: ...
def measure_profile(
    library: ModelLibrary,
    devices: Sequence[Device],
    sample: Any,
    *,
    batch_sizes: Sequence[int] = [1, 8, 32],
    models: Sequence[str] | None = None,
    warmup: int = 3,
    repeats: int = 9,
    smooth: bool = True,
    slowdown_batch: int | None = None,
    timeout_s: float = ...,
    trust: bool = False,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> Profile: ...
