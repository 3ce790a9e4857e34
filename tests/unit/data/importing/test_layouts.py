"""Folders become classes or splits as they are meant, or the import stops with the readings."""

import re
from collections import Counter

import pytest

from lradapt.data.importing.from_folder import label_folder
from lradapt.data.importing.split_names import parse_choices, read_split_names
from lradapt.data.labelled_image import LabelledImage as Label
from lradapt.errors import DataError


@pytest.fixture
def source(tmp_path):
    """A function: a folder that holds these files."""

    def make(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return tmp_path

    return make


def below(*tops, classes="ab"):
    """Two images of each class below each folder."""
    return [f"{top}/{name}/{n}.png" for top in tops for name in classes for n in range(2)]


def counts(labelled):
    return Counter((label.label, label.split) for label in labelled.labels)


def refusal(folder, **options):
    with pytest.raises(DataError) as caught:
        label_folder(folder, **options)
    return str(caught.value).replace(str(folder), "SRC")


SPLITS = {
    ("Training", "Testing"): ("train", "test"),
    ("training_set", "test_set"): ("train", "test"),
    ("training-set", "testing-set"): ("train", "test"),
    ("seg_train", "seg_test"): ("train", "test"),
    ("seg_train/seg_train", "seg_test/seg_test"): ("train", "test"),
    ("train", "dev"): ("train", "test"),
    ("train", "dev", "test"): ("train", "validation", "test"),
    ("train", "holdout"): ("train", "test"),
    ("train.v2", "holdout_v2"): ("train", "test"),
    ("train", "hold-out", "Validation"): ("train", "test", "validation"),
    ("Train ", "Test "): ("train", "test"),
    ("TRAIN", "Valid", "tEsT"): ("train", "validation", "test"),
    ("TrainImages", "TestImages"): ("train", "test"),
    ("trainset", "testset"): ("train", "test"),
    ("BrainTrain", "BrainTest"): ("train", "test"),
    ("train2017", "val2017"): ("train", "test"),
    ("01_train", "02_val", "03_test"): ("train", "validation", "test"),
    ("trn", "tst"): ("train", "test"),
    ("brain train", "brain eval"): ("train", "test"),
}


@pytest.mark.parametrize("tops", SPLITS, ids="+".join)
def test_the_name_of_a_split_is_known_however_it_is_written(source, tops):
    found = counts(label_folder(source(*below(*tops))))
    assert found == {(name, split): 2 for name in "ab" for split in SPLITS[tops]}


@pytest.mark.parametrize(
    "names",
    [
        ("freight_train", "car"),
        ("freight_train", "passenger_train"),
        ("toy train", "toy car"),
        ("test_tube", "cup"),
        ("testament", "trainer"),
        ("development board", "crash test"),
        ("setter", "dataset"),
    ],
    ids="+".join,
)
def test_the_name_of_a_class_is_no_split_because_of_a_word_in_it(source, names):
    assert read_split_names(names) == {}
    assert {c.label for c in label_folder(source(*(f"{n}/1.png" for n in names))).labels} == {
        *names
    }


READINGS = {
    "folds": (below("fold1", "fold2"), "fold1, fold2 have the same folders in them (a, b)"),
    "names that mean nothing": (below("x", "y"), "x, y have the same folders in them (a, b)"),
    "a flat test set": (
        [*below("train"), "test/1.png", "test/2.png"],
        "test, train look like a split, not like classes",
    ),
    "flat splits": (["train/1.png", "test/1.png"], "test, train look like a split"),
    "no training split": (["val/x/1.png", "test/x/1.png"], "test, val look like a split"),
    "a class named train": (["train/x/1.png", "car/x/1.png"], "have the same folders in them (x)"),
    "no class in common": (
        ["train/a/1.png", "train/b/1.png", "test/c/1.png", "test/d/1.png"],
        "test, train look like a split",
    ),
    "one split twice": (below("train1", "train2", "test"), "look like a split"),
    "other folders": (
        [*below("train", "test"), "masks/a/1.png"],
        "test, train look like a split, not like classes, but there are other folders beside them: "
        "masks;",
    ),
    "splits within classes": (
        ["cat/train/1.png", "cat/test/2.png", "dog/train/1.png", "dog/test/2.png"],
        "cat, dog have the same folders in them (test, train)",
    ),
    "one level deeper": (
        ["cat/p1/1.png", "cat/p2/2.png", "dog/p3/1.png", "dog/p4/1.png"],
        "all images are one level deeper than those of classes, such as in cat/p1",
    ),
    "a project": (
        ["code/a.py", "tests/b.py", "data/images/cat/1.png", "data/images/dog/1.png"],
        "no image in code, tests,",
    ),
    "annotations": (["images/1.png", "labels/1.txt"], "no image in labels,"),
    "boxes": (
        [f"{top}/{path}" for top in ("train", "test") for path in ("images/1.png", "labels/1.txt")],
        "test, train look like a split, not like classes",
    ),
    "images of a split": (
        ["train/images/1.png", "test/images/2.png"],
        "test, train look like a split, not like classes",
    ),
    "masks": (["images/1.png", "masks/1.png"], "images, masks do not look like"),
}


@pytest.mark.parametrize("case", READINGS)
def test_folders_of_several_readings_stop_with_them(source, case):
    names, reason = READINGS[case]
    folder = source(*names)
    text = refusal(folder)
    assert text.startswith("SRC: ")
    assert reason in text
    assert "nothing was imported. Choose what is meant:" in text
    with_image = {name.split("/")[0] for name in names if name.endswith(".png")}
    if len(with_image) < 2:
        assert "--layout class" not in text
        return
    assert f"{', '.join(sorted(with_image))} are the classes: --layout class" in text
    assert {c.label for c in label_folder(folder, layout="class").labels} == with_image


def test_each_reading_names_the_option_that_chooses_it(source):
    folder = source(*below("fold1", "fold2"))
    assert refusal(folder).splitlines()[1:] == [
        "  - fold1, fold2 are splits, the folders in them classes: "
        "--split fold1=train --split fold2=test",
        "  - fold1, fold2 mean nothing, the folders in them are classes: --layout any/class",
        "  - the folders in them are groups (patients, lesions): --layout class/group",
        "  - only fold1 is meant: give SRC/fold1",
        "  - only fold2 is meant: give SRC/fold2",
        "  - fold1, fold2 are the classes: --layout class",
        "  - the classes are in a table: lradapt import table TABLE --images FOLDER",
    ]
    chosen = parse_choices(["fold1=train", "fold2=test"])
    split = {("a", "train"): 2, ("b", "train"): 2, ("a", "test"): 2, ("b", "test"): 2}
    assert counts(label_folder(folder, splits=chosen)) == split
    assert counts(label_folder(folder, layout="any/class")) == {("a", ""): 4, ("b", ""): 4}
    assert counts(label_folder(folder / "fold1")) == {("a", ""): 2, ("b", ""): 2}


def test_splits_within_classes_can_be_chosen(source):
    folder = source(*below("cat", "dog", classes=["Train", "val "]))
    assert "- the folders in them are splits: --layout class/split" in refusal(folder)
    assert counts(label_folder(folder, layout="class/split")) == {
        (name, split): 2 for name in ("cat", "dog") for split in ("train", "test")
    }


def test_groups_within_classes_can_be_chosen(source):
    folder = source("cat/p1/1.png", "cat/p2/x/2.png", "dog/p2/1.png", "dog/p4/1.png")
    assert label_folder(folder, layout="class/group").labels == [
        Label("cat/p1/1.png", "cat", "p1"),
        Label("cat/p2/x/2.png", "cat", "p2"),
        Label("dog/p2/1.png", "dog", "p2"),
        Label("dog/p4/1.png", "dog", "p4"),
    ]


def test_folders_that_no_option_names_are_left_behind(source):
    folder = source(*below("train", "test"), "unlabelled/x/1.png")
    assert "--split test=test --split train=train" in refusal(folder)
    found = label_folder(folder, splits={"train": "train", "test": "test"})
    assert found.left_behind == ["unlabelled/x/1.png"]


@pytest.mark.parametrize("top", ["dataset", "train"])
def test_a_folder_around_the_classes_is_named(source, top):
    assert f"- only {top} is meant: give SRC/{top}" in refusal(source(*below(top)))


def test_a_folder_around_the_splits_is_named(source):
    text = refusal(source(*below("data/train", "data/test")))
    assert "- only data is meant: give SRC/data\n" in text


def test_a_name_with_a_space_is_quoted_for_the_shell(source):
    folder = source(*below("my fold", "other"))
    assert "--split 'my fold=train' --split other=test" in refusal(folder)


@pytest.mark.parametrize(
    ("tops", "options"),
    [
        (("holdout", "mine"), "--split holdout=test --split mine=train"),
        (("a", "train_x", "zz"), "--split a=train --split train_x=train --split zz=test"),
        (("development", "evaluation"), "--split development=train --split evaluation=test"),
    ],
)
def test_a_proposal_keeps_the_splits_that_are_known(source, tops, options):
    assert options in refusal(source(*below(*tops)))


def test_the_smallest_folder_is_proposed_for_the_test(source):
    text = refusal(source(*below("tr"), *(f"te/{name}/0.png" for name in "ab")))
    assert "--split te=test --split tr=train" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"splits": {"z": "train"}}, "--split 'z': no such folder with images in SRC; it has x, y"),
        ({"layout": "split/class"}, "no folder of SRC has the name of a split: x, y; give"),
        ({"layout": "class", "splits": {"x": "train"}}, "--split has no meaning with --layout"),
    ],
)
def test_options_that_do_not_fit_are_refused(source, options, message):
    assert message in refusal(source(*below("x", "y")), **options)


