"""What follows for params.yaml from the images and the machine: pure functions, each with a reason.

Grey pictures of up to `TINY_SIDE` pixels get the values of the quick start; so do those of up to
`SMALL_SIDE` where no package has ImageNet's weights. All others count as photographs. How head and
layers are then trained: `lradapt.config.import_recipe`. `lradapt.config.import_choices` writes the
values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from lradapt.config.import_choices import ParamChoice
from lradapt.config.import_recipe import LEAST_BATCH, USUAL_BATCH
from lradapt.data.images.fit import choose_fit
from lradapt.networks.facts import BackboneFacts

SMALL_SIDE = 40
"""Pixels; a grey set whose shorter sides have at most this median is one of small pictures: they
may be symbols, which are not mirrored, and they never wait for a download."""
TINY_SIDE = 16
"""Pixels; so small a grey set gets the quick start's network. On the digits (8 pixels) it is as
good as ImageNet's weights, in half the time; on Fashion-MNIST (28 pixels, 1,203 training images)
77.1 % were right with it and 85.2 % with EfficientNet-Lite0 at 96 pixels (docs/log.md)."""
SIZES = (96, 128, 160, 224)
"""Input sizes for photographs, in pixels. Smaller images are enlarged, since a backbone that was
trained on 224 pixels reads them better: of photographs of 40 pixels (17 classes, 1,240 training
images) an exact head on EfficientNet-Lite0 was right on 60.6 % at 96 pixels, 64.6 % at 128, 66.1 %
at 160 and 67.5 % at 224; three other sets and CIFAR-10 show the same (docs/log.md)."""
SMALL_SIZES = (24, 32, 48, 64)
"""Further sizes, for weights that were trained on small images."""
COVERED_ON_CPU, COVERED_ON_GPU = 128, 224
"""Pixels; up to here an input covers the images, however many there are."""
CPU_PIXELS, GPU_PIXELS = 125_000_000, 1_500_000_000
"""Of all images together at the input size; up to here larger inputs are chosen. On two cores, five
epochs of all layers of so many take about ten minutes with EfficientNet-Lite0, three of the late
layers a quarter of it. On a GPU it is a guess, by which `pixels.npy` has at most 4.5 GB."""
RESNET18 = "resnet18"
"""The network of the quick start."""

QUICK_START: Mapping[str, Any] = {
    "data.input_size": 24,
    "finetune.batch_size": 64,
    "engine.precision": "fp32",
    "engine.threads": 2,
    "engine.memory_format": "channels_last",
}
"""Values for small pictures, with which the digits are trained in a minute."""
UNBALANCED = 3.0
"""Ratio of the largest class to the smallest from which an import points out the imbalance."""

_OWN_SIZE = "weights of yours are best at about the size that they were trained on: set it"
_LEAST_STEPS, _LEAST_STEPS_PRETRAINED = 10, 100
"""Of an epoch of all images. On 900 photographs of insects batches of 16 were better than of 32."""
_IMAGE_BYTES_AT_224 = 82 * 2**20  # a training step of EfficientNet-Lite0 in fp32, for each image
_MEMORY_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an import has seen of the images.

    Attributes:
        shapes: width and height of some of them, at least one.
        coloured: whether any of a few has colours.
        class_sizes: images of each class.
    """

    shapes: Sequence[tuple[int, int]]
    coloured: bool
    class_sizes: Mapping[str, int]

    @property
    def short_side(self) -> float:
        """The median of the shorter sides, in pixels."""
        return median(map(min, self.shapes))

    @property
    def small(self) -> bool:
        """Whether they are small and grey, so that they may be symbols."""
        return self.short_side <= SMALL_SIDE and not self.coloured

    @property
    def tiny(self) -> bool:
        """Whether the values of the quick start suit them, whatever weights can be had."""
        return self.short_side <= TINY_SIDE and not self.coloured


@dataclass(frozen=True, slots=True)
class Machine:
    """What a training has.

    Attributes:
        gpu: whether it computes on a GPU.
        free_bytes: of that device's memory.
    """

    gpu: bool
    free_bytes: int


def choose_normalisation(backbone: BackboneFacts) -> list[ParamChoice]:
    """Choose the mean and the deviation that the backbone was trained with."""
    reason = f"{backbone.name} was trained with it"
    return [
        ParamChoice("data.mean", list(backbone.mean), reason),
        ParamChoice("data.deviation", list(backbone.deviation), reason),
    ]


def choose_for_any(facts: ImageFacts) -> list[ParamChoice]:
    """Choose what follows from the images whatever their size: the square, flips, imbalance."""
    fit = choose_fit(facts.shapes)
    return [
        ParamChoice("data.fit", fit.fit, fit.reason),
        choose_flip(facts),
        choose_imbalance(facts.class_sizes),
    ]


def choose_for_small(facts: ImageFacts, *, least_size: int) -> list[ParamChoice]:
    """Choose the values of the quick start, and an input that the backbone can compute."""
    reason = f"{_sides(facts)}: the value of the quick start"
    chosen = [ParamChoice(key, value, reason) for key, value in QUICK_START.items()]
    if least_size <= QUICK_START["data.input_size"]:
        return chosen
    enlarged = ParamChoice("data.input_size", least_size, "the least that the network can compute")
    return [enlarged if choice.key == enlarged.key else choice for choice in chosen]


