import json
from pathlib import Path

import numpy as np
import pytest

import quorate as qr

DATA = Path(__file__).parents[3] / "shared" / "data"


def needs(name):
    return pytest.mark.skipif(not (DATA / name).exists(), reason=f"{name} is not beside the checkout")


def toy(samples=400, seed=0):
    """Three models of rising accuracy and cost; the cheap ones know when they are right."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, samples)
    probs = np.empty((3, samples, 4), np.float32)
    for m, skill in enumerate((1.0, 2.0, 4.0)):
        logits = rng.normal(size=(samples, 4)) + skill * np.eye(4)[labels]
        e = np.exp(skill * logits)
        probs[m] = e / e.sum(-1, keepdims=True)
    return qr.Predictions(probs, labels), [1.0, 3.0, 20.0]


def test_front_is_what_evaluation_says():
    predictions, cost = toy()
    front = qr.find_cascades(predictions, cost)
    assert len(front) > 10 and [p.cost for p in front] == sorted(p.cost for p in front)
    assert {len(p.tiers) for p in front} >= {1, 2, 3}
    for point in front:
        report = qr.evaluate(point, predictions, cost)
        assert (report.loss, report.mean_cost, report.worst_cost) == (point.loss, point.cost, point.worst_cost)
        assert point.found_by == "exact"
    assert front.within(max_cost=5.0).cost <= 5.0
    with pytest.raises(ValueError, match="must be at least 1"):
        front.within(max_cost=0.5)


@pytest.mark.parametrize("signal", ["confidence", "agreement", "vote_agreement", "margin", "entropy", "given"])
@pytest.mark.parametrize("combine", ["last", "mean", "majority"])
def test_every_signal_and_combination_agrees_with_numpy(signal, combine):
    predictions, cost = toy(seed=1)
    given = np.random.default_rng(2).random((3, 400), np.float32)
    predictions = predictions.with_certainty(given)
    sizes = (1, 2)
    front = qr.find_cascades(predictions, cost, signal=signal, combine=combine, tier_sizes=sizes, parallel=True)
    for point in list(front)[:: max(1, len(front) // 20)]:
        assert point.combine == combine and point.parallel == 1
        running, answer, tier_of = 0.0, np.zeros(400, int), np.full(400, -1)
        for k, tier in enumerate(point.tiers):
            assert tier.signal == signal
            scores = predictions.probs[tier.members].astype(np.float64)
            mean = np.einsum("k,knc->nc", tier.weights, scores)
            votes = (np.eye(4)[scores.argmax(-1)] * np.array(tier.weights)[:, None, None]).sum(0)
            running = running + (votes if combine == "majority" else mean)
            said = mean if combine == "last" else running / (k + 1)
            top = np.sort(said, -1)
            certainty = {
                "confidence": top[:, -1],
                "agreement": mean[np.arange(400), votes.argmax(-1)],
                "vote_agreement": votes.max(-1),
                "margin": top[:, -1] - top[:, -2],
                "entropy": 1 + (said * np.log(np.where(said > 0, said, 1))).sum(-1) / np.log(4),
                "given": np.einsum("k,kn->n", tier.weights, given[tier.members]),
            }[signal]
            rounding = 1e-7 if signal == "entropy" else 1e-12  # its logarithms are of floats
            stops = (tier_of < 0) & ((certainty >= tier.threshold - rounding) | (k == len(point.tiers) - 1))
            # A majority's ties go to the class that this tier prefers.
            best = (said + 1e-9 * mean if combine == "majority" else said).argmax(-1)
            answer[stops], tier_of[stops] = best[stops], k
        report = qr.evaluate(point, predictions, cost)
        assert (report.tier == tier_of).all() and (report.answers == answer).all()


def test_report_has_the_shapes_that_it_states():
    predictions, cost = toy()
    cascade = qr.Cascade([qr.Tier([0], threshold=0.9), qr.Tier([2])])
    report = qr.evaluate(cascade, predictions, cost)
    assert report.reach.shape == (3,) and report.tier.shape == report.answers.shape == (400,)
    assert report.reach[0] == 1 and report.reach[1] == 0 and report.reach[2] == (report.tier == 1).mean()
    assert report.accuracy == (report.answers == predictions.labels).mean() and report.samples == 400
    assert report.accuracy_low < report.accuracy < report.accuracy_high
    assert report.mean_cost == pytest.approx(1 + 20 * report.reach[2]) and report.worst_cost == 21
    assert report.tier_share.sum() == pytest.approx(1)
    ensemble = qr.evaluate(qr.Ensemble([0, 1], [0.5, 0.5]), predictions, cost)
    assert ensemble.mean_cost == 4 and (ensemble.tier == 0).all()


def test_worst_cost_limits_every_point():
    predictions, cost = toy()
    front = qr.find_cascades(predictions, cost, max_worst_cost=4.0)
    assert max(p.worst_cost for p in front) == 4.0
    with pytest.raises(ValueError, match=r"max_worst_cost is 0\.5, but must be at least 1"):
        qr.find_cascades(predictions, cost, max_worst_cost=0.5)


def test_limits_of_other_costs_hold_for_every_point():
    predictions, cost = toy()
    usd = [5.0, 1.0, 2.0]
    limits = {"usd": {"cost": usd, "max_mean": 3.0, "max_worst": 4.0}, "edge": {"cost": cost, "max_tier": [3.0, 20.0]}}
    front = qr.find_cascades(predictions, cost, limits=limits)
    assert len(front) > 1
    for point in front:
        assert all(member in (1, 2) for tier in point.tiers for member in tier.members)
        assert point.tiers[0].members == [1]
        assert qr.evaluate(point, predictions, usd).mean_cost <= 3.0
    with pytest.raises(ValueError, match=r'max_mean of limit "usd" is 0\.5, but must be at least 1'):
        qr.find_cascades(predictions, cost, limits={"usd": {"cost": usd, "max_mean": 0.5}})
    with pytest.raises(ValueError, match='limit "usd" has "most", but must have some of: cost, parallel, max_mean'):
        qr.find_cascades(predictions, cost, limits={"usd": {"cost": usd, "most": 0.5}})


def test_costs_of_each_sample():
    predictions, _ = toy()
    cost = np.random.default_rng(3).integers(1, 9, (3, 400)) * np.array([[1.0], [3.0], [20.0]])
    front = qr.find_cascades(predictions, cost, max_depth=2)
    assert any(len(point.tiers) == 2 for point in front)
    for point in front:
        assert qr.evaluate(point, predictions, cost).mean_cost == point.cost
    with pytest.raises(ValueError, match=r"cost has shape \[3, 9\], but there are 3 models and 400 samples"):
        qr.find_cascades(predictions, cost[:, :9])


def test_members_that_run_partly_at_once_cost_in_between():
    predictions, cost = toy()
    tiers = [qr.Tier([0, 1], threshold=0.9), qr.Tier([2])]
    worst = [qr.evaluate(qr.Cascade(tiers, parallel=rho), predictions, cost).worst_cost for rho in (False, 0.5, True)]
    assert worst == pytest.approx([4 + 20, 4**0.5 * 3**0.5 + 20, 3 + 20])
    assert qr.measured_parallelism([1.0, 1.0], 2**0.5) == pytest.approx(0.5)


def test_a_search_says_how_much_is_proven():
    predictions, cost = toy()
    proofs = {point.found_by for point in qr.find_cascades(predictions, cost, max_exact_work=0)}
    assert proofs == {"exact", "extended"}


def test_calibration_certifies_or_says_how_many_samples_it_needs():
    predictions, cost = toy()
    cascade = qr.find_cascades(predictions, cost).within(max_cost=8.0)
    assert cascade.certificate is None
    calibrated = qr.calibrate(cascade, toy(3000, seed=2)[0], max_loss_increase=0.02, delta=0.1)
    certificate = calibrated.certificate
    assert certificate.holds and certificate.bound <= 0.02 and certificate.samples == 3000
    assert calibrated.cost == qr.evaluate(calibrated, toy(3000, seed=2)[0], cost).mean_cost
    few = qr.calibrate(qr.Cascade([qr.Tier([0], threshold=0.99), qr.Tier([2])]), toy(50, seed=2)[0], max_loss_increase=0.05)
    assert not few.certificate.holds and few.certificate.samples_needed > 50
    assert all(t.threshold > 1 for t in few.tiers[:-1]) and "holds=False" in repr(few)
    with pytest.raises(ValueError, match="delta is 0, but must be above 0 and below 1"):
        qr.calibrate(cascade, predictions, delta=0.0)


def test_values_print_compare_and_survive_a_file(tmp_path):
    predictions, cost = toy()
    front = qr.find_cascades(predictions, cost)
    cascade = qr.calibrate(front[-1], predictions)
    report = qr.evaluate(cascade, predictions, cost)
    for value in (cascade, report):
        value.save(tmp_path / "value.json")
        assert type(value).load(tmp_path / "value.json") == value == type(value).from_json(value.to_json())
    front.save(tmp_path / "front.json")
    assert list(qr.CascadeFront.load(tmp_path / "front.json")) == list(front)
    assert "Cascade([" in repr(cascade) and ">=" in repr(cascade) and "CascadeFront of" in repr(front)
    assert "accuracy=" in repr(report) and "Tier(members=[" in repr(cascade.tiers[0])
    edited = json.loads(cascade.to_json())
    edited["tiers"][0]["threshold"] = "high"
    with pytest.raises(qr.FileError, match=r"tiers\[0\]\.threshold is \"high\", but must be a number"):
        qr.Cascade.from_json(json.dumps(edited))
    with pytest.raises(qr.FileError, match=r"missing\.json"):
        qr.Cascade.load(tmp_path / "missing.json")


def test_unknown_names_list_those_that_there_are():
    predictions, cost = toy()
    with pytest.raises(
        ValueError, match='signal is "doubt", but must be one of: confidence, agreement, vote_agreement, margin'
    ):
        qr.find_cascades(predictions, cost, signal="doubt")
    with pytest.raises(ValueError, match='combine is "vote", but must be one of: last, mean, majority'):
        qr.find_cascades(predictions, cost, combine="vote")
    with pytest.raises(ValueError, match="must be one of: confidence"):
        qr.Tier([0], signal="sureness")


@pytest.mark.parametrize(
    "cost, text",
    [
        ([1.0, 2.0], "cost has 2 entries, but there are 3 models"),
        ([1.0, -2.0, 3.0], r"cost\[1\] is -2, but must be finite and at least 0"),
        ([1.0, 2.0, np.nan], r"cost\[2\] is nan, but must be finite and at least 0"),
        ("cheap", "cost is 'cheap', but must be an array of numbers"),
    ],
)
def test_bad_costs(cost, text):
    predictions, _ = toy()
    for call in (qr.find_cascades, lambda p, c: qr.evaluate(qr.Cascade([qr.Tier([0])]), p, c)):
        with pytest.raises(ValueError, match=text):
            call(predictions, cost)


def test_cascades_by_hand_are_checked():
    with pytest.raises(ValueError, match=r"tiers\[1\]\.threshold is 0.5, but must be 0"):
        qr.Cascade([qr.Tier([0], threshold=0.5), qr.Tier([1], threshold=0.5)])
    with pytest.raises(ValueError, match="model must stand in one tier only"):
        qr.Cascade([qr.Tier([0], threshold=0.5), qr.Tier([0, 1])])
    with pytest.raises(ValueError, match=r"tiers\[0\]: members is empty"):
        qr.Cascade([qr.Tier([])])
    with pytest.raises(ValueError, match=r"members\[0\] is 3, but must be from 0 to 2"):
        qr.evaluate(qr.Cascade([qr.Tier([3])]), *toy())


@needs("cifar10_25models_probs")
def test_cifar_cascade_beats_the_single_models_at_its_cost_and_keeps_its_promise():
    with np.load(DATA / "cifar10_25models_probs" / "probs.npz") as z:
        probs, labels = z["probs"], z["y"].astype(int)
    models = json.loads((DATA / "cifar10_25models_probs" / "models.json").read_text())
    cost = [m["predict_us_per_sample"] for m in models]
    find, calib, test = np.split(np.random.default_rng(0).permutation(len(labels)), [4000, 7000])
    valid, calib, test = (qr.Predictions(probs[:, i], labels[i]) for i in (find, calib, test))
    cascade = qr.find_cascades(valid, cost, max_depth=2).within(max_cost=4.0)
    single = qr.find_cascades(valid, cost, max_depth=1).within(max_cost=4.0)
    assert len(cascade.tiers) == 2 and cascade.tiers[-1].members == [16]
    calibrated = qr.calibrate(cascade, calib, max_loss_increase=0.05, delta=0.05)
    assert calibrated.certificate.holds
    report = qr.evaluate(calibrated, test, cost)
    assert (
        report.comparison[16].loss_difference.low <= 0.05
    )  # the promise is about the stream: the test has noise of its own
    assert report.accuracy > qr.evaluate(single, test, cost).accuracy


@needs("cifar10_30models_votes")
def test_votes_route_by_agreement_and_by_nothing_else():
    with np.load(DATA / "cifar10_30models_votes" / "preds.npz") as z:
        votes, labels = z["pred"][:10].astype(int), z["y"].astype(int)
    keep = np.arange(0, len(labels), 5)
    predictions = qr.Predictions.from_votes(votes[:, keep], labels[keep])
    cost = np.arange(1.0, 11.0)
    # A vote without a confidence says nothing of its certainty: single models stay alone.
    assert all(len(p.tiers) == 1 for p in qr.find_cascades(predictions, cost))
    front = qr.find_cascades(predictions, cost, signal="vote_agreement", tier_sizes=(1, 2), max_depth=2)
    agreeing = [p for p in front if len(p.tiers) == 2]
    assert agreeing and all(len(p.tiers[0].members) == 2 and p.tiers[0].threshold == 1.0 for p in agreeing)
