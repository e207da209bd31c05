"""What an AOTInductor package says of itself."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ._core import FileError

if TYPE_CHECKING:
    from . import ModelLibrary


@dataclass(frozen=True)
class Package:
    """A model as native code: what `quorate.compile_model` compiled it for."""

    features: tuple[int, ...]  # the shape of one sample
    max_batch: int  # it takes batches from 1 to this
    dtype: str  # of inputs and probabilities
    instructions: str  # the CPU must have these; "AVX2", "AVX512" ...

    def about(self) -> dict[str, str]:
        """For a library's `about`."""
        return {
            "compiled.features": ", ".join(map(str, self.features)),
            "compiled.batches": f"1 to {self.max_batch}",
            "compiled.dtype": self.dtype,
            "compiled.instructions": self.instructions,
        }


def read_package(path: Path) -> Package | None:
    """None where the file is no AOTInductor package (torch.export.save gives its programs the same ending). Raises FileError
    for a package that `compile_model` did not make."""
    if path.suffix != ".pt2" or not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        said = [name for name in archive.namelist() if "/aotinductor/" in name and name.endswith("_metadata.json")]
        if not said:
            return None
        metadata = json.loads(archive.read(min(said, key=len)))
    try:
        features = tuple(int(size) for size in metadata["quorate.features"].split(","))
        instructions = metadata["AOTI_CPU_ISA"]
        return Package(features, int(metadata["quorate.max_batch"]), "float32", instructions)
    except KeyError as error:
        raise FileError(f"{path}: is a package that does not say {error}; compile it with quorate.compile_model") from error


def package_of(library: ModelLibrary, name: str) -> Package | None:
    """None where the model's file is none, or not native code."""
    file = library.entry(name).model_file
    return None if file is None else read_package(file)
