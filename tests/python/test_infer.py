"""The engine, measuring and compiling, against torch itself."""

import json
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

torch = pytest.importorskip("torch", reason="the engine needs torch")
pytest.importorskip("quorate._infer", reason="built without the engine")

DATA = Path(__file__).parents[3] / "shared" / "data"
FEATURES, CLASSES = 6, 4


def network(seed, width=16):
    torch.manual_seed(seed)
    layers = [torch.nn.Linear(FEATURES, width), torch.nn.Tanh(), torch.nn.Linear(width, CLASSES), torch.nn.Softmax(1)]
    net = torch.nn.Sequential(*layers).eval()
    with torch.no_grad():
        net[2].weight.mul_(4.0)
    return net


def samples(count, seed=0):
    return np.random.default_rng(seed).normal(size=(count, FEATURES)).astype(np.float32)


def script(net, path):
    torch.jit.script(net).save(path)
    return path


def scores(net, x):
    with torch.inference_mode():
        return net(torch.from_numpy(x)).numpy()


@pytest.fixture
def nets():
    return [network(seed) for seed in range(3)]


@pytest.fixture
def library(nets, tmp_path):
    x = samples(40, seed=9)
    lib = qr.ModelLibrary(tmp_path / "library")
    lib.set_labels("valid", np.arange(40) % CLASSES)
    for i, net in enumerate(nets):
        file = script(net, tmp_path / f"net{i}.pt")
        lib.add(f"net{i}", predictions={"valid": scores(net, x)}, cost={"latency_s": 1e-3 * (i + 1)}, model=file)
    return lib


def planned(library, batch_sizes=(1, 8), devices=None, **options):
    devices = devices or qr.cpu_devices(cores=[1])
    profile = qr.Profile.measure(library, devices, batch_sizes=list(batch_sizes), sample=samples(1), repeats=3)
    result = qr.plan(profile, devices, time_limit_s=0.2, **options)
    assert result.feasible, result.why
    return result


@pytest.fixture
def placed(library):
    return planned(library)


def ensemble(members=(0, 1, 2)):
    return qr.Ensemble(members=list(members), weights=[1 / len(members)] * len(members))


def cascade(threshold=0.6, combine="last", signal="confidence"):
    tiers = [
        qr.Tier(members=[0, 1], weights=[0.5, 0.5], signal=signal, threshold=threshold),
        qr.Tier(members=[2], weights=[1.0]),
    ]
    return qr.Cascade(tiers=tiers, combine=combine)


def test_an_ensemble_answers_as_torch_does(library, placed, nets):
    x = samples(100)
    with qr.Engine(library, ensemble(), placed) as engine:
        got = engine.predict(x)
    want = sum(scores(net, x) for net in nets) / 3
    assert got.probs.dtype == np.float32 and got.probs.shape == (100, CLASSES)
    assert np.abs(got.probs - want).max() < 1e-5
    assert got.tier.shape == got.answer.shape == (100,) and (got.tier == 0).all()
    assert (got.answer == got.probs.argmax(1)).all()
    assert repr(got) == f"Answer(samples=100, classes={CLASSES})"


@pytest.mark.parametrize("combine", ["last", "mean"])
@pytest.mark.parametrize("signal", ["confidence", "agreement", "vote_agreement"])
def test_a_cascade_decides_as_evaluate_does(library, placed, nets, combine, signal):
    x = samples(300, seed=1)
    committee = cascade(combine=combine, signal=signal)
    predictions = qr.Predictions(np.stack([scores(net, x) for net in nets]), np.zeros(300, int))
    report = qr.evaluate(committee, predictions, np.ones(3))
    with qr.Engine(library, committee, placed) as engine:
        got = engine.predict(x)
        stats = engine.stats()
    assert (got.tier == report.tier).all() and 0 < got.tier.sum() < 300
    assert np.mean(got.answer == 0) == pytest.approx(report.accuracy)
    assert [tier["reached"] for tier in stats["tiers"]] == [300, int(got.tier.sum())] and stats["answered"] == 300
    assert stats["models"]["net2"]["samples"] == got.tier.sum()


