"""Dark, bright and blurred images, and classes that brightness or a format alone gives away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from lradapt.data.checks.cue_checks import roc_area, spurious_cue
from lradapt.data.checks.look_checks import find_look_faults
from lradapt.data.images.image_table import OK, ImageRow
from lradapt.data.images.looks import Looks
from lradapt.data.labelled_image import LabelledImage


def row(name, *, format="PNG", mode="RGB", width=8, height=8, verdict=OK, low=0, high=255):
    fault = "" if verdict == OK else "undecodable"
    return ImageRow(
        name, "", "", width, height, verdict, fault, format, mode, 1, low=low, high=high
    )


def looks(count=20, **values):
    """Looks of ordinary images, but for these values of the first ones."""
    usual = {"brightness": 120.0, "lightest": 220.0, "darkest": 20.0, "sharpness": 8.0}
    arrays = {name: np.full(count, value, np.float32) for name, value in usual.items()}
    for name, first in values.items():
        arrays[name][: len(first)] = first
    return Looks(**arrays)


ROWS = [row(f"{n:02d}.png") for n in range(20)]


def found(measured, rows=ROWS, removed=()):
    return [(f.kind, f.subject, f.detail) for f in find_look_faults(rows, measured, removed)]


def test_ordinary_images_are_no_finding():
    assert found(looks()) == []
    assert found(looks(lightest=[82], darkest=[242], sharpness=[2.0])) == []


def test_dark_bright_and_blurred_images_are_named_with_their_values():
    measured = looks(lightest=[81.6], darkest=[20, 243], sharpness=[8, 8, 1.9])
    assert found(measured) == [
        ("dark", "00.png", "99 % of its grey values are below 82"),
        ("bright", "01.png", "95 % of its grey values are above 243"),
        ("blurred", "02.png", "24% of the sharpness of the median image"),
    ]


def test_blank_undecoded_and_removed_images_are_left_to_their_own_finding():
    rows = [row("a", low=3, high=3), row("b", verdict="damaged"), row("c"), *ROWS[3:]]
    assert found(looks(lightest=[0, 0, 0]), rows, removed={"c"}) == []
    assert found(looks(sharpness=[0] * 20)) == []


def labelled(count, label_of):
    return [LabelledImage(f"{n:02d}.png", label_of(n), row=n) for n in range(count)]


THREE = labelled(40, lambda n: "a" if n < 12 else "b" if n < 26 else "c")


def cues(rows, measured, images=THREE):
    findings = spurious_cue(images, rows, measured, min_auc=0.9)
    return [(f.subject, f.detail) for f in findings]


def many(**first):
    """Forty rows, of which the first twelve are different."""
    return [row(f"{n:02d}.png", **(first if n < 12 else {})) for n in range(40)]


def test_a_class_of_other_brightness_size_format_or_mode_is_named():
    words = "alone tells it from the other classes"
    plain = looks(40)
    assert cues(many(), looks(40, brightness=[200] * 12)) == [
        ("a", f"its brightness {words}: higher, AUC 1.00")
    ]
    assert cues(many(width=4, height=4), plain) == [
        ("a", f"its number of pixels {words}: lower, AUC 1.00")
    ]
    assert cues(many(width=16, height=4), plain) == [
        ("a", f"its width by height {words}: higher, AUC 1.00")
    ]
    assert cues(many(format="JPEG"), plain) == [
        ("a", f"its format JPEG {words}: higher, AUC 1.00"),
        ("a", f"its format PNG {words}: lower, AUC 1.00"),
    ]
    assert cues(many(mode="L"), plain)[0] == ("a", f"its colour mode L {words}: higher, AUC 1.00")


def test_a_property_below_the_limit_and_a_class_of_few_images_are_no_finding():
    assert cues(many(), looks(40, brightness=[200] * 9)) == []  # 9 of 12: AUC 0.875
    assert cues(many(), looks(40, brightness=[200] * 10)) != []
    few = labelled(40, lambda n: "a" if n < 9 else "b" if n < 26 else "c")
    assert cues(many(), looks(40, brightness=[200] * 9), few) == []


def test_of_two_classes_one_is_named():
    two = labelled(40, lambda n: "a" if n < 12 else "b")
    assert [name for name, _ in cues(many(), looks(40, brightness=[0] * 12), two)] == ["a"]


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2))
def test_the_area_is_that_of_scikit_learn(pairs):
    values, is_class = map(np.array, zip(*pairs, strict=True))
    if 0 < is_class.sum() < len(is_class):
        expected = roc_auc_score(is_class, values)
        assert roc_area(values.astype(float), is_class) == pytest.approx(expected)
