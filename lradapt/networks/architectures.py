"""The parts of a network: the head's name, the layers by depth, the stages that the head reads.

Pure data: nothing here imports torch.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

TIMM = "timm/"
"""Prefix of the names of timm's networks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerGroup:
    r"""Layers that share a learning rate.

    Attributes:
        name: for people, in plots and messages.
        pattern: regular expression searched for in a parameter's qualified name, e.g. `^layer4\.`.
    """

    name: str
    pattern: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """The parts of a network.

    Attributes:
        name: in torchvision, such as "resnet18", or in timm, such as "timm/tf_efficientnet_lite0".
        head: qualified name of the last linear layer.
        early: pattern of the first layers' parameters; the networks listed here are divided as in
            the fast.ai course of 2017, the source of the paper's rates.
        late: pattern of the rest of the body.
        taps: qualified names of modules whose output, a map `[N, C, H, W]`, is averaged over H and
            W and put before the body's own output; the head reads all of it.
        deviations: whether the deviation of each tap over H and W follows its mean.
    """

    name: str
    head: str
    early: str
    late: str
    taps: tuple[str, ...] = ()
    deviations: bool = False

    @property
    def timm_name(self) -> str:
        """The name within timm; "" for a network of torchvision."""
        return self.name.removeprefix(TIMM) if self.name.startswith(TIMM) else ""

    @property
    def groups(self) -> tuple[LayerGroup, LayerGroup, LayerGroup]:
        """Early body, late body and head, from the input to the output."""
        return (
            LayerGroup(name="early", pattern=self.early),
            LayerGroup(name="late", pattern=self.late),
            LayerGroup(name="head", pattern=rf"^{re.escape(self.head)}\."),
        )


_RESNETS = (
    *("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"),
    *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"),
    *("wide_resnet50_2", "wide_resnet101_2"),
)
_DENSENETS = ("densenet121", "densenet161", "densenet169", "densenet201")


def _resnet(name: str) -> Architecture:
    early, late = r"^(conv1|bn1|layer1|layer2)\.", r"^(layer3|layer4)\."
    taps = ("layer1", "layer2", "layer3")
    return Architecture(name=name, head="fc", early=early, late=late, taps=taps)


def _densenet(name: str) -> Architecture:
    return Architecture(
        name=name,
        head="classifier",
        early=r"^features\.(conv0|norm0|(denseblock|transition)[12])\.",
        late=r"^features\.(denseblock[34]|transition3|norm5)\.",
        taps=("features.transition1", "features.transition2", "features.transition3"),
    )


WITH_STAGES: Mapping[str, Architecture] = {
    **{name: _resnet(name) for name in _RESNETS},
    **{name: _densenet(name) for name in _DENSENETS},
}
"""Networks whose head reads earlier stages too."""

ARCHITECTURES: Mapping[str, Architecture] = {
    name: replace(architecture, taps=()) for name, architecture in WITH_STAGES.items()
}
"""The same networks as torchvision has them: the head reads the last layer alone."""
