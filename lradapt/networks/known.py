"""What is known about a network by its name, whether it is torchvision's or timm's.

timm and torch are imported only where a network of timm is asked for.
"""

from lradapt.networks.architectures import ARCHITECTURES, TIMM, WITH_STAGES, Architecture
from lradapt.networks.facts import BackboneFacts
from lradapt.networks.timm_names import unknown_name

_IMAGENET_MEAN, _IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_LEAST_OF_DENSENET = 29  # pixels, as torchvision says


def unknown_architecture(name: str) -> str:
    """Return why the layers of a network are not known; "" if they are.

    timm's networks are known by their names alone: no network is built.
    """
    if name.startswith(TIMM):
        return unknown_name(name.removeprefix(TIMM))
    if name in ARCHITECTURES:
        return ""
    return (
        f"the layers of {name!r} are not known; name them in model.layers (head, early, late), or "
        f"choose one of {', '.join(ARCHITECTURES)}, or a network of timm by {TIMM}NAME"
    )


def architecture_of(name: str) -> Architecture:
    """Return the parts of the network that `model.architecture` names, with its stages as taps.

    Raises:
        ParamsError: timm has no such network, or its head is not one linear layer.
        LayersError: timm does not order its layers by depth.
    """
    if name.startswith(TIMM):
        from lradapt.networks.timm_networks import timm_architecture

        return timm_architecture(name.removeprefix(TIMM))
    return WITH_STAGES[name]


def backbone_facts(name: str) -> BackboneFacts:
    """Return the facts about the backbone that `model.architecture` names.

    Raises:
        ParamsError: timm has no such network.
    """
    if name.startswith(TIMM):
        from lradapt.networks.timm_networks import timm_facts

        return timm_facts(name.removeprefix(TIMM))
    return BackboneFacts(
        name=name,
        mean=_IMAGENET_MEAN,
        deviation=_IMAGENET_DEVIATION,
        input_size=224,
        interpolation="bilinear",
        least_size=_LEAST_OF_DENSENET if name.startswith("densenet") else 1,
    )
