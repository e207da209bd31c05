"""Profiles from tables: our own CSV, Triton Model Analyzer's, timm's; batch sizes between measured ones."""

import math
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

TIMM = Path(__file__).parents[2].parent / "shared" / "data" / "timm_profiles" / "infer.csv.gz"

HEAD = "kind,model,batch,latency_s,memory_bytes"
ROWS = ["gpu,a,1,0.001,1000", "gpu,a,8,0.002,1100.5", "gpu,b,1,0.003,2000", "gpu,b,8,inf,0"]


def write(path, *lines):
    path.write_text("\n".join(lines) + "\n")
    return path


def test_from_csv(tmp_path):
    profile = qr.Profile.from_csv(write(tmp_path / "p.csv", HEAD, *ROWS))
    assert profile.models == ["a", "b"] and profile.kinds == ["gpu"] and profile.batch_sizes == [1, 8]
    assert profile.latency_s.tolist() == [[[0.001, 0.002], [0.003, math.inf]]]
    assert profile.memory_bytes.tolist() == [[[1000, 1101], [2000, 0]]]
    assert profile.weights_bytes is None
    rows = [f"{row},{weights}" for row, weights in zip(ROWS, (900, 900, 1500, 1500), strict=True)]
    apart = qr.Profile.from_csv(write(tmp_path / "w.csv", f"{HEAD},weights_bytes", *rows))
    assert apart.weights_bytes.tolist() == [[900, 1500]]
    # Columns in any order, others beside them.
    turned = qr.Profile.from_csv(
        write(tmp_path / "t.csv", "note,latency_s,batch,model,kind,memory_bytes", "x,0.001,1,a,gpu,1000")
    )
    assert turned.latency_s.tolist() == [[[0.001]]]
    sparse = qr.Profile.from_csv(write(tmp_path / "s.csv", HEAD, *ROWS[:3]), sparse=True)
    assert sparse.latency_s.tolist() == profile.latency_s.tolist()


@pytest.mark.parametrize(
    "lines, what",
    [
        ([HEAD, *ROWS[:3]], 'no row for model "b" on kind "gpu" at batch 8; say sparse=True'),
        ([HEAD, ROWS[0], ROWS[0]], r'p\.csv:3: holds model "a" on kind "gpu" at batch 1 again'),
        ([HEAD, "gpu,a,1,-1,5"], r"p\.csv:2: latency_s is '-1', but must be a number above 0"),
        ([HEAD, "gpu,a,1,nan,5"], "latency_s is 'nan'"),
        ([HEAD, "gpu,a,1,1,-5"], "memory_bytes is '-5', but must be a number of at least 0"),
        ([HEAD, "gpu,a,1.5,1,5"], "batch is '1.5', but must be a whole number"),
        ([HEAD, "gpu,a,0,1,5"], "batch is '0', but must be a number of at least 1"),
        ([HEAD, ",a,1,1,5"], "kind is '', but must be a name"),
        ([HEAD, "gpu,a,1,1"], "memory_bytes is '', but must be a number"),
        ([HEAD, "gpu,a,1,inf,5"], 'latency_s of model "a" is infinity everywhere'),
        ([f"{HEAD},weights_bytes", "gpu,a,1,1,5,3", "gpu,a,2,1,6,4"], "weights_bytes is '4', but must be 3 as for model"),
        ([f"{HEAD},weights_bytes", "gpu,a,1,1,5,9"], 'weights_bytes of model "a" on kind "gpu" is 9, but must be from 0 to'),
        ([HEAD], "holds no row"),
        (["model,batch", "a,1"], "has no column 'kind'; it has 'model', 'batch'"),
    ],
)
def test_from_csv_names_what_is_wrong(tmp_path, lines, what):
    with pytest.raises(qr.FileError, match=what):
        qr.Profile.from_csv(write(tmp_path / "p.csv", *lines))


