"""Cheaper versions of a network, as modules that torch.export can follow: of half the bits, a quarter, or fewer pixels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .compiling import exported


class InBf16(nn.Module):  # type: ignore[misc]  # torch's classes are Any where torch is not followed
    """Convolutions and products in bf16, what needs its bits in float32, as autocast decides."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.net(x).float()


class AtHalfResolution(nn.Module):  # type: ignore[misc]
    """Each 2 x 2 pixels of [batch, channels, height, width] as their mean."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(nn.functional.avg_pool2d(x, 2))


def at_half_resolution(net: nn.Module, example: Tensor) -> nn.Module:
    """Raises ValueError for samples that are no images of at least 2 x 2 pixels, and a network that takes one size only."""
    if example.ndim != 4 or min(example.shape[2:]) < 2:
        raise ValueError(
            f"example has shape {list(example.shape)}, but must be [samples, channels, height >= 2, width >= 2]"
        )
    half = AtHalfResolution(net)
    try:
        half(example[:2])
    except RuntimeError as error:
        raise ValueError(f"the model takes no images of half the size: {str(error).splitlines()[0]}") from error
    return half


def in_int8(net: nn.Module, example: Tensor, max_batch: int) -> nn.Module:
    """Weights and activations of convolutions and linear layers in int8, by PT2E quantisation for x86. The ranges of the
    activations are those that `example` shows. Raises ValueError where there is nothing to quantise."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    program = exported(net, torch.cat([example[:1]] * min(2, max_batch)), max_batch)
    graph = program.module()
    _say_where_from(graph)
    _make_parameters(graph)
    quantizer = x86.X86InductorQuantizer()
    quantizer.set_global(x86.get_default_x86_inductor_quantization_config())
    watched = prepare_pt2e(graph, quantizer)
    for rows in example.split(max_batch):
        watched(rows)
    quantised = convert_pt2e(watched)
    if not any("quantize_per" in str(node.target) for node in quantised.graph.nodes):
        raise ValueError("the model has no convolution and no linear layer, so nothing in it can be int8")
    return quantised


def _say_where_from(graph: torch.fx.GraphModule) -> None:
    """The quantiser finds layers by the Python function that each operation came from, which only a strict export notes."""
    aten, functional = torch.ops.aten, nn.functional
    sources: dict[Any, Any] = {
        aten.conv2d.default: functional.conv2d,
        aten.linear.default: functional.linear,
        aten.relu.default: functional.relu,
        aten.relu_.default: functional.relu_,
        aten.add.Tensor: torch.add,
        aten.add_.Tensor: torch.add,
        aten.max_pool2d.default: functional.max_pool2d,
        aten.hardtanh.default: functional.hardtanh,
        aten.hardtanh_.default: functional.hardtanh_,
        aten.silu.default: functional.silu,
        aten.hardswish.default: functional.hardswish,
    }
    for node in graph.graph.nodes:
        if node.target in sources:
            node.meta["source_fn_stack"] = [(node.name, sources[node.target])]


def _make_parameters(graph: torch.fx.GraphModule) -> None:
    """Of all numbers, as the quantiser expects of weights; what was TorchScript holds them as buffers."""
    for part in graph.modules():
        for name, buffer in list(part.named_buffers(recurse=False)):
            if buffer.is_floating_point():
                delattr(part, name)
                part.register_parameter(name, nn.Parameter(buffer, requires_grad=False))
