from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

DATA = Path(__file__).parents[3] / "shared" / "data"


def made_up(models=6, samples=200, classes=4, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, samples)
    logits = rng.normal(size=(models, samples, classes))
    logits[:, np.arange(samples), labels] += np.linspace(0.5, 2.0, models)[:, None]
    probs = np.exp(logits)
    return (probs / probs.sum(-1, keepdims=True)).astype(dtype), labels, np.linspace(1.0, 3.0, models)


def real(name):
    path = DATA / name / "probs.npz"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    archive = np.load(path)
    probs = archive["probs"].astype(np.float32)
    return probs / probs.sum(-1, keepdims=True), archive["y"].astype(int)


def numpy_loss(mean, labels, metric):
    if metric == "log_loss":
        return -np.log(np.clip(mean[np.arange(len(labels)), labels], 1e-15, 1)).mean()
    if metric == "accuracy":
        return (mean.argmax(1) != labels).mean()
    return ((mean - np.eye(mean.shape[1])[labels]) ** 2).sum(1).mean()


def numpy_greedy(probs, labels, cost, metric, size, with_replacement=True):
    """The published algorithm, one whole metric for each candidate of each step."""
    probs, picks = probs.astype(np.float64), []
    total = np.zeros(probs.shape[1:])
    for step in range(min(size, size if with_replacement else len(probs))):
        losses = np.array([numpy_loss((total + p) / (step + 1), labels, metric) for p in probs])
        if not with_replacement:
            losses[picks] = np.inf
        tied = np.flatnonzero(losses <= losses.min() + 1e-12 * (1 + losses.min()))
        pick = min(tied, key=lambda m: (cost[m], m))
        picks.append(int(pick))
        total += probs[pick]
    return picks


@pytest.mark.parametrize("metric", ["log_loss", "accuracy", "brier"])
@pytest.mark.parametrize("with_replacement", [True, False])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_greedy_picks_what_numpy_picks(metric, with_replacement, dtype):
    for seed in range(5):
        probs, labels, cost = made_up(seed=seed, dtype=dtype)
        path = qr.greedy(qr.Predictions(probs, labels), cost, metric, 8, with_replacement=with_replacement)
        assert path.picks == numpy_greedy(probs, labels, cost, metric, 8, with_replacement)
        assert len(path.losses) == len(path.picks)


@pytest.mark.parametrize("data", ["digits_5models_probs", "cifar10_25models_probs"])
@pytest.mark.parametrize("metric", ["log_loss", "accuracy", "brier"])
def test_real_predictions(data, metric):
    probs, labels = real(data)
    cost = np.arange(1.0, len(probs) + 1)
    predictions = qr.Predictions(probs, labels)
    path = qr.greedy(predictions, cost, metric=metric, max_size=10)
    assert path.picks == numpy_greedy(probs, labels, cost, metric, 10)

    front = qr.select(predictions, cost=cost, metric=metric, max_size=10)
    singles = [numpy_loss(p.astype(np.float64), labels, metric) for p in probs]
    for budget in (1.0, 3.5, 15.0, 1e9):
        affordable = [loss for loss, c in zip(singles, cost, strict=True) if c <= budget]
        assert front.within(max_cost=budget).loss <= min(affordable) + 1e-9
    assert front[-1].loss <= min(path.losses) + 1e-9
    for ensemble in front:
        mean = np.tensordot(ensemble.weights, probs[ensemble.members].astype(np.float64), 1)
        assert ensemble.loss == pytest.approx(numpy_loss(mean, labels, metric), abs=1e-9)
        assert ensemble.cost == pytest.approx(cost[ensemble.members].sum())


def test_a_greedy_prefix_has_its_picks_as_weights():
    probs, labels, cost = made_up()
    predictions = qr.Predictions(probs, labels)
    path = qr.greedy(predictions, cost, max_size=7)
    counts = Counter(path.picks)
    members = sorted(counts)
    ensemble = qr.Ensemble(members=members, weights=[counts[m] / 7 for m in members])
    assert qr.loss(ensemble, predictions) == pytest.approx(path.losses[-1], abs=1e-12)


def test_front_is_a_sequence_of_ensembles():
    probs, labels, cost = made_up()
    front = qr.select(qr.Predictions(probs, labels), cost=list(cost), max_size=8)
    points = list(front)
    assert len(front) == len(points) > 1
    assert [p.cost for p in points] == sorted(p.cost for p in points)
    assert [p.loss for p in points] == sorted((p.loss for p in points), reverse=True)
    assert front[0] == points[0] and front[-1] == points[-1]
    assert front.knee() in points
    assert front.within(max_cost=1e9) == points[-1]
    assert {p.found_by for p in points} <= {"single", "greedy", "gain per cost", "capped greedy", "pruned greedy"}
    with pytest.raises(IndexError, match=rf"index {len(front)} is out of range for a front of {len(front)}"):
        front[len(front)]
    with pytest.raises(ValueError, match=r"max_cost is 0\.5, but must be at least 1, the cheapest point's cost"):
        front.within(0.5)
    assert len(qr.EnsembleFront([points[0], points[0]])) == 1
    text = repr(front)
    assert len(text.splitlines()) == 2 + len(front) and "found by" in text


