"""Predictions from what is no array of probabilities: answers of language models, and tables of right and wrong.

A committee of language models votes: answers that mean the same are one class, a model that gave none agrees with nobody.
Only what is the same matters, so classes are numbered anew for each sample, at random by `seed`: ties between classes go to
the lower number, and a fixed one for the right answer would give the truth away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._core import Predictions

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["from_answer_classes", "from_answers", "from_correct", "normalised", "token_cost"]

NONE = -1  # the class of no answer
NONE_CONFIDENCE = 2.0**-20  # loses against every answer, but is a vote of its own


def normalised(answer: Any) -> Any:
    """Text without regard to case and white space; None for text that is empty; anything else as it is."""
    if not isinstance(answer, str):
        return answer
    return " ".join(answer.casefold().split()) or None


def from_answers(
    answers: Sequence[Sequence[Any]],
    right: Sequence[Any],
    *,
    same: Callable[[Any], Any] = normalised,
    confidence: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> Predictions:
    """Votes of language models: two models agree on a sample where their answers mean the same.

    answers: [models][samples] of text, numbers, anything that can be compared; None where a model gave none. right:
    [samples], the true answers. same: what an answer means, as a value that can be hashed; two answers are one class where
    that is equal, and None says that there is no answer. confidence: [models, samples] in [0, 1], of each answer; None: 1.
    names: [models]. seed: of the classes' numbers.

    Raises ``ValueError`` for rows that are not as long as ``right``, a right answer that ``same`` makes None of, and an
    answer whose meaning cannot be hashed.
    """
    rows = [list(row) for row in answers]
    truth = list(right)
    for model, row in enumerate(rows):
        if len(row) != len(truth):
            raise ValueError(f"answers[{model}] has {len(row)} entries, but there are {len(truth)} right answers")
    classes = np.full((len(rows), len(truth)), NONE, np.int64)
    for sample, true in enumerate(truth):
        meanings = {_meaning(same, true, f"right[{sample}]"): 0}
        if None in meanings:
            raise ValueError(f"right[{sample}] is {true!r}, which means no answer, but must be one")
        for model, row in enumerate(rows):
            meaning = _meaning(same, row[sample], f"answers[{model}][{sample}]")
            if meaning is not None:
                classes[model, sample] = meanings.setdefault(meaning, len(meanings))
    return from_answer_classes(classes, confidence=confidence, names=names, seed=seed)


def _meaning(same: Callable[[Any], Any], answer: Any, where: str) -> Any:
    if answer is None:
        return None
    meaning = same(answer)
    try:
        hash(meaning)
    except TypeError as error:
        raise ValueError(f"{where} is {answer!r}, whose meaning {meaning!r} cannot be hashed: give `same`") from error
    return None if meaning != meaning else meaning  # NaN is no answer


def from_answer_classes(
    classes: ArrayLike,
    right: ArrayLike | int = 0,
    *,
    confidence: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> Predictions:
    """The same of answers that were compared already.

    classes: [models, samples] of integers: equal numbers are equal answers to that sample, -1 is none. right: the number of
    the right answer, one for all samples or [samples]; nobody need have given it. confidence, names, seed: as for
    ``from_answers``. A model that gave no answer votes for nothing that any other votes for, with almost no weight.

    Raises ``ValueError`` for arrays of other shapes or types, a class below -1, and a right answer below 0.
    """
    given = _whole_numbers(classes, "classes", 2)
    models, samples = given.shape
    _at_least(given, NONE, "classes", "-1 (no answer)")
    truth = _whole_numbers(right, "right", None)
    if truth.shape not in ((), (samples,)):
        raise ValueError(f"right has shape {list(truth.shape)}, but must be one number or [{samples}], one for each sample")
    _at_least(truth, 0, "right", "0: samples without a right answer cannot be scored")

    # Each sample's classes from 0 up, in the order of their numbers, the right one among them, given or not.
    with_truth = np.vstack([given, np.broadcast_to(truth, (1, samples))])
    order = np.argsort(with_truth, axis=0, kind="stable")
    sorted_classes = np.take_along_axis(with_truth, order, 0)
    steps = (np.diff(sorted_classes, axis=0) > 0) & (sorted_classes[:-1] >= 0)
    rank = np.zeros_like(with_truth)
    np.put_along_axis(rank, order, np.vstack([np.zeros((1, samples), np.int64), np.cumsum(steps, axis=0)]), 0)
    # Their numbers: a random order of each sample's own.
    most = int(rank.max()) + 1 if rank.size else 1
    draws = np.random.default_rng(seed).random((most, samples))
    draws[np.arange(most)[:, None] > rank.max(axis=0)] = 2.0  # classes that the sample lacks come after its own
    number = np.argsort(np.argsort(draws, axis=0), axis=0)
    votes = np.take_along_axis(number, rank, 0)
    # Models without an answer: a class each, after all others.
    none = given == NONE
    own = most + np.cumsum(none, axis=0) - 1
    said = np.where(none, own, votes[:models])
    sure = np.ones((models, samples), np.float32) if confidence is None else _confidence(confidence, (models, samples))
    sure = np.where(none, np.float32(NONE_CONFIDENCE), sure)
    plain = confidence is None and not none.any()
    return Predictions.from_votes(said, votes[models], None if plain else sure, names)


def from_correct(correct: ArrayLike, *, names: Sequence[str] | None = None, seed: int = 0) -> Predictions:
    """Predictions from a table that says who was right, and nothing of what was said.

    correct: [models, samples] of bool. Models that are right agree; one that is wrong agrees with nobody, which is how it is
    where wrong answers are of many kinds. Where wrong models would often say the same (few choices), agreement is worth less
    than it looks here. names, seed: as for ``from_answers``.

    Raises ``ValueError`` for another shape or type.
    """
    table = np.asarray(correct)
    if table.ndim != 2:
        raise ValueError(f"correct has shape {list(table.shape)}, but must be [models, samples]")
    if table.dtype != bool and not (table.dtype.kind in "iu" and bool(((table == 0) | (table == 1)).all())):
        raise ValueError(f"correct has type {table.dtype}, but must be of bool, or of 0 and 1")
    wrong = np.arange(1, len(table) + 1)[:, None]
    return from_answer_classes(np.where(table.astype(bool), 0, wrong), names=names, seed=seed)


def token_cost(
    price_in: ArrayLike, price_out: ArrayLike, prompt_tokens: ArrayLike, output_tokens: ArrayLike
) -> NDArray[np.float64]:
    """[models, samples]: what each model's answer to each sample costs, as ``evaluate`` and ``find_cascades`` take it.

    price_in, price_out: [models], of one token that a model reads and of one that it writes (a price per million tokens
    gives the cost of a million such samples). prompt_tokens: [samples], or [models, samples] where models count differently.
    output_tokens: [models, samples].

    Raises ``ValueError`` for shapes that do not fit and for anything negative or not finite.
    """
    written = _amounts(output_tokens, "output_tokens")
    if written.ndim != 2:
        raise ValueError(f"output_tokens has shape {list(written.shape)}, but must be [models, samples]")
    models, samples = written.shape
    read = _amounts(prompt_tokens, "prompt_tokens")
    if read.shape not in ((samples,), (models, samples)):
        raise ValueError(
            f"prompt_tokens has shape {list(read.shape)}, but must be [{samples}] or [{models}, {samples}], as output_tokens"
        )
    prices = {"price_in": _amounts(price_in, "price_in"), "price_out": _amounts(price_out, "price_out")}
    for name, price in prices.items():
        if price.shape != (models,):
            raise ValueError(f"{name} has shape {list(price.shape)}, but must be [{models}], one for each model")
    return np.ascontiguousarray(prices["price_in"][:, None] * read + prices["price_out"][:, None] * written)


def _whole_numbers(values: ArrayLike, name: str, ndim: int | None) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} has type {array.dtype}, but must be of integers")
    if ndim is not None and array.ndim != ndim:
        raise ValueError(f"{name} has shape {list(array.shape)}, but must be [models, samples]")
    return array.astype(np.int64)


def _at_least(values: NDArray[np.int64], least: int, name: str, must_be: str) -> None:
    if values.size and int(values.min()) < least:
        where = np.unravel_index(int(values.argmin()), values.shape)
        place = "".join(f"[{index}]" for index in where)
        raise ValueError(f"{name}{place} is {values.min()}, but must be at least {must_be}")


def _confidence(values: ArrayLike, shape: tuple[int, int]) -> NDArray[np.float32]:
    array = np.asarray(values, np.float32)
    if array.shape != shape:
        raise ValueError(f"confidence has shape {list(array.shape)}, but must be {list(shape)}, as the answers")
    return array


def _amounts(values: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    bad = ~(np.isfinite(array) & (array >= 0))
    if bad.any():
        where = np.unravel_index(int(bad.argmax()), array.shape)
        place = "".join(f"[{index}]" for index in where)
        raise ValueError(f"{name}{place} is {array[where]}, but must be finite and at least 0")
    return array
