"""The list of doubtful labels, on clouds of points with known mistakes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lradapt.data.labelled_image import LabelledImage
from lradapt.doubtful.held_out import judge
from lradapt.doubtful.list_labels import list_doubtful_labels
from lradapt.errors import TrainingError

SPLITS = ("train", "train", "train", "validation", "test")


def cloud(count=150, names="abc"):
    """Activations around a centre for each class, two views each, and the images in five splits."""
    random = np.random.default_rng(0)
    classes = np.arange(count) % len(names)
    centres = 4 * np.random.default_rng(1).normal(size=(len(names), 8))
    clean = centres[classes] + random.normal(size=(count, 8))
    activations = np.stack([clean, random.normal(size=clean.shape)], axis=1).astype(np.float32)
    rows = [
        LabelledImage(f"{row:03d}.png", names[number], "", SPLITS[row // 3 % 5], f"{row:064x}", row)
        for row, number in enumerate(classes)
    ]
    return activations, rows


def relabelled(rows, labels):
    """The images with other labels, by their number."""
    return [replace(row, label=labels.get(number, row.label)) for number, row in enumerate(rows)]


def test_wrong_labels_come_first_with_the_right_one_proposed_and_test_images_last():
    activations, rows = cloud()
    rows = relabelled(rows, {0: "b", 10: "c", 12: "c"})
    assert [rows[number].split for number in (0, 10, 12)] == ["train", "validation", "test"]
    found = list_doubtful_labels(activations, rows)
    assert {(one.image, one.label, one.proposed, one.split) for one in found.labels[:2]} == {
        ("000.png", "b", "a", "train"),
        ("010.png", "c", "b", "validation"),
    }
    tested = [one for one in found.labels if one.split == "test"]
    assert tested[0].image == "012.png"
    assert found.labels[-len(tested) :] == tuple(tested)
    assert found.judged == {"train": 90, "validation": 30, "test": 30}
    assert "000.png" in found.confident
    assert "012.png" not in found.confident  # a test image


def test_a_proposed_label_is_more_probable_than_the_present_one():
    activations, rows = cloud()
    found = list_doubtful_labels(activations, relabelled(rows, {0: "b", 10: "c"}))
    assert all(0 <= one.label_probability < one.proposed_probability <= 1 for one in found.labels)


def test_a_class_of_too_few_groups_is_neither_doubted_nor_proposed():
    activations, rows = cloud()
    few = [replace(row, label="d", group=f"d{row.row % 3}") for row in rows[:12]]
    found = list_doubtful_labels(activations, few + rows[12:])
    assert found.skipped == {"d": 3}
    assert "d" not in {name for one in found.labels for name in (one.label, one.proposed)}
    assert sum(found.judged.values()) == 150 - 12


def test_a_class_of_the_test_split_alone_is_skipped():
    activations, rows = cloud()
    rows = [replace(row, label="z") if row.split == "test" else row for row in rows]
    found = list_doubtful_labels(activations, rows)
    assert (found.skipped, found.judged["test"]) == ({"z": 0}, 0)


def test_without_two_classes_nothing_is_judged_and_the_reason_is_given():
    activations, rows = cloud(12)
    found = list_doubtful_labels(activations, rows)
    assert (found.labels, found.judged["train"]) == ((), 0)
    assert "fewer than two classes" in found.note


def test_the_order_of_the_rows_changes_nothing():
    activations, rows = cloud()
    rows = relabelled(rows, {0: "b", 10: "c", 12: "c"})
    there, back = (list_doubtful_labels(activations, some) for some in (rows, rows[::-1]))
    assert there == back


def test_activations_that_are_not_finite_are_an_error():
    activations, rows = cloud()
    activations[3, 0, 0] = np.nan
    with pytest.raises(TrainingError, match="1 of 120 images are not finite"):
        list_doubtful_labels(activations, rows)


def test_an_image_is_judged_by_heads_that_have_not_seen_its_group():
    """A group of equal images whose label is wrong would vouch for itself."""
    activations, _ = cloud()
    activations[:9], labels = activations[0], torch.arange(150) % 3
    labels[:9] = 1
    apart, together = (
        judge(activations, range(150), labels, groups, num_classes=3).probabilities[:9, 1].max()
        for groups in ([0] * 9 + list(range(9, 150)), range(150))
    )
    assert apart < 0.15
    assert together > 2 * apart
