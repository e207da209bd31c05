"""A front on held-out data: figures against NumPy's, what comes back from JSON, and what is refused."""

import itertools

import numpy as np
import pytest

import quorate as qr


def made_up(samples=2000, models=6, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, samples)
    logits = rng.normal(size=(models, samples, classes))
    logits[:, np.arange(samples), labels] += np.linspace(0.5, 2.0, models)[:, None]
    probs = np.exp(logits)
    return qr.Predictions((probs / probs.sum(-1, keepdims=True)).astype(np.float32), labels)


VALID, TEST = made_up(seed=0), made_up(seed=1)
COST = np.linspace(1.0, 3.0, 6)
FRONT = qr.select(VALID, COST, max_size=6)


def sample_losses(ensemble, data, metric):
    mean = np.tensordot(ensemble.weights, np.asarray(data.probs)[ensemble.members].astype(np.float64), 1)
    if metric == "log_loss":
        return -np.log(np.clip(mean[np.arange(data.samples), data.labels], 1e-15, 1))
    return (mean.argmax(1) != data.labels).astype(float)


@pytest.mark.parametrize("metric", ["log_loss", "accuracy"])
def test_figures_are_those_of_numpy_and_intervals_those_of_large_samples(metric):
    seen = qr.evaluate_front(FRONT, TEST, COST, metric=metric)
    assert len(seen) == len(FRONT) == len(list(seen)) and seen.samples == 2000 and seen.metric == metric
    alone = [sample_losses(qr.Ensemble([m], [1.0]), TEST, metric) for m in range(6)]
    best = int(np.argmin([losses.mean() for losses in alone]))
    for point, ensemble in zip(seen, FRONT, strict=True):
        losses = sample_losses(ensemble, TEST, metric)
        error = losses.std() / np.sqrt(len(losses))
        assert point.ensemble == ensemble and point.selected_loss == ensemble.loss and point.cost == ensemble.cost
        assert point.loss == pytest.approx(losses.mean(), abs=1e-9)
        assert point.loss_low == pytest.approx(losses.mean() - 1.96 * error, abs=0.15 * error)
        assert point.loss_high == pytest.approx(losses.mean() + 1.96 * error, abs=0.15 * error)
        assert point.best.model == best
        gain = alone[best] - losses
        error = gain.std() / np.sqrt(len(gain))
        assert point.best.gain == pytest.approx(gain.mean(), abs=1e-9)
        assert point.best.gain_low == pytest.approx(gain.mean() - 1.96 * error, abs=0.15 * error + 1e-12)
        affordable = [m for m in range(6) if COST[m] <= point.cost]
        assert point.at_cost.model == min(affordable, key=lambda m: alone[m].mean())


def test_the_cheapest_point_as_good_as_the_best_model_is_named():
    seen = qr.evaluate_front(FRONT, TEST, COST)
    as_good = [k for k, point in enumerate(seen) if point.loss <= point.best.loss]
    assert seen.as_good.point == as_good[0]
    point = seen.points[as_good[0]]
    assert seen.as_good.cost_ratio == point.cost / COST[point.best.model]
    assert f"as good as model {point.best.model} alone" in repr(seen)
    assert qr.evaluate_front(FRONT, TEST).as_good is None
    worse = qr.evaluate_front(qr.EnsembleFront([qr.Ensemble([0], [1.0], cost=1.0)]), TEST, COST)
    assert worse.as_good is None


