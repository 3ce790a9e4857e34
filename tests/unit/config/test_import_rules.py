"""What follows from the images and the machine, for params.yaml."""

from pathlib import Path

import pytest

from lradapt.config.import_choices import value_of
from lradapt.config.import_rules import (
    QUICK_START,
    RESNET18,
    ImageFacts,
    Machine,
    choose_batch,
    choose_flip,
    choose_for_photos,
    choose_for_small,
    choose_imbalance,
    choose_licence,
    choose_normalisation,
    choose_size,
    sizes_to_try,
)
from lradapt.config.yaml_files import read_yaml
from lradapt.networks.known import backbone_facts

SHIPPED = read_yaml(Path(__file__).parents[3] / "params.yaml")
CPU, GPU = Machine(False, 2**36), Machine(True, 2**36)


def facts(side, *, coloured=True, sizes=(50, 50)):
    return ImageFacts([(side, 2 * side)], coloured, {str(n): size for n, size in enumerate(sizes)})


def test_small_pictures_get_the_values_that_are_shipped():
    choices = choose_for_small(facts(8), least_size=8) + choose_normalisation(
        backbone_facts(RESNET18)
    )
    assert {choice.key for choice in choices} > set(QUICK_START)
    assert [choice.value for choice in choices] == [value_of(SHIPPED, c.key) for c in choices]
    assert value_of(SHIPPED, "model.architecture") == RESNET18


def test_small_pictures_are_enlarged_for_a_network_that_needs_it():
    values = {choice.key: choice.value for choice in choose_for_small(facts(8), least_size=33)}
    assert values == {**QUICK_START, "data.input_size": 33}


@pytest.mark.parametrize(
    ("side", "coloured", "small"),
    [(8, False, True), (40, False, True), (41, False, False), (32, True, False)],
)
def test_grey_pictures_of_up_to_40_pixels_are_small(side, coloured, small):
    assert facts(side, coloured=coloured).small is small


@pytest.mark.parametrize(
    ("side", "coloured", "tiny"),
    [(8, False, True), (16, False, True), (17, False, False), (8, True, False)],
)
def test_grey_pictures_of_up_to_16_pixels_are_tiny(side, coloured, tiny):
    assert facts(side, coloured=coloured).tiny is tiny


def test_one_large_picture_among_small_ones_changes_nothing():
    assert ImageFacts([(8, 8), (8, 8), (900, 900)], False, {}).small


MANY = 10**7
"""Images for which no size is within the limit of any machine."""


@pytest.mark.parametrize(
    ("side", "machine", "least", "size"),
    [
        (32, CPU, 8, 96),
        (96, CPU, 8, 96),
        (97, CPU, 8, 128),
        (128, CPU, 8, 128),
        (300, CPU, 8, 128),
        (180, GPU, 8, 224),
        (4000, GPU, 8, 224),
        (41, CPU, 112, 112),
    ],
)
def test_of_many_images_the_input_covers_each_within_the_limit_of_the_machine(
    side, machine, least, size
):
    choice = choose_size(facts(side, sizes=(MANY,)), machine, least, pretrained=True)
    assert choice.value == size
    assert f"a median of {side} pixels" in choice.reason


@pytest.mark.parametrize(
    ("images", "machine", "side", "size"),
    [
        (2_491, CPU, 32, 224),
        (2_492, CPU, 32, 160),
        (4_882, CPU, 32, 160),
        (4_883, CPU, 32, 128),
        (7_629, CPU, 32, 128),
        (7_630, CPU, 32, 96),
        (7_630, CPU, 300, 128),
        (29_894, GPU, 32, 224),
        (29_895, GPU, 32, 160),
        (29_895, GPU, 300, 224),
    ],
)
def test_few_images_get_larger_inputs_with_pretrained_layers(images, machine, side, size):
    most = 224 if machine.gpu else 128
    few = facts(side, sizes=(images - 1, 1))
    assert choose_size(few, machine, 8, pretrained=True).value == size
    assert choose_size(few, machine, 8, pretrained=False).value == (96 if side == 32 else most)


