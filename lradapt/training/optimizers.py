"""The optimizers of a training, by name."""

from typing import Any, Literal

import torch
from torch.optim import Optimizer

OptimizerName = Literal["sgd", "adamw"]

_SECOND_MOMENT = 0.99
"""Memory of AdamW's mean squared gradient, in place of 0.999: a few hundred steps are enough."""


def make_optimizer(
    name: OptimizerName, groups: list[dict[str, Any]], *, momentum: float, weight_decay: float
) -> Optimizer:
    """Return an optimizer of parameter groups with their own rates.

    Args:
        name: "sgd", with momentum; or "adamw" (Loshchilov and Hutter, arXiv:1711.05101).
        groups: see `lradapt.training.layers.layer_groups`.
        momentum: memory of the mean gradient, in [0, 1).
        weight_decay: of AdamW, decoupled from the gradient.
    """
    if name == "adamw":
        betas = (momentum, _SECOND_MOMENT)
        # Fused, a step of EfficientNet-Lite0 on a CPU takes 4 ms in place of 15 (docs/log.md).
        return torch.optim.AdamW(groups, betas=betas, weight_decay=weight_decay, fused=True)
    return torch.optim.SGD(groups, momentum=momentum, weight_decay=weight_decay)
