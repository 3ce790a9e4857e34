"""Parameter groups for differential learning rates (paper, section 2.4).

Groups are ordered from the input to the head. Each carries its own peak rate, `max_lr`; a schedule
only says how high between zero and the peaks the run stands.
"""

import re
from collections.abc import Sequence
from typing import Any

from torch import nn
from torch.optim import Optimizer

from lradapt.errors import LayersError, listed
from lradapt.networks.architectures import LayerGroup


def build_param_groups(
    model: nn.Module, groups: Sequence[LayerGroup], max_lrs: Sequence[float]
) -> list[dict[str, Any]]:
    """Split the trainable parameters of `model` over `groups`; the first matching pattern wins.

    Frozen parameters are left out: freezing is `requires_grad`, not a rate of zero.

    Args:
        model: the network.
        groups: from the input to the head.
        max_lrs: the peak rate of each group.

    Raises:
        LayersError: a pattern matches nothing, a trainable parameter matches no pattern, or there
            are not as many rates as groups. All are slips that would show only as a worse model.
    """
    if len(groups) != len(max_lrs):
        raise LayersError(f"{len(groups)} layer groups but {len(max_lrs)} rates")
    unclaimed = {name: p for name, p in model.named_parameters() if p.requires_grad}
    param_groups = []
    for group, max_lr in zip(groups, max_lrs, strict=True):
        names = [name for name in unclaimed if re.search(group.pattern, name)]
        if not names:
            raise LayersError(
                f"layer group {group.name}: the pattern {group.pattern!r} matches no trainable "
                "parameter that an earlier group has not claimed; mend it (in params.yaml: "
                "model.layers)"
            )
        params = [unclaimed.pop(name) for name in names]
        param_groups.append({"params": params, "lr": max_lr, "max_lr": max_lr, "name": group.name})
    if unclaimed:
        raise LayersError(
            f"{len(unclaimed)} parameter(s) match no layer group; widen the patterns (in "
            "params.yaml: model.layers):\n" + listed(list(unclaimed))
        )
    return param_groups


def set_height(optimizer: Optimizer, height: float) -> tuple[float, ...]:
    """Set every group's rate to `height` (in [0, 1]) times its peak; the rates, input to head."""
    for group in optimizer.param_groups:
        group["lr"] = height * group["max_lr"]
    return tuple(group["lr"] for group in optimizer.param_groups)
