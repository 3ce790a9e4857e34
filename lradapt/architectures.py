"""What lradapt knows of torchvision's networks: the head's name, and the layers by depth.

Pure data: nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerGroup:
    r"""Layers that share a learning rate.

    Attributes:
        name: for people, in plots and messages.
        pattern: regular expression searched for in a parameter's qualified name, e.g. `^layer4\.`.
    """

    name: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Architecture:
    """What lradapt knows of a torchvision network beyond torchvision itself.

    Attributes:
        head: name of the last linear layer.
        groups: layers by depth, from the input to the head: where fast.ai cut its networks in 2017,
            whose course the paper's rates are from.
    """

    head: str
    groups: tuple[LayerGroup, LayerGroup, LayerGroup]


_RESNET = Architecture(
    "fc",
    (
        LayerGroup(name="early", pattern=r"^(conv1|bn1|layer1|layer2)\."),
        LayerGroup(name="late", pattern=r"^(layer3|layer4)\."),
        LayerGroup(name="head", pattern=r"^fc\."),
    ),
)
_DENSENET = Architecture(
    "classifier",
    (
        LayerGroup(name="early", pattern=r"^features\.(conv0|norm0|(denseblock|transition)[12])\."),
        LayerGroup(name="late", pattern=r"^features\.(denseblock[34]|transition3|norm5)\."),
        LayerGroup(name="head", pattern=r"^classifier\."),
    ),
)
ARCHITECTURES: Mapping[str, Architecture] = {
    "resnet18": _RESNET,
    "resnet34": _RESNET,
    "resnet50": _RESNET,
    "resnet101": _RESNET,
    "resnet152": _RESNET,
    "densenet161": _DENSENET,
}


def layer_groups(architecture: str) -> tuple[LayerGroup, LayerGroup, LayerGroup]:
    """Early body, late body and head of a network."""
    return ARCHITECTURES[architecture].groups
