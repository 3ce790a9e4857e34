"""Dark, bright and blurred images, and classes that a property of the files alone gives away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from lradapt.data.checks.cue_checks import roc_areas, spurious_cue
from lradapt.data.checks.look_checks import find_look_faults
from lradapt.data.images.image_table import OK, ImageRow
from lradapt.data.images.looks import Looks
from lradapt.data.labelled_image import LabelledImage


def row(name, *, format="PNG", mode="RGB", width=8, height=8, verdict=OK, **further):
    fault = "" if verdict == OK else "undecodable"
    further = {"num_bytes": 3 * width * height, **further}
    return ImageRow(name, "", "", width, height, verdict, fault, format, mode, 1, **further)


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


def test_a_class_of_one_camera_is_named_also_where_others_name_none():
    words = "alone tells it from the other classes"
    plain = looks(40)
    assert cues(many(camera="Canon EOS 5D"), plain) == [
        ("a", f"its camera (none named) {words}: lower, AUC 1.00"),
        ("a", f"its camera Canon EOS 5D {words}: higher, AUC 1.00"),
    ]
    shared = [row(f"{n:02d}.png", camera=f"camera {n % 3}") for n in range(40)]
    assert cues(shared, plain) == []
    others = [row(f"{n:02d}.png", camera="A" if n < 10 else f"B{n % 3}") for n in range(40)]
    assert cues(others, plain) == [("a", f"its camera A {words}: higher, AUC 0.92")]


def of_detail(sharpness, quality):
    """Rows whose bytes grow with their sharpness and their quality."""
    sizes = 1000 * np.asarray(sharpness) ** 0.5 * quality
    return [row(f"{n:02d}.png", num_bytes=int(size)) for n, size in enumerate(sizes)]


CLASS_A = np.arange(40) < 12


def test_a_class_that_is_compressed_less_is_named_though_its_files_overlap_with_others():
    sharpness = np.random.default_rng(0).permutation(np.geomspace(2, 20, 40))
    rows = of_detail(sharpness, np.where(CLASS_A, 1.5, 1))
    sizes = np.array([each.num_bytes for each in rows], float)
    assert roc_areas(sizes, 1 - CLASS_A)[0] < 0.9
    assert cues(rows, looks(40, sharpness=sharpness)) == [
        (
            "a",
            "its number of bytes per pixel, at equal sharpness, alone tells it from the other "
            "classes: higher, AUC 1.00",
        )
    ]


def test_a_class_of_little_detail_is_no_finding_for_its_small_files():
    sharpness = np.where(CLASS_A, 2, 20) * np.linspace(0.9, 1.1, 40)
    rows = of_detail(sharpness, 1)
    assert cues(rows, looks(40, sharpness=sharpness)) == []
    overlapping = np.where(CLASS_A, np.linspace(2, 9, 40), np.linspace(4, 12, 40))
    assert cues(of_detail(overlapping, 1), looks(40, sharpness=overlapping)) == []


def test_files_of_one_size_are_no_finding_where_a_class_is_sharper():
    sharpness = np.where(np.arange(40) < 12, 2.0, 20.0)
    assert cues(many(), looks(40, sharpness=sharpness)) == []


def test_a_camera_of_its_own_for_each_image_is_no_finding():
    rows = [row(f"{n:02d}.png", camera=str(n)) for n in range(40)]
    assert cues(rows, looks(40)) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=2))
def test_the_areas_are_those_of_scikit_learn(pairs):
    values, labels = map(np.array, zip(*pairs, strict=True))
    names, classes = np.unique(labels, return_inverse=True)
    if len(names) > 1:
        areas = [roc_auc_score(labels == name, values) for name in names]
        assert roc_areas(values.astype(float), classes) == pytest.approx(areas)


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 2)), min_size=30))
def test_the_area_of_a_kind_is_that_of_having_it(pairs):
    kinds, labels = zip(*pairs, strict=True)
    rows = [row(str(n), format=kind) for n, kind in enumerate(kinds)]
    images = [LabelledImage(str(n), str(label), row=n) for n, label in enumerate(labels)]
    found = {
        (f.subject, f.detail.split()[2]): float(f.detail.split()[-1])
        for f in spurious_cue(images, rows, looks(len(rows)), min_auc=0.5)
        if "its format" in f.detail
    }
    for (name, kind), area in found.items():
        has = [each == kind for each in kinds]
        expected = roc_auc_score([str(label) == name for label in labels], has)
        assert area == pytest.approx(max(expected, 1 - expected), abs=0.0051)
