"""Train mode, eval mode and frozen layers of a network."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lradapt.networks.architectures import LayerGroup


@contextmanager
def kept_modes(model: nn.Module) -> Iterator[None]:
    """Restore each layer's own mode after a block."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Run a block in eval mode; restore each layer's own mode after it."""
    with kept_modes(model):
        model.eval()
        yield


def train_mode(model: nn.Module, *, batchnorm_frozen: bool) -> None:
    """Put every layer into train mode; BatchNorm only if it is not frozen.

    Frozen, it normalises by the statistics of the pre-training, as it does in production. Its
    scales and shifts are trained all the same, unless `freeze` freezes its layer.
    """
    model.train()
    if batchnorm_frozen:
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()


def freeze(model: nn.Module, rates: Sequence[float], layers: Sequence[LayerGroup]) -> None:
    """Freeze the layers that have a rate of zero: neither weights nor BatchNorm's averages change.

    A step then computes no gradients before the first layer that is trained.
    """
    for name, module in model.named_modules():
        for own, parameter in module.named_parameters(recurse=False):
            if _rate_of(f"{name}.{own}".removeprefix("."), rates, layers) == 0:
                parameter.requires_grad_(False)
                if isinstance(module, _BatchNorm):
                    module.eval()


def is_frozen(module: nn.Module) -> bool:
    """Return whether the module has parameters of its own, and none of them is trained."""
    own = list(module.parameters(recurse=False))
    return bool(own) and not any(parameter.requires_grad for parameter in own)


def _rate_of(name: str, rates: Sequence[float], layers: Sequence[LayerGroup]) -> float | None:
    """Return the rate of the first of `layers` that a parameter belongs to."""
    found = zip(layers, rates, strict=True)
    return next((rate for layer, rate in found if re.search(layer.pattern, name)), None)