def test_answers_are_the_same_bits_on_one_device_and_on_two(library):
    # As many lanes as there are to be had: the plan is for devices that share what cores there are.
    x = samples(512)
    one = qr.cpu_devices(cores=[1])
    two = [one[0], qr.Device("cpu:1", kind=one[0].kind, memory_bytes=one[0].memory_bytes, cores=one[0].cores)]
    answers = []
    for devices in (one, two):
        with qr.Engine(library, ensemble(), planned(library, batch_sizes=[8], devices=devices)) as engine:
            answers.append(engine.predict(x).probs)
    assert (answers[0] == answers[1]).all()


def test_submits_from_several_threads(library, placed, nets):
    want = {}
    for i in range(200):
        x = samples(1 + i % 7, seed=i)
        want[i] = (x, sum(scores(net, x) for net in nets) / 3)
    wrong = []
    with qr.Engine(library, ensemble(), placed) as engine:

        def submit(first):
            pending = [(i, engine.submit(want[i][0])) for i in range(first, 200, 4)]
            wrong.extend(i for i, p in pending if np.abs(p.result(timeout=60).probs - want[i][1]).max() > 1e-5)

        threads = [threading.Thread(target=submit, args=(first,)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert engine.stats()["answered"] == sum(len(x) for x, _ in want.values())
    assert wrong == []


def test_pending_outlives_what_it_came_from(library, placed, nets):
    x = samples(50)
    engine = qr.Engine(library, ensemble(), placed)
    pending = engine.submit(x.copy())
    engine.close()
    del engine
    assert pending.done() and repr(pending) == "Pending(done=True)"
    probs = pending.result().probs
    del pending
    assert np.abs(probs - sum(scores(net, x) for net in nets) / 3).max() < 1e-5


def test_takes_whatever_holds_float32(library, placed):
    x = samples(20)

    class OnlyDlpack:
        def __dlpack__(self, **options):
            return x.__dlpack__(**options)

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    with qr.Engine(library, ensemble(), placed) as engine:
        want = engine.predict(x).probs
        assert (engine.predict(torch.from_numpy(x)).probs == want).all()
        assert (engine.predict(OnlyDlpack()).probs == want).all()
        assert (engine.predict(np.asfortranarray(x)).probs == want).all()
        x.setflags(write=False)
        assert (engine.predict(x).probs == want).all()


def test_starts_and_stops(library, placed):
    x = samples(3)
    threads = len(os.listdir("/proc/self/task"))
    for _ in range(50):
        with qr.Engine(library, ensemble(), placed) as engine:
            engine.predict(x)
    for _ in range(60_000):  # Linux lists a thread for a moment after it was joined
        if len(os.listdir("/proc/self/task")) == threads:
            break
        time.sleep(1e-3)
    assert len(os.listdir("/proc/self/task")) == threads


def test_leaves_the_callers_threads_alone(library, placed):
    before, cores = torch.get_num_threads(), os.sched_getaffinity(0)
    with qr.Engine(library, ensemble(), placed) as engine:
        engine.predict(samples(10))
        seen = []
        thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        thread.start()
        thread.join()
    assert torch.get_num_threads() == before == seen[0]
    assert os.sched_getaffinity(0) == cores


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (samples(3).astype(np.float64), "x has type float64, but must be float32"),
        (np.ones((3, FEATURES), int), "x has type int64, but must be float32"),
        (samples(3)[0], r"x has shape \[6\], but must be \[samples, features...\]"),
        (samples(3)[:0], r"x has shape \[0, 6\], but must hold at least one sample"),
        (np.where(np.eye(FEATURES) > 0, np.nan, 0).astype(np.float32), r"x\[0\] holds a value that is not finite"),
    ],
)
def test_refuses_inputs_that_do_not_fit(library, placed, x, message):
    with qr.Engine(library, ensemble(), placed) as engine, pytest.raises(ValueError, match=message):
        engine.predict(x)


