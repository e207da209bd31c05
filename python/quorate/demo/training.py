"""One unit of training, repeatable: what it does depends on the seed and its number, not on who ran the one before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .data import Split

EPOCHS_A_UNIT = 3
WARM_STEPS = 200  # the learning rate falls as 1 / sqrt(1 + step / WARM_STEPS): a rule that needs no end to be known


def optimizer_of(net: nn.Module, config: Mapping[str, Any]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(net.parameters(), lr=float(config["lr"]), weight_decay=float(config["weight_decay"]))


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image moved by -1, 0 or 1 pixel down and across, zeros moving in."""
    count, _, height, width = images.shape
    padded = nn.functional.pad(images, (1, 1, 1, 1))
    down = torch.randint(0, 3, (count, 1, 1), generator=generator) + torch.arange(height).view(1, -1, 1)
    across = torch.randint(0, 3, (count, 1, 1), generator=generator) + torch.arange(width).view(1, 1, -1)
    return padded[torch.arange(count).view(-1, 1, 1), 0, down, across].unsqueeze(1)


def train_unit(
    net: nn.Module, optimizer: torch.optim.Optimizer, config: Mapping[str, Any], split: Split, seed: int, unit: int
) -> None:
    """Trains for EPOCHS_A_UNIT epochs in place; `unit` counts from 1."""
    order = torch.Generator().manual_seed(seed * 1_000_003 + unit)
    torch.manual_seed(seed * 1_000_003 + unit)  # for dropout
    images, labels = torch.from_numpy(split.images), torch.from_numpy(split.labels).long()
    batch = int(config["batch_size"])
    steps_an_epoch = math.ceil(len(labels) / batch)
    step = (unit - 1) * EPOCHS_A_UNIT * steps_an_epoch
    net.train()
    for _ in range(EPOCHS_A_UNIT):
        for rows in torch.randperm(len(labels), generator=order).split(batch):
            for group in optimizer.param_groups:
                group["lr"] = float(config["lr"]) / math.sqrt(1.0 + step / WARM_STEPS)
            inputs = shifted(images[rows], order) if config["shift"] else images[rows]
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(inputs), labels[rows]).backward()
            optimizer.step()
            step += 1


def probabilities(answering: nn.Module, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """[samples, classes], each row's sum 1."""
    with torch.inference_mode():
        return answering(torch.from_numpy(images)).numpy()  # type: ignore[no-any-return]


def log_loss(probs: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """Mean of -log p(true class); a probability below 1e-7 counts as 1e-7."""
    true = probs[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(true, 1e-7)).mean())
