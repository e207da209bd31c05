"""The demo's parts: data that never mix, training that resumes to the bit, stages that are not done twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the demo trains with torch")
pytest.importorskip("sklearn", reason="the demo's images come with scikit-learn")

from quorate.demo import cost, data, networks, stages, training  # noqa: E402

CONFIG = {
    "kind": "cnn",
    "width": 4,
    "depth": 2,
    "lr": 3e-3,
    "weight_decay": 1e-3,
    "dropout": 0.3,
    "batch_size": 32,
    "shift": 1,
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def test_the_splits_are_disjoint_complete_and_stratified() -> None:
    from sklearn.datasets import load_digits

    labels = load_digits().target.astype(np.int32)
    parts = data.split_indices(labels, data.SHARES, data.SPLIT_SEED)
    together = np.sort(np.concatenate(list(parts.values())))
    assert np.array_equal(together, np.arange(len(labels)))
    for name, rows in parts.items():
        counts = np.bincount(labels[rows], minlength=10)
        assert np.abs(counts - data.SHARES[name] * np.bincount(labels)).max() <= 1, name


def test_the_splits_are_the_same_each_time_and_hold_images_in_0_1() -> None:
    splits = data.digits()
    assert {name: len(split.labels) for name, split in splits.items()} == {
        "train": 450,
        "valid": 358,
        "calib": 450,
        "test": 539,
    }
    for split in splits.values():
        assert split.images.shape == (len(split.labels), 1, 8, 8) and split.images.dtype == np.float32
        assert split.images.min() >= 0.0 and split.images.max() <= 1.0
    images = np.concatenate([split.images.reshape(-1, 64) for split in splits.values()])
    assert len(images) == 1797


def test_the_space_spans_at_least_a_thirtyfold_range_of_cost() -> None:
    sample = torch.zeros(1, 1, 8, 8)
    flops = {}
    for kind in ("mlp", "cnn"):
        for width, depth in ((4, 1), (64, 3)):
            net = networks.network({"kind": kind, "width": width, "depth": depth, "dropout": 0.0}).eval()
            assert net(torch.zeros(5, 1, 8, 8)).shape == (5, networks.CLASSES)
            flops[kind, width] = cost.flops(net, sample)
    assert max(flops.values()) > 30 * min(flops.values())


def test_flops_and_bytes_are_counted_as_by_hand() -> None:
    net = networks.network({"kind": "mlp", "width": 4, "depth": 1, "dropout": 0.0})
    assert cost.flops(net, torch.zeros(1, 1, 8, 8)) == 2 * (64 * 16 + 16 * 10)
    assert cost.memory_bytes(net) == 4 * (64 * 16 + 16 + 16 * 10 + 10)
    conv = torch.nn.Conv2d(3, 5, 3, padding=1)
    assert cost.flops(conv, torch.zeros(1, 3, 8, 8)) == 2 * 64 * 5 * 3 * 9


def trained(units: range, net: object = None, optimizer: object = None) -> tuple[object, object]:
    if net is None:
        torch.manual_seed(7)
        net = networks.network(CONFIG)
        optimizer = training.optimizer_of(net, CONFIG)
    for unit in units:
        training.train_unit(net, optimizer, CONFIG, data.digits()["train"], 7, unit)
    return net, optimizer


def test_training_resumed_from_a_checkpoint_is_training_in_one_go_to_the_bit() -> None:
    whole, _ = trained(range(1, 4))
    first, optimizer = trained(range(1, 2))
    resumed = networks.network(CONFIG)
    resumed.load_state_dict(first.state_dict())
    again = training.optimizer_of(resumed, CONFIG)
    again.load_state_dict(optimizer.state_dict())
    trained(range(2, 4), resumed, again)
    for name, weights in whole.state_dict().items():
        assert torch.equal(weights, resumed.state_dict()[name]), name


def test_training_lowers_the_loss_on_valid() -> None:
    valid = data.digits()["valid"]
    net, optimizer = trained(range(1, 2))
    first = training.log_loss(training.probabilities(networks.Answering(net).eval(), valid.images), valid.labels)
    trained(range(2, 5), net, optimizer)
    later = training.log_loss(training.probabilities(networks.Answering(net).eval(), valid.images), valid.labels)
    assert later < 0.7 * first


def test_shifts_move_by_at_most_one_pixel_and_fill_with_zeros() -> None:
    images = torch.zeros(300, 1, 8, 8)
    images[:, 0, 3, 4] = 1.0
    moved = training.shifted(images, torch.Generator().manual_seed(0))
    places = {tuple(place[1:].tolist()) for place in moved[:, 0].nonzero()}
    assert places == {(row, column) for row in (2, 3, 4) for column in (3, 4, 5)}
    assert torch.equal(moved.sum((1, 2, 3)), torch.ones(300))


def test_a_probability_of_zero_has_a_finite_log_loss() -> None:
    probs = np.array([[1.0, 0.0], [0.5, 0.5]], np.float32)
    assert training.log_loss(probs, np.array([1, 0], np.int32)) == pytest.approx((-np.log(1e-7) - np.log(0.5)) / 2)


def test_a_stage_runs_once_and_again_where_inputs_or_files_change(tmp_path: Path) -> None:
    file, calls = tmp_path / "out.json", []

    def make() -> None:
        calls.append(1)
        file.write_text(f"{len(calls)}")

    def run(inputs: str) -> bool:
        return stages.Stages(tmp_path / "stages.json").run("out", inputs, [file], make)

    assert run("a") and not run("a") and file.read_text() == "1"
    assert run("b") and file.read_text() == "2"
    file.write_text("edited")
    assert run("b") and file.read_text() == "3"
    file.unlink()
    assert run("b") and file.read_text() == "4"


def test_a_stage_that_dies_is_not_on_record(tmp_path: Path) -> None:
    def die() -> None:
        (tmp_path / "out").write_text("half")
        raise RuntimeError("power")

    record = stages.Stages(tmp_path / "stages.json")
    with pytest.raises(RuntimeError):
        record.run("out", "a", [tmp_path / "out"], die)
    assert not stages.Stages(tmp_path / "stages.json").is_done("out", "a", [tmp_path / "out"])
