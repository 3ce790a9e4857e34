"""The network in the form that the peers need: in two parts, in bf16, its body frozen by hand."""

from collections.abc import Mapping
from typing import Self, TypeVar

import torch
from torch import Tensor, nn

from benchmarks.peers.inputs import Given

Model = TypeVar("Model", bound=nn.Module)


class TwoParts(nn.Module):
    """A body and a head.

    If `frozen`, the body has no gradient and its BatchNorm always stays in eval mode: a user must
    do this by hand for a peer that does not.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module, *, frozen: bool = False) -> None:
        super().__init__()
        self.backbone, self.head, self.frozen = backbone, head, frozen
        if frozen:
            backbone.requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Set train mode, but not for a frozen body."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits `[N, K]` of images `[N, 3, S, S]`."""
        logits: Tensor = self.head(self.backbone(images))
        return logits


def two_parts(given: Given, *, frozen: bool = False, channels_last: bool = False) -> TwoParts:
    """Build the network with the given weights."""
    model = given.model()
    head = model.get_submodule(given.architecture.head)
    model.set_submodule(given.architecture.head, nn.Identity())
    parts = TwoParts(model, head, frozen=frozen)
    return laid_out(parts, channels_last=channels_last)


def laid_out(model: Model, *, channels_last: bool) -> Model:
    """Return the model, its layers in channels last if asked for."""
    if channels_last:
        model.to(memory_format=torch.channels_last)
    return model


def in_precision(model: Model, precision: str) -> Model:
    """Return the model with each forward pass in a precision, for a loop without one on a CPU.

    The logits are fp32. The context ends with each pass, because its cache of weights must not
    outlive a step.
    """
    if precision == "fp32":
        return model
    cast = torch.autocast("cpu", dtype=torch.bfloat16)(model.forward)

    def forward(images: Tensor) -> Tensor:
        logits: Tensor = cast(images)
        return logits.float()

    model.forward = forward
    return model


def load_in_order(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load weights into a network that names them otherwise, but has them in the same order.

    Raises:
        ValueError: it has fewer or more of them.
        RuntimeError: one has another shape.
    """
    names = module.state_dict()
    module.load_state_dict(dict(zip(names, weights.values(), strict=True)))
