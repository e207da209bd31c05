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
    """[models]: each model's reach on `held_out`, 0 for those that the committee does not ask.

    A member that no sample reached there gets one sample's share: it has to be placed, as the stream may hold such a sample.
    """
    import numpy as np

    import quorate as qr

    reach = np.asarray(qr.evaluate(committee, held_out, cost).reach)
    members = {held_out.names[member]: float(reach[member]) for tier in tiers_of(committee) for member in tier}
    return np.array([max(members[name], 1.0 / held_out.samples) if name in members else 0.0 for name in models])
