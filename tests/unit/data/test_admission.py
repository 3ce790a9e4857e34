"""Each image takes part, or is set aside with a reason; a wrong folder stops everything."""

import unicodedata
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from lradapt.config.params import load_params
from lradapt.config.params.data import PoliciesParams
from lradapt.data.admission import consider, require_training
from lradapt.data.checks.findings import Rules
from lradapt.data.checks.problem_kinds import KINDS, MEANINGS
from lradapt.data.groups import group_numbers
from lradapt.data.images.image_table import OK, ImageRow
from lradapt.data.labelled_image import LabelledImage as Label
from lradapt.data.labelled_image import in_split
from lradapt.data.split_table import read_split, write_split
from lradapt.errors import DataError

ROOT = Path(__file__).parents[3]


POLICIES = load_params(ROOT / "params.yaml").check.policies.model_dump()
NONE_NEAR = np.empty((0, 2), dtype=np.intp)


def image(name, pixels=None, verdict=OK, **stored):
    decoded = {"fault": "", "format": "PNG", "mode": "RGB", "orientation": 1}
    if verdict != OK:
        return ImageRow(name, "file", "", 0, 0, verdict, **{**NOT_DECODED, **stored})
    return ImageRow(name, "file", pixels or f"pixels of {name}", 8, 8, OK, **{**decoded, **stored})


NOT_DECODED = {"fault": "undecodable", "format": "", "mode": "", "orientation": 1}


def rules(**policies):
    return Rules(8, 0.96, {**POLICIES, **policies}, cue_auc=0.9)


def admitted(images, labels, validation_share=0.0, ratio=1, near=NONE_NEAR, **policies):
    admission = consider(
        images,
        labels,
        near,
        rules(**policies),
        train_per_test=ratio,
        validation_share=validation_share,
    )
    require_training(admission)
    return admission


def reasons(admission):
    return {image: finding.detail for image, finding in admission.set_aside.items()}


def refusal(images, labels, **policies):
    with pytest.raises(DataError) as caught:
        admitted(images, labels, **policies)
    return str(caught.value)


CATS = [Label(f"c{n}.png", "cat") for n in range(4)]
DOGS = [Label(f"d{n}.png", "dog") for n in range(4)]
LABELS = CATS + DOGS
IMAGES = [image(label.image) for label in LABELS]


def splits(admission):
    return {image.image: image.split for image in admission.images}


def test_rows_keep_the_numbers_of_the_pixels():
    images = [image("a.png", verdict="damaged"), *IMAGES, image("z.png")]
    admission = admitted(images, [*reversed(LABELS), Label("a.png", "cat"), Label("z.png", "dog")])
    assert [row.row for row in admission.images] == list(range(1, 10))
    assert [images[row.row].image for row in admission.images] == [
        r.image for r in admission.images
    ]
    last = admission.images[-1]
    assert (last.image, last.label, last.pixel_sha256) == ("z.png", "dog", "pixels of z.png")


def test_nothing_is_set_aside_from_a_clean_set():
    admission = admitted(IMAGES, LABELS)
    assert (admission.set_aside, admission.warnings) == ({}, [])
    assert sorted(splits(admission).values()) == ["test"] * 4 + ["train"] * 4


def test_the_splits_have_the_shares_of_the_params():
    found = [*splits(admitted(IMAGES, LABELS, ratio=3, validation_share=0.34)).values()]
    for split in (found[:4], found[4:]):
        assert sorted(split) == ["test", "train", "train", "validation"]


def test_an_image_without_a_label_is_set_aside():
    assert reasons(admitted([*IMAGES, image("x.png")], LABELS)) == {"x.png": "no label"}


def test_an_undecoded_image_is_set_aside_with_the_reason_of_ingest():
    hidden = image("y.png", verdict="hidden file", fault="hidden")
    images = [*IMAGES, hidden, image("x.png", verdict="empty file")]
    admission = admitted(images, [*LABELS, Label("x.png", "cat")])
    assert [*reasons(admission).items()] == [("x.png", "empty file"), ("y.png", "hidden file")]


def test_labels_without_an_image_stop_everything_and_are_all_named():
    text = refusal(IMAGES, [*LABELS, Label("x.png", "cat"), Label("y/z.png", "dog")])
    assert text.splitlines() == [
        "the data have problems whose policy is `stop` (check.policies in params.yaml; "
        "`lradapt check --html PATH` shows the images):",
        "2 x a label without an image: add the file, or remove the line from labels.csv "
        "(label_without_image)",
        "  - x.png: no such file (label cat)",
        "  - y/z.png: no such file (label dog)",
    ]