def test_threads_change_nothing():
    probs, labels, cost = made_up(models=30, samples=2000, classes=6)
    predictions = qr.Predictions(probs, labels)
    for metric in ("log_loss", "accuracy", "brier"):
        one, three = (qr.select(predictions, cost, metric=metric, threads=n).to_json() for n in (1, 3))
        assert one == three


def test_parallel_members_cost_the_dearest():
    probs, labels, cost = made_up()
    for ensemble in qr.select(qr.Predictions(probs, labels), cost, parallel=True):
        assert ensemble.cost == cost[ensemble.members].max()


def test_votes_are_selected_by_accuracy_alone():
    votes = qr.Predictions.from_votes(np.array([[1, 0, 0], [0, 1, 0]]), np.array([0, 0, 0]))
    front = qr.select(votes, [1.0, 1.0], metric="accuracy")
    assert front[-1].loss == 0.0 and front[-1].members == [0, 1]
    for metric in ("log_loss", "brier"):
        with pytest.raises(ValueError, match=f"metric is {metric}, which needs probabilities"):
            qr.select(votes, [1.0, 1.0], metric=metric)
        with pytest.raises(ValueError, match=f"metric is {metric}, which needs probabilities"):
            qr.loss(front[0], votes, metric=metric)


def test_values_are_saved_and_come_back(tmp_path):
    probs, labels, cost = made_up()
    front = qr.select(qr.Predictions(probs, labels), cost)
    front.save(tmp_path / "front.json")
    assert list(qr.EnsembleFront.load(tmp_path / "front.json")) == list(front)
    assert list(qr.EnsembleFront.from_json(front.to_json())) == list(front)
    ensemble = front[-1]
    ensemble.save(tmp_path / "ensemble.json")
    assert qr.Ensemble.load(tmp_path / "ensemble.json") == ensemble == qr.Ensemble.from_json(ensemble.to_json())

    whole = (tmp_path / "front.json").read_text()
    (tmp_path / "front.json").write_text(whole[: len(whole) // 2])
    with pytest.raises(qr.FileError, match=r"front\.json: is not valid JSON"):
        qr.EnsembleFront.load(tmp_path / "front.json")
    with pytest.raises(qr.FileError, match=r"absent\.json"):
        qr.EnsembleFront.load(tmp_path / "absent.json")
    with pytest.raises(qr.FileError, match=r"mine: members is missing"):
        qr.Ensemble.from_json('{"format": "quorate.ensemble", "version": 1}', name="mine")


def test_ensembles_by_hand():
    ensemble = qr.Ensemble(members=[0, 3], weights=[0.5, 0.5])
    assert (ensemble.members, ensemble.weights, ensemble.found_by) == ([0, 3], [0.5, 0.5], "hand")
    assert ensemble == qr.Ensemble(np.array([0, 3]), np.array([0.5, 0.5]))
    assert repr(ensemble).startswith("Ensemble(members=[0, 3], weights=[0.5, 0.5], loss=0, cost=0")
    with pytest.raises(ValueError, match="members is empty"):
        qr.Ensemble(members=[], weights=[])
    with pytest.raises(ValueError, match="weights has 1 entries, but members has 2"):
        qr.Ensemble(members=[0, 1], weights=[1.0])
    with pytest.raises(ValueError, match=r"members\[1\] is 0 after 1, but members must be ascending"):
        qr.Ensemble(members=[1, 0], weights=[0.5, 0.5])
    with pytest.raises(ValueError, match=r"weights sum to 0\.9"):
        qr.Ensemble(members=[0, 1], weights=[0.5, 0.4])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"cost": [1.0]}, "cost has 1 entries, but there are 6 models"),
        ({"cost": [1, 1, 1, 1, 1, -1]}, r"cost\[5\] is -1, but must be finite and not negative"),
        ({"cost": [1, 1, 1, 1, 1, float("nan")]}, r"cost\[5\] is nan"),
        ({"cost": "cheap"}, "cost is 'cheap', but must be an array of numbers"),
        ({"cost": np.ones((6, 1))}, r"cost has shape \[6, 1\], but must be one-dimensional"),
        ({"metric": "auc"}, 'metric is "auc", but must be one of log_loss, accuracy, brier'),
        ({"max_size": 0}, "max_size is 0, but must be at least 1"),
        ({"caps": -1}, "caps is -1, but must be at least 0"),
        ({"threads": -1}, "threads is -1, but must be at least 0"),
    ],
)
def test_bad_arguments_are_named(arguments, text):
    probs, labels, cost = made_up()
    with pytest.raises(ValueError, match=text):
        qr.select(qr.Predictions(probs, labels), **{"cost": cost, **arguments})


def test_models_that_cost_nothing():
    probs, labels, cost = made_up()
    predictions = qr.Predictions(probs, labels)
    free = qr.select(predictions, np.zeros(len(cost)))
    assert len(free) == 1 and free[0].cost == 0.0
    assert free[0].loss == min(point.loss for point in qr.select(predictions, cost))
    some = qr.select(predictions, np.where(np.arange(len(cost)) < 2, 0.0, cost))
    assert some[0].cost == 0.0 and set(some[0].members) <= {0, 1}


def test_a_member_that_the_predictions_lack():
    probs, labels, _ = made_up()
    with pytest.raises(ValueError, match=r"members\[0\] is 9, but must be from 0 to 5"):
        qr.loss(qr.Ensemble([9], [1.0]), qr.Predictions(probs, labels))