def test_slowdown_from_csv(tmp_path):
    table = write(tmp_path / "p.csv", HEAD, *ROWS)
    beside = write(tmp_path / "s.csv", "kind,model,beside,slowdown", "gpu,b,a,1.25")
    profile = qr.Profile.from_csv(table, slowdown=beside)
    assert profile.slowdown.tolist() == [[[1.0, 1.0], [1.25, 1.0]]]
    assert qr.Profile.from_json(profile.to_json()) == profile != qr.Profile.from_csv(table)
    assert qr.Profile.from_csv(table).slowdown is None
    assert profile.interpolated([1, 4]).slowdown.tolist() == profile.slowdown.tolist()


@pytest.mark.parametrize(
    "rows, what",
    [
        (["gpu,a,c,2"], r"s\.csv:2: beside is 'c', but must be one that .*p\.csv holds"),
        (["tpu,a,b,2"], "kind is 'tpu', but must be one that"),
        (["gpu,a,b,0.9"], "slowdown is '0.9', but must be a number of at least 1"),
        (["gpu,a,a,2"], "beside is 'a', but must be another model"),
        (["gpu,a,b,2", "gpu,a,b,2"], r's\.csv:3: holds model "a" beside "b" on kind "gpu" again'),
    ],
)
def test_slowdown_names_what_is_wrong(tmp_path, rows, what):
    table = write(tmp_path / "p.csv", HEAD, *ROWS)
    with pytest.raises(qr.FileError, match=what):
        qr.Profile.from_csv(table, slowdown=write(tmp_path / "s.csv", "kind,model,beside,slowdown", *rows))


INFERENCE = (
    "Model,Batch,Concurrency,Model Config Path,Instance Group,Preferred Batch Sizes,Satisfies Constraints,"
    "Throughput (infer/sec),p99 Latency (ms),RAM Usage (MB)"
)
GPU = (
    "Model,GPU ID,Batch,Concurrency,Model Config Path,Instance Group,Preferred Batch Sizes,Satisfies Constraints,"
    "GPU Memory Usage (MB),GPU Utilization (%),GPU Power Usage (W)"
)


def analyzer(folder, inference, gpu):
    return write(folder / "inference.csv", INFERENCE, *inference), write(folder / "gpu.csv", GPU, *gpu)


def test_from_model_analyzer(tmp_path):
    inference, gpu = analyzer(
        tmp_path,
        [
            "net,1,2,net_i0,1/GPU,[32],Yes,195.0,11.0,2897.0",  # more requests at once: merged by the server
            "net,1,1,net_i0,1/GPU,[32],Yes,160.0,8.1,2937.0",
            "net,1,1,net_i1,1/GPU,[32],Yes,100.0,8.1,2937.0",  # a slower configuration
            "net,8,1,net_i0,1:GPU,[32],Yes,400.0,20.0,2937.0",
            "net,8,1,net_i2,2/GPU,[32],Yes,700.0,20.0,2937.0",  # two instances
        ],
        [
            f"net,{gpu},{batch},{c},net_i{i},1/GPU,[32],Yes,{mb},10,80"
            for gpu, batch, c, i, mb in [
                (0, 1, 2, 0, 1099.0),
                (0, 1, 1, 0, 1000.0),
                (1, 1, 1, 0, 1010.5),
                (0, 1, 1, 1, 900.0),
                (0, 8, 1, 0, 1200.0),
            ]
        ],
    )
    profile = qr.profiles.from_model_analyzer(inference, gpu, kind="v100")
    assert profile.models == ["net"] and profile.kinds == ["v100"] and profile.batch_sizes == [1, 8]
    assert profile.latency_s.ravel().tolist() == [1 / 160, 8 / 400]
    assert profile.memory_bytes.ravel().tolist() == [1_010_500_000, 1_200_000_000]
    empty = write(tmp_path / "server.csv", "Model,GPU ID,GPU Memory Usage (MB)", "triton-server,0,277.0")
    less = qr.profiles.from_model_analyzer(inference, gpu, kind="v100", server_only=empty)
    assert less.memory_bytes.ravel().tolist() == [733_500_000, 923_000_000]


