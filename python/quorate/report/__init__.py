"""A run folder as one self-contained page of HTML."""

from __future__ import annotations

import os
from pathlib import Path


def report(run_folder: str | os.PathLike[str]) -> Path:
    """Writes ``report.html`` into the run folder from whatever stages have run there, and returns its path.

    The page holds its own style and drawings and asks the network for nothing. Raises ``ValueError`` for a folder that is
    missing or holds nothing to report on, ``quorate.FileError`` for a file of it that cannot be read.
    """
    from ..files import write_text
    from ..folder import RunFolder
    from .page import page
    from .read import read_run

    folder = Path(run_folder)
    path = folder / "report.html"
    write_text(path, page(read_run(RunFolder.existing(folder))))
    return path


__all__ = ["report"]
