"""What is known about a backbone before it is used: the pixels that it was trained on, its weights.

Pure data: nothing here imports torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lradapt.errors import ParamsError

Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneFacts:
    """Facts about a backbone and its ImageNet weights.

    Attributes:
        name: as in `model.architecture`.
        mean: of red, green and blue, on the scale 0 to 1, as the weights were trained.
        deviation: likewise, the standard deviation.
        input_size: side in pixels of the images that the weights were trained on.
        interpolation: with which they were resized, such as "bicubic".
        least_size: side in pixels below which the network computes nothing.
        fixed_size: whether `input_size` is the only one that the network accepts.
        reduction: pixels of the input's side for one cell of the last feature map.
        licence: of the weights; "" where it is not stated.
        package: the data package that has the weights; "" where there is none.
        weights_available: whether that package is installed here.
    """

    name: str
    mean: Channels
    deviation: Channels
    input_size: int
    interpolation: str
    least_size: int
    fixed_size: bool = False
    reduction: int = 32
    licence: str = ""
    package: str = ""
    weights_available: bool = False


def normalisation_advice(facts: BackboneFacts, mean: Channels, deviation: Channels) -> str:
    """Return how the mean and deviation of `params.yaml` differ from the backbone's; "" if not."""
    if _near(facts.mean, mean) and _near(facts.deviation, deviation):
        return ""
    return (
        f"data.mean {list(mean)} and data.deviation {list(deviation)} are not those that "
        f"{facts.name} was trained with: set data.mean to {list(facts.mean)} and data.deviation to "
        f"{list(facts.deviation)}"
    )


def size_advice(facts: BackboneFacts, largest_side: int) -> str:
    """Return a warning where every image is smaller than one cell of the last map; "" if not.

    Args:
        facts: about the backbone.
        largest_side: the shorter side in pixels of the largest image.
    """
    least = max(facts.least_size, facts.reduction)
    if largest_side >= least:
        return ""
    return (
        f"no image reaches {least} pixels (the largest that was looked at has {largest_side}), the "
        f"least that {facts.name} is made for: they are enlarged, and its weights may be of "
        "little use"
    )


def require_size(facts: BackboneFacts, input_size: int) -> None:
    """Raise an error if the network cannot compute images of `input_size` pixels.

    Raises:
        ParamsError: they are too small, or not of the only size that it accepts.
    """
    if facts.fixed_size and input_size != facts.input_size:
        raise ParamsError(
            f"data.input_size {input_size}: {facts.name} accepts images of {facts.input_size} "
            f"pixels only; set data.input_size to {facts.input_size}"
        )
    if input_size < facts.least_size:
        raise ParamsError(
            f"data.input_size {input_size}: {facts.name} needs images of at least "
            f"{facts.least_size} pixels; raise data.input_size, or choose another "
            "model.architecture"
        )


def _near(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(abs(a - b) < 1e-3 for a, b in zip(one, other, strict=True))
