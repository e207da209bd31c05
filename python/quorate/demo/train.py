"""The training function that the search calls: from a rung's checkpoint to the next rung."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from .cost import measured
from .data import digits
from .networks import Answering, network
from .training import log_loss, optimizer_of, probabilities, train_unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from quorate import TrialJob


def train(job: TrialJob) -> None:
    """Trains a job's network from its checkpoint to `to_resource` units, reporting the log loss on "valid" after each, and
    adds it to the library as it is then: predictions on "valid" and "calib", measured cost, and its file."""
    torch.set_num_threads(1)
    splits = digits()
    torch.manual_seed(job.seed)
    net = network(job.config)
    optimizer = optimizer_of(net, job.config)
    if job.checkpoint is not None:
        state = torch.load(job.checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
    answering = Answering(net)

    def judged() -> NDArray[np.float32]:
        return probabilities(answering.eval(), splits["valid"].images)

    # An attempt that died between its checkpoint and its end comes back with nothing left to train, but all of it to say.
    for unit in range(job.checkpoint_resource + 1, job.to_resource + 1):
        train_unit(net, optimizer, job.config, splits["train"], job.seed, unit)
        if unit < job.to_resource:
            job.report(unit, log_loss(judged(), splits["valid"].labels))
    valid = judged()
    job.report(job.to_resource, log_loss(valid, splits["valid"].labels))

    buffer = io.BytesIO()
    torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, buffer)
    job.save_checkpoint(buffer.getvalue())

    predictions = {"valid": valid, "calib": probabilities(answering, splits["calib"].images)}
    sample = torch.from_numpy(splits["valid"].images[:1])
    with tempfile.TemporaryDirectory() as folder:
        exported = torch.jit.trace(answering, sample.expand(2, -1, -1, -1).contiguous())
        file = Path(folder) / "model.pt"
        exported.save(str(file))
        job.add_model(predictions=predictions, cost=measured(answering, sample, exported), model=file)
