"""Models as native code for this machine: AOTInductor packages."""

from __future__ import annotations

import copy
import io
import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._core import Error, write_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class NoCompiler(Error):
    """Nothing can be compiled on this machine: it has no C++ compiler."""


def compile_model(
    model: Any, example: ArrayLike, path: str | os.PathLike[str], *, max_batch: int = 64, tolerance: float = 1e-4
) -> Path:
    """Compiles a model with AOTInductor for batches from 1 to `max_batch` on one thread of this CPU: about half a minute.

    model: a torch.nn.Module, a ScriptModule, a torch.export.ExportedProgram, or the path of a file of one of the latter two;
    it gives probabilities [batch, classes].
    example: float32 [samples, ...features], at least one; the compiled model takes samples of this shape only, and must
    answer the example as the model does, within `tolerance`.
    path: where the package goes, ending in ".pt2"; replaced in one step. It holds native code for the instruction set of
    this CPU, and says which shape and batch sizes it takes: the engine refuses others.

    The model given is not changed. Raises ValueError for an example that does not fit, a file that holds no model, a model
    that torch.export cannot follow, keeps state between calls or writes to its input, and where the compiled model answers
    otherwise; quorate.compiling.NoCompiler where there is no C++ compiler.
    """
    import torch

    target = Path(path)
    if target.suffix != ".pt2":
        raise ValueError(f"path is {target}, but must end in .pt2")
    values = check_example(example, max_batch)
    features = torch.from_numpy(values)
    need_compiler()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")
        # A batch of one would be taken for a constant where others are allowed.
        batch = torch.cat([features[:1]] * min(2, max_batch))
        module = own_copy(model, batch)
        wanted = module(features[:max_batch].clone())
        program = exported(module, batch, max_batch)
        package = torch._inductor.aoti_compile_and_package(
            program,
            package_path=str(Path(folder) / "model.pt2"),
            inductor_configs={
                "cpp.threads": 1,
                "freezing": True,  # folds what the weights alone decide, and packs them as the kernels want them
                "aot_inductor.metadata": {
                    "quorate.features": ",".join(str(size) for size in values.shape[1:]),
                    "quorate.max_batch": str(max_batch),
                },
            },
        )
        got = torch._inductor.aoti_load_package(package)(features[:max_batch])
        difference = float((got - wanted).abs().max())
        if not difference <= tolerance:
            raise ValueError(
                f"the compiled model's answers differ by up to {difference:g}, but must by at most {tolerance:g}"
            )
        write_file(target, Path(package).read_bytes())
    return target


def check_example(example: ArrayLike, max_batch: int) -> NDArray[np.float32]:
    """The example, copied so that it may be written to, which torch asks for."""
    import numpy as np

    if max_batch < 1:
        raise ValueError(f"max_batch is {max_batch}, but must be at least 1")
    values = np.array(example)
    if values.dtype != np.float32 or values.ndim < 2 or values.shape[0] < 1:
        raise ValueError(
            f"example has type {values.dtype} and shape {list(values.shape)}, "
            "but must be float32 [samples, ...features] with at least one sample"
        )
    return values


def need_compiler() -> None:
    """Raises NoCompiler; ModuleNotFoundError where there is no torch."""
    import torch  # noqa: F401  # first: what is missing is then torch and not a part of it
    from torch._inductor import config
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        tried = [config.cpp.cxx] if isinstance(config.cpp.cxx, str) else [name for name in config.cpp.cxx if name]
        raise NoCompiler(f"no C++ compiler, which AOTInductor needs, is found; looked for {', '.join(tried)}") from error


def own_copy(model: Any, batch: Any) -> Any:
    """A module in evaluation mode that torch.export can read and nobody else holds. TorchScript has to be converted."""
    import torch
    from torch._export.converter import TS2EPConverter

    if isinstance(model, str | os.PathLike):
        model = _load(Path(model))
    elif isinstance(model, torch.jit.ScriptModule):
        buffer = io.BytesIO()
        torch.jit.save(model, buffer)
        buffer.seek(0)
        model = torch.jit.load(buffer)
    if isinstance(model, torch.jit.ScriptModule):
        return _with_conv2d(TS2EPConverter(model.eval(), (batch,)).convert().module())
    if isinstance(model, torch.export.ExportedProgram):
        return copy.deepcopy(model.module())  # whose mode was settled when it was exported
    module = copy.deepcopy(model)
    try:
        return module.eval()
    except NotImplementedError:  # of a program's module(): as above
        return module


def _with_conv2d(graph: Any) -> Any:
    """Tracing notes convolutions of any kind as one operation, which neither autocast nor quantisers look at."""
    import torch

    aten = torch.ops.aten
    for node in graph.graph.find_nodes(op="call_function", target=aten.convolution.default):
        x, weight, bias, stride, padding, dilation, transposed, _, groups = node.args
        if len(stride) == 2 and not transposed:
            node.target, node.args = aten.conv2d.default, (x, weight, bias, stride, padding, dilation, groups)
    graph.recompile()
    return graph


def _load(file: Path) -> Any:
    import torch

    try:
        return torch.export.load(file) if file.suffix == ".pt2" else torch.jit.load(str(file))
    except RuntimeError as error:
        raise ValueError(f"{file} holds neither TorchScript nor an exported program, but must") from error


def exported(module: Any, batch: Any, max_batch: int) -> Any:
    import torch

    shapes = ({0: torch.export.Dim("batch", min=1, max=max_batch)},) if max_batch > 1 else None
    try:
        program = torch.export.export(module, (batch,), dynamic_shapes=shapes)
    except RuntimeError as error:
        raise ValueError(f"torch.export cannot follow the model: {error}") from error
    signature = program.run_decompositions({}).graph_signature  # what is written in place shows once it is made functional
    if signature.user_inputs_to_mutate:
        raise ValueError("the model writes to its input, but must leave it as it is: other models read it too")
    if signature.buffers_to_mutate:
        kept = ", ".join(signature.buffers_to_mutate.values())
        raise ValueError(
            f"the model changes its state ({kept}) when it runs, but must not: samples would depend on each other"
        )
    return program