@pytest.mark.parametrize(
    "inference, gpu, what",
    [
        (["net,1,1,i0,2/GPU,[],Yes,1,1,1"], ["net,0,1,1,i0,2/GPU,[],Yes,1,1,1"], "no configuration of one instance"),
        (["net,1,1,i0,GPU,[],Yes,1,1,1"], ["net,0,1,1,i0,1/GPU,[],Yes,1,1,1"], "Instance Group is 'GPU'"),
        (["net,1,1,i0,1/GPU,[],Yes,0,1,1"], ["net,0,1,1,i0,1/GPU,[],Yes,1,1,1"], "is '0', but must be a number above 0"),
        (
            ["net,1,1,i0,1/GPU,[],Yes,1,1,1"],
            ["net,0,2,1,i0,1/GPU,[],Yes,1,1,1"],
            r"gpu\.csv: has no row for Model net",
        ),
    ],
)
def test_from_model_analyzer_names_what_is_wrong(tmp_path, inference, gpu, what):
    with pytest.raises(qr.FileError, match=what):
        qr.profiles.from_model_analyzer(*analyzer(tmp_path, inference, gpu), kind="x")


TIMM_HEAD = "model,infer_samples_per_sec,infer_step_time,infer_batch_size,infer_img_size,infer_gmacs,infer_macts,param_count"


def test_from_timm(tmp_path):
    large = write(
        tmp_path / "large.csv", TIMM_HEAD, "a,1000,256.0,256,224,1,2.0,5.0", 'b,500,512.0,256,224,1,4.0,"1,014.45"'
    )
    small = write(tmp_path / "small.csv", TIMM_HEAD, "a,400,2.5,1.0,224,1,2.0,5.0")
    cpu = write(tmp_path / "cpu.csv", TIMM_HEAD, "a,10,100,1,224,1,2.0,5.0")
    profile = qr.profiles.from_timm({"gpu": [small, large], "cpu": cpu})
    assert profile.models == ["a", "b"] and profile.kinds == ["gpu", "cpu"] and profile.batch_sizes == [1, 256]
    assert profile.latency_s.tolist() == [
        [[1 / 400, 256 / 1000], [math.inf, 256 / 500]],
        [[1 / 10, math.inf], [math.inf, math.inf]],
    ]
    assert profile.memory_bytes[0].tolist() == [[14_000_000, 1_034_000_000], [0, 4_076_900_000]]
    assert qr.profiles.from_timm({"gpu": large}, models=["a"], bytes_per_value=4).memory_bytes.tolist() == [
        [[2_068_000_000]]
    ]
    with pytest.raises(ValueError, match="models holds c, but must hold names that the tables hold"):
        qr.profiles.from_timm({"gpu": large}, models=["a", "c"])
    with pytest.raises(ValueError, match="tables is empty"):
        qr.profiles.from_timm({})
    with pytest.raises(ValueError, match="bytes_per_value is 0"):
        qr.profiles.from_timm({"gpu": large}, bytes_per_value=0)
    with pytest.raises(qr.FileError, match=r'holds model "a" on kind "gpu" at batch 256 again'):
        qr.profiles.from_timm({"gpu": [large, large]})


def test_published_timm_tables_are_read():
    if not TIMM.exists():
        pytest.skip(f"{TIMM} is not there")
    # All runs in one file: models come again, which is said.
    with pytest.raises(qr.FileError, match=r'infer\.csv\.gz:\d+: holds model ".*" on kind "gpu" at batch \d+ again'):
        qr.profiles.from_timm({"gpu": TIMM})


def test_interpolation_between_measured_batches():
    profile = qr.Profile(["a"], [1, 4, 16], ["gpu"], [[[1.0, 2.5, 4.0]]], [[[10, 13, 25]]])
    finer = profile.interpolated([1, 2, 4, 10, 32])
    assert finer.latency_s.ravel().tolist() == [1.0, 1.5, 2.5, 3.25, math.inf]
    assert finer.memory_bytes.ravel().tolist() == [10, 11, 13, 19, 0] and finer.models == ["a"]
    assert profile.interpolation_error() == pytest.approx(np.array([[abs(1.0 + 3 * 3 / 15 - 2.5) / 2.5]]))
    assert np.isnan(profile.interpolated([1, 4]).interpolation_error()).all()
    with pytest.raises(ValueError, match=r"batch_sizes\[1\] is 1, but must be above 1"):
        profile.interpolated([1, 1])
