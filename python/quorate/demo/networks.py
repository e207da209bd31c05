"""Small networks for 8 x 8 images, from a perceptron of 3 thousand multiplications to a convnet of 5 million."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

CLASSES = 10


def space() -> dict[str, Any]:
    """What the search draws from. `width` and `depth` set the cost, over three orders of magnitude."""
    import quorate as qr

    return {
        "kind": qr.Categorical(["mlp", "cnn"]),
        "width": qr.Int(4, 64, log=True),
        "depth": qr.Int(1, 3),
        "lr": qr.Float(3e-4, 2e-2, log=True),
        "weight_decay": qr.Float(1e-5, 1e-1, log=True),
        "dropout": qr.Float(0.0, 0.4),
        "batch_size": qr.Categorical([16, 32, 64]),
        "shift": qr.Categorical([0, 1]),
    }


def mlp(width: int, depth: int, dropout: float) -> nn.Sequential:
    """64 inputs, `depth` hidden layers of 4 x `width` units."""
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = 64
    for _ in range(depth):
        layers += [nn.Linear(inputs, 4 * width), nn.ReLU(), nn.Dropout(dropout)]
        inputs = 4 * width
    return nn.Sequential(*layers, nn.Linear(inputs, CLASSES))


def cnn(width: int, depth: int, dropout: float) -> nn.Sequential:
    """`depth` stages of two 3 x 3 convolutions; each later stage halves the image and widens to 1.5 x the channels."""
    layers: list[nn.Module] = []
    inputs, outputs = 1, width
    for stage in range(depth):
        if stage > 0:
            layers.append(nn.MaxPool2d(2))
            outputs = int(1.5 * outputs)
        for _ in range(2):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
    head = [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(dropout), nn.Linear(4 * outputs, CLASSES)]
    return nn.Sequential(*layers, *head)


def network(config: Mapping[str, Any]) -> nn.Sequential:
    """The network of a configuration: images [n, 1, 8, 8] to logits [n, 10]."""
    build = {"mlp": mlp, "cnn": cnn}[config["kind"]]
    return build(int(config["width"]), int(config["depth"]), float(config["dropout"]))


class Answering(nn.Module):  # type: ignore[misc]  # torch's classes are Any where torch is not followed
    """A network as the engine runs it: images [n, 1, 8, 8] to probabilities [n, 10]."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        return torch.softmax(self.net(images), dim=1)
