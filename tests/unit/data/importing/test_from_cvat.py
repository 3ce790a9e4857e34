"""Labels from CVAT's export ImageNet 1.0: folders with images, or lists without them."""

from functools import partial

import pytest

from lradapt.data.importing.from_cvat import label_cvat
from lradapt.data.labelled_image import LabelledImage as Label

FOLDERS = ("cat/a.png", "cat/more/b.png", "dog/c.png", "no_label/d.png", "__MACOSX/cat/._a.png")
SYNSETS = "cat\nbig dog\n"


@pytest.fixture
def cvat(tmp_path):
    """A function: the labels of the export in `img`."""
    return partial(label_cvat, tmp_path / "img", shown=tmp_path / "task.zip")


@pytest.fixture
def lists(write):
    """A function: an export without images, of these lists."""

    def make(synsets=SYNSETS, **texts):
        write("img/synsets.txt", synsets)
        for subset, text in texts.items():
            write(f"img/{subset}.txt", text)

    return make


def test_with_images_the_folders_are_the_labels(files, cvat):
    files(*FOLDERS)
    found = cvat()
    assert found.labels == [
        Label("cat/a.png", "cat"),
        Label("cat/more/b.png", "cat"),
        Label("dog/c.png", "dog"),
    ]
    assert found.left_behind == ["__MACOSX/cat/._a.png", "no_label/d.png"]
    assert found.title.endswith("/task.zip")
    assert found.notes == (
        "read as ImageNet 1.0 of CVAT, a folder for each label",
        "1 image(s) without a label are left out",
    )


@pytest.mark.parametrize("names", [("a.png", "a.png"), ("cat_a.png", "dog_a.png")])
def test_images_of_several_labels_are_listed(files, cvat, fault, names):
    folder = files(*FOLDERS)
    for label, name in zip(("cat", "dog"), names, strict=True):
        (folder / label / name).write_text("one picture")
    (folder / "dog" / "more").mkdir()
    (folder / "dog" / "more" / "b.png").write_text("another picture of the name of one in cat")
    assert fault(cvat).splitlines() == [
        "SRC/task.zip has 1 fault(s), and nothing was imported; correct or remove them:",
        "  - a.png has 2 labels: cat, dog; expected one",
    ]


def test_without_images_the_lists_name_them_and_the_subsets_are_the_split(files, cvat, lists):
    folder = files("pictures/a.png", "pictures/b c.png", "pictures/d.png")
    lists(Train='a.png 0\n"b c".png 1\n\n', Test="d.png 1\ne.png\n")
    found = cvat(images=folder / "pictures")
    assert found.labels == [
        Label("d.png", "big dog", split="test"),
        Label("a.png", "cat", split="train"),
        Label("b c.png", "big dog", split="train"),
    ]
    assert found.notes == (
        "read as ImageNet 1.0 of CVAT, 2 labels in synsets.txt",
        "subsets: 'Test' is test, 'Train' is train",
        "1 image(s) without a label are left out",
    )


def test_a_subset_that_is_no_split_gives_none_and_images_may_be_in_the_export(files, cvat, lists):
    files("images/a.png")
    lists(default="a.png 0\n")
    assert cvat().labels == [Label("a.png", "cat")]


def test_all_faults_of_the_lists_are_named_at_once(files, cvat, lists, fault):
    lists(default='a.png 0 1\nb.png 7\ngone.png 1\n"x\n../../etc/passwd 0\n')
    folder = files("b.png")
    assert fault(cvat, images=folder).splitlines() == [
        "SRC/task.zip has 5 fault(s), and nothing was imported; correct or remove them (or is "
        "--images another folder than SRC/img?):",
        "  - default.txt line 1 (a.png): has 2 labels: cat, big dog; expected one",
        "  - default.txt line 2 (b.png): no label has the number 7; synsets.txt has 2",
        '  - default.txt line 4 ("x): expected the file, and the number of its label',
        "  - default.txt line 3 (gone.png): no such file in SRC/img; the nearest is b.png",
        "  - default.txt line 5 (../../etc/passwd): the path leads outside the images folder",
    ]


def test_labels_without_images_ask_for_their_folder(cvat, lists, fault):
    lists(default="a.png 0\n")
    assert "give the folder of the images as --images" in fault(cvat)


def test_another_folder_for_an_export_with_images_is_refused(files, cvat, fault):
    folder = files(*FOLDERS)
    assert "has its images in it; leave out --images SRC/img" in fault(cvat, images=folder)


def test_a_list_that_is_no_text_is_refused(cvat, lists, fault, tmp_path):
    lists()
    (tmp_path / "img" / "default.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "img" / "images").mkdir()
    assert fault(cvat).startswith("default.txt is not text in UTF-8")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("annotations.xml", "found CVAT for images or video"),
        ("annotations/instances_default.json", "found COCO (`lradapt import coco`"),
        ("obj.names", "found YOLO"),
        ("train/labels.json", "found Ultralytics YOLO Classification"),
        ("metadata.jsonl", "found Hugging Face imagefolder (`lradapt import imagefolder`)"),
        ("a.png", "no folder of a label, and no synsets.txt"),
    ],
)
def test_an_export_in_another_format_is_named(files, cvat, fault, name, kind):
    files(name)
    text = fault(cvat)
    assert text.startswith(
        f"SRC/task.zip is not an export of CVAT in the format ImageNet 1.0: {kind}"
    )
    assert text.endswith("choose ImageNet 1.0, with Save images")
