"""Models of a library as native code, and cheaper versions of them: what is recorded, what they answer, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

torch = pytest.importorskip("torch", reason="models are compiled by torch")
pytest.importorskip("quorate._infer", reason="variants are measured by the engine")

CLASSES, SHAPE = 4, (3, 8, 8)
BUILD = """
    import torch

    def network():
        torch.manual_seed(0)
        layers = [torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten()]
        return torch.nn.Sequential(*layers, torch.nn.Linear(32, 4), torch.nn.Softmax(1)).eval()

    def build(name, file):
        if name == "text":
            return "a network"
        net = network()
        net.load_state_dict(torch.load(file))
        return net
"""


def network() -> torch.nn.Module:
    names: dict = {}
    exec(textwrap.dedent(BUILD), names)
    return names["network"]()


def images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, *SHAPE)).astype(np.float32)


def answers(net: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return net(torch.from_numpy(x)).numpy()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder whose library has "net", whose file is a checkpoint, "text", which cannot be built, and "bare", without a
    file; and inputs."""
    folder = tmp_path / "run"
    library = qr.ModelLibrary(folder / "library")
    net = network()
    torch.save(net.state_dict(), tmp_path / "net.pt")
    x = {"valid": images(40, 1), "calib": images(20, 2)}
    probs = {split: answers(net, rows) for split, rows in x.items()}
    cost = {"latency_s": 1e-3, "memory_bytes": 1e4, "flops": 1e5}
    for split, rows in probs.items():
        library.set_labels(split, rows.argmax(1))
        np.save(tmp_path / f"{split}.npy", x[split])
    library.add("net", predictions=probs, cost=cost, model=tmp_path / "net.pt")
    library.add("text", predictions=probs, cost=cost, model=tmp_path / "net.pt")
    library.add("bare", predictions=probs, cost=cost)
    np.save(folder / "sample.npy", x["valid"][:1])
    np.save(tmp_path / "train.npy", images(40, 3))
    (tmp_path / "builds.py").write_text(textwrap.dedent(BUILD))
    qr.Cascade([qr.Tier([0], threshold=0.9), qr.Tier([2])]).save(folder / "cascade.json")
    return folder


