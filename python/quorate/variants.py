"""Cheaper versions of a model as candidates of their own: what they answer and cost is measured, not assumed."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .compiling import check_example, compile_model, need_compiler, own_copy
from .library_compiling import portable_file
from .packages import read_package

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from . import ModelLibrary

KINDS = ("bf16", "int8", "half_resolution")
MEASURED = ("latency_s", "memory_bytes", "flops")
SAME_ANSWER = 1e-2  # predictions may be stored as float16, and come from another machine
COMPILED_ANSWER = 0.1  # fused kernels round a coarse network at other places; what counts is measured on held-out data


@dataclass(frozen=True)
class Variant:
    """A cheaper version of a model, in the library under `name`."""

    name: str
    kind: str
    cost: dict[str, float]
    speedup: float  # the original's seconds a sample over its own, measured in one run
    changed: dict[str, float]  # by split: the share of samples that get another class than from the original


def add_variants(
    library: ModelLibrary,
    name: str,
    module: Any,
    example: ArrayLike,
    x_by_split: Mapping[str, ArrayLike],
    *,
    kinds: Sequence[str] = KINDS,
    max_batch: int = 32,
    cost: Mapping[str, Mapping[str, float]] | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Variant]:
    """Adds cheaper versions of a model of a library as models of their own, called "<name>.<kind>": half a minute each.

    module: the model as a torch.nn.Module (or what `compile_model` takes) that gives probabilities; None: the TorchScript
    file or exported program that it came with. It must answer as the model did when it was added.
    example: float32 [samples, ...features], from the training data: int8 takes its ranges from these; some hundreds do.
    x_by_split: {split: float32 [samples, ...features]}, the inputs behind the model's predictions, for each of its splits.
    kinds: "bf16" (autocast), "int8" (PT2E quantisation for x86, needs torchao), "half_resolution" (means of 2 x 2 pixels go
    in; the network must take them).
    max_batch: they are compiled for batches from 1 to this, and timed at it.
    cost: {kind: {key: value}}, for costs of the model that cannot be measured here; it goes before what is measured.
    progress: called with a line for each step.

    A variant is compiled for this machine (AOTInductor); its predictions are the compiled model's own, through the engine.
    Costs are on the model's own scale: its "latency_s" and "memory_bytes" (weights) times what the variant takes of what the
    model's file takes in the same run on one core, its "flops" times the share of the operations. A variant of a model that
    is not compiled therefore gains what compiling gains as well.

    Returns what was added, in the order of `kinds`. Nothing is added where anything fails. Raises ValueError for a model
    without a file, names that are taken, splits or costs that are missing or not of the model, samples of another shape, a
    module that answers otherwise, or that a kind does not fit; what `compile_model` and the engine raise;
    ModuleNotFoundError for "int8" without torchao.
    """
    import numpy as np
    import torch

    values = check_example(example, max_batch)
    _check(library, name, kinds, cost or {})
    inputs = _inputs(library, name, values, x_by_split)
    need_compiler()
    if "int8" in kinds:
        import torchao  # noqa: F401  # where it is missing, before anything is compiled
    features = torch.from_numpy(values)
    source = module if module is not None else portable_file(library, name)
    if source is None:
        raise ValueError(f"module is None, but model {name!r} has no TorchScript file or exported program in the library")
    say = progress or (lambda line: None)
    with tempfile.TemporaryDirectory(prefix="quorate-variants-") as folder:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tools, about themselves
            net = own_copy(source, torch.cat([features[:1]] * min(2, max_batch)))
            _check_answers(library, name, net, inputs)
            made = {}
            for kind in kinds:
                say(f"{name}.{kind}: compiling")
                file = Path(folder) / f"{kind}.pt2"
                made[kind] = file, _version(net, kind, features, max_batch, file) / _flops(net, features)
        say(f"{name}: measuring")
        answers, latency_s, weights = _measured(library, name, {kind: file for kind, (file, _) in made.items()},
                                                values, inputs, max_batch)  # fmt: skip
        before = {split: np.asarray(library.predictions(split, [name]).probs[0]).argmax(1) for split in inputs}
        entry, added = library.entry(name), []
        for kind, (file, operations) in made.items():
            shares = {
                "latency_s": latency_s[kind] / latency_s[name],
                "memory_bytes": weights[kind] / weights[name],
                "flops": operations,
            }
            scaled = {key: value * shares[key] for key, value in entry.cost.items() if key in shares}
            costs = scaled | dict((cost or {}).get(kind, {}))
            package = read_package(file)
            assert package is not None  # it was just compiled
            about = package.about() | {"variant": kind, "variant.of": name}
            library.add(f"{name}.{kind}", predictions=answers[kind], cost=costs, model=file, about=about)
            changed = {split: float((probs.argmax(1) != before[split]).mean()) for split, probs in answers[kind].items()}
            added.append(Variant(f"{name}.{kind}", kind, costs, latency_s[name] / latency_s[kind], changed))
    return added


def _check(library: ModelLibrary, name: str, kinds: Sequence[str], cost: Mapping[str, Mapping[str, float]]) -> None:
    entry = library.entry(name)
    if entry.model_file is None:
        raise ValueError(f"model {name!r} has no file in the library, but must have one to be measured beside")
    if not kinds or len(set(kinds)) < len(kinds) or not set(kinds) <= set(KINDS):
        raise ValueError(f"kinds is {list(kinds)}, but must be some of {', '.join(KINDS)}, none twice")
    if stray := sorted(set(cost) - set(kinds)):
        raise ValueError(f"cost holds {', '.join(stray)}, but must hold kinds of {', '.join(kinds)}")
    for kind in kinds:
        if f"{name}.{kind}" in library:
            raise ValueError(f"the library has a model {name}.{kind} already")
        if missing := sorted(set(entry.cost) - set(MEASURED) - set(cost.get(kind, {}))):
            raise ValueError(
                f"model {name!r} has the cost {missing[0]}, which is not measured here; give it for {kind} with "
                f"cost={{{kind!r}: {{{missing[0]!r}: ...}}}}"
            )


def _inputs(
    library: ModelLibrary, name: str, example: NDArray[np.float32], x_by_split: Mapping[str, ArrayLike]
) -> dict[str, NDArray[np.float32]]:
    """As float32 in C order."""
    import numpy as np

    splits = library.entry(name).splits
    if set(x_by_split) != set(splits):
        raise ValueError(f"x_by_split holds {sorted(x_by_split)}, but must hold the splits of model {name!r}: {splits}")
    inputs = {}
    for split in splits:
        x = np.ascontiguousarray(x_by_split[split])
        wanted = (len(library.predictions(split, [name]).labels), *example.shape[1:])
        if x.dtype != np.float32 or x.shape != wanted:
            raise ValueError(
                f"x_by_split[{split!r}] has type {x.dtype} and shape {list(x.shape)}, but must be float32 {list(wanted)}: "
                "a row for each label, in the shape of the example"
            )
        inputs[split] = x
    return inputs


def _check_answers(library: ModelLibrary, name: str, net: Any, inputs: Mapping[str, NDArray[np.float32]]) -> None:
    """The first samples of each split, so that inputs in another order or scale are seen as well as another module."""
    import numpy as np
    import torch

    for split, x in inputs.items():
        known = np.asarray(library.predictions(split, [name]).probs[0][:8], np.float32)
        given = net(torch.from_numpy(x[:8].copy())).numpy()
        if given.shape != known.shape or not np.abs(given - known).max() <= SAME_ANSWER:
            raise ValueError(
                f"the module's answers on x_by_split[{split!r}] are not those that model {name!r} has in the library; "
                "it must be the same network, in the same scale of inputs, and end in its softmax"
            )


def _version(net: Any, kind: str, example: Any, max_batch: int, file: Path) -> int:
    """Compiles it; its operations for a sample."""
    from . import cheaper

    if kind == "bf16":
        made = cheaper.InBf16(net)
    elif kind == "int8":
        made = cheaper.in_int8(net, example, max_batch)
    else:
        made = cheaper.at_half_resolution(net, example)
    compile_model(made, example.numpy(), file, max_batch=max_batch, tolerance=COMPILED_ANSWER)
    return _flops(made if kind == "half_resolution" else net, example)


def _flops(net: Any, example: Any) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        net(example[:2])
    return max(1, int(counter.get_total_flops()))


def _measured(
    library: ModelLibrary, name: str, files: Mapping[str, Path], example: NDArray[np.float32],
    inputs: Mapping[str, NDArray[np.float32]], batch: int,
) -> tuple[dict[str, dict[str, Any]], dict[str, float], dict[str, int]]:  # fmt: skip
    """What the variants answer, and seconds a batch and bytes of weights of each and of the model itself (by its name)."""
    import numpy as np

    import quorate as qr

    entry = library.entry(name)
    scratch = qr.ModelLibrary()
    scratch.set_labels("none", [0])
    for model, file in {name: entry.model_file, **files}.items():
        scratch.add(model, predictions={"none": np.ones((1, 1), np.float32)}, model=file)
    devices = qr.cpu_devices(cores=[1])
    failures: list[str] = []

    def heard(cell: dict[str, Any]) -> None:
        failures.extend([cell["failure"]] if cell["failure"] else [])

    profile = qr.Profile.measure(scratch, devices, batch_sizes=[batch], sample=example[:batch], progress=heard)
    if failures:
        raise ValueError(f"at a batch of max_batch, {batch}, not all could be measured: {failures[0]}")
    answers = {}
    for kind in files:
        alone = profile.models.index(kind)
        demand = np.zeros(len(profile.models))
        demand[alone] = 1.0
        plan = qr.plan(profile, devices, demand=demand, time_limit_s=0.1)
        with qr.Engine(scratch, qr.Ensemble([alone], [1.0]), plan) as engine:
            answers[kind] = {split: np.array(engine.predict(x).probs) for split, x in inputs.items()}
    latency_s = dict(zip(profile.models, profile.latency_s[0, :, 0].tolist(), strict=True))
    assert profile.weights_bytes is not None  # measured profiles have them
    weights = dict(zip(profile.models, profile.weights_bytes[0].tolist(), strict=True))
    return answers, latency_s, weights
