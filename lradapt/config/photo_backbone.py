"""Which pre-trained network photographs get, and what the params state about a network."""

from lradapt.config.import_rules import RESNET18, Backbone
from lradapt.networks.architectures import ARCHITECTURES


def photo_backbone() -> tuple[Backbone, str]:
    """Return the network for photographs whose weights can be had here, and the reason."""
    return RESNET18, "its ImageNet weights are used where they can be downloaded"


def backbone_of(architecture: str) -> Backbone | None:
    """Return what is known of an architecture; None if nothing is."""
    if architecture not in ARCHITECTURES:
        return None
    return Backbone(architecture, RESNET18.mean, RESNET18.deviation, RESNET18.least_size)
