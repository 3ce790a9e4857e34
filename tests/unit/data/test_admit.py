"""Each image takes part, or is set aside by name and reason; a wrong folder stops everything."""

import unicodedata

import pytest

from lradapt.data.admit import admit
from lradapt.data.ingest import OK, ImageRow
from lradapt.data.labels import Label
from lradapt.errors import DataError


def image(name, pixels=None, verdict=OK):
    pixels = "" if verdict != OK else pixels or f"pixels of {name}"
    return ImageRow(name, "file", pixels, 8, 8, verdict)


def admitted(images, labels, tune_share=0.0, ratio=1):
    return admit(images, labels, train_per_validation=ratio, tune_share=tune_share)


def refusal(images, labels):
    with pytest.raises(DataError) as caught:
        admitted(images, labels)
    return str(caught.value)


CATS = [Label(f"c{n}.png", "cat") for n in range(4)]
DOGS = [Label(f"d{n}.png", "dog") for n in range(4)]
LABELS = CATS + DOGS
IMAGES = [image(label.image) for label in LABELS]


def sides(admission):
    return {row.image: row.side for row in admission.rows}


def test_rows_keep_the_numbers_of_the_pixels():
    images = [image("a.png", verdict="damaged"), *IMAGES, image("z.png")]
    admission = admitted(images, [*reversed(LABELS), Label("a.png", "cat"), Label("z.png", "dog")])
    assert [row.row for row in admission.rows] == list(range(1, 10))
    assert [images[row.row].image for row in admission.rows] == [r.image for r in admission.rows]
    last = admission.rows[-1]
    assert (last.image, last.label, last.pixel_sha256) == ("z.png", "dog", "pixels of z.png")


def test_nothing_is_set_aside_from_a_clean_set():
    admission = admitted(IMAGES, LABELS)
    assert (admission.set_aside, admission.warnings) == ({}, [])
    assert sorted(sides(admission).values()) == ["train"] * 4 + ["validation"] * 4


def test_the_shares_of_the_sides_are_those_asked_for():
    found = [*sides(admitted(IMAGES, LABELS, ratio=3, tune_share=0.34)).values()]
    for side in (found[:4], found[4:]):
        assert sorted(side) == ["train", "train", "tune", "validation"]


def test_an_image_without_a_label_is_set_aside():
    assert admitted([*IMAGES, image("x.png")], LABELS).set_aside == {"x.png": "no label"}


def test_an_undecoded_image_is_set_aside_with_the_reason_of_ingest():
    images = [*IMAGES, image("x.png", verdict="empty file"), image("y.png", verdict="hidden file")]
    admission = admitted(images, [*LABELS, Label("x.png", "cat")])
    reasons = [("x.png", "empty file"), ("y.png", "no label")]
    assert list(admission.set_aside.items()) == reasons


def test_labels_without_an_image_stop_everything_and_are_all_named():
    text = refusal(IMAGES, [*LABELS, Label("x.png", "cat"), Label("y/z.png", "dog")])
    assert text.splitlines() == [
        "2 of 10 labels name no file in the images folder; add the files, or remove the lines from "
        "labels.csv:",
        "  - x.png",
        "  - y/z.png",
    ]


@pytest.mark.parametrize("forms", [("NFD", "NFC"), ("NFC", "NFD")], ids="-".join)
def test_a_name_in_the_other_unicode_form_is_the_same_name(forms):
    on_disk, in_labels = (unicodedata.normalize(form, "Müller.png") for form in forms)
    admission = admitted([*IMAGES, image(on_disk)], [*LABELS, Label(in_labels, "cat")])
    assert admission.set_aside == {}
    assert admission.rows[-1].image == on_disk


def test_twins_under_two_labels_are_all_set_aside_and_name_each_other():
    images = [*IMAGES, image("x.png", "same"), image("y.png", "same"), image("z.png", "same")]
    labels = [*LABELS, Label("x.png", "cat"), Label("y.png", "dog"), Label("z.png", "dog")]
    admission = admitted(images, labels)
    assert list(sides(admission)) == [label.image for label in LABELS]
    assert admission.set_aside == {
        "x.png": "the same pixels under other labels: y.png (dog), z.png (dog)",
        "y.png": "the same pixels under other labels: x.png (cat)",
        "z.png": "the same pixels under other labels: x.png (cat)",
    }


def test_twins_under_one_label_stay_on_one_side():
    images = [*IMAGES, image("x.png", "pixels of c0.png"), image("y.png", "pixels of d0.png")]
    admission = admitted(images, [*LABELS, Label("x.png", "cat"), Label("y.png", "dog")])
    assert admission.set_aside == {}
    assert sides(admission)["x.png"] == sides(admission)["c0.png"]
    assert sides(admission)["y.png"] == sides(admission)["d0.png"]


