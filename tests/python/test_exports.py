"""A plan as a Triton model repository and as a Ray Serve configuration, parsed back."""

import json
import re

import numpy as np
import pytest

import quorate as qr
from quorate import exports


def profile(models=("net", "big"), kinds=("h200", "cpu")):
    shape = len(kinds), len(models), 2
    latency = np.broadcast_to([1e-3, 4e-3], shape) * np.arange(1, len(models) + 1)[None, :, None]
    return qr.Profile(list(models), [1, 8], list(kinds), latency, np.broadcast_to([100, 200], shape))


def devices():
    return [
        qr.Device("cuda:0", kind="h200", memory_bytes=400),
        qr.Device("cuda:1", kind="h200", memory_bytes=100),
        qr.Device("cpu:0", kind="cpu", memory_bytes=1000, cores=[0, 1]),
    ]


def placed():
    """net at 8 and big at 8 on the first GPU, net at 1 on the second, net at 8 on the CPU: made by hand as a document."""
    plan = json.loads(qr.plan(profile(), devices()).to_json())
    plan["batch"] = [[8, 8], [1, 0], [8, 0]]
    plan["share"] = [[0.25, 0.75], [1.0, 0.0], [1.0, 0.0]]
    return qr.Plan.from_json(json.dumps(plan))


def on(name="cuda:0", memory_bytes=999):
    return qr.plan(profile(), [qr.Device(name, kind="h200", memory_bytes=memory_bytes)])


def parsed(text):
    """What protobuf's text format says, for as much of it as configs use: {field: [values]}."""
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|-?\d+|[{}\[\]:,]', text)
    assert "".join(tokens) == re.sub(r"\s+(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", "", text), "something is no token"

    def value():
        token = tokens.pop(0)
        if token == "{":
            return message("}")
        if token == "[":
            items = []
            while tokens[0] != "]":
                items.append(value())
                if tokens[0] == ",":
                    tokens.pop(0)
            tokens.pop(0)
            return items
        return json.loads(token) if token[0] in '"-0123456789' else token

    def message(end):
        fields = {}
        while tokens and tokens[0] != end:
            name = tokens.pop(0)
            if tokens[0] == ":":
                tokens.pop(0)
            fields.setdefault(name, []).append(value())
        if end:
            tokens.pop(0)
        return fields

    return message("")


def test_triton_configs_say_what_the_plan_says():
    configs = exports.triton_configs(
        placed(),
        backend={"net": "pytorch", "big": "onnxruntime"},
        inputs={"INPUT__0": ("TYPE_FP32", [3, 224, 224])},
        outputs={"OUTPUT__0": ("TYPE_FP32", [10])},
        max_queue_delay_s=0.002,
    )
    net, big = parsed(configs["net"]), parsed(configs["big"])
    assert net["name"] == ["net"] and net["backend"] == ["pytorch"] and big["backend"] == ["onnxruntime"]
    # Batch 1 on the second GPU: memory was planned for no more there.
    assert net["max_batch_size"] == [1] and big["max_batch_size"] == [8]
    assert net["input"] == [{"name": ["INPUT__0"], "data_type": ["TYPE_FP32"], "dims": [[3, 224, 224]]}]
    assert big["dynamic_batching"] == [{"preferred_batch_size": [[8]], "max_queue_delay_microseconds": [2000]}]
    [groups] = net["instance_group"]
    assert [(g["kind"], g.get("gpus"), g["count"]) for g in groups] == [
        (["KIND_GPU"], [[0]], [1]),
        (["KIND_GPU"], [[1]], [1]),
        (["KIND_CPU"], None, [1]),
    ]
    assert (
        groups[0]["rate_limiter"] == [{"resources": [[{"name": ["turn"], "count": [1]}]]}]
        and "rate_limiter" not in groups[2]
    )


