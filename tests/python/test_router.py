import json
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

DATA = Path(__file__).parents[3] / "shared" / "data"


def population(samples, seed):
    """A cheap model that is unsure of hard samples, a dear one that is mostly right, a feature that tells hardness."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, samples)
    hardness = 2 * rng.normal(size=samples)
    ease = 1 / (1 + np.exp(2 * hardness))
    right = np.stack([rng.random(samples) < 0.5 + 0.5 * ease, rng.random(samples) < 0.95])
    confidence = np.stack([np.clip(ease + 0.1 * rng.normal(size=samples), 0, 1), np.full(samples, 0.9)])
    predictions = qr.Predictions.from_votes(
        np.where(right, labels, 1 - labels).astype(np.int32), labels, confidence=confidence.astype(np.float32)
    )
    return predictions, (hardness + 0.5 * rng.normal(size=samples))[:, None], rng.normal(size=(samples, 2))


CASCADE = qr.Cascade([qr.Tier([0], threshold=0.8), qr.Tier([1])])
COST = [1.0, 3.0]


def test_router_saves_where_features_tell_and_does_no_harm_where_not():
    fit, telling, silent = population(4000, 0)
    fresh, fresh_telling, fresh_silent = population(4000, 1)
    plain = qr.evaluate(CASCADE, fresh, COST)
    router = qr.fit_router(CASCADE, fit, telling, COST)
    report = qr.evaluate(CASCADE, fresh, COST, entry=router.entry(fresh_telling))
    assert router.always is None and router.tiers == 2 and router.features == 1
    assert report.mean_cost < 0.92 * plain.mean_cost and report.loss < plain.loss + 0.005
    useless = qr.fit_router(CASCADE, fit, silent, COST)
    report = qr.evaluate(CASCADE, fresh, COST, entry=useless.entry(fresh_silent))
    assert report.mean_cost <= 1.02 * plain.mean_cost and report.loss <= plain.loss + 0.01


def test_front_of_routers_and_fixed_trade_off(tmp_path):
    fit, telling, _ = population(1000, 0)
    front = qr.fit_routers(CASCADE, fit, telling, COST)
    assert "RouterFront" in repr(front) and [r.cost for r in front] == sorted(r.cost for r in front)
    front.save(tmp_path / "routers.json")
    assert list(qr.RouterFront.load(tmp_path / "routers.json")) == list(front)
    router = qr.fit_router(CASCADE, fit, telling, COST, trade_off=0.1)
    assert router.trade_off == 0.1 and "trade_off=0.1" in repr(router)
    router.save(tmp_path / "router.json")
    again = qr.Router.load(tmp_path / "router.json")
    assert again == router
    np.testing.assert_array_equal(again.entry(telling), router.entry(telling))


def test_features_of_a_cheap_models_answers():
    probs = np.array([[[0.25, 0.75], [1.0, 0.0]]], np.float32)
    predictions = qr.Predictions(probs, [0, 1])
    features = qr.answer_features(predictions, 0)
    np.testing.assert_allclose(features, [[0.75, 0.5, 0.5623351], [1.0, 1.0, 0.0]], atol=1e-6)
    np.testing.assert_array_equal(qr.answer_features(predictions, 0, classes=True)[:, 3:], [[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="model is 3, but must be from 0 to 0"):
        qr.answer_features(predictions, 3)


def test_bad_input_is_named():
    fit, telling, _ = population(100, 0)
    router = qr.fit_router(CASCADE, fit, telling, COST)
    with pytest.raises(ValueError, match="features has 2 columns, but must have 1"):
        router.entry(np.zeros((5, 2)))
    bad = telling.copy()
    bad[3] = np.nan
    with pytest.raises(ValueError, match=r"features\[3, 0\] is nan, but must be finite"):
        router.entry(bad)
    with pytest.raises(ValueError, match=r"features\[3, 0\] is nan, but must be finite"):
        qr.fit_router(CASCADE, fit, bad, COST)
    with pytest.raises(ValueError, match="features has 99 rows, but must have 100"):
        qr.fit_router(CASCADE, fit, telling[:99], COST)
    with pytest.raises(ValueError, match=r"features has shape \[100\]"):
        qr.fit_router(CASCADE, fit, telling[:, 0], COST)
    with pytest.raises(ValueError, match="must be an array of numbers"):
        router.entry("x")
    with pytest.raises(ValueError, match="trade_off is -1"):
        qr.fit_router(CASCADE, fit, telling, COST, trade_off=-1)
    with pytest.raises(ValueError, match="folds is 1, but must be from 2 to 100"):
        qr.fit_router(CASCADE, fit, telling, COST, folds=1)
    document = json.loads(router.to_json())
    with pytest.raises(qr.FileError, match="always is 2, but must be from -1 to 1"):
        qr.Router.from_json(json.dumps(document | {"always": 2}))
    document["entries"][0]["quality"][0] = "x"
    with pytest.raises(qr.FileError, match=r"entries\[0\].quality\[0\] is"):
        qr.Router.from_json(json.dumps(document))


@pytest.mark.skipif(not (DATA / "llm_two_tier").exists(), reason="llm_two_tier is not beside the checkout")
def test_routing_language_models_by_length_of_the_prompt():
    """Without a certainty a cascade of two cannot stop; a router can still send short prompts to the small model only."""
    table = np.load(DATA / "llm_two_tier" / "gsm8k.npz")
    right = table["correct"].astype(np.int32)
    predictions = qr.Predictions.from_votes(right, np.ones(right.shape[1], np.int32))
    cascade = qr.Cascade([qr.Tier([0], threshold=1.0), qr.Tier([1])])  # votes are sure: tier 0 answers all that enter there
    features = np.log(table["prompt_chars"].astype(float))[:, None]
    front = qr.fit_routers(cascade, predictions, features, [1.0, 20.0])
    assert front[0].always == 0 and len(front) > 2
    for router in front:
        report = qr.evaluate(cascade, predictions, [1.0, 20.0], entry=router.entry(features))
        assert abs(report.loss - router.loss) < 0.02