def test_a_group_of_the_labels_stays_on_one_side():
    labels = [Label(la.image, la.label, f"patient {n // 2}") for n, la in enumerate(LABELS)]
    side = sides(admitted(IMAGES, labels))
    for first, second in zip(LABELS[::2], LABELS[1::2], strict=True):
        assert side[first.image] == side[second.image]


def test_a_class_with_one_image_is_trained_and_warned_of():
    birds = ["wren", "owl", "jay", "emu", "auk"]
    labels = [Label(f"{bird}.png", bird) for bird in birds]
    admission = admitted([*IMAGES, *(image(la.image) for la in labels)], [*LABELS, *labels])
    assert {sides(admission)[label.image] for label in labels} == {"train"}
    assert admission.warnings == [
        f"class {bird}: 1 image(s), none in validation (fewer than two groups of its own): it is "
        "trained, but the exam cannot judge it"
        for bird in sorted(birds)
    ]


def test_one_class_is_refused_with_what_was_found():
    text = refusal(
        [*IMAGES[:4], image("x.png", verdict="empty file")], [*CATS, Label("x.png", "a")]
    )
    assert text == (
        "expected at least 2 classes with usable images, found cat (4 images); "
        "set aside: 1 x empty file"
    )


def test_a_set_of_which_nothing_is_left_is_refused():
    images = [image(label.image, verdict="damaged") for label in LABELS]
    text = refusal([image("a.png"), *images], LABELS)
    assert text.endswith(
        "with usable images, found none; set aside: 8 x damaged; set aside: 1 x no label"
    )


def test_classes_of_one_image_each_leave_no_exam_and_are_refused():
    text = refusal(IMAGES[3:5], LABELS[3:5])
    assert text.startswith("no image on the side validation: every class needs at least 2 groups")


SIDES = {"-": "train", "t": "tune", "V": "validation"}


def given(sides_text):
    """The eight images with sides by letter."""
    return [
        Label(label.image, label.label, "", SIDES[letter])
        for label, letter in zip(LABELS, sides_text, strict=True)
    ]


def test_given_sides_are_kept():
    labels = given("-tV--tVV")
    admission = admitted(IMAGES, labels, tune_share=0.5)
    assert sides(admission) == {label.image: label.side for label in labels}
    assert (admission.set_aside, admission.warnings) == ({}, [])


def test_tune_is_taken_from_a_given_training_side():
    for tune_share, training in ((0.0, "---"), (0.4, "--t"), (0.7, "-tt")):
        found = [*sides(admitted(IMAGES, given("---V---V"), tune_share=tune_share)).values()]
        assert (found[3], found[7]) == ("validation", "validation")
        for side in (found[:3], found[4:7]):
            assert sorted(side) == [SIDES[letter] for letter in training]


def test_of_a_given_split_what_straddles_is_set_aside_where_it_is_not_judged():
    twins = {"c0.png": "same", "c3.png": "same"}
    images = [image(la.image, twins.get(la.image)) for la in LABELS]
    groups = {"d0.png": "p", "d1.png": "p", "d3.png": "p", "c1.png": "q", "c2.png": "q"}
    labels = [
        Label(la.image, la.label, groups.get(la.image, ""), la.side) for la in given("--tV-t-V")
    ]
    admission = admitted(images, labels)
    assert admission.set_aside == {
        "c0.png": "its group or its pixels stand in validation (side was given)",
        "c1.png": "its group or its pixels stand in tune (side was given)",
        "d0.png": "its group or its pixels stand in validation (side was given)",
        "d1.png": "its group or its pixels stand in validation (side was given)",
    }
    assert sides(admission) == {
        "c2.png": "tune",
        "c3.png": "validation",
        "d2.png": "train",
        "d3.png": "validation",
    }


def test_a_given_split_that_leaves_one_class_is_refused():
    patients = {"c0.png": "p", **dict.fromkeys((label.image for label in DOGS), "p")}
    labels = [
        Label(la.image, la.label, patients.get(la.image, ""), la.side) for la in given("VV------")
    ]
    assert refusal(IMAGES, labels) == (
        "expected at least 2 classes with usable images, found cat (4 images); "
        "set aside: 4 x its group or its pixels stand in validation (side was given)"
    )


def test_a_given_split_without_an_exam_is_refused():
    assert refusal(IMAGES, given("-" * 8)).startswith("no image on the side validation")


def test_a_given_split_without_training_is_refused():
    assert refusal(IMAGES, given("V" * 8)).startswith("no image on the side train")


def test_a_class_that_is_examined_but_not_trained_is_warned_of():
    assert admitted(IMAGES, given("--VVVVVV")).warnings == [
        "class dog: 4 image(s), none to learn from: it is examined, but the model has never seen it"
    ]


def test_the_order_of_the_labels_changes_nothing():
    assert admitted(IMAGES, LABELS) == admitted(IMAGES, LABELS[::-1])
