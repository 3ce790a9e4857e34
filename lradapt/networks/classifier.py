"""The networks of torchvision and timm, as a body and a head.

A "body" is a network without its last linear layer; its weights are a state dict without the head's
entries. Letters in tensor names: N images, D features, K classes, S side in pixels.
"""

from collections.abc import Mapping
from functools import cache
from typing import cast

import torch
from torch import Tensor, nn

from lradapt.errors import LradaptError, WeightsError, listed
from lradapt.networks.architectures import Architecture
from lradapt.networks.depth_features import DepthHead, DepthOutput, pooled_widths, tap
from lradapt.networks.known import backbone_facts

Weights = dict[str, Tensor]


def build(architecture: Architecture, num_classes: int) -> nn.Module:
    """Build a network with random weights; call it within `engine.seeded`.

    Raises:
        LradaptError: there is no such network, or its head is not a linear layer.
    """
    model = _plain(architecture, num_classes)
    if architecture.taps:
        head = DepthHead(num_features(architecture), num_classes, len(architecture.taps))
        model.set_submodule(architecture.head, head)
        tap(model, architecture.taps, head, deviations=architecture.deviations)
    return model


def build_body(architecture: Architecture, weights: Weights) -> nn.Module:
    """Build the network without its head, frozen and in eval mode: `[N, 3, S, S]` -> `[N, D]`.

    Frozen means no gradient, and no update of BatchNorm's statistics.

    Raises:
        WeightsError: the weights are not this architecture's.
    """
    model = _plain(architecture, num_classes=1)
    end = DepthOutput(len(architecture.taps)) if architecture.taps else nn.Identity()
    model.set_submodule(architecture.head, end)
    load_weights(model, weights, architecture)
    if isinstance(end, DepthOutput):
        tap(model, architecture.taps, end, deviations=architecture.deviations)
    return model.requires_grad_(False).eval()


def build_classifier(architecture: Architecture, body: Weights, head: Weights) -> nn.Module:
    """Build the whole network from a body and a head (`weight` `[K, D]`, `bias` `[K]`).

    Raises:
        WeightsError: the weights are not this architecture's.
    """
    model = build(architecture, num_classes=len(head["bias"]))
    name = architecture.head
    load_weights(model, {**body, **{f"{name}.{k}": v for k, v in head.items()}}, architecture)
    return model


def load_classifier(architecture: Architecture, weights: Weights, num_classes: int) -> nn.Module:
    """Build the whole network from a whole state dict, in eval mode.

    Raises:
        WeightsError: the weights are not this architecture's, or for other classes.
    """
    model = build(architecture, num_classes)
    load_weights(model, weights, architecture)
    return model.eval()


@cache
def num_features(architecture: Architecture) -> int:
    """Return D, the width of the activations before the head: of all depths that it reads."""
    with torch.device("meta"):
        model = _plain(architecture, num_classes=1)
    last = int(cast(nn.Linear, model.get_submodule(architecture.head)).in_features)
    if not architecture.taps:
        return last
    size = backbone_facts(architecture.name).input_size
    channels = sum(pooled_widths(model, architecture.taps, size))
    return channels * (2 if architecture.deviations else 1) + last


def body_weights(architecture: Architecture, weights: Mapping[str, Tensor]) -> Weights:
    """Return a state dict without the head's entries, in fp32."""
    return in_fp32(without_head(architecture, weights))


def without_head(architecture: Architecture, weights: Mapping[str, Tensor]) -> Weights:
    """Return a state dict without the head's entries."""
    prefix = architecture.head + "."
    return {name: value for name, value in weights.items() if not name.startswith(prefix)}


def in_fp32(weights: Mapping[str, Tensor]) -> Weights:
    """Return a state dict whose floating-point entries are in fp32; others are counters."""
    return {
        name: value.float() if value.is_floating_point() else value
        for name, value in weights.items()
    }


def load_weights(
    model: nn.Module, weights: Mapping[str, Tensor], architecture: Architecture
) -> None:
    """Load a complete state dict.

    Raises:
        WeightsError: a tensor is missing, unknown or of another shape; all are named at once.
    """
    expected = model.state_dict()
    faults = [f"{name}: missing" for name in expected if name not in weights]
    faults += [f"{name}: unknown" for name in weights if name not in expected]
    faults += [
        f"{name}: shape {tuple(weights[name].shape)}, expected {tuple(value.shape)}"
        for name, value in expected.items()
        if name in weights and weights[name].shape != value.shape
    ]
    if faults:
        raise WeightsError(
            f"the weights are not those of {architecture.name} (model.architecture); import them "
            f"with `lradapt import weights`. {len(faults)} fault(s):\n" + listed(faults, limit=6)
        )
    model.load_state_dict(dict(weights))


def _plain(architecture: Architecture, num_classes: int) -> nn.Module:
    """Build the network as its library does: the head reads the body's own output alone."""
    try:
        model = _of_library(architecture, num_classes)
        head = model.get_submodule(architecture.head)
    except (ValueError, AttributeError) as error:
        raise LradaptError(f"model.architecture {architecture.name}: {error}") from error
    if not isinstance(head, nn.Linear):
        raise LradaptError(
            f"model.layers.head: {architecture.head} of {architecture.name} is a "
            f"{type(head).__name__}, expected the last layer, a Linear"
        )
    return model


def _of_library(architecture: Architecture, num_classes: int) -> nn.Module:
    if architecture.timm_name:
        from lradapt.networks.timm_networks import build_timm

        return build_timm(architecture.timm_name, num_classes)
    from torchvision.models import get_model

    return cast(nn.Module, get_model(architecture.name, weights=None, num_classes=num_classes))