def test_a_triton_repository_appears_whole(tmp_path):
    file = tmp_path / "net.pt"
    file.write_bytes(b"weights")
    folder = exports.to_triton(placed(), tmp_path / "out" / "repository", files={"net": file})
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) == [
        "big", "big/1", "big/config.pbtxt", "net", "net/1", "net/1/model.pt", "net/config.pbtxt",
    ]  # fmt: skip
    assert (folder / "net/1/model.pt").read_bytes() == b"weights"
    assert (folder / "net/config.pbtxt").read_text() == exports.triton_configs(placed())["net"]
    with pytest.raises(qr.FileError, match="repository: is there already"):
        exports.to_triton(placed(), folder)
    with pytest.raises(qr.FileError, match=r"none\.pt: No such file"):
        exports.to_triton(placed(), tmp_path / "out" / "second", files={"net": tmp_path / "none.pt"})
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["repository"]
    with pytest.raises(ValueError, match='files has one for model "other", but the plan does not place it'):
        exports.to_triton(placed(), tmp_path / "third", files={"other": file})


def test_ray_serve_config_says_what_the_plan_says(tmp_path):
    path = exports.to_ray_serve(placed(), tmp_path / "serve.yaml", "app.committee:build", batch_wait_timeout_s=0.005)
    [application] = json.loads(path.read_text())["applications"]
    assert application["import_path"] == "app.committee:build" and application["route_prefix"] == "/"
    by_name = {deployment["name"]: deployment for deployment in application["deployments"]}
    assert list(by_name) == ["net@h200", "net@cpu", "big"]
    assert by_name["net@h200"]["num_replicas"] == 2 and by_name["net@h200"]["max_ongoing_requests"] == 2
    # The first GPU is shared by two.
    assert by_name["net@h200"]["ray_actor_options"] == {"num_cpus": 0, "num_gpus": 0.5, "resources": {"h200": 0.5}}
    assert by_name["net@cpu"]["ray_actor_options"] == {"num_cpus": 2, "num_gpus": 0, "resources": {"cpu": 1.0}}
    assert by_name["big"]["user_config"] == {"model": "big", "max_batch_size": 8, "batch_wait_timeout_s": 0.005}


def test_ray_takes_the_config():
    schema = pytest.importorskip("ray.serve.schema", reason="ray[serve] is not installed")
    config = exports.ray_serve_config(placed(), "app:build")
    [application] = schema.ServeDeploySchema.parse_obj(config).applications
    assert [deployment.name for deployment in application.deployments] == ["net@h200", "net@cpu", "big"]


def test_parts_of_a_device_never_exceed_it():
    models = [f"m{i}" for i in range(7)]
    seven = profile(models, ["h200"])
    plan = qr.plan(seven, [qr.Device("cuda:0", kind="h200", memory_bytes=2000)])
    config = exports.ray_serve_config(plan, "app:build")
    parts = [d["ray_actor_options"]["num_gpus"] for d in config["applications"][0]["deployments"]]
    assert len(parts) == 7 and 0.999 < sum(parts) <= 1.0


@pytest.mark.parametrize(
    "change, what",
    [
        (lambda: exports.triton_configs(on(memory_bytes=1)), "plan is infeasible"),
        (lambda: exports.triton_configs(placed(), backend={"net": "pytorch"}), 'backend has none for model "big"'),
        (lambda: exports.triton_configs(placed(), max_queue_delay_s=-1), "max_queue_delay_s is -1"),
        (lambda: exports.triton_configs(qr.plan(profile(["a/b"]), devices())), "model 'a/b' has a name that no folder"),
        (
            lambda: exports.triton_configs(on("x")),
            'device "x" of kind "h200" is neither a CPU nor called cuda:N or gpu:N: say its number in gpus',
        ),
        (lambda: exports.ray_serve_config(placed(), "app"), 'import_path is "app", but must be "module:application"'),
        (lambda: exports.ray_serve_config(placed(), "a:b", batch_wait_timeout_s=-1), "batch_wait_timeout_s is -1"),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(change, what):
    with pytest.raises(ValueError, match=what):
        change()


def test_devices_are_numbered_by_name():
    assert "gpus: [ 3 ]" in exports.triton_configs(on("left"), gpus={"left": 3})["net"]
