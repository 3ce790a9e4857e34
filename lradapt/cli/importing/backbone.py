"""The backbone that an import brings: its weights, and what is printed about them."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from lradapt.cli.output import console
from lradapt.config.paths import Paths, read_paths

if TYPE_CHECKING:
    from lradapt.networks.backbone import Origin


@dataclass(frozen=True, slots=True)
class Body:
    """The backbone that was imported."""

    path: str
    architecture: str
    source: str
    detail: str
    licence: str
    advice: str


def import_body(choice: str) -> Body:
    """Import weights for the network in params.yaml, see `lradapt import weights`."""
    from lradapt.config.params import load_params
    from lradapt.networks.backbone import import_backbone
    from lradapt.networks.facts import normalisation_advice, require_size
    from lradapt.networks.known import backbone_facts

    path, params = read_paths().backbone, load_params()
    network, facts = params.model.network, backbone_facts(params.model.architecture)
    require_size(facts, params.data.input_size)
    origin: Origin = import_backbone(choice, network, path)
    advice = normalisation_advice(facts, params.data.mean, params.data.deviation)
    return Body(str(path), **asdict(origin), advice="" if origin.source == "none" else advice)


def advice_on_size(paths: Paths) -> list[str]:
    """Return a warning where the images are smaller than what pre-trained layers are made for."""
    from lradapt.data.images.shapes import sample_shapes
    from lradapt.errors import WeightsError
    from lradapt.networks.backbone import read_origin
    from lradapt.networks.facts import size_advice
    from lradapt.networks.known import backbone_facts

    try:
        origin = read_origin(paths.backbone)
    except WeightsError:
        return []  # the stages report it
    sides = [min(shape) for shape in sample_shapes(paths.images)]
    if origin.source != "imagenet" or not sides:
        return []
    advice = size_advice(backbone_facts(origin.architecture), max(sides))
    return [advice] if advice else []


def print_body(body: Body) -> None:
    """Print where the weights are from, their licence, and what to consider."""
    screen = console()
    screen.print(f"{body.path}: {body.architecture}, {body.source} ({body.detail})")
    if body.licence:
        screen.print(f"licence of the weights: {body.licence}")
    if body.source == "none":
        advice = (
            "The backbone has random weights. For photographs ImageNet weights are far better: "
            "`lradapt import weights imagenet`, or without a network `lradapt import weights PATH`."
        )
        screen.print(Text(advice, "bold yellow"))
    if body.advice:
        screen.print(Text(body.advice, "bold yellow"))
