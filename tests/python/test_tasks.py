"""Answers of language models and right/wrong tables as votes, and what they cost; a worked run on real answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import quorate as qr
from quorate import tasks

DATA = Path(__file__).parents[3] / "shared" / "data"


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not (DATA / name).exists(), reason=f"{name} is not beside the checkout")


def said(predictions: qr.Predictions) -> np.ndarray[Any, Any]:
    """[models, samples]: the class that each model votes for."""
    models = len(predictions.names)
    return np.stack(
        [qr.evaluate(qr.Ensemble([m], [1.0]), predictions, np.ones(models), draws=0).answers for m in range(models)]
    )


def test_votes_are_equal_where_answers_are_and_right_where_they_are_right() -> None:
    rng = np.random.default_rng(0)
    for seed in range(300):
        models, samples = rng.integers(1, 6), rng.integers(1, 10)
        classes, right = rng.integers(-1, 4, (models, samples)), rng.integers(0, 4, samples)
        predictions = tasks.from_answer_classes(classes, right, seed=seed)
        votes = said(predictions)
        assert ((votes == predictions.labels) == (classes == right)).all()
        for a in range(models):
            for b in range(a):
                agree = (classes[a] == classes[b]) & (classes[a] != -1)
                assert ((votes[a] == votes[b]) == agree).all()


def test_no_answer_loses_against_every_answer_and_against_no_other_none() -> None:
    predictions = tasks.from_answer_classes([[-1, -1], [-1, -1], [5, -1]], 5)
    assert said(predictions)[:, 0].tolist()[2] == predictions.labels[0]
    ensemble = qr.Ensemble([0, 1, 2], [1 / 3] * 3)
    assert (qr.evaluate(ensemble, predictions, np.ones(3)).answers == predictions.labels).tolist() == [True, False]
    alone = qr.Cascade([qr.Tier([0], threshold=0.5), qr.Tier([2])])
    assert qr.evaluate(alone, predictions, np.ones(3)).tier.tolist() == [1, 1]  # by confidence: no answer goes on


def test_ties_do_not_give_the_truth_away() -> None:
    # One right, one wrong: whoever breaks the tie cannot know. A fixed class of the right answer would be right always.
    predictions = tasks.from_answer_classes(np.array([[0] * 4000, [1] * 4000]))
    assert 0.47 < qr.evaluate(qr.Ensemble([0, 1], [0.5, 0.5]), predictions, [1, 1]).accuracy < 0.53
    table = tasks.from_correct(np.array([[True] * 3000, [False] * 3000, [False] * 3000]))
    third = qr.evaluate(qr.Ensemble([0, 1, 2], [1 / 3] * 3), table, [1, 1, 1]).accuracy
    assert 0.30 < third < 0.37
    assert (
        tasks.from_correct(np.eye(3, dtype=bool), seed=1).labels == tasks.from_correct(np.eye(3, dtype=int), seed=1).labels
    ).all()


def test_texts_are_compared_by_meaning() -> None:
    answers = [["Paris ", "4", None], ["paris", "5", " "], ["Lyon", "4", "x"]]
    predictions = tasks.from_answers(answers, ["PARIS", "4", "x"], names=["a", "b", "c"])
    assert predictions.names == ["a", "b", "c"]
    assert (said(predictions) == predictions.labels).tolist() == [
        [True, True, False], [True, False, False], [False, True, True],
    ]  # fmt: skip

    def number(text: str) -> float | None:
        found = re.findall(r"-?[\d,]+\.?\d*", text)
        return float(found[-1].replace(",", "")) if found else None

    numbers = tasks.from_answers([["It is 1,000."], ["So 1000.0"], ["unsure"]], ["1000"], same=number)
    votes = said(numbers)
    assert votes[0] == votes[1] == numbers.labels and votes[2] != numbers.labels
    assert (said(tasks.from_answers([[1], [float("nan")], [2]], [1])) == 0).any()


def test_right_or_wrong_is_all_that_a_table_says() -> None:
    correct = np.random.default_rng(0).random((4, 200)) < 0.6
    predictions = tasks.from_correct(correct)
    votes = said(predictions)
    assert ((votes == predictions.labels) == correct).all()
    for a in range(4):
        for b in range(a):
            assert ((votes[a] == votes[b]) == (correct[a] & correct[b])).all()


def test_tokens_cost_what_is_read_and_what_is_written() -> None:
    cost = tasks.token_cost([1e-6, 2e-6], [4e-6, 8e-6], [100, 10], [[10, 20], [0, 1]])
    assert cost.tolist() == [[pytest.approx(140e-6), pytest.approx(90e-6)], [pytest.approx(200e-6), pytest.approx(28e-6)]]
    each = tasks.token_cost([1, 1], [0, 0], [[1, 2], [3, 4]], [[9, 9], [9, 9]])
    assert each.tolist() == [[1, 2], [3, 4]] and each.dtype == np.float64


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: tasks.from_answers([["a"], []], ["a"]), r"answers\[1\] has 0 entries, but there are 1 right answers"),
        (lambda: tasks.from_answers([["a"]], [" "]), r"right\[0\] is ' ', which means no answer, but must be one"),
        (lambda: tasks.from_answers([["a"]], [None]), r"right\[0\] is None, which means no answer"),
        (lambda: tasks.from_answers([[[1]]], ["a"]), r"answers\[0\]\[0\] is \[1\], whose meaning \[1\] cannot be hashed"),
        (lambda: tasks.from_answer_classes([0, 1]), r"classes has shape \[2\], but must be \[models, samples\]"),
        (lambda: tasks.from_answer_classes([[0.5]]), "classes has type float64, but must be of integers"),
        (lambda: tasks.from_answer_classes([[0, -2]]), r"classes\[0\]\[1\] is -2, but must be at least -1 \(no answer\)"),
        (lambda: tasks.from_answer_classes([[0, 1]], [0]), r"right has shape \[1\], but must be one number or \[2\]"),
        (lambda: tasks.from_answer_classes([[0, 1]], -1), "right is -1, but must be at least 0: samples without a right"),
        (lambda: tasks.from_answer_classes([[0]], confidence=[0.5]), r"confidence has shape \[1\], but must be \[1, 1\]"),
        (lambda: tasks.from_answer_classes([[0]], confidence=[[2.0]]), "2"),
        (lambda: tasks.from_correct([True]), r"correct has shape \[1\], but must be \[models, samples\]"),
        (lambda: tasks.from_correct([[2]]), "correct has type int64, but must be of bool, or of 0 and 1"),
        (lambda: tasks.token_cost([1], [1], [1], [1]), r"output_tokens has shape \[1\], but must be \[models, samples\]"),
        (lambda: tasks.token_cost([1], [1], [1, 2], [[1]]), r"prompt_tokens has shape \[2\], but must be \[1\] or \[1, 1\]"),
        (lambda: tasks.token_cost([1, 1], [1], [1], [[1]]), r"price_in has shape \[2\], but must be \[1\], one for each"),
        (lambda: tasks.token_cost([1], [-1], [1], [[1]]), r"price_out\[0\] is -1\.0, but must be finite and at least 0"),
        (lambda: tasks.token_cost([1], [1], [np.nan], [[1]]), r"prompt_tokens\[0\] is nan, but must be finite"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(call: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()


# Parameters in thousands of millions: what a token costs is about proportional to them.
SIZES = {
    "Qwen2-7B-Instruct": 7, "Meta-Llama-3.1-8B-Instruct": 8, "gemma-2-9b-it": 9, "Mistral-Nemo-Instruct-2407": 12,
    "gemma-2-27b-it@together": 27, "Meta-Llama-3-70B-Instruct": 70, "Qwen2-72B-Instruct": 72, "Mistral-Large-2": 123,
    "Llama-3.1-405B-Instruct-Turbo": 405,
}  # fmt: skip


@needs("llm_answers")
def test_language_models_that_agree_answer_and_the_others_ask_a_larger_one() -> None:
    with np.load(DATA / "llm_answers" / "gsm.npz") as data:
        names = [str(name) for name in data["models"]]
        rows = [names.index(name) for name in SIZES]
        classes, correct = data["answer_class"][rows], data["correct"][rows]
        size = np.array(list(SIZES.values()), float)
        cost = tasks.token_cost(size / 4, size, data["question_chars"], data["output_chars"][rows])
    predictions = tasks.from_answer_classes(classes, names=list(SIZES))
    find, test = np.split(np.random.default_rng(0).permutation(classes.shape[1]), [660])
    alone = [qr.evaluate(qr.Ensemble([m], [1.0]), predictions, cost, draws=0).accuracy for m in range(len(SIZES))]
    assert alone == pytest.approx(correct.mean(1).tolist())

    front = qr.find_cascades(predictions.take(find), cost[:, find], signal="vote_agreement", max_depth=2, tier_sizes=(1, 2))
    cascade = min(front, key=lambda point: (point.loss, point.cost))
    assert len(cascade.tiers) == 2 and len(cascade.tiers[0].members) == 2
    report = qr.evaluate(cascade, predictions.take(test), cost[:, test])
    assert [row.name for row in report.comparison] == [*SIZES, "mean of all"]
    for row, model in zip(report.comparison, range(len(SIZES)), strict=False):
        assert row.loss == pytest.approx(1 - correct[model, test].mean())
        assert row.mean_cost == pytest.approx(cost[model, test].mean())
        assert row.loss_difference.low <= row.loss_difference.value <= row.loss_difference.high
    assert report.mean_cost_low < report.mean_cost < report.mean_cost_high < report.worst_cost
    largest = report.comparison[-2]
    assert not largest.worse or largest.cheaper  # never worse without being cheaper than the largest model alone
    assert report.comparison[0].better


@needs("llm_two_tier")
def test_a_table_of_two_models_says_what_an_entry_would_save() -> None:
    with np.load(DATA / "llm_two_tier" / "gsm8k.npz") as data:
        correct = data["correct"]
    predictions, cost = tasks.from_correct(correct), [1.0, 50.0]
    # Without a confidence nothing routes: a single model agrees with itself.
    assert all(len(point.tiers) == 1 for point in qr.find_cascades(predictions, cost))
    # Had a router known where the small model is wrong:
    cascade = qr.Cascade([qr.Tier([0], threshold=0.5), qr.Tier([1])])
    entry = np.where(correct[0], 0, 1)
    report = qr.evaluate(cascade, predictions, cost, entry=entry)
    assert report.accuracy == pytest.approx((correct[0] | correct[1]).mean())
    assert report.mean_cost == pytest.approx(1.0 * (entry == 0).mean() + 50.0 * (entry == 1).mean())
