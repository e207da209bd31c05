"""A run folder: where the chain's stages leave their results, and what to run where one is missing."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._core import FileError, ModelLibrary, write_file
from .files import read_json, write_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_SETTINGS = {"cost": "latency_s", "metric": "log_loss"}


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @staticmethod
    def existing(folder: str | os.PathLike[str]) -> RunFolder:
        """Raises FileError where there is no such folder."""
        path = Path(folder)
        if not path.is_dir():
            raise FileError(f"{path}: no such folder")
        return RunFolder(path)

    @property
    def study(self) -> Path:
        return self.path / "study.db"

    @property
    def front(self) -> Path:
        return self.path / "front.json"

    @property
    def evaluation(self) -> Path:
        return self.path / "front_evaluation.json"

    @property
    def cascades(self) -> Path:
        return self.path / "cascades.json"

    @property
    def cascade(self) -> Path:
        return self.path / "cascade.json"

    @property
    def profile(self) -> Path:
        return self.path / "profile.json"

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def sample(self) -> Path:
        return self.path / "sample.npy"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    def library(self) -> ModelLibrary:
        """Raises FileError where there is none: opening a library makes its folder."""
        path = self.path / "library"
        if not path.is_dir():
            raise FileError(f"{path}: no such folder; `quorate search` or `quorate demo` makes it")
        return ModelLibrary(path)

    def need(self, path: Path, stage: str) -> Path:
        """`path`, or a FileError that names the stage that writes it."""
        if not path.is_file():
            raise FileError(f"{path}: no such file; `quorate {stage} {self.path}` writes it")
        return path

    def settings(self) -> dict[str, str]:
        """Which cost and metric the models were chosen by; the defaults where nothing was."""
        path = self.path / "settings.json"
        return DEFAULT_SETTINGS | ({key: str(value) for key, value in read_json(path).items()} if path.is_file() else {})

    def remember(self, **settings: str) -> None:
        """Adds to the settings."""
        known = self.settings()
        if known | settings != known or not (self.path / "settings.json").is_file():
            write_json(self.path / "settings.json", known | settings)


def load_array(path: Path) -> NDArray[np.generic]:
    """A .npy file. Raises FileError with the path where it is missing, truncated or no array."""
    import numpy as np

    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise FileError(f"{path}: is not a .npy file of numbers: {error}") from error


def save_array(path: Path, array: NDArray[Any]) -> None:
    """As a .npy file, replaced in one step."""
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_file(path, buffer.getvalue())


def load_samples(path: Path) -> Any:
    """Samples as models take them: float32 [samples, ...]. FileError as in load_array, ValueError for other shapes."""
    import numpy as np

    array = load_array(path)
    if array.ndim < 2 or array.shape[0] == 0 or array.dtype.kind not in "fiub":
        raise ValueError(
            f"{path} holds {array.dtype} of shape {list(array.shape)}, but must hold numbers [samples, features...]"
        )
    return np.ascontiguousarray(array, dtype=np.float32)
