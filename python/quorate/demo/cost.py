"""What a sample costs: measured seconds, counted operations, bytes of weights."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn

LATENCY_BATCH = 32
REPEATS = 15


def flops(net: nn.Module, sample: Tensor) -> int:
    """Multiplications and additions of the linear and convolutional layers for one sample [1, ...]: twice the products."""
    total = 0

    def count(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            kernel = layer.kernel_size[0] * layer.kernel_size[1] * layer.in_channels // layer.groups
            total += 2 * output.numel() * kernel
        elif isinstance(layer, nn.Linear):
            total += 2 * output.numel() * layer.in_features

    hooks = [layer.register_forward_hook(count) for layer in net.modules()]
    with torch.inference_mode():
        net(sample)
    for hook in hooks:
        hook.remove()
    return total


def memory_bytes(net: nn.Module) -> int:
    """Of parameters and buffers."""
    tensors = [*net.parameters(), *net.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def latency_s(module: nn.Module, sample: Tensor) -> float:
    """Seconds a sample in batches of LATENCY_BATCH on this thread, the least of REPEATS batches after two to warm up:
    whatever else the machine does can only add to it."""
    batch = sample.expand(LATENCY_BATCH, *sample.shape[1:]).contiguous()
    seconds = []
    with torch.inference_mode():
        for repeat in range(2 + REPEATS):
            begin = time.perf_counter()
            module(batch)
            if repeat >= 2:
                seconds.append(time.perf_counter() - begin)
    return min(seconds) / LATENCY_BATCH


def measured(answering: nn.Module, sample: Tensor, runnable: nn.Module | None = None) -> dict[str, float]:
    """The costs of a network; `runnable` is the exported form of it that is timed (none: itself)."""
    return {
        "latency_s": latency_s(runnable or answering, sample),
        "flops": float(flops(answering, sample)),
        "memory_bytes": float(memory_bytes(answering)),
    }
