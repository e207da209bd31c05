"""Others' searches for a cascade, each on the same table: which model is right on which sample, and how sure it is.

scikit-fallback comes from PyPI. FrugalGPT's and cascade-routing's searches are taken from their published sources, where a
folder of them is given: only the files that search are loaded, as the packages import clients of paid services. Each search
gives a cascade of single models, so that quorate.evaluate scores all sides alike.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import itertools
import sys
import types
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from route_pools import Pool

import quorate as qr

GRID = np.linspace(0.05, 0.95, 10)  # scikit-fallback's number of thresholds, where classes do not say where they begin
SEARCHES = 100  # hyperopt's, cascade-routing's default
ROUTED_MODELS, ROUTED_SAMPLES, ROUTED_SEARCHES = 4, 300, 20  # what CascadeRouter gets, for the time it takes
ROUTED_LAMBDA = 10.0  # quality for the dearest model's cost, above which it never asks again


@dataclass(frozen=True)
class Table:
    """What a search reads."""

    scores: NDArray[np.float64]  # [models, samples] in [0, 1]: how sure a model is
    right: NDArray[np.bool_]  # [models, samples]
    cost: NDArray[np.float64]  # [models], mean
    each: NDArray[np.float64]  # [models, samples]: of each sample
    signal: str  # what quorate calls those scores

    def cascade(self, models: list[int], thresholds: list[float]) -> qr.Cascade:
        tiers = [
            qr.Tier([m], signal=self.signal, threshold=float(t)) for m, t in zip(models, [*thresholds, 0.0], strict=True)
        ]
        return qr.Cascade(tiers)


def table_of(pool: Pool, cost: str, signal: str, certainty: NDArray[np.float32] | None = None) -> Table:
    """`certainty` [models, samples]: of signal "given"."""
    predictions = pool.predictions
    scores, right = [], []
    for m in range(predictions.models):
        alone = qr.evaluate(qr.Cascade([qr.Tier([m])]), predictions, np.zeros(predictions.models), draws=0, compare=False)
        right.append(np.asarray(alone.answers) == predictions.labels)
        if certainty is None:
            scores.append(np.asarray(predictions.probs[m], np.float64).max(1))
    given = np.array(scores) if certainty is None else certainty.astype(np.float64)
    each = np.broadcast_to(pool.costs[cost].reshape(predictions.models, -1), given.shape)
    return Table(given, np.array(right), pool.cost(cost), each, signal)


# --- scikit-fallback

_TABLE: list[Table] = []  # what Stored reads: scikit-learn copies an estimator's parameters


def scikit_fallback(table: Table, models: list[int], targets: list[float]) -> list[qr.Cascade | None]:
    """For each accuracy the cheapest cascade of two models that reaches it in its cross-validation: every pair in order of
    cost, its own grid of 10 thresholds and 5 folds. Its costs are told as sums up to each model, as it counts only the
    model that answers. `fit` fits nothing here, as predictions are stored."""
    from skfb.ensemble import ThresholdCascadeClassifierCV
    from skfb.ensemble._threshold import CascadeParetoConfigException
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Stored(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def __init__(self, model: int = 0) -> None:
            self.model = model

        def fit(self, X: Any, y: Any) -> Any:
            self.classes_ = np.array([0, 1])
            return self

        def predict_proba(self, X: Any) -> NDArray[np.float64]:
            rows = np.asarray(X)[:, 0].astype(int)
            said = np.where(_TABLE[0].right[self.model, rows], rows % 2, 1 - rows % 2)
            probs = np.zeros((len(rows), 2))
            probs[np.arange(len(rows)), said] = np.maximum(_TABLE[0].scores[self.model, rows], 1e-12)
            return probs

    _TABLE[:] = [table]
    samples = np.arange(table.right.shape[1])
    ordered = sorted(models, key=lambda m: table.cost[m])
    best: list[tuple[float, qr.Cascade] | None] = [None] * len(targets)
    for a, b in itertools.combinations(ordered, 2):
        search = ThresholdCascadeClassifierCV(
            [Stored(a), Stored(b)], costs=np.cumsum(table.cost[[a, b]]), cv_thresholds=GRID, strategy="max_cost",
            raise_error=True,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search.fit(samples[:, None], samples % 2)  # the class of a sample is its number's last bit
        for index, target in enumerate(targets):
            try:
                search.set_params(min_score=target, max_cost=None)
            except CascadeParetoConfigException:
                continue
            reached = float(search.mean_cv_costs_[(search.all_cv_thresholds_ == search.best_thresholds_).all(1)][0])
            so_far = best[index]
            if so_far is None or reached < so_far[0]:
                best[index] = (reached, table.cascade([a, b], [search.best_thresholds_[0]]))
    return [None if found is None else found[1] for found in best]


# --- FrugalGPT


def _module(name: str, path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def frugal_gpt(table: Table, models: list[int], budget: float, source: Path, depth: int = 2) -> qr.Cascade | None:
    """The most accurate chain within a mean cost, as LLMChain.train enumerates them (all orders of `depth` models) with
    optimizer.optimize for the thresholds: a grid of 40 quantiles a tier, then Nelder-Mead. Scores are the table's, where
    FrugalGPT trains a text classifier."""
    for name in ("service", "service.utils"):
        sys.modules.setdefault(name, types.ModuleType(name))
    vars(sys.modules["service"])["utils"] = sys.modules["service.utils"]
    optimizer = _module("frugalgpt_optimizer", source / "src" / "FrugalGPT" / "optimizer.py")
    best, found = -1.0, None
    for chain in itertools.permutations(models, depth):
        rows = list(chain)
        accuracy = table.right[rows].T.astype(float)
        costs = np.cumsum(table.each[rows], axis=0).T
        with contextlib.redirect_stdout(io.StringIO()):
            reached, thresholds, _ = optimizer.optimize(accuracy, costs, 1.0 - table.scores[rows].T, budget)
        if reached > best:
            # It accepts where 1 - score < threshold.
            best = reached
            found = table.cascade(rows, [float(np.nextafter(1.0 - t, 2.0)) for t in thresholds[:-1]])
    return found


# --- cascade-routing


def _selection(source: Path, *modules: str) -> list[Any]:
    """Modules of its package, without what the package imports for itself."""
    package = types.ModuleType("selection")
    package.__path__ = [str(source / "src" / "selection")]
    sys.modules["selection"] = package
    importlib.import_module("loguru").logger.remove()
    return [importlib.import_module(f"selection.{name}") for name in modules]


def cascade_routing(table: Table, models: list[int], budget: float, source: Path) -> qr.Cascade:
    """BaselineCascader, its thresholding strategy: all models in order of cost, one threshold each, within a mean cost: one
    threshold for all by bisection, then hyperopt."""
    strategies, cascader, computers = _selection(source, "lambda_strategy", "baseline_cascader", "base_computer")
    ordered = sorted(models, key=lambda m: table.cost[m])
    samples = table.right.shape[1]
    scores, right = table.scores[ordered].T, table.right[ordered].T.astype(float)
    costs = table.each[ordered].T

    class Scores(computers.BaseComputer):  # type: ignore[misc]
        def predict(self, questions: Any, model_answers: Any = None) -> Any:
            return scores[questions], [None] * len(questions)

    class Costs(computers.BaseComputer):  # type: ignore[misc]
        def predict(self, questions: Any, model_answers: Any = None) -> Any:
            return costs[questions]

    search = cascader.BaselineCascader(
        Scores(), Costs(), ordered, budget,
        [strategies.ConstantStrategy(1), strategies.HyperoptStrategy(1, n_searches=SEARCHES)],
    )  # fmt: skip
    questions = np.arange(samples)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        search.fit(questions, np.zeros((samples, len(ordered))), right, costs)
    return table.cascade(ordered, [max(0.0, 1.0 - of) for of in search.get_lambdas()])


class Routed:
    """CascadeRouter: asks models in order of cost, may skip some and answers with the one of highest expected quality. Its
    search takes minutes for thousands of samples and for more than a few models: it gets 4 models and ROUTED_SAMPLES samples
    to tune on. It wants estimates of each model's quality from the answers so far; here they are linear in the scores of the
    models asked (least squares, on the rest of the search part), with its own covariances."""

    def __init__(self, table: Table, models: list[int], budget: float, source: Path) -> None:
        strategies, router, quality, computers = _selection(
            source, "lambda_strategy", "cascade_router", "quality_computer", "cost_computer"
        )
        expected_max = quality.compute_expected_max

        def of_one_or_more(qualities: Any, sigma: Any, **options: Any) -> Any:
            """It makes a float of an array of one number, which NumPy 2.4 refuses."""
            if sigma is not None and len(qualities) == 1:
                return float(qualities[0]), float(sigma[0, 0])
            return expected_max(qualities, sigma, **options)

        quality.compute_expected_max = of_one_or_more
        picks = np.unique(np.rint(np.linspace(0, len(models) - 1, ROUTED_MODELS)).astype(int))
        self.ordered = [sorted(models, key=lambda m: table.cost[m])[pick] for pick in picks]
        self.costs = table.cost[self.ordered]
        scores, right = table.scores[self.ordered].T, table.right[self.ordered].T.astype(float)
        self.scores = scores
        fitted = slice(ROUTED_SAMPLES, None)
        width, outer = len(self.ordered), self
        coefficients = {}
        for bits in itertools.product((False, True), repeat=width):
            inputs = np.column_stack([np.ones(len(scores)), scores[:, np.array(bits)]])
            coefficients[bits] = np.linalg.lstsq(inputs[fitted], right[fitted], rcond=None)[0]

        class Quality(quality.BaseQualityComputer):  # type: ignore[misc]
            @property
            def is_independent(self) -> bool:
                return False

            def predict(self, questions: Any, model_answers: Any) -> Any:
                asked = [tuple(answer is not None for answer in answers) for answers in model_answers]
                found = [
                    np.concatenate([[1.0], outer.scores[question][list(bits)]]) @ coefficients[bits]
                    for question, bits in zip(questions, asked, strict=True)
                ]
                return np.array(found), self.predict_covariances(questions, model_answers)

        class Costs(computers.BaseCostComputer):  # type: ignore[misc]
            def predict(self, questions: Any, model_answers: Any) -> Any:
                return np.broadcast_to(outer.costs / outer.costs.max(), (len(questions), width))

        qualities, rows = Quality(), list(range(ROUTED_SAMPLES))
        answers = [[True] * width for _ in rows]
        qualities.fit_covariances(rows, answers)
        self.router = router.CascadeRouter(
            qualities, Costs(), list(range(width)), budget / self.costs.max(),
            [strategies.ConstantStrategy(ROUTED_LAMBDA), strategies.HyperoptStrategy(ROUTED_LAMBDA, ROUTED_SEARCHES)],
        )  # fmt: skip
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            self.router.fit(rows, answers, right[rows], np.broadcast_to(self.costs / self.costs.max(), right[rows].shape))

    def run(self, table: Table) -> tuple[NDArray[np.int64], float]:
        """What it answers, as 1 where right, and at which mean cost."""
        self.scores = table.scores[self.ordered].T
        right = table.right[self.ordered]
        answers = [[None] * len(self.ordered) for _ in range(right.shape[1])]
        waiting = list(range(right.shape[1]))
        while waiting:
            asks = self.router.predict(waiting, [answers[sample] for sample in waiting])
            for sample, model in zip(waiting, asks, strict=True):
                if model is not None:
                    answers[sample][model] = True
            waiting = [sample for sample, model in zip(waiting, asks, strict=True) if model is not None]
        chosen = self.router.select_answer(range(right.shape[1]), answers)
        asked = np.array([[answer is not None for answer in of] for of in answers])
        return right[chosen, np.arange(right.shape[1])].astype(np.int64), float(
            (asked.T * table.each[self.ordered]).sum(0).mean()
        )