def choose_for_photos(
    facts: ImageFacts,
    machine: Machine,
    *,
    least_size: int,
    input_size: int | None,
    imagenet: bool,
    pretrained: bool,
) -> list[ParamChoice]:
    """Choose the input size and the batch size.

    Args:
        facts: of the images.
        machine: that trains.
        least_size: the smallest input of the backbone, in pixels.
        input_size: that a person has set; None: the chosen one.
        imagenet: whether the backbone gets ImageNet's weights for certain.
        pretrained: whether it gets those, or others that a person has imported.
    """
    size = choose_size(facts, machine, least_size, pretrained=imagenet)
    if pretrained and not imagenet:
        size = replace(size, reason=f"{size.reason}; {_OWN_SIZE}")
    num_images = sum(facts.class_sizes.values())
    batch = choose_batch(num_images, input_size or size.value, machine, pretrained=pretrained)
    return [size, batch]


def choose_size(
    facts: ImageFacts, machine: Machine, least_size: int, *, pretrained: bool
) -> ParamChoice:
    """Choose the input size: one that covers the images, or a larger one where there are few.

    The cost grows with the square. To cover the images is worth it up to a limit that the machine
    sets; to enlarge them, with ImageNet's weights and as long as all images together are cheap.
    """
    most = COVERED_ON_GPU if machine.gpu else COVERED_ON_CPU
    covering = next((size for size in SIZES if size >= facts.short_side), SIZES[-1])
    size, device = min(covering, most), "GPU" if machine.gpu else "CPU"
    reason = f"{_sides(facts)}; on a {device} at most {most} to cover them"
    num_images = sum(facts.class_sizes.values())
    pixels = GPU_PIXELS if machine.gpu else CPU_PIXELS
    affordable = max((each for each in SIZES if num_images * each**2 <= pixels), default=0)
    if pretrained and affordable > size:
        size = affordable
        reason = (
            f"ImageNet's weights read larger inputs better, and {num_images:,} images are few "
            f"enough for it: at most {pixels // 10**6:,} million pixels in all on a {device}"
        )
    return ParamChoice("data.input_size", max(size, least_size), reason)


def sizes_to_try(facts: ImageFacts, machine: Machine, least_size: int) -> list[int]:
    """Return the input sizes to try with weights of a person's own, of unknown training size.

    None is larger than what the same images would get with ImageNet's weights.
    """
    largest: int = choose_size(facts, machine, least_size, pretrained=True).value
    return [size for size in (*SMALL_SIZES, *SIZES) if least_size <= size <= largest]


def choose_flip(facts: ImageFacts) -> ParamChoice:
    """Choose horizontal flips for photographs; not for small grey pictures such as digits."""
    key = "augment.horizontal_flip"
    if facts.small:
        return ParamChoice(key, False, "a mirrored symbol is another symbol")
    return ParamChoice(
        key,
        True,
        "a mirrored photograph usually has the same label; set it to false if left and right matter"
        " (text, traffic signs, sides of a body)",
    )


def choose_imbalance(class_sizes: Mapping[str, int]) -> ParamChoice:
    """Choose `none`, and say what class weights would bring where the classes are unbalanced.

    They do not pay in accuracy. On the solar cells (ratio 14) a logistic regression on
    EfficientNet-Lite0 at 160 pixels was right on 73.1 % of the test images (balanced 47.2 %), and
    with class weights on 66.0 % (56.9 %); at 96 and 224 pixels the difference was the same.
    """
    sizes = sorted(class_sizes.values())
    ratio = sizes[-1] / max(1, sizes[0]) if sizes else 1.0
    reason = "the classes have about the same size"
    if ratio >= UNBALANCED:
        reason = (
            f"the largest class is {ratio:.0f} times the smallest; class_weights would find the "
            "small classes more often and lower the accuracy: set it if each class counts the same"
        )
    return ParamChoice("imbalance", "none", reason)


def choose_batch(
    num_images: int, input_size: int, machine: Machine, *, pretrained: bool
) -> ParamChoice:
    """Choose the batch size of the fine-tuning: 64, less for few images or little memory.

    The memory of a step was measured for EfficientNet-Lite0 in fp32: 42 MiB an image at 160 pixels,
    82 at 224 (ResNet-18: 25).
    """
    batch, reason = USUAL_BATCH, "the usual value"
    least_steps = _LEAST_STEPS_PRETRAINED if pretrained else _LEAST_STEPS
    while batch > LEAST_BATCH and num_images / batch < least_steps:
        batch //= 2
        steps = num_images // batch
        reason = f"{steps} steps for {num_images:,} images; an epoch needs about {least_steps}"
    image_bytes = _IMAGE_BYTES_AT_224 * (input_size / 224) ** 2
    while batch > LEAST_BATCH and batch * image_bytes > _MEMORY_SHARE * machine.free_bytes:
        batch //= 2
        reason = (
            f"a step of {input_size} pixels needs about {batch * image_bytes / 2**30:.1f} GiB with "
            f"it, and {machine.free_bytes / 2**30:.1f} are free"
        )
    return ParamChoice("finetune.batch_size", batch, reason)


def choose_licence(licence: str) -> ParamChoice:
    """Choose the licence of the data for the model card; "" where it is not known."""
    reason = (
        "the licence of these images" if licence else "the licence of these images is not known"
    )
    return ParamChoice("card.data_licence", licence, reason)


def _sides(facts: ImageFacts) -> str:
    return f"the shorter sides of the images have a median of {facts.short_side:.0f} pixels"