@pytest.mark.parametrize("forms", [("NFD", "NFC"), ("NFC", "NFD")], ids="-".join)
def test_a_name_in_the_other_unicode_form_is_the_same_name(forms):
    on_disk, in_labels = (unicodedata.normalize(form, "Müller.png") for form in forms)
    admission = admitted([*IMAGES, image(on_disk)], [*LABELS, Label(in_labels, "cat")])
    assert admission.set_aside == {}
    assert admission.images[-1].image == on_disk


def test_duplicates_under_two_labels_are_all_set_aside_and_name_each_other():
    images = [*IMAGES, image("x.png", "same"), image("y.png", "same"), image("z.png", "same")]
    labels = [
        *LABELS,
        Label("x.png", "cat"),
        Label("y.png", "dog"),
        Label("z.png", "dog"),
    ]
    admission = admitted(images, labels)
    assert list(splits(admission)) == [label.image for label in LABELS]
    reason = "the same pixels with two labels: x.png (cat), y.png (dog), z.png (dog)"
    assert reasons(admission) == dict.fromkeys(["x.png", "y.png", "z.png"], reason)


def test_a_class_with_one_image_is_trained_and_warned_of():
    birds = ["wren", "owl", "jay", "emu", "auk"]
    labels = [Label(f"{bird}.png", bird) for bird in birds]
    admission = admitted([*IMAGES, *(image(la.image) for la in labels)], [*LABELS, *labels])
    assert {splits(admission)[label.image] for label in labels} == {"train"}
    assert admission.warnings == [
        "5 x a class with fewer than two groups, such as auk (1 image(s) in one group): trained "
        "on, but not in test"
    ]


def test_a_class_in_two_spellings_has_its_own_remedy():
    images = [*IMAGES, image("x.png"), image("y.png")]
    labels = [*LABELS, Label("x.png", "Cat"), Label("y.png", "emu")]
    admission = admitted(images, labels)
    found = {finding.kind: finding.subject for finding in admission.findings}
    assert found == {"similar_names": "Cat", "few_groups": "emu"}
    assert admission.warnings[0] == (
        "1 x a class whose name may be another spelling of a larger class, such as Cat (1 "
        "image(s); the class 'cat' has 4): two classes, of which the smaller may have too few "
        "images for any promotion"
    )
    assert MEANINGS["similar_names"].remedy.startswith("if they are one class, give its images")
    aside = admitted(images, labels, similar_names="set_aside")
    assert reasons(aside) == {"x.png": "1 image(s); the class 'cat' has 4"}
    assert "similar_names" in refusal(images, labels, similar_names="stop")


def test_a_group_in_two_spellings_is_a_finding_before_the_split():
    images = [*IMAGES, image("x.png"), image("y.png"), image("z.png"), image("v.png")]
    groups = {"x.png": "1", "y.png": "1", "z.png": "1.0", "v.png": "2"}
    labels = [*LABELS, *(Label(name, "cat", group) for name, group in groups.items())]
    admission = admitted(images, labels)
    assert admission.warnings == [
        "1 x a group whose name may be another spelling of a larger group, such as 1.0 (1 "
        "image(s); the group '1' has 2): two groups, so that one patient may be in training and "
        "test"
    ]
    assert reasons(admitted(images, labels, similar_groups="set_aside")) == {
        "z.png": "1 image(s); the group '1' has 2"
    }
    assert "  - 1.0: 1 image(s); the group '1' has 2" in refusal(
        images, labels, similar_groups="stop"
    )


def test_a_similar_name_hides_no_class_of_one_group_that_a_policy_sets_aside():
    images = [*IMAGES, image("x.png")]
    admission = admitted(images, [*LABELS, Label("x.png", "Cat")], few_groups="set_aside")
    assert list(reasons(admission)) == ["x.png"]


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


def test_classes_of_one_image_each_leave_no_test_image_and_are_refused():
    text = refusal(IMAGES[3:5], LABELS[3:5])
    assert text.startswith("no image in the test split: a class needs at least 2 groups")


SPLITS = {"-": "train", "t": "validation", "V": "test"}


def given(letters):
    """The eight images with splits by letter."""
    return [
        Label(label.image, label.label, "", SPLITS[letter])
        for label, letter in zip(LABELS, letters, strict=True)
    ]


def test_validation_is_taken_from_a_given_training_split():
    for validation_share, training in ((0.0, "---"), (0.4, "--t"), (0.7, "-tt")):
        found = [
            *splits(admitted(IMAGES, given("---V---V"), validation_share=validation_share)).values()
        ]
        assert (found[3], found[7]) == ("test", "test")
        for split in (found[:3], found[4:7]):
            assert sorted(split) == [SPLITS[letter] for letter in training]