def test_refuses_another_shape_once_it_knows_one(library, placed):
    with qr.Engine(library, ensemble(), placed) as engine:
        with pytest.raises(
            qr.DeviceError, match=r'model "net\d" failed on a batch of shape \[2, 5\]: .*shapes cannot be multiplied.*$'
        ) as error:
            engine.predict(np.ones((2, 5), np.float32))
        assert "\n" not in str(error.value) and "Traceback" not in str(error.value)
        engine.predict(samples(2))
        with pytest.raises(ValueError, match=r"x has samples of shape \[5\], but must have \[6\]"):
            engine.predict(np.ones((2, 5), np.float32))
    told = qr.Engine(library, ensemble(), placed, features=[FEATURES])
    with told, pytest.raises(ValueError, match=r"must have \[6\]"):
        told.predict(np.ones((2, 5), np.float32))


def test_refuses_plans_that_do_not_fit(library, placed):
    profile = qr.Profile.measure(
        library, qr.cpu_devices(cores=[1]), batch_sizes=[1], sample=samples(1), models=["net0", "net1"]
    )
    for_two = qr.plan(profile, qr.cpu_devices(cores=[1]), time_limit_s=0.1)
    with pytest.raises(ValueError, match='the plan does not know model "net2"'):
        qr.Engine(library, ensemble(), for_two)
    unasked = qr.plan(profile, qr.cpu_devices(cores=[1]), demand=[1.0, 0.0], time_limit_s=0.1)
    with pytest.raises(ValueError, match='the plan places model "net1" on no device'):
        qr.Engine(library, ensemble([0, 1]), unasked)
    small = [qr.Device("cpu:0", kind=profile.kinds[0], memory_bytes=10, cores=[0])]
    with pytest.raises(ValueError, match="the plan is not feasible"):
        qr.Engine(library, ensemble([0, 1]), qr.plan(profile, small, time_limit_s=0.1))
    elsewhere = [qr.Device("gpu:0", kind=profile.kinds[0], memory_bytes=10**9)]
    with pytest.raises(ValueError, match='device "gpu:0"'):
        qr.Engine(library, ensemble([0, 1]), qr.plan(profile, elsewhere, time_limit_s=0.1))


def test_loads_only_files_that_are_as_they_were(library, placed, nets, tmp_path):
    file = next((tmp_path / "library" / "models" / "net1").glob("model.*"))
    script(network(7), file)
    with pytest.raises(qr.FileError, match="has changed since it was added"):
        qr.Engine(library, ensemble(), placed)
    x = samples(5)
    with qr.Engine(library, ensemble([0, 1]), placed, trust=True) as engine:
        assert np.abs(engine.predict(x).probs - (scores(nets[0], x) + scores(network(7), x)) / 2).max() < 1e-5
    file.unlink()
    with pytest.raises(qr.FileError, match=r"net1.*model"):
        qr.Engine(library, ensemble(), placed)


def test_a_model_without_a_softmax_says_so(library, tmp_path):
    x = samples(40, seed=9)
    file = script(network(5)[:3], tmp_path / "logits.pt")
    library.add("logits", predictions={"valid": scores(network(5), x)}, cost={"latency_s": 1e-3}, model=file)
    devices = qr.cpu_devices(cores=[1])
    with pytest.warns(RuntimeWarning, match=r'left out of the profile: model "logits" .*end the model in a softmax'):
        profile = qr.Profile.measure(library, devices, batch_sizes=[1], sample=x[:1])
    assert profile.models == [name for name in library.names if name != "logits"]
    with pytest.raises(qr.DeviceError, match=r'model "logits" .*end the model in a softmax'):
        qr.Profile.measure(library, devices, batch_sizes=[1], sample=x[:1], models=["logits"])


