"""How often evaluate_front's intervals hold the truth: intervals.py probs.npz --trials 1000.

Takes the samples of an archive (`probs` [models, samples, classes], `y` [samples]) for the whole population, draws held-out
sets from them, and counts how often the 95 % interval of the mean of the three best models holds that ensemble's loss on all
of them.
"""

from __future__ import annotations

import argparse

import numpy as np

import quorate as qr


def coverage(whole: qr.Predictions, ensemble: qr.Ensemble, metric: str, samples: int, trials: int) -> float:
    truth, front = qr.loss(ensemble, whole, metric=metric), qr.EnsembleFront([ensemble])
    rng, hits = np.random.default_rng(0), 0
    for trial in range(trials):
        part = whole.take(rng.integers(0, whole.samples, samples))
        point = qr.evaluate_front(front, part, metric=metric, draws=1000, seed=trial).points[0]
        hits += point.loss_low <= truth <= point.loss_high
    return hits / trials


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive")
    parser.add_argument("--trials", type=int, default=1000)
    arguments = parser.parse_args()
    archive = np.load(arguments.archive)
    probs, labels = archive["probs"].astype(np.float32), archive["y"].astype(int)
    probs /= probs.sum(-1, keepdims=True)
    best = np.argsort((probs.argmax(-1) != labels).mean(1))[:3]
    whole = qr.Predictions(np.ascontiguousarray(probs[best]), labels)
    ensemble = qr.Ensemble([0, 1, 2], [1 / 3] * 3)
    for metric in ("log_loss", "accuracy", "balanced_accuracy"):
        for samples in (20, 50, 100, 200, 1000):
            held = coverage(whole, ensemble, metric, samples, arguments.trials)
            print(f"{metric}: {samples} samples, {100 * held:.1f} % of {arguments.trials} intervals", flush=True)


if __name__ == "__main__":
    main()
