"""Models of a library as native code: compiled in processes of their own, each put into the library once it is whole."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._core import Error, FileError, write_file
from .compiling import NoCompiler, check_example, compile_model, need_compiler
from .packages import Package, package_of, read_package

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from . import ModelLibrary

    Build = Callable[[str, Path | None], Any]

LEAVING_S = 5.0
SAY_S = 1.0
ONE_CORE = {"OMP_NUM_THREADS": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}  # both are read when torch is imported


def portable_file(library: ModelLibrary, name: str) -> Path | None:
    """The file that a model came with, also after it was compiled. None where it came with none.

    Raises FileError where the one that a compiled model was made from has changed since."""
    entry = library.entry(name)
    if package_of(library, name) is None:
        return entry.model_file
    assert entry.model_file is not None  # a package is a file
    kept = entry.about.get("portable")
    if kept is None:
        return None
    path = entry.model_file.parent / kept
    if hashlib.sha256(path.read_bytes()).hexdigest() != entry.about.get("portable.sha256"):
        raise FileError(f"{path}: is not what model {name!r} was compiled from; its SHA-256 is another")
    return path


def compile_models(
    library: ModelLibrary,
    names: Sequence[str],
    example: ArrayLike,
    *,
    max_batch: int = 64,
    build: Build | None = None,
    again: bool = False,
    processes: int = 2,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Package]:
    """Replaces the files of models of a library by AOTInductor packages for this machine, as `compile_model` makes them.

    names: of the models; half a minute each, `processes` at a time.
    example: float32 [samples, ...features]; the packages take samples of this shape, in batches from 1 to `max_batch`.
    build: build(name, file) gives a model's torch.nn.Module, with its weights and in front of a softmax if it ends in none;
    `file` is what the library has for it, a checkpoint, say. A function that can be imported. None: the models' own files,
    TorchScript or saved by torch.export.save.
    again: also models that are compiled already, for another batch range or another machine.
    progress: called about once a second with a line that says where it is.

    The library records each package's SHA-256, and in `about`, under "compiled.", its shape, batches, type and instructions.
    It keeps what a model came with: a library that moves to another machine is compiled there again. Costs stay, since
    choices were made by them; measure the profile anew. Whatever ends it, the models that were finished stay compiled.

    Returns what each package says. Raises ValueError, before anything is compiled, for a library in memory, names that are
    none, twice, or compiled already, models that bring nothing to compile and numbers out of range; what `compile_model`
    raises, with the model's name; quorate.Error where a process ended before its model was compiled.
    """
    values = check_example(example, max_batch)
    if library.folder is None:
        raise ValueError("library is in memory, but must have a folder, where the packages go")
    if processes < 1:
        raise ValueError(f"processes is {processes}, but must be at least 1")
    waiting = [(name, _source(library, name, build is not None, again)) for name in names]
    if not waiting or len(set(names)) < len(names):
        raise ValueError(f"names is {list(names)}, but must hold at least one model, and none twice")
    if build is not None:
        _check_can_be_sent(build)
    need_compiler()
    made: dict[str, Package] = {}
    compilers = [_Compiler(values, max_batch, build) for _ in range(min(processes, len(waiting)))]
    try:
        with tempfile.TemporaryDirectory(prefix="quorate-compile-") as scratch:
            busy: list[_Compiler] = []
            idle = list(compilers)
            while waiting or busy:
                while waiting and idle:
                    busy.append(idle.pop())
                    busy[-1].begin(*waiting.pop(0), Path(scratch))
                if progress:
                    under_way = ", ".join(compiler.model for compiler in busy)
                    progress(f"{len(made)}/{len(names)} models compiled, now {under_way}")
                ready = wait([compiler.connection for compiler in busy], SAY_S)
                for compiler in [compiler for compiler in busy if compiler.connection in ready]:
                    busy.remove(compiler)
                    idle.append(compiler)
                    made[compiler.model] = _keep(library, compiler.model, compiler.finish())
    finally:
        for compiler in compilers:
            compiler.end()
    return {name: made[name] for name in names}


def _source(library: ModelLibrary, name: str, builds: bool, again: bool) -> Path | None:
    package = package_of(library, name)
    if package and not again:
        raise ValueError(
            f"model {name!r} is compiled already, for batches from 1 to {package.max_batch} on {package.instructions}; "
            "say again to compile it anew"
        )
    file = portable_file(library, name)
    if file is None and not builds:
        raise ValueError(
            f"model {name!r} has no TorchScript file or exported program in the library, so build must make its module"
        )
    return file


def _check_can_be_sent(build: Build) -> None:
    try:
        pickle.dumps(build)
    except (pickle.PicklingError, AttributeError) as error:
        raise ValueError(f"build is {build!r}, but must be a function that other processes can import") from error


def _keep(library: ModelLibrary, name: str, file: Path) -> Package:
    """Puts the package into the library in one step, after what it replaces has its copy beside it."""
    package = read_package(file)
    assert package is not None  # compile_model made it
    entry, source = library.entry(name), portable_file(library, name)
    about = entry.about | package.about()
    if source is not None:
        content, kept = source.read_bytes(), f"portable{source.suffix}"
        if source.name != kept:
            write_file(source.parent / kept, content)
        about |= {"portable": kept, "portable.sha256": hashlib.sha256(content).hexdigest()}
    library.replace_model(name, file, entry.cost, about)
    return package


class _Compiler:
    """A process, kept for many models (the second takes a third of the first's time), and this end of the line to it."""

    def __init__(self, example: NDArray[np.float32], max_batch: int, build: Build | None) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, example, max_batch, build), name="quorate compiler")
        self.process.start()
        theirs.close()
        self.model = ""
        self._package = Path()
        self._busy = False

    def begin(self, name: str, source: Path | None, scratch: Path) -> None:
        self.model, self._package = name, scratch / f"{name}.pt2"
        self.connection.send((name, source, self._package))
        self._busy = True

    def finish(self) -> Path:
        """The package. Raises what compiling raised, and Error where the process is gone."""
        try:
            error = self.connection.recv()
        except (EOFError, ConnectionResetError):
            raise Error(f"the process that compiled {self.model} ended before it was done") from None
        self._busy = False
        if isinstance(error, NoCompiler):
            raise error  # which is not about the model
        if error is not None:
            raise type(error)(f"model {self.model}: {error}")
        return self._package

    def end(self) -> None:
        """An idle process leaves by itself, and cleans up behind it, where its line ends."""
        self.connection.close()
        if not self._busy:
            self.process.join(LEAVING_S)
        self.process.kill()
        self.process.join()
        self.process.close()


def _serve(connection: Connection, example: NDArray[np.float32], max_batch: int, build: Build | None) -> None:
    """A process's whole life: (name, source, package) comes in, None or the error that compiling ended with goes out."""
    from .workers import end_with_parent

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the parent decides
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.environ.update(ONE_CORE)
    import torch

    torch.set_num_threads(1)
    torch._logging.set_logs(all=logging.ERROR)
    while True:
        try:
            name, source, package = connection.recv()
        except EOFError:
            return
        try:
            model = source if build is None else _built(build, name, source)
            compile_model(model, example, package, max_batch=max_batch)
        except (ValueError, Error) as error:
            connection.send(error)
        else:
            connection.send(None)


def _built(build: Build, name: str, file: Path | None) -> Any:
    import torch

    module = build(name, file)
    if not isinstance(module, torch.nn.Module):
        raise ValueError(f"build gave {type(module).__name__}, but must give a torch.nn.Module")
    return module
