"""Which test images no model was trained on, and the two tables of a version that this needs."""

from lradapt.data.labelled_image import LabelledImage
from lradapt.gate.held_out import (
    TrainedOn,
    held_out,
    part_of,
    read_test_images,
    read_trained_on,
    write_test_images,
    write_trained_on,
)


def image(name, pixel_sha256, group="", split="test", label="cat", joined=""):
    return LabelledImage(name, label, group, split, pixel_sha256, joined=joined)


def trained_on(hashes=(), groups=()):
    return TrainedOn(frozenset(hashes), frozenset(groups))


def names(images):
    return [image.image for image in images]


def test_images_that_either_model_was_trained_on_are_left_out():
    images = [image("a", "11"), image("b", "22"), image("c", "33"), image("d", "44")]
    assert names(held_out(images, [trained_on(["11"]), trained_on(["33"])])) == ["b", "d"]


def test_images_of_a_group_that_either_model_was_trained_on_are_left_out():
    images = [image("a", "11", "anna"), image("b", "22", "bert"), image("c", "33", "carl")]
    models = [trained_on(groups=["anna"]), trained_on(groups=["carl"])]
    assert names(held_out(images, models)) == ["b"]


def test_groups_that_a_copy_joins_are_left_out_together():
    joined = [image("a", "11", "anna", joined="j"), image("b", "22", "bert", joined="j")]
    images = [*joined, image("c", "33", "carl", joined="k"), image("d", "44", "dora")]
    assert names(held_out(images, [trained_on(groups=["anna"])])) == ["c", "d"]
    assert names(held_out(images, [trained_on(groups=["dora"])])) == ["a", "b", "c"]


def test_the_empty_group_matches_nothing():
    images = [image("a", "11"), image("b", "22", "bert")]
    assert names(held_out(images, [trained_on(["99"], ["", "bert"])])) == ["a"]


def test_an_image_is_old_new_or_relabelled():
    known = {"11": "cat", "22": "dog"}
    assert part_of(image("a", "11"), known) == "old"
    assert part_of(image("b", "22"), known) == "relabelled"
    assert part_of(image("c", "33"), known) == "new"


def test_trained_on_has_train_and_validation_each_once_and_sorted():
    images = [
        image("a", "22", "g2", "train"),
        image("b", "11", "", "validation"),
        image("c", "33", "g3", "test"),
        image("d", "22", "g2", "train"),
        *(image("e", str(n), "", "train") for n in (77, 55, 66, 44)),
    ]
    expected = ["pixel_sha256,group", "11,", "22,g2", "44,", "55,", "66,", "77,"]
    assert write_trained_on(images).decode().splitlines() == expected


def test_trained_on_is_read_as_written():
    images = [image("a", "11", "", "train"), image("b", "22", 'a,"b', "validation")]
    found = read_trained_on(write_trained_on(images))
    assert found == trained_on(["11", "22"], ["", 'a,"b'])


def test_the_test_images_are_sorted_and_read_as_written():
    images = [
        image("a", "33"),
        image("b", "11", "g", label='y,"z'),
        image("c", "22", split="train"),
        image("d", "44", split="validation"),
        image("duplicate of a", "33"),
    ]
    content = write_test_images(images)
    assert content.decode().splitlines() == ["pixel_sha256,label", '11,"y,""z"', "33,cat"]
    assert read_test_images(content) == {"11": 'y,"z', "33": "cat"}


def test_the_training_images_of_an_ancestor_are_included():
    before = write_trained_on([image("a", "33", "g", "train")])
    content = write_trained_on([image("b", "11", "", "train")], before)
    assert content.decode().splitlines() == ["pixel_sha256,group", "11,", "33,g"]
