"""Parameter groups with a learning rate for each depth of a network (paper, section 2.4)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from lradapt.errors import LayersError, listed
from lradapt.networks.architectures import ARCHITECTURES, LayerGroup


def layer_groups(
    model: nn.Module,
    rates: Sequence[float] | Mapping[str, float],
    *,
    layers: Sequence[LayerGroup] | None = None,
) -> list[dict[str, Any]]:
    r"""Split the trainable parameters of `model` into groups with a rate each, for any optimizer.

    Frozen parameters are left out; `lradapt.training.modes.freeze` freezes those of a rate of zero.

    Args:
        model: the network.
        rates: from the input to the head. A sequence has a rate for each of `layers`. A mapping has
            a rate for each pattern, which is searched for in a parameter's name, such as
            `{r"^stem\.": 1e-4, "": 1e-2}`; the first pattern that matches wins.
        layers: patterns with names. By default those of a ResNet or DenseNet with torchvision's
            names: early body, late body and head.

    Raises:
        LayersError: a pattern with a rate above zero matches nothing, a trainable parameter matches
            no pattern, there are not as many rates as groups, or the network is unknown and no
            patterns are given. Each of these mistakes would show only as a worse model.
    """
    if isinstance(rates, Mapping):
        layers = [LayerGroup(name=pattern, pattern=pattern) for pattern in rates]
        rates = list(rates.values())
    elif layers is None:
        layers = _known_layers(model)
    if len(layers) != len(rates):
        raise LayersError(f"{len(layers)} layer groups but {len(rates)} rates")
    unclaimed = {name: p for name, p in model.named_parameters() if p.requires_grad}
    groups = []
    for layer, rate in zip(layers, rates, strict=True):
        names = [name for name in unclaimed if re.search(layer.pattern, name)]
        if not names and rate:
            raise LayersError(
                f"layer group {layer.name}: the pattern {layer.pattern!r} matches no trainable "
                "parameter that an earlier group has not claimed; correct it (in params.yaml: "
                "model.layers)"
            )
        params = [unclaimed.pop(name) for name in names]
        groups.append({"params": params, "lr": rate, "name": layer.name})
    if unclaimed:
        raise LayersError(
            f"{len(unclaimed)} parameter(s) match no layer group; widen the patterns (in "
            "params.yaml: model.layers):\n" + listed(list(unclaimed))
        )
    return groups


def _known_layers(model: nn.Module) -> Sequence[LayerGroup]:
    names = [name for name, _ in model.named_parameters()]
    for architecture in ARCHITECTURES.values():
        if _fit(architecture.groups, names):
            return architecture.groups
    raise LayersError(
        f"{type(model).__name__} does not have the parameter names of torchvision's ResNet or "
        "DenseNet; give a mapping from pattern to rate, such as {'^(stem|stage1)': 1e-4, '': 1e-2}."
        f" Its parameters: {', '.join(names[:3])}, ..., {names[-1]}"
    )


def _fit(layers: Sequence[LayerGroup], names: Sequence[str]) -> bool:
    """Return whether every name belongs to a group, and every group has one."""
    found = [
        next((layer.name for layer in layers if re.search(layer.pattern, name)), None)
        for name in names
    ]
    return set(found) == {layer.name for layer in layers}
