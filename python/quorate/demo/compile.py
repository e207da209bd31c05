"""The chosen networks as native code: compiled in processes of their own, each put into the library once it is whole."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from .._core import Error
from ..compiling import NoCompiler, compile_model
from ..workers import end_with_parent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from quorate import ModelLibrary

PROCESSES = 2
SAY_S = 1.0
ONE_CORE = {"OMP_NUM_THREADS": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}  # both are read when torch is imported


def is_compiled(library: ModelLibrary, name: str) -> bool:
    file = library.entry(name).model_file
    return file is not None and file.suffix == ".pt2"


def _serve(connection: Connection, example: NDArray[np.float32], max_batch: int) -> None:
    """A process's whole life: (model, package) comes in, None or the error that compiling ended with goes out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent decides
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.environ.update(ONE_CORE)
    import torch

    torch.set_num_threads(1)
    torch._logging.set_logs(all=logging.ERROR)
    while True:
        try:
            model, package = connection.recv()
        except EOFError:
            return
        try:
            compile_model(model, example, package, max_batch=max_batch)
        except (ValueError, Error) as error:
            connection.send(error)
        else:
            connection.send(None)


class _Compiler:
    """A process, kept for many models (the second takes a third of the first's time), and this end of the line to it."""

    def __init__(self, example: NDArray[np.float32], max_batch: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, example, max_batch), name="quorate compiler")
        self.process.start()
        theirs.close()
        self.model = ""

    def begin(self, name: str, model: Path, package: Path) -> None:
        self.model = name
        self.connection.send((model, package))

    def finish(self) -> None:
        """Raises what compiling raised, and Error where the process is gone."""
        try:
            error = self.connection.recv()
        except (EOFError, ConnectionResetError):
            raise Error(f"the process that compiled {self.model} ended before it was done") from None
        if isinstance(error, NoCompiler):
            raise error  # which is not about the model
        if error is not None:
            raise type(error)(f"model {self.model}: {error}")

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()
        self.process.close()


def compile_members(
    library: ModelLibrary,
    names: Sequence[str],
    example: NDArray[np.float32],
    max_batch: int,
    scratch: Path,
    say: Callable[[str, str], None],
) -> None:
    """Replaces the files of the models `names` that are not compiled yet by AOTInductor packages; costs stay as they are.

    Whatever ends it, the models that were finished until then stay compiled. `scratch` is a folder of its own, gone
    afterwards. Raises NoCompiler where nothing can be compiled here, else what `compile_model` raises, and Error where a
    process ended before its model was compiled."""
    waiting = [name for name in names if not is_compiled(library, name)]
    if not waiting:
        return
    shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
    scratch.mkdir()
    compilers = [_Compiler(example, max_batch) for _ in range(min(PROCESSES, len(waiting)))]
    try:
        busy: list[_Compiler] = []

        def begin_next(compiler: _Compiler) -> None:
            name = waiting.pop(0)
            model = library.entry(name).model_file
            assert model is not None  # training adds none without
            compiler.begin(name, model, scratch / f"{name}.pt2")
            busy.append(compiler)

        for compiler in compilers:
            begin_next(compiler)
        while busy:
            done = len(names) - len(waiting) - len(busy)
            under_way = ", ".join(compiler.model for compiler in busy)
            say("compile", f"{done}/{len(names)} members compiled, now {under_way}")
            ready = wait([compiler.connection for compiler in busy], SAY_S)
            for compiler in [compiler for compiler in busy if compiler.connection in ready]:
                busy.remove(compiler)
                compiler.finish()
                package = scratch / f"{compiler.model}.pt2"
                library.replace_model(compiler.model, package, library.entry(compiler.model).cost)
                package.unlink()
                if waiting:
                    begin_next(compiler)
    finally:
        for compiler in compilers:
            compiler.end()
        shutil.rmtree(scratch)