def quorate(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "quorate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def fails(*arguments: object) -> str:
    done = quorate(*arguments)
    assert done.returncode == 1 and done.stdout == "", done
    return done.stderr.splitlines()[-1]


def test_a_network_made_cheaper_from_the_command_line(run: Path, tmp_path: Path) -> None:
    """Three compilations of a tiny network, half a minute."""
    pytest.importorskip("torchao", reason="int8 needs torchao")
    library = qr.ModelLibrary(run / "library")
    torch.jit.trace(network(), torch.zeros(2, *SHAPE)).save(str(tmp_path / "runs.pt"))
    library.add("runs", predictions={s: library.predictions(s, ["net"]).probs[0] for s in library.splits},
                cost=library.entry("net").cost, model=tmp_path / "runs.pt")  # fmt: skip
    inputs = [f"--inputs={split}={tmp_path / split}.npy" for split in ("valid", "calib")]
    more = ["--members", "runs", "--example", tmp_path / "train.npy", "--max-batch", 8]
    done = quorate("variants", run, *inputs, *more, "--json")
    assert done.returncode == 0, done.stderr
    library.refresh()
    made = json.loads(done.stdout)
    assert [v["name"] for v in made] == ["runs.bf16", "runs.int8", "runs.half_resolution"] == library.names[4:]
    x = images(40, 1)
    half = answers(network(), torch.nn.functional.avg_pool2d(torch.from_numpy(x), 2).numpy())
    expected = {"bf16": answers(network(), x), "int8": answers(network(), x), "half_resolution": half}
    valid = library.predictions("valid").probs[4:]
    for v, probs, (kind, wanted) in zip(made, valid, expected.items(), strict=True):
        entry = library.entry(v["name"])
        assert np.abs(probs - wanted).max() < (1e-5 if kind == "half_resolution" else 0.03)
        assert (probs != answers(network(), x)).any()  # it is another model
        assert v["speedup"] > 0 and entry.cost == v["cost"] and entry.cost["latency_s"] > 0
        assert v["changed"]["valid"] == (probs.argmax(1) != answers(network(), x).argmax(1)).mean()
        assert entry.about["variant"] == kind and entry.about["variant.of"] == "runs" and entry.splits == ["calib", "valid"]
    assert made[0]["cost"]["flops"] == 1e5 and made[2]["cost"]["flops"] < 0.5e5
    front = qr.select(library.predictions("valid"), cost=library.cost("latency_s"))
    assert set(front[-1].members) <= set(range(7))


def test_what_cannot_be_compiled_is_refused_before_anything_is(run: Path, tmp_path: Path) -> None:
    library, sample = qr.ModelLibrary(run / "library"), images(1, 0)
    before = {name: library.entry(name).model_sha256 for name in library.names}

    def refused(names: list[str], words: str, lib: qr.ModelLibrary = library, **options: object) -> None:
        with pytest.raises(ValueError, match=words):
            qr.compile_models(lib, names, options.pop("example", sample), **options)

    refused(
        ["bare"], "model 'bare' has no TorchScript file or exported program in the library, so build must make its module"
    )
    refused(["other"], 'name is "other", but must be a model of library')
    refused([], r"names is \[\], but must hold at least one model")
    refused(["net", "net"], r"names is \['net', 'net'\], but must hold .* none twice")
    refused(["net"], "max_batch is 0, but must be at least 1", max_batch=0)
    refused(["net"], "processes is 0, but must be at least 1", processes=0)
    refused(["net"], "example has type float64", example=sample.astype(np.float64))
    refused(["net"], "build is .*lambda.*, but must be a function that other processes can import", build=lambda n, f: None)
    refused(["net"], "library is in memory, but must have a folder", lib=qr.ModelLibrary())
    refused(["net"], r"model net: .*net.* holds neither TorchScript nor an exported program")
    script = ["--script", tmp_path / "builds.py"]
    assert "model text: build gave str, but must give a torch.nn.Module" in fails(
        "compile", run, "--members", "text", *script
    )
    assert "model 'bare' has no TorchScript file" in fails("compile", run)  # the cascade's
    assert "front.json: no such file; `quorate select" in fails("compile", run, "--members", "ensemble")
    empty = tmp_path / "empty.py"
    empty.write_text("")
    assert "defines no `build`, but must" in fails("compile", run, "--script", empty)
    library.refresh()
    assert before == {name: library.entry(name).model_sha256 for name in library.names}


def test_without_torch_the_command_says_so(run: Path) -> None:
    code = "import sys; sys.modules['torch'] = None; from quorate.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "compile", str(run), "--members", "net"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr == "error: needs the Python package torch, which is not installed\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "bare"}, "model 'bare' has no file in the library"),
        ({"name": "other"}, 'name is "other", but must be a model'),
        ({"kinds": []}, r"kinds is \[\], but must be some of bf16, int8, half_resolution"),
        ({"kinds": ["int8", "int8"]}, "none twice"),
        ({"kinds": ["int4"]}, r"kinds is \['int4'\]"),
        ({"cost": {"int4": {}}}, "cost holds int4, but must hold kinds of bf16"),
        ({"max_batch": 0}, "max_batch is 0"),
        ({"x": {"valid": images(40, 1)}}, r"x_by_split holds \['valid'\], but must hold the splits .*\['calib', 'valid'\]"),
        ({"x": {"valid": images(40, 1), "calib": images(19, 2)}}, r"x_by_split\['calib'\] has .*\[19, 3, 8, 8\]"),
        ({"x": {"valid": images(40, 1), "calib": images(20, 5)}}, r"answers on x_by_split\['calib'\] are not those"),
        ({"module": torch.nn.Flatten()}, "answers on x_by_split.* are not those"),
        ({"kinds": ["half_resolution"], "fixed": True}, "the model takes no images of half the size"),
        ({"kinds": ["int8"], "fixed": True, "linear": False}, "no convolution and no linear layer"),
    ],
)
def test_variants_that_cannot_be_are_refused(tmp_path: Path, options: dict, words: str) -> None:
    if "int8" in options.get("kinds", []):
        pytest.importorskip("torchao", reason="int8 needs torchao")
    net = network()
    if options.get("fixed"):
        parts = [torch.nn.Flatten()] + ([torch.nn.Linear(192, 4)] if options.get("linear", True) else [])
        net = torch.nn.Sequential(*parts, torch.nn.Softmax(1)).eval()
    library = qr.ModelLibrary()
    x = {"valid": images(40, 1), "calib": images(20, 2)}
    probs = {split: answers(net, rows) for split, rows in x.items()}
    for split, rows in probs.items():
        library.set_labels(split, rows.argmax(1))
    (tmp_path / "net.pt").write_bytes(b"a file")
    library.add("net", predictions=probs, model=tmp_path / "net.pt")
    library.add("bare", predictions=probs)
    with pytest.raises(ValueError, match=words):
        qr.add_variants(
            library, options.get("name", "net"), options.get("module", net), images(8, 3), options.get("x", x),
            kinds=options.get("kinds", ["bf16"]), max_batch=options.get("max_batch", 4), cost=options.get("cost"),
        )  # fmt: skip
    assert library.names == ["net", "bare"]


def test_variants_need_the_costs_that_are_not_measured_and_free_names(tmp_path: Path) -> None:
    library, x = qr.ModelLibrary(), {"valid": images(40, 1)}
    library.set_labels("valid", np.zeros(40, int))
    probs = {"valid": answers(network(), x["valid"])}
    (tmp_path / "net.pt").write_bytes(b"a file")
    library.add("net", predictions=probs, cost={"usd": 1.0}, model=tmp_path / "net.pt")
    library.add("net.bf16", predictions=probs, cost={"usd": 1.0})
    with pytest.raises(ValueError, match=r"the library has a model net\.bf16 already"):
        qr.add_variants(library, "net", network(), images(8, 3), x)
    with pytest.raises(ValueError, match=r"'net' has the cost usd, which is not measured here; give it for int8 with cost="):
        qr.add_variants(library, "net", network(), images(8, 3), x, kinds=["int8"])


def test_int8_without_torchao_says_so_before_anything_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchao", None)
    library, x = qr.ModelLibrary(), {"valid": images(40, 1)}
    library.set_labels("valid", np.zeros(40, int))
    (tmp_path / "net.pt").write_bytes(b"a file")
    library.add("net", predictions={"valid": answers(network(), x["valid"])}, model=tmp_path / "net.pt")
    with pytest.raises(ModuleNotFoundError, match="torchao"):
        qr.add_variants(library, "net", network(), images(8, 3), x)
    assert library.names == ["net"]
