"""Train and eval mode of a network's layers."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Run a block in eval mode; restore each layer's own mode after it."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def train_mode(model: nn.Module, *, batchnorm_frozen: bool) -> None:
    """Put every layer into train mode; BatchNorm only if it is not frozen.

    Frozen, it normalises by the statistics of the pre-training, as it does in production. Its
    scales and shifts are trained in any case.
    """
    model.train()
    if batchnorm_frozen:
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
