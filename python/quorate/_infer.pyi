from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._core import Cascade, Device, Ensemble, ModelLibrary, Plan, Profile

class Answer:
    @property
    def probs(self) -> NDArray[np.float32]: ...
    @property
    def tier(self) -> NDArray[np.int32]: ...
    @property
    def certainty(self) -> NDArray[np.float64]: ...
    @property
    def answer(self) -> NDArray[np.int32]: ...

class Pending:
    def done(self) -> bool: ...
    def result(self, timeout: float | None = None) -> Answer: ...

class Engine:
    def __init__(
        self,
        library: ModelLibrary,
        committee: Cascade | Ensemble,
        plan: Plan,
        *,
        trust: bool = False,
        features: Sequence[int] | None = None,
        max_queue_samples: int = 1048576,
    ) -> None: ...
    def submit(self, x: Any) -> Pending: ...
    def predict(self, x: Any) -> Answer: ...
    def close(self, drain: bool = True) -> None: ...
    def stats(self) -> dict[str, Any]: ...
    def __enter__(self) -> Engine: ...
    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...

def measure_profile(
    library: ModelLibrary,
    devices: Sequence[Device],
    sample: Any,
    *,
    batch_sizes: Sequence[int] = [1, 8, 32],
    models: Sequence[str] | None = None,
    warmup: int = 3,
    repeats: int = 9,
    timeout_s: float = ...,
    trust: bool = False,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> Profile: ...
