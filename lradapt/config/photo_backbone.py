"""Which pre-trained network photographs get, and what is known about a network."""

from lradapt.config.import_rules import RESNET18
from lradapt.errors import LradaptError
from lradapt.networks.facts import BackboneFacts
from lradapt.networks.known import backbone_facts

LITE0 = "timm/tf_efficientnet_lite0"


def photo_backbone() -> tuple[BackboneFacts, str]:
    """Return the network for photographs whose weights can be had here, and the reason."""
    lite0 = backbone_facts(LITE0)
    if lite0.weights_available:
        return lite0, f"its ImageNet weights are installed, in the package {lite0.package}"
    return backbone_facts(RESNET18), (
        f"ImageNet weights are used where they can be downloaded; with the extra `backbones` "
        f"installed, {LITE0} is better"
    )


def facts_of(architecture: str) -> BackboneFacts | None:
    """Return what is known of an architecture; None for one whose layers a person has named."""
    try:
        return backbone_facts(architecture)
    except LradaptError:
        return None