def takes_a_moment(x):
    """Thousands of its batches take longer than anything that a test does meanwhile."""
    time.sleep(0.01)
    return np.full((len(x), CLASSES), 1 / CLASSES, np.float32)


def test_an_exception_leaves_without_waiting(library, placed):
    def leave_by_exception():
        with qr.Engine(library, ensemble(), placed, models={"net1": takes_a_moment}) as engine:
            pending.append(engine.submit(samples(200_000)))
            raise KeyError("on purpose")

    pending = []
    with pytest.raises(KeyError):
        leave_by_exception()
    with pytest.raises(qr.Error, match="the engine was closed before this was answered"):
        pending[0].result()


def test_result_waits_no_longer_than_it_is_told_to(library, placed):
    with qr.Engine(library, ensemble(), placed, models={"net1": takes_a_moment}) as engine:
        pending = engine.submit(samples(200_000))
        with pytest.raises(TimeoutError, match=r"no answer after 0.001 s"):
            pending.result(timeout=0.001)
        with pytest.raises(ValueError, match="timeout is nan, but must be a number"):
            pending.result(timeout=float("nan"))
        engine.close(drain=False)
        with pytest.raises(qr.Error, match="the engine is closed"):
            engine.predict(samples(1))


def test_a_program_may_end_with_an_engine_at_work(library, placed, tmp_path):
    placed.save(tmp_path / "plan.json")
    program = f"""
import numpy as np, quorate as qr
lib = qr.ModelLibrary({str(tmp_path / "library")!r})
engine = qr.Engine(lib, qr.Ensemble(members=[0, 1], weights=[.5, .5]), qr.Plan.load({str(tmp_path / "plan.json")!r}))
pending = engine.submit(np.zeros((300_000, {FEATURES}), np.float32))
"""
    path = os.pathsep.join([str(Path(qr.__file__).parents[1]), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_forked_child_ends_quietly(library, placed, tmp_path):
    placed.save(tmp_path / "plan.json")
    program = f"""
import os, sys
import numpy as np, quorate as qr
lib = qr.ModelLibrary({str(tmp_path / "library")!r})
engine = qr.Engine(lib, qr.Ensemble(members=[0, 1], weights=[.5, .5]), qr.Plan.load({str(tmp_path / "plan.json")!r}))
child = os.fork()
if child == 0:
    sys.exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""
    path = os.pathsep.join([str(Path(qr.__file__).parents[1]), *sys.path])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_measure_reports_each_cell(library):
    heard = []
    devices = qr.cpu_devices(cores=[1])
    profile = qr.Profile.measure(
        library, devices, batch_sizes=[1, 16], sample=samples(2), models=["net2", "net0"], progress=heard.append
    )
    assert profile.models == ["net2", "net0"] and profile.kinds == [devices[0].kind]
    assert profile.latency_s.shape == profile.memory_bytes.shape == (1, 2, 2)
    assert [(cell["model"], cell["batch"], cell["runs"], cell["failure"]) for cell in heard] == [
        (model, batch, runs, "") for runs in range(1, 10) for batch in (1, 16) for model in ("net2", "net0")
    ]
    assert [cell["latency_s"] for cell in heard[-4:]] == profile.latency_s[0].T.ravel().tolist()
    weights = 4 * sum(p.numel() for p in network(2).parameters())
    assert (profile.weights_bytes == weights).all() and (profile.memory_bytes > weights).all()
    assert heard[0]["weights_bytes"] == weights
    with pytest.raises(ValueError, match="sample has type float64"):
        qr.Profile.measure(library, devices, batch_sizes=[1], sample=np.ones((1, FEATURES)))


def test_measures_what_neighbours_cost(library):
    heard = []
    measure = dict(sample=samples(2), models=["net2", "net0"], repeats=5, warmup=0)
    devices = qr.cpu_devices(cores=[1])
    profile = qr.Profile.measure(library, devices, batch_sizes=[1, 4], slowdown_batch=4, progress=heard.append, **measure)
    assert (
        profile.slowdown.shape == (1, 2, 2) and (profile.slowdown >= 1).all() and (profile.slowdown[0].diagonal() == 1).all()
    )
    pairs = [cell for cell in heard if "beside" in cell]
    assert [(cell["model"], cell["beside"], cell["batch"]) for cell in pairs[:2]] == [
        ("net0", "net2", 4),
        ("net2", "net0", 4),
    ]
    assert [cell["slowdown"] for cell in pairs[-2:]] == [profile.slowdown[0, 1, 0], profile.slowdown[0, 0, 1]]
    assert qr.Profile.measure(library, devices, batch_sizes=[1], **measure).slowdown is None
    with pytest.raises(ValueError, match=r"slowdown_batch is 8, but must be one of batch_sizes, \[1\]"):
        qr.Profile.measure(library, devices, batch_sizes=[1], slowdown_batch=8, **measure)
    with pytest.raises(ValueError, match="slowdown_batch is 0, but must be one of batch_sizes, or None"):
        qr.Profile.measure(library, devices, batch_sizes=[1], slowdown_batch=0, **measure)


def test_progress_that_raises_ends_the_measuring(library):
    def stop(cell):
        raise KeyError(cell["model"])

    with pytest.raises(KeyError, match="net0"):
        qr.Profile.measure(library, qr.cpu_devices(cores=[1]), batch_sizes=[1], sample=samples(1), progress=stop)


def test_compiled_models_run_as_they_did(library, nets, tmp_path):
    """Takes the half minute that a compilation takes."""
    x = samples(40, seed=9)
    package = qr.compile_model(nets[0], x[:2], tmp_path / "net0.pt2", max_batch=8)
    library.add("native", predictions={"valid": scores(nets[0], x)}, cost={"latency_s": 1e-4}, model=package)
    placed = planned(library)
    with qr.Engine(library, ensemble([1, 3]), placed) as engine:
        got = engine.predict(x)
        assert np.abs(got.probs - (scores(nets[0], x) + scores(nets[1], x)) / 2).max() < 1e-5
        with pytest.raises(ValueError, match=r"must have \[6\]"):
            engine.predict(np.ones((2, 5), np.float32))
    one = qr.cpu_devices(cores=[1])[0]
    two = [one, qr.Device("cpu:1", kind=one.kind, memory_bytes=one.memory_bytes, cores=one.cores)]
    both = planned(library, devices=two)
    with qr.Engine(library, ensemble([3]), both) as engine:
        pending = [engine.submit(x) for _ in range(20)]
        assert all(np.abs(p.result().probs - scores(nets[0], x)).max() < 1e-5 for p in pending)
    # Beyond what it was compiled for it does not run, which a profile records and an engine refuses.
    devices = qr.cpu_devices(cores=[1])
    profile = qr.Profile.measure(library, devices, batch_sizes=[8, 16], sample=x[:1], models=["native"])
    assert np.isfinite(profile.latency_s[0, 0, 0]) and np.isinf(profile.latency_s[0, 0, 1])
    guessed = qr.Profile(["native"], [16], profile.kinds, np.full((1, 1, 1), 1e-3), np.full((1, 1, 1), 1000))
    with pytest.raises(ValueError, match='model "native" at batch 16, but it was compiled for batches of at most 8'):
        qr.Engine(library, ensemble([3]), qr.plan(guessed, devices, time_limit_s=0.1))
    foreign = as_for_another_cpu(package, tmp_path / "foreign.pt2")
    library.add("foreign", predictions={"valid": scores(nets[0], x)}, cost={"latency_s": 1e-4}, model=foreign)
    with pytest.raises(qr.FileError, match="was compiled for a CPU with NEON, which this one lacks; compile it here"):
        qr.Profile.measure(library, devices, batch_sizes=[8], sample=x[:1], models=["foreign"])


def as_for_another_cpu(package, path):
    """The package with another instruction set in its metadata."""
    changed = 0
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("metadata.json"):
                metadata = json.loads(content)
                changed += "AOTI_CPU_ISA" in metadata
                content = json.dumps(metadata | {"AOTI_CPU_ISA": "NEON"})
            new.writestr(name, content)
    assert changed > 0
    return path


class Remembers(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x):
        self.seen.add_(1.0)
        return torch.softmax(x, 1)


class Overwrites(torch.nn.Module):
    def forward(self, x):
        return torch.softmax(x.add_(1.0), 1)


class Branches(torch.nn.Module):
    def forward(self, x):
        return torch.softmax(x if x.sum() > 0 else -x, 1)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (Remembers(), {}, "changes its state .*seen"),
        (Overwrites(), {}, "writes to its input"),
        (Branches(), {}, "torch.export cannot follow the model"),
        (Branches(), {"path": "model.pt"}, "path is .*model.pt, but must end in .pt2"),
        (Branches(), {"max_batch": 0}, "max_batch is 0, but must be at least 1"),
        (Branches(), {"example": np.ones((2, 3))}, "example has type float64"),
        (Branches(), {"example": np.ones(3, np.float32)}, r"shape \[3\]"),
    ],
)
def test_refuses_to_compile(tmp_path, model, options, message):
    target = tmp_path / options.get("path", "model.pt2")
    with pytest.raises(ValueError, match=message):
        qr.compile_model(model, options.get("example", samples(2)), target, max_batch=options.get("max_batch", 4))
    assert not target.exists()


def test_real_networks_on_real_images(tmp_path):
    folder = DATA / "cifar10_cnn_pool"
    images = DATA / "cifar10_images" / "train.npz"
    if not folder.is_dir() or not images.is_file():
        pytest.skip(f"{folder} or {images} is not there")
    image = pytest.importorskip("PIL.Image", reason="the images are JPEGs")
    import io

    with np.load(images) as z:
        jpeg, offsets = z["jpeg"], z["offsets"]
    pixels = [np.asarray(image.open(io.BytesIO(jpeg[offsets[i] : offsets[i + 1]].tobytes()))) for i in range(40_000, 40_064)]
    mean, std = np.array([125.3, 123.0, 113.9]), np.array([63.0, 62.1, 66.7])
    x = ((np.stack(pixels) - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)
    with np.load(folder / "probs.npz") as z:
        names, known = z["models"].tolist(), z["probs"][:, :64].astype(np.float32)

    lib = qr.ModelLibrary(tmp_path)
    lib.set_labels("valid", np.zeros(64, int))
    chosen = [names.index("w4"), names.index("w8")]
    for m in chosen:
        lib.add(names[m], predictions={"valid": known[m]}, cost={"latency_s": 1e-3}, model=folder / f"{names[m]}.pt")
    devices = qr.cpu_devices(cores=[1])
    profile = qr.Profile.measure(lib, devices, batch_sizes=[16], sample=x[:1], repeats=1)
    committee = qr.Cascade(
        tiers=[qr.Tier(members=[0], weights=[1.0], threshold=0.8), qr.Tier(members=[1], weights=[1.0])], combine="last"
    )
    with qr.Engine(lib, committee, qr.plan(profile, devices, time_limit_s=0.1)) as engine:
        got = engine.predict(x)
    predictions = qr.Predictions(np.stack([known[m] / known[m].sum(1, keepdims=True) for m in chosen]), np.zeros(64, int))
    report = qr.evaluate(committee, predictions, np.ones(2))
    sure = np.abs(known[chosen[0]].max(1) - 0.8) > 0.01
    assert 0 < got.tier.sum() < 64
    assert (got.tier == report.tier)[sure].all()
    want = np.where(got.tier[:, None] == 0, known[chosen[0]], known[chosen[1]])
    assert np.abs(got.probs - want).max() < 0.01
