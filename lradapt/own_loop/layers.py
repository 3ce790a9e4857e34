"""Parameter groups with a rate for each depth of somebody's own network."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from lradapt.errors import LayersError
from lradapt.networks.architectures import ARCHITECTURES, LayerGroup
from lradapt.training.param_groups import build_param_groups


def layer_groups(
    model: nn.Module, rates: Sequence[float] | Mapping[str, float]
) -> list[dict[str, Any]]:
    r"""The trainable parameters of `model` in groups with a rate each, as optimisers take them.

    Args:
        model: the network.
        rates: from the input to the head. Of a ResNet or DenseNet with torchvision's names three:
            of the early body, the late body and the head. Of any other network a mapping from a
            pattern, searched for in a parameter's name, to the rate, such as `{r"^stem\.": 1e-4,
            "": 1e-2}`; the first pattern that matches wins.

    Raises:
        LayersError: a pattern matches nothing, a trainable parameter matches no pattern, there are
            not as many rates as groups, or the network is not known and no patterns are given.
    """
    if isinstance(rates, Mapping):
        groups = [LayerGroup(name=pattern, pattern=pattern) for pattern in rates]
        return build_param_groups(model, groups, list(rates.values()))
    return build_param_groups(model, _known_groups(model), rates)


def _known_groups(model: nn.Module) -> Sequence[LayerGroup]:
    names = [name for name, _ in model.named_parameters()]
    for architecture in ARCHITECTURES.values():
        if _fit(architecture.groups, names):
            return architecture.groups
    raise LayersError(
        f"{type(model).__name__} has not the names of a ResNet or DenseNet of torchvision's; give "
        "a mapping from pattern to rate, such as {'^(stem|stage1)': 1e-4, '': 1e-2}. Its "
        f"parameters: {', '.join(names[:3])}, ..., {names[-1]}"
    )


def _fit(groups: Sequence[LayerGroup], names: Sequence[str]) -> bool:
    """Whether every name belongs to a group, and every group has one."""
    found = [
        next((group.name for group in groups if re.search(group.pattern, name)), None)
        for name in names
    ]
    return set(found) == {group.name for group in groups}