def test_the_reason_of_an_enlargement_has_its_limit():
    choice = choose_size(facts(32), CPU, 8, pretrained=True)
    assert "100 images are few enough" in choice.reason
    assert "at most 125 million pixels in all on a CPU" in choice.reason


@pytest.mark.parametrize(
    ("side", "coloured", "flip"), [(8, False, False), (32, True, True), (300, False, True)]
)
def test_photographs_are_mirrored_and_grey_symbols_are_not(side, coloured, flip):
    assert choose_flip(facts(side, coloured=coloured)).value is flip


def test_how_to_undo_the_flips_is_said():
    assert "set it to false if left and right matter" in choose_flip(facts(300)).reason


@pytest.mark.parametrize(
    ("sizes", "reason"), [((30, 10), "3 times the smallest"), ((29, 10), "the same size"), ((), "")]
)
def test_unbalanced_classes_are_pointed_out(sizes, reason):
    choice = choose_imbalance(facts(8, sizes=sizes).class_sizes)
    assert choice.value == "none"
    assert reason in choice.reason


@pytest.mark.parametrize(
    ("images", "size", "free", "batch"),
    [
        (2000, 160, 2**36, 64),
        (640, 160, 2**36, 64),
        (639, 160, 2**36, 32),
        (50, 160, 2**36, 16),
        (2000, 224, 11 * 2**30, 64),
        (2000, 224, 10 * 2**30, 32),
        (2000, 64, 10 * 2**30, 64),
        (2000, 224, 0, 16),
    ],
)
def test_batches_are_smaller_for_few_images_and_little_memory(images, size, free, batch):
    machine = Machine(False, free)
    assert choose_batch(images, size, machine, pretrained=False).value == batch


@pytest.mark.parametrize(
    ("images", "batch"), [(6400, 64), (6399, 32), (3200, 32), (3199, 16), (9, 16)]
)
def test_an_epoch_of_pretrained_layers_has_a_hundred_steps_where_it_can(images, batch):
    choice = choose_batch(images, 64, CPU, pretrained=True)
    assert choice.value == batch
    if batch < 64:
        assert choice.reason.startswith(f"{images // batch} steps for {images:,} images")


def test_the_batch_fits_the_size_that_a_person_has_set():
    little = Machine(False, 10 * 2**30)
    several = facts(300, sizes=(2000, 2000))
    random = {"least_size": 8, "imagenet": False, "pretrained": False}
    _, batch = choose_for_photos(several, little, input_size=224, **random)
    assert batch.value == 32
    size, batch = choose_for_photos(several, little, input_size=None, **random)
    assert (size.value, batch.value) == (128, 64)


@pytest.mark.parametrize(
    ("imagenet", "pretrained", "expected"),
    [(False, False, (96, 64)), (False, True, (96, 16)), (True, True, (224, 16))],
)
def test_weights_of_a_persons_own_change_the_batch_and_not_the_size(imagenet, pretrained, expected):
    few, weights = facts(32, sizes=(500, 500)), {"imagenet": imagenet, "pretrained": pretrained}
    size, batch = choose_for_photos(few, CPU, least_size=8, input_size=None, **weights)
    assert (size.value, batch.value) == expected
    own = pretrained and not imagenet
    assert ("the size that they were trained on: set it" in size.reason) is own


@pytest.mark.parametrize(
    ("images", "least_size", "expected"),
    [
        (2000, 24, [24, 32, 48, 64, 96, 128, 160, 224]),
        (7200, 40, [48, 64, 96, 128]),
        (40_000, 24, [24, 32, 48, 64, 96]),
        (2000, 225, []),
    ],
)
def test_sizes_for_weights_of_ones_own_end_where_imagenets_would(images, least_size, expected):
    assert sizes_to_try(facts(32, sizes=(images,)), CPU, least_size) == expected


def test_an_unknown_licence_is_empty():
    assert choose_licence("").value == ""
    assert choose_licence("MIT").value == "MIT"
