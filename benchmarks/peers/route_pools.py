"""Pools to route over: predictions, labels and what a sample costs on each model; and splits of their samples.

The data lie outside the repository; each folder says in its README where it came from. What they do not hold is an
assumption that stands here: prices of language models, and what the two ImageNet models cost.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import libraries
import numpy as np
from numpy.typing import NDArray

import quorate as qr
from quorate.tasks import from_answer_classes, from_correct

SHARES = (0.5, 0.2, 0.3)  # of the samples, to search, to calibrate and to test on

# USD per million tokens read and written, as their makers or a large host listed them in 2024. An assumption: the data hold
# none. Models whose price was not public or that write tokens that the data do not show (o1-mini) are left out.
LLM_PRICES = {
    "Llama-3.1-405B-Instruct-Turbo": (3.50, 3.50),
    "Meta-Llama-3-70B-Instruct": (0.88, 0.88),
    "Meta-Llama-3-8B-Instruct": (0.20, 0.20),
    "Meta-Llama-3.1-70B-Instruct": (0.88, 0.88),
    "Meta-Llama-3.1-8B-Instruct": (0.18, 0.18),
    "Mistral-Large-2": (2.00, 6.00),
    "Mistral-Nemo-Instruct-2407": (0.15, 0.15),
    "Mixtral-8x7B-Instruct-v0.1": (0.60, 0.60),
    "Qwen2-72B-Instruct": (0.90, 0.90),
    "Qwen2-7B-Instruct": (0.20, 0.20),
    "claude-3-5-haiku-20241022": (0.80, 4.00),
    "claude-3-5-sonnet-20240620": (3.00, 15.00),
    "claude-3-5-sonnet-20241022": (3.00, 15.00),
    "claude-3-haiku-20240307": (0.25, 1.25),
    "claude-3-opus-20240229": (15.00, 75.00),
    "claude-3-sonnet-20240229": (3.00, 15.00),
    "deepseek-chat": (0.14, 0.28),
    "gemini-1.5-flash": (0.075, 0.30),
    "gemini-1.5-pro": (1.25, 5.00),
    "gemma-2-27b-it@together": (0.80, 0.80),
    "gemma-2-9b-it": (0.30, 0.30),
    "gpt-3.5-turbo-0125": (0.50, 1.50),
    "gpt-4o-2024-05-13": (5.00, 15.00),
    "gpt-4o-2024-08-06": (2.50, 10.00),
    "gpt-4o-mini-2024-07-18": (0.15, 0.60),
}
LLM_SMALL = frozenset(  # up to 12 billion parameters, open weights: what could run at an edge
    {"Meta-Llama-3-8B-Instruct", "Meta-Llama-3.1-8B-Instruct", "Mistral-Nemo-Instruct-2407", "Qwen2-7B-Instruct",
     "gemma-2-9b-it"}
)  # fmt: skip
CHARACTERS_A_TOKEN = 4.0
TWO_TIER_PRICES = (0.24, 24.7)  # USD per million tokens, Mixtral and GPT-4: of the size of 2023's lists, an assumption


@dataclass(frozen=True)
class Pool:
    name: str
    predictions: qr.Predictions
    costs: dict[str, NDArray[np.float64]]  # by name: of a sample, [models] or [models, samples]

    @property
    def models(self) -> list[str]:
        return self.predictions.names

    def cost(self, name: str) -> NDArray[np.float64]:
        """[models], a mean where samples cost differently."""
        of = self.costs[name]
        return of if of.ndim == 1 else of.mean(1)

    def on(self, samples: NDArray[np.int64]) -> Pool:
        costs = {name: of if of.ndim == 1 else np.ascontiguousarray(of[:, samples]) for name, of in self.costs.items()}
        return replace(self, predictions=self.predictions.take(samples), costs=costs)

    def losses(self) -> NDArray[np.float64]:
        """[models], of each alone."""
        alone = [qr.Cascade([qr.Tier([m])]) for m in range(self.predictions.models)]
        free = np.zeros(self.predictions.models)
        return np.array([qr.evaluate(one, self.predictions, free, draws=0, compare=False).loss for one in alone])

    def split(self, seed: int, shares: tuple[float, ...] = SHARES) -> list[Pool]:
        """Disjoint parts, by a seed."""
        samples = self.predictions.samples
        order = np.random.default_rng(seed).permutation(samples)
        ends = np.rint(np.cumsum([0.0, *shares]) * samples).astype(int)
        return [self.on(np.sort(order[begin:end])) for begin, end in itertools.pairwise(ends)]

    def single_front(self, cost: str) -> list[int]:
        """Models that no other beats in both cost and accuracy, the cheapest first."""
        losses, costs = self.losses(), self.cost(cost)
        found: list[int] = []
        for m in np.lexsort((losses, costs)):
            if not found or losses[m] < losses[found[-1]]:
                found.append(int(m))
        return found


def of_library(library: libraries.Library) -> Pool:
    return Pool(library.name, library.predictions, library.costs)


def cnn_pool(data: Path) -> Pool:
    return of_library(libraries.cnn_pool(data))


def both_pools(data: Path) -> Pool:
    return of_library(libraries.both_pools(data))


def sklearn_pool(data: Path) -> Pool:
    return of_library(libraries.sklearn_pool(data))


def imagenet(data: Path) -> Pool:
    """Two models on 25,000 ImageNet images. Both are a ResNet-50 (4.1 GMACs), as far as their accuracies tell: then they
    cost the same. The other costs are made up."""
    with np.load(data / "imagenet_top1_confidence" / "preds.npz") as arrays:
        names = [str(name) for name in arrays["models"]]
        predictions = qr.Predictions.from_votes(
            arrays["pred"].astype(np.int32), arrays["y"].astype(np.int64), arrays["top1_prob"], names
        )
    tenth = np.array([0.1 if name == "SimCLR" else 1.0 for name in names])
    return Pool("imagenet_top1_confidence", predictions, {"macs": np.full(len(names), 4.1e9), "a tenth, made up": tenth})


def llm_answers(data: Path) -> Pool:
    """Votes of 25 language models on 1,319 questions of GSM8K, with what each answer costs at list prices: tokens are
    characters over four, and nothing is counted but the question and the answer."""
    with np.load(data / "llm_answers" / "gsm.npz") as arrays:
        every = [str(name) for name in arrays["models"]]
        rows = [every.index(name) for name in LLM_PRICES]
        predictions = from_answer_classes(arrays["answer_class"][rows].astype(np.int64), names=list(LLM_PRICES))
        read, written = arrays["question_chars"] / CHARACTERS_A_TOKEN, arrays["output_chars"][rows] / CHARACTERS_A_TOKEN
    prices = np.array(list(LLM_PRICES.values()))
    usd = 1e-6 * (prices[:, :1] * read + prices[:, 1:] * written)
    return Pool("llm_answers", predictions, {"usd": np.ascontiguousarray(usd)})


def by_answer_length(data: Path) -> tuple[Pool, NDArray[np.float32]]:
    """The same models, with a certainty [models, samples] for those who cannot do without: the shorter a model's answer
    among its own, the surer."""
    pool = llm_answers(data)
    with np.load(data / "llm_answers" / "gsm.npz") as arrays:
        every = [str(name) for name in arrays["models"]]
        length = arrays["output_chars"][[every.index(name) for name in pool.models]]
    sure = np.array([shorter_is_surer(of) for of in length])
    return replace(pool, predictions=pool.predictions.with_certainty(sure)), sure


def by_question_length(data: Path) -> tuple[Pool, NDArray[np.float32]]:
    """Right or wrong of a small and a large model on 1,319 questions. Nothing says how sure either was; what stands in for
    the certainty is the length of the question, the shorter the surer."""
    with np.load(data / "llm_two_tier" / "gsm8k.npz") as arrays:
        names = [str(name) for name in arrays["models"]]
        length = arrays["prompt_chars"]
        predictions = from_correct(arrays["correct"], names=names)
    sure = np.array([shorter_is_surer(length)] * len(names))
    usd = 1e-6 * np.array(TWO_TIER_PRICES)[:, None] * (length / CHARACTERS_A_TOKEN)
    return Pool("llm_two_tier", predictions.with_certainty(sure), {"usd": usd}), sure


def shorter_is_surer(length: NDArray[np.int32]) -> NDArray[np.float32]:
    """Ranks as shares, in (0, 1]; equal lengths rank by their order."""
    rank = np.argsort(np.argsort(length, kind="stable"), kind="stable")
    return (1.0 - rank / len(length)).astype(np.float32)


def splits(pool: Pool, seeds: int) -> Iterator[tuple[Pool, Pool, Pool]]:
    for seed in range(seeds):
        search, calib, test = pool.split(seed)
        yield search, calib, test