@pytest.mark.parametrize("choice", ["x", "x=exam", "=", "x="])
def test_a_choice_that_names_no_split_is_refused(choice):
    with pytest.raises(DataError, match=f"--split {choice!r}: expected NAME=SPLIT"):
        parse_choices([choice])


def test_a_name_with_an_equals_sign_can_be_chosen():
    assert parse_choices(["a=b=test"]) == {"a=b": "test"}


def test_what_was_understood_is_noted(source):
    found = label_folder(source(*below("Training", "Testing")))
    assert found.notes == ("read as SPLIT/CLASS/IMAGE; 'Testing' is test, 'Training' is train",)


def test_folders_within_a_class_are_noted(source):
    found = label_folder(source("cat/1.png", "dog/husky/1.png", "dog/poodle/2.png"))
    assert found.notes == (
        "read as CLASS/IMAGE",
        "the folders in dog (husky, poodle) are all of this class",
    )


def test_folders_that_differ_in_outer_space_are_one_class_and_noted(source):
    found = label_folder(source("bear/1.png", "bear /2.png", "owl/1.png"))
    assert [label.label for label in found.labels] == ["bear", "bear", "owl"]
    assert found.notes[1:] == ("the folders 'bear', 'bear ' are one class, 'bear'",)


def test_images_are_known_by_their_content_where_no_name_tells(source, random_image):
    folder = source("cat/1.png", "dog/README")
    random_image(1).save(folder / "dog" / "0001", "PNG")
    assert {label.label for label in label_folder(folder).labels} == {"cat", "dog"}


def test_a_control_character_in_the_name_of_a_class_is_refused(source):
    text = refusal(source("a\x1b[31m/1.png", "b\nc/1.png", "d\u202ee/1.png", "f/1.png"))
    assert text.splitlines() == [
        "3 folder(s) of SRC cannot be classes:",
        r"  - the class name 'a\x1b[31m' has control characters (\x1b); rename the class",
        r"  - the class name 'b\nc' has control characters (\n); rename the class",
        r"  - the class name 'd\u202ee' has control characters (\u202e); rename the class",
    ]


def test_a_control_character_in_the_name_of_a_group_is_refused(source):
    folder = source("a/p\r1/1.png", "a/p\r1/2.png", "b/p2/1.png")
    assert refusal(folder, layout="class/group").splitlines() == [
        "1 folder(s) of SRC cannot be groups:",
        r"  - the group 'p\r1' has control characters (\r); rename the group",
    ]


def test_names_in_the_readings_are_one_line_each(source):
    text = refusal(source(*below("x\n  - forged", "y")))
    assert not re.search(r"^  - forged", text, re.MULTILINE)
