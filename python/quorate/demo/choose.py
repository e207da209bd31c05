"""Which committees are the demo's: rules written down beforehand, which see "valid", and for the certificate "calib"."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from quorate import Cascade, CascadeFront, Ensemble, EnsembleFront, Predictions

METRIC = "log_loss"
COST = "latency_s"
MAX_SIZE = 16  # picks of an ensemble, repeats counted
TOLERANCE = 0.005  # so much more than its last tier may a cascade err on "valid"
MAX_LOSS_INCREASE = 0.01  # the certificate's promise: at most so much more error than the last tier's,
DELTA = 0.1  # broken with at most this probability


def best_single(valid: Predictions, cost: NDArray[np.float64]) -> Ensemble:
    """The model of least loss."""
    import quorate as qr

    return qr.select(valid, cost=cost, metric=METRIC, max_size=1)[-1]


def best_ensemble(front: EnsembleFront) -> Ensemble:
    """The front's point of least loss, whatever it costs."""
    return front[-1]


def shortcuts(valid: Predictions, cost: NDArray[np.float64], ensemble: Ensemble) -> CascadeFront:
    """The front of cascades of two tiers that end with the ensemble: a model outside of it answers what it is sure of.

    For each such model alone `find_cascades` is asked for the exact front of it and the ensemble as one model."""
    import numpy as np

    import quorate as qr

    probs = np.asarray(valid.probs, np.float32)
    mean = np.einsum("m,msc->sc", np.asarray(ensemble.weights), probs[ensemble.members]).astype(np.float32)
    last = qr.Tier(ensemble.members, ensemble.weights)
    found = []
    for model in sorted(set(range(len(probs))) - set(ensemble.members)):
        pair = qr.Predictions(np.stack([probs[model], mean]), valid.labels)
        for point in qr.find_cascades(pair, [cost[model], ensemble.cost], max_depth=2):
            if [tier.members for tier in point.tiers] == [[0], [1]]:
                first = qr.Tier([model], threshold=point.tiers[0].threshold, cost=point.tiers[0].cost)
                found.append(qr.Cascade([first, last], loss=point.loss, cost=point.cost, worst_cost=point.worst_cost))
    return qr.CascadeFront(found)


def best_cascade(front: CascadeFront, reference_loss: float) -> Cascade:
    """The cheapest that errs at most TOLERANCE more than `reference_loss`, else the one that errs least."""
    return next((cascade for cascade in front if cascade.loss <= reference_loss + TOLERANCE), front[-1])
