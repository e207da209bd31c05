"""From a committee to what `plan` wants to know: which models, and which share of the stream each of them sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._core import Cascade

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from . import Ensemble, Predictions


def tiers_of(committee: Ensemble | Cascade) -> list[list[int]]:
    """Indices of models, tier by tier; an ensemble is one tier."""
    if isinstance(committee, Cascade):
        return [list(tier.members) for tier in committee.tiers]
    return [list(committee.members)]


def demand(
    committee: Ensemble | Cascade, held_out: Predictions, cost: NDArray[np.float64], models: list[str]
) -> NDArray[np.float64]:
    """[models]: the committee's demand on `held_out` for the models named; 0 for those that it does not ask."""
    import quorate as qr

    demand = qr.evaluate(committee, held_out, cost, draws=0, compare=False).demand
    return demand[[held_out.names.index(name) for name in models]]
