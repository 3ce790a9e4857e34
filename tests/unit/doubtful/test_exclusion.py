"""Which training images are left out because their labels are doubtful."""

import pytest

from lradapt.data.doubtful_table import DoubtfulLabel
from lradapt.data.labelled_image import LabelledImage, class_names, in_split
from lradapt.doubtful.exclusion import choose_excluded, without
from lradapt.doubtful.list_labels import DoubtfulLabels

ROWS = [
    *(LabelledImage(f"{n}.png", "cat", "", "train", f"{n}", n) for n in range(4)),
    LabelledImage("v.png", "cat", "", "validation", "v", 4),
    LabelledImage("t.png", "cat", "", "test", "t", 5),
    *(LabelledImage(f"{n}.png", "owl", "", "train", f"{n}", n) for n in (6, 7)),
]


def doubted(*images, confident=None):
    """These images of `ROWS` as doubtful labels, all of them confidently by default."""
    rows = [row for row in ROWS if row.image in images]
    labels = tuple(DoubtfulLabel(r.image, r.label, "elk", r.split, 0.1, 0.8, "") for r in rows)
    sure = frozenset(images if confident is None else confident)
    return DoubtfulLabels(labels, sure, {}, {})


@pytest.mark.parametrize("image", ["v.png", "t.png"])
def test_validation_and_test_images_stay(image):
    assert choose_excluded(doubted("0.png", image), ROWS, {}) == {"0.png"}


def test_a_label_that_is_not_confidently_doubtful_stays():
    found = doubted("0.png", "1.png", confident=["1.png"])
    assert choose_excluded(found, ROWS, {}) == {"1.png"}


def test_a_label_that_a_person_has_confirmed_stays_but_not_one_that_was_changed_since():
    confirmed = {"0.png": "cat", "1.png": "elk"}
    assert choose_excluded(doubted("0.png", "1.png"), ROWS, confirmed) == {"1.png"}


def test_a_class_keeps_its_images_where_all_are_doubtful():
    found = doubted("0.png", "6.png", "7.png")
    assert choose_excluded(found, ROWS, {}) == {"0.png"}
    assert choose_excluded(found, ROWS, {"6.png": "owl"}) == {"0.png", "7.png"}


def test_an_excluded_image_is_in_no_split_and_its_class_stays_a_class():
    rows = without(ROWS, frozenset({"6.png", "7.png", "0.png"}))
    assert [row.image for row in in_split(rows, "train")] == ["1.png", "2.png", "3.png"]
    assert class_names(rows) == ["cat", "owl"]
    assert [row.image for row in rows] == [row.image for row in ROWS]