def test_split_leaks_are_set_aside_from_the_earlier_split():
    duplicates = {"c0.png": "same", "c3.png": "same"}
    images = [image(la.image, duplicates.get(la.image)) for la in LABELS]
    groups = {"d0.png": "p", "d1.png": "p", "d3.png": "p", "c1.png": "q", "c2.png": "q"}
    labels = [
        Label(la.image, la.label, groups.get(la.image, ""), la.split) for la in given("--tV-t-V")
    ]
    admission = admitted(images, labels)
    assert reasons(admission) == {
        "c0.png": "its group or a duplicate is in test (given by the column split)",
        "c1.png": "its group or a duplicate is in validation (given by the column split)",
        "d0.png": "its group or a duplicate is in test (given by the column split)",
        "d1.png": "its group or a duplicate is in test (given by the column split)",
    }
    assert splits(admission) == {
        "c2.png": "validation",
        "c3.png": "test",
        "d2.png": "train",
        "d3.png": "test",
    }


def test_a_given_split_that_leaves_one_class_is_refused():
    patients = {"c0.png": "p", **dict.fromkeys((label.image for label in DOGS), "p")}
    labels = [
        Label(la.image, la.label, patients.get(la.image, ""), la.split) for la in given("VV------")
    ]
    assert refusal(IMAGES, labels) == (
        "expected at least 2 classes with usable images, found cat (4 images); "
        "set aside: 4 x its group or a duplicate is in test (given by the column split)"
    )


def test_a_given_split_without_test_images_is_refused():
    assert refusal(IMAGES, given("-" * 8)).startswith("no image in the test split")


def test_a_given_split_without_training_is_refused():
    assert refusal(IMAGES, given("V" * 8)).startswith("no image in the train split")


def test_a_class_that_is_evaluated_but_not_trained_on_is_warned_of():
    assert admitted(IMAGES, given("--VVVVVV")).warnings == [
        "class dog: 4 image(s), none in train: it is evaluated, but not trained on"
    ]


def test_the_order_of_the_labels_changes_nothing():
    assert admitted(IMAGES, LABELS) == admitted(IMAGES, LABELS[::-1])


def test_all_faults_of_all_kinds_that_stop_are_reported_at_once():
    images = [
        *IMAGES,
        image("p.jpg", verdict="a Git LFS pointer", fault="lfs_pointer"),
        image("x.jpg", "same"),  # has two of the faults
        image("y.png", "same"),
    ]
    labels = [*LABELS, Label("x.jpg", "cat"), Label("y.png", "dog")]
    lines = refusal(
        images,
        [*labels, Label("gone.png", "cat")],
        wrong_extension="stop",
        two_labels="stop",
    ).splitlines()
    assert [line.split(":")[0] for line in lines[1:] if not line.startswith("  ")] == [
        "1 x a Git LFS pointer, not an image",
        "1 x the extension of another format",
        "1 x a label without an image",
        "1 x identical images under two labels",
    ]


def test_labels_without_an_image_can_be_left_out_with_a_warning():
    admission = admitted(
        IMAGES, [*LABELS, Label("gone.png", "cat")], label_without_image="set_aside"
    )
    assert (len(admission.images), admission.set_aside) == (8, {})
    assert admission.warnings == [
        "1 x a label without an image, such as gone.png (no such file (label cat)): its line is "
        "left out"
    ]


def test_what_is_kept_takes_part_with_a_warning():
    images = [*IMAGES, image("a.jpg"), image("b.png", mode="CMYK"), image("c.png", orientation=6)]
    labels = [*LABELS, *(Label(name, "cat") for name in ("a.jpg", "b.png", "c.png"))]
    admission = admitted(images, labels)
    assert (len(admission.images), admission.set_aside) == (11, {})
    assert admission.warnings == [
        "1 x the extension of another format, such as a.jpg (the content is PNG): decoded by its "
        "content",
        "1 x unusual colour mode, such as b.png (CMYK): converted to 8-bit RGB",
        "1 x rotated by EXIF, such as c.png (EXIF orientation 6): rotated as EXIF says",
    ]


def test_copies_can_be_set_aside_all_but_the_first():
    images = [*IMAGES, image("x.png", "pixels of c0.png"), image("y.png", "pixels of c0.png")]
    labels = [*LABELS, Label("x.png", "cat"), Label("y.png", "cat")]
    admission = admitted(images, labels, duplicate="set_aside")
    assert reasons(admission) == dict.fromkeys(["x.png", "y.png"], "the same pixels as c0.png")


