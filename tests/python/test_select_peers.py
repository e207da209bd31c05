"""What benchmarks/peers/select_* rests on: all ensembles, hypervolume, pruning, splits."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "peers"))

import libraries
import select_fronts
import select_peers
import select_quality
from exhaustive import front_of, hypervolume, losses, multisets, reference_of

METRICS = ("log_loss", "brier", "accuracy")


@pytest.mark.parametrize(("models", "size"), [(1, 1), (1, 4), (5, 3), (16, 2)])
def test_every_multiset_once(models, size):
    counts = multisets(models, size)
    assert len(counts) == len(np.unique(counts, axis=0)) == math.comb(models + size, size) - 1
    assert counts.sum(1).min() == 1 and counts.sum(1).max() == size


@pytest.mark.parametrize("metric", METRICS)
def test_losses_are_the_librarys(metric):
    library = libraries.drawn(4, 250, 3, seed=1)
    counts = multisets(4, 3)
    predictions = library.predictions
    for of_counts, loss in zip(counts, losses(counts, library.scores, library.labels, metric), strict=True):
        assert select_peers.point(library, predictions, metric, of_counts / of_counts.sum())[1] == pytest.approx(loss)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(5))
def test_front_of_few_models_is_that_of_all_ensembles(metric, seed):
    library = libraries.drawn(5, 200, 3, seed)
    counts = multisets(5, 3)
    cost = (counts > 0) @ library.cost
    every = front_of(zip(cost, losses(counts, library.scores, library.labels, metric), strict=True))
    front = qr.select(library.predictions, library.cost, metric=metric, max_size=3)
    assert [(ensemble.cost, ensemble.loss) for ensemble in front] == [
        (pytest.approx(cost), pytest.approx(loss)) for cost, loss in every
    ]


def test_hypervolume_by_hand():
    assert front_of([(2, 1), (1, 3), (3, 2), (1, 4), (5, 1)]) == [(1, 3), (2, 1)]
    assert hypervolume([(1, 3), (2, 1)], (4, 4)) == 1 * 1 + 2 * 3
    assert hypervolume([(1, 3), (2, 1), (3, 2), (9, 0), (0, 9)], (4, 4)) == 7  # dominated, or beyond the reference
    assert hypervolume([], (4, 4)) == 0
    assert reference_of([(1.0, 3.0), (2.0, 1.0)]) == (pytest.approx(2.1), pytest.approx(3.2))
    assert hypervolume([(2.0, 1.0)], reference_of([(2.0, 1.0)])) > 0


def test_pruning_drops_the_worst_whatever_it_costs():
    cost, alone = np.array([1.0, 5.0, 2.0, 4.0]), np.array([0.5, 0.1, 0.3, 0.2])
    assert select_peers.affordable(cost, alone, 12.0) == [0, 1, 2, 3]
    assert select_peers.affordable(cost, alone, 11.0) == [1, 2, 3]
    assert select_peers.affordable(cost, alone, 8.0) == [1]
    assert select_peers.affordable(cost, alone, 4.5) == [3]  # the best is too dear alone; then 3 and 2 cost 6, 3 alone 4
    assert select_peers.affordable(cost, alone, 0.5) == []


def test_budgets_reach_from_one_model_to_all():
    library = libraries.drawn(7, 10, 3, seed=0)
    budgets = select_quality.budgets_of(library)
    assert len(budgets) == 20 and budgets[0] == library.cost.min() and budgets[-1] == pytest.approx(library.cost.sum())


def test_halves_are_disjoint():
    library = libraries.drawn(2, 101, 3, seed=0)
    first, second = libraries.halves(library, seed=3)
    rows = [half.scores[0].tolist() for half in (first, second)]
    assert len(rows[0]) == 50 and len(rows[1]) == 51
    assert sorted(rows[0] + rows[1]) == sorted(library.scores[0].tolist())
    assert (first.labels == libraries.halves(library, seed=3)[0].labels).all()


def test_macs_follow_from_the_name():
    assert libraries.macs_of("logreg_hog", 324) == 3240
    assert libraries.macs_of("mlp_all_256x128_a0.01", 612) == 612 * 256 + 256 * 128 + 128 * 10
    assert libraries.macs_of("mlp_hog_64_a0.0001", 324) == 324 * 64 + 64 * 10
    assert libraries.macs_of("rf_hog_60_12", 324) == 720
    assert libraries.macs_of("knn_pca_10", 96) == 96 * 40_000


def test_paired_interval_is_of_the_difference():
    ensemble, model = np.array([1, 1, 1, 0] * 100), np.array([1, 1, 0, 0] * 100)
    difference, low, high = select_fronts.paired(ensemble, model)
    assert difference == 0.25 and 0.2 < low < 0.25 < high < 0.3
    assert select_fronts.paired(model, model) == (0.0, 0.0, 0.0)
