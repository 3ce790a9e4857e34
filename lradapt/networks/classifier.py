"""The networks of torchvision, as a body and a head.

A "body" is a network without its last linear layer; its weights are a state dict without the head's
entries. Letters in tensor names: N images, D features, K classes, S side in pixels.
"""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from lradapt.errors import LradaptError, WeightsError, listed
from lradapt.networks.architectures import Architecture

Weights = dict[str, Tensor]


def build(architecture: Architecture, num_classes: int) -> nn.Module:
    """Build a torchvision network with random weights; call it within `engine.seeded`.

    Raises:
        LradaptError: torchvision has no such network, or its head is not a linear layer.
    """
    from torchvision.models import get_model

    try:
        model = cast(nn.Module, get_model(architecture.name, weights=None, num_classes=num_classes))
        head = model.get_submodule(architecture.head)
    except (ValueError, AttributeError) as error:
        raise LradaptError(f"model.architecture {architecture.name}: {error}") from error
    if not isinstance(head, nn.Linear):
        raise LradaptError(
            f"model.layers.head: {architecture.head} of {architecture.name} is a "
            f"{type(head).__name__}, expected the last layer, a Linear"
        )
    return model


def build_body(architecture: Architecture, weights: Weights) -> nn.Module:
    """Build the network without its head, frozen and in eval mode: `[N, 3, S, S]` -> `[N, D]`.

    Frozen means no gradient, and no update of BatchNorm's statistics.

    Raises:
        WeightsError: the weights are not this architecture's.
    """
    model = build(architecture, num_classes=1)
    model.set_submodule(architecture.head, nn.Identity())
    load_weights(model, weights, architecture)
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


def num_features(architecture: Architecture) -> int:
    """Return D, the width of the activations before the head."""
    with torch.device("meta"):
        model = build(architecture, num_classes=1)
    return int(cast(nn.Linear, model.get_submodule(architecture.head)).in_features)


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