def test_the_interval_of_a_single_model_against_itself_is_zero():
    seen = qr.evaluate_front(qr.EnsembleFront([qr.Ensemble([5], [1.0], cost=3.0)]), TEST, COST)
    single = seen.points[0].at_cost
    assert (single.model, single.gain, single.gain_low, single.gain_high) == (5, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("metric", ["log_loss", "accuracy", "brier", "balanced_accuracy", "macro_f1"])
def test_every_metric_is_that_of_loss_and_threads_change_nothing(metric):
    weight = np.random.default_rng(2).integers(0, 3, TEST.samples)
    one, three = (
        qr.evaluate_front(FRONT, TEST, COST, metric=metric, draws=200, sample_weight=weight, threads=n) for n in (1, 3)
    )
    assert one == three and one.to_json() == three.to_json()
    for point in one:
        assert point.loss == qr.loss(point.ensemble, TEST, metric=metric, sample_weight=weight)
        assert point.loss_low < point.loss < point.loss_high


def test_arrays_table_and_json(tmp_path):
    seen = qr.evaluate_front(FRONT, TEST, COST, draws=100, level=0.8, seed=7)
    points = len(FRONT)
    assert (seen.draws, seen.level, seen.seed) == (100, 0.8, 7)
    for name in ("cost", "selected_loss", "loss", "gain", "gain_at_cost"):
        assert getattr(seen, name).shape == (points,)
        interval = getattr(seen, f"{name}_interval", None)
        assert interval is None or (interval.shape == (points, 2) and (np.diff(interval) >= 0).all())
    assert len(repr(seen).splitlines()) == 3 + points and "80 % intervals from 100 draws" in repr(seen)
    seen.save(tmp_path / "evaluation.json")
    assert qr.FrontEvaluation.load(tmp_path / "evaluation.json") == seen == qr.FrontEvaluation.from_json(seen.to_json())
    with pytest.raises(qr.FileError, match="mine: samples is missing"):
        qr.FrontEvaluation.from_json('{"format": "quorate.front_evaluation", "version": 1, "metric": "brier"}', name="mine")

    without_cost = qr.evaluate_front(FRONT, TEST, draws=10)
    assert without_cost.points[0].at_cost is None and np.isnan(without_cost.gain_at_cost_interval).all()
    assert qr.FrontEvaluation.from_json(without_cost.to_json()) == without_cost


def test_costs_with_names():
    costs = {"latency_s": COST, "usd": COST[::-1].copy()}
    front = qr.select(VALID, costs, max_size=3)
    seen = qr.evaluate_front(front, TEST, costs, draws=10)
    for point in seen:
        if point.at_cost is not None:
            assert all(costs[name][point.at_cost.model] <= most for name, most in point.ensemble.costs.items())
    with pytest.raises(ValueError, match=r"costs name flops, but front\[0\] has costs latency_s, usd"):
        qr.evaluate_front(front, TEST, {"latency_s": COST, "flops": COST})


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"front": qr.EnsembleFront()}, "front has no points, but must have at least one"),
        ({"front": qr.EnsembleFront([qr.Ensemble([9], [1.0])])}, r"front\[0\]: members\[0\] is 9, but must be from 0 to 5"),
        ({"draws": 0}, "draws is 0, but must be at least 1"),
        ({"level": 1.0}, "level is 1, but must be above 0 and below 1"),
        ({"level": float("nan")}, "level is nan"),
        ({"cost": [1.0]}, "cost has 1 entries, but there are 6 models"),
        ({"cost": [1, 1, 1, 1, 1, -1]}, r"cost\[5\] is -1, but must be finite and not negative"),
        ({"metric": "auc"}, 'metric is "auc", but must be one of'),
        ({"metric": "mse"}, "metric is mse"),
        ({"sample_weight": np.zeros(2000)}, "sample_weight"),
        ({"threads": -1}, "threads is -1, but must be at least 0"),
    ],
)
def test_bad_arguments_are_named(arguments, text):
    with pytest.raises(ValueError, match=text):
        qr.evaluate_front(**{"front": FRONT, "held_out": TEST, **arguments})


def test_diversity_is_numpys():
    members = [1, 4, 5]
    found = qr.diversity(TEST, members)
    answers = np.asarray(TEST.probs)[members].argmax(-1)
    wrong = (answers != TEST.labels).astype(float)
    assert found.members == members
    assert np.allclose(found.error_correlation, np.corrcoef(wrong))
    for a, b in itertools.product(range(3), range(3)):
        assert found.disagreement[a, b] == pytest.approx((answers[a] != answers[b]).mean())
        assert found.double_fault[a, b] == pytest.approx((wrong[a] * wrong[b]).mean())
    assert qr.diversity(TEST).error_correlation.shape == (6, 6)
    with pytest.raises(ValueError, match="members is empty"):
        qr.diversity(TEST, [])
    with pytest.raises(ValueError, match=r"members\[0\] is 6, but must be from 0 to 5"):
        qr.diversity(TEST, [6])


def test_diversity_of_values_is_the_correlation_of_residuals():
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(50, 1)).astype(np.float32)
    values = (targets + rng.normal(size=(3, 50, 1))).astype(np.float32)
    found = qr.diversity(qr.Predictions.from_values(values, targets))
    assert found.disagreement is None and found.double_fault is None
    assert np.allclose(found.error_correlation, np.corrcoef((values - targets)[:, :, 0]), atol=1e-5)