def pairs_of_groups(label_of_copies="cat", shared=image):
    """Groups a0 and b0, a1 and b1, and so on: a pair shares an image, and has one each besides."""
    images, labels = [*IMAGES], [*LABELS]
    for n in range(8):
        for group, label in ((f"a{n}", "cat"), (f"b{n}", label_of_copies)):
            images += [shared(f"copy-{group}.png", f"shared {n}"), image(f"own-{group}.png")]
            labels += [Label(f"copy-{group}.png", label, group)]
            labels += [Label(f"own-{group}.png", "cat", group)]
    return images, labels


def torn(admission):
    """The pairs of groups whose own images are in two splits."""
    found = splits(admission)
    own = [(found[f"own-a{n}.png"], found[f"own-b{n}.png"]) for n in range(8)]
    assert {"train", "test"} == {split for pair in own for split in pair}
    return [pair for pair in own if len(set(pair)) > 1]


@pytest.mark.parametrize(
    ("kind", "label"), [("duplicate", "cat"), ("two_groups", "cat"), ("two_labels", "dog")]
)
@pytest.mark.parametrize("policy", ["keep", "set_aside"])
def test_groups_that_share_an_image_stay_together_whether_its_copies_are_kept(kind, label, policy):
    keep = {"two_groups": "keep", "two_labels": "keep", "duplicate": "keep"}
    admission = admitted(*pairs_of_groups(label), **keep | {kind: policy})
    assert (
        len(admission.set_aside) == {"keep": 0, "set_aside": 8 + 8 * (kind != "duplicate")}[policy]
    )
    assert torn(admission) == []


@pytest.mark.parametrize("policy", ["keep", "set_aside"])
def test_groups_that_share_an_image_count_as_one_after_the_split(tmp_path, policy):
    kept = {"two_groups": "keep", "duplicate": policy}
    write_split(tmp_path / "split.csv", admitted(*pairs_of_groups(), **kept).images)
    images = read_split(tmp_path / "split.csv")
    assert any(image.joined for image in images) == (policy == "set_aside")
    for split in ("train", "test"):
        own = in_split(images, split)
        number_of = dict(zip([each.image for each in own], group_numbers(own), strict=True))
        pairs = [n for n in range(8) if f"own-a{n}.png" in number_of]
        assert [number_of[f"own-a{n}.png"] for n in pairs] == [
            number_of[f"own-b{n}.png"] for n in pairs
        ]
        singles = sum(not each.group for each in own)
        assert len(set(number_of.values())) == len(pairs) + singles


def test_groups_stay_together_where_a_copy_is_set_aside_for_its_file():
    admission = admitted(*pairs_of_groups(shared=partial(image, mode="CMYK")), odd_mode="set_aside")
    assert len(admission.set_aside) == 16
    assert torn(admission) == []


@pytest.mark.parametrize("nothing", [{"low": 7, "high": 7}, {"opacity": 0}])
@pytest.mark.parametrize("aside", ["blank", "tiny"])
def test_pictures_of_nothing_join_no_groups(nothing, aside):
    def empty(name, pixels):
        side = 8 if aside == "blank" else 1
        return image(name, "nothing", **nothing)._replace(width=side, height=side)

    admission = admitted(*pairs_of_groups(shared=empty))
    assert len(admission.set_aside) == 16
    assert len(torn(admission)) > 0


def test_a_set_aside_copy_joins_groups_of_a_given_split():
    images = [image(la.image, {"c0.png": "same", "c3.png": "same"}.get(la.image)) for la in LABELS]
    groups = {"c0.png": "p", "c1.png": "p", "c3.png": "q"}
    labels = [
        Label(la.image, la.label, groups.get(la.image, ""), la.split) for la in given("---V---V")
    ]
    assert reasons(admitted(images, labels, duplicate="set_aside")) == {
        "c0.png": "the same pixels as c3.png",
        "c1.png": "its group or a duplicate is in test (given by the column split)",
    }


def test_a_class_whose_groups_a_set_aside_copy_joins_has_few_groups():
    images = [*IMAGES, image("e0.png"), image("e1.png", "same"), image("e2.png", "same")]
    labels = [*LABELS, *(Label(f"e{n}.png", "emu", group) for n, group in enumerate("ppq"))]
    admission = admitted([*images, image("e3.png")], [*labels, Label("e3.png", "emu", "q")])
    assert "few_groups" in {finding.kind for finding in admission.findings}
    aside = admitted(
        [*images, image("e3.png")], [*labels, Label("e3.png", "emu", "q")], duplicate="set_aside"
    )
    assert "few_groups" in {finding.kind for finding in aside.findings}


def test_contradicting_duplicates_are_no_copies_of_each_other():
    images = [*IMAGES, image("x.png", "same"), image("y.png", "same")]
    labels = [*LABELS, Label("x.png", "cat"), Label("y.png", "dog")]
    admission = admitted(images, labels, two_labels="keep", duplicate="set_aside")
    assert [finding.kind for finding in admission.findings] == ["two_labels"]
    assert admission.set_aside == {}


def test_copies_within_a_group_are_not_in_two_groups():
    duplicates = {"c0.png": "same", "c1.png": "same"}
    images = [image(la.image, duplicates.get(la.image)) for la in LABELS]
    labels = [*CATS[2:], *DOGS, *(Label(la.image, "cat", "p") for la in CATS[:2])]
    assert [finding.kind for finding in admitted(images, labels).findings] == ["duplicate"]


def test_near_duplicates_can_be_set_aside_all_but_the_first():
    near = np.array([[1, 2], [4, 5]])
    admission = admitted(IMAGES, LABELS, near=near, near_duplicate="set_aside")
    assert reasons(admission) == {
        "c2.png": "looks like c1.png",
        "d1.png": "looks like d0.png",
    }


def test_near_duplicates_across_test_are_counted():
    split = splits(admitted(IMAGES, LABELS))
    train = [n for n, label in enumerate(LABELS) if split[label.image] == "train"]
    test = [n for n, label in enumerate(LABELS) if split[label.image] == "test"]
    near = np.array([train[:2], test[:2], [train[0], test[0]]])
    names = [LABELS[n].image for n in (test[0], train[0])]
    assert admitted(IMAGES, LABELS, near=near).warnings[1:] == [
        "1 of 3 pairs of near duplicates have one image in test and one outside it, such as "
        f"{names[0]} and {names[1]}: the test results may be too good"
    ]
    assert len(admitted(IMAGES, LABELS, near=near[:2]).warnings) == 1


def test_near_duplicates_within_a_group_are_none():
    labels = [*CATS[2:], *DOGS, *(Label(la.image, "cat", "p") for la in CATS[:2])]
    assert admitted(IMAGES, labels, near=np.array([[0, 1]])).findings == []


def test_a_class_of_one_group_can_be_set_aside():
    images = [*IMAGES, image("e0.png"), image("e1.png")]
    labels = [*LABELS, Label("e0.png", "emu", "p"), Label("e1.png", "emu", "p")]
    admission = admitted(images, labels, few_groups="set_aside")
    assert [*reasons(admission)] == ["e0.png", "e1.png"]


def test_what_is_set_aside_is_not_looked_at_again():
    duplicate = image("x.jpg", "pixels of c0.png")
    labels = [*LABELS, Label("x.jpg", "dog")]
    kinds = [f.kind for f in admitted([*IMAGES, duplicate], labels).findings]
    assert kinds == ["wrong_extension", "two_labels"]
    admission = admitted([*IMAGES, duplicate], labels, wrong_extension="set_aside")
    assert [f.kind for f in admission.findings] == ["wrong_extension"]


POLICIES_OF_KINDS = PoliciesParams.model_fields


def test_every_kind_has_a_policy_and_a_meaning_and_the_reverse():
    assert set(POLICIES_OF_KINDS) == set(KINDS) == set(MEANINGS)


def test_a_kind_that_can_be_kept_says_what_keeping_means():
    can_be_kept = {kind for kind in KINDS if "keep" in get_args(POLICIES_OF_KINDS[kind].annotation)}
    output = {kind for kind in KINDS if MEANINGS[kind].kept}
    assert output - can_be_kept == {"label_without_image"}  # whose line is left out
    assert can_be_kept <= output


def test_of_several_reasons_to_leave_the_first_is_reported():
    odd = image("x.jpg", mode="CMYK")
    labels = [*LABELS, Label("x.jpg", "dog")]
    policies = {"wrong_extension": "set_aside", "odd_mode": "set_aside"}
    admission = admitted([*IMAGES, odd], labels, **policies)
    assert reasons(admission) == {"x.jpg": "the content is PNG"}


def test_files_without_pixels_are_no_duplicates_though_they_stop():
    bad = [image("x.png", verdict="damaged"), image("y.png", verdict="damaged")]
    labels = [*LABELS, Label("x.png", "cat"), Label("y.png", "dog")]
    text = refusal([*IMAGES, *bad], labels, undecodable="stop", two_labels="stop")
    assert "(undecodable)" in text
    assert "(two_labels)" not in text
