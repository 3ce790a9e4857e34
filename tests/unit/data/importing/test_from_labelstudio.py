"""Labels from exports of Label Studio: choices, annotators, local files, uploads and URLs."""

import pytest

from lradapt.data.importing.from_labelstudio import Keys, label_labelstudio
from lradapt.data.importing.labelstudio_paths import image_names
from lradapt.data.labelled_image import Annotation
from lradapt.data.labelled_image import LabelledImage as Label
from lradapt.errors import DataError

FILES = ("photos/a b.png", "photos/c.png", "photos/skipped.png", "photos/open.png")


@pytest.fixture
def label(files, write, exported):
    """A function: the labels of an export, changed by a function."""

    def read(change=lambda _: None, name="labelstudio.json", **options):
        content = exported(name)
        change(content)
        return label_labelstudio(write("img/export.json", content), **options)

    files(*FILES)
    return read


def choose(*choices, **more):
    result = {"type": "choices", "from_name": "animal", "value": {"choices": list(choices)}}
    return {"completed_by": 7, "result": [result], **more}


def set_first(*annotations, **data):
    """A function that gives the first task these annotations, and these data."""

    def change(content):
        content[0]["annotations"] = list(annotations) or content[0]["annotations"]
        content[0]["data"] |= data

    return change


def test_annotations_of_several_become_annotators_by_their_numbers(label):
    found = label()
    assert found.labels == [
        Label(
            "photos/a b.png",
            "",
            "p1",
            "",
            "",
            None,
            (Annotation("7", "cat"), Annotation("9", "dog")),
        ),
        Label("photos/c.png", "dog", "p2", annotations=(Annotation("7", "dog"),)),
    ]
    assert found.left_behind == ["export.json", "photos/open.png", "photos/skipped.png"]
    assert found.notes == (
        "read as Label Studio, JSON: class 'animal', image 'image', group 'patient_id'",
        "1 task(s) that were skipped are left out",
        "1 task(s) without an annotation are left out",
        "2 annotators; 1 image(s) have several of them, and 1 of these no majority",
    )


def test_one_annotator_with_everything_needs_no_column(label):
    found = label(set_first(choose("cat")))
    assert found.labels == [
        Label("photos/a b.png", "cat", "p1"),
        Label("photos/c.png", "dog", "p2"),
    ]


def test_an_annotation_that_is_ground_truth_counts_alone(label):
    change = set_first(choose("cat"), choose("dog", completed_by=9, ground_truth=True))
    assert [each.label for each in label(change).labels] == ["dog", "dog"]


def test_json_min_is_read_alike_and_an_upload_has_its_name_before_or_after(label, files):
    files("b.png", "deeper/1a2b3c4d-a.png")
    expected = [Label("deeper/1a2b3c4d-a.png", "cat", "p1"), Label("b.png", "dog", "p2")]
    found = label(name="labelstudio_min.json")
    assert found.labels == expected
    assert found.notes[0] == (
        "read as Label Studio, JSON_MIN: class 'animal', image 'image', group 'patient_id'"
    )


def test_two_uploads_of_one_name_are_not_taken_for_one_file(label, files, fault):
    def same_name(content):
        content[1]["image"] = "/data/upload/3/5e6f7a8b-a.png"

    files("a.png")
    assert fault(label, same_name, name="labelstudio_min.json").splitlines()[1:] == [
        "  - a.png is the file of several images: upload/3/1a2b3c4d-a.png, "
        "upload/3/5e6f7a8b-a.png; give the folder in which they have these names as --images",
        "  - a.png is in entries that disagree: task 1 annotator '7' label 'cat' group 'p1', "
        "task 2 annotator '7' label 'dog' group 'p2'; keep one",
    ]


@pytest.mark.parametrize(
    ("image", "names"),
    [
        ("/data/local-files/?d=photos/a%20b.png", ("photos/a b.png",)),
        ("http://host:8080/data/local-files/?d=a%2Fb.png&x=1", ("a/b.png",)),
        ("/data/local-files/?d=%2e%2e/secret.png", ("../secret.png",)),
        (
            "/data/upload/3/1a2b3c4d-a%20b.png",
            ("upload/3/1a2b3c4d-a b.png", "1a2b3c4d-a b.png", "a b.png"),
        ),
        ("https://host/data/upload/3/a.png", ("upload/3/a.png", "a.png")),
        ("https://example.org/x/a%20b.png?token=1", ("https://example.org/x/a%20b.png?token=1",)),
        ("C:\\photos\\a.png", ("C:\\photos\\a.png",)),
        ("photos/a b.png", ("photos/a b.png",)),
        ("http://[a.png", ("http://[a.png",)),
    ],
)
def test_a_path_of_label_studio_is_read_as_a_name_below_the_folder(image, names):
    assert image_names(image, folder_is_given=False) == names


def test_the_path_of_a_url_counts_where_a_folder_is_given():
    for url in ("https://host/photos/a%20b.png?token=1", "s3://bucket/photos/a%20b.png"):
        assert image_names(url, folder_is_given=True) == ("photos/a b.png",)


def test_a_url_is_refused_with_the_remedy_and_read_with_the_folder(label, fault, tmp_path):
    change = set_first(choose("cat"), image="https://example.org/photos/a%20b.png")
    assert "is a URL, and nothing is downloaded: download the images" in fault(label, change)
    found = label(change, folder=tmp_path / "img")
    assert found.labels[0] == Label("photos/a b.png", "cat", "p1")


def test_all_faults_are_listed_at_once(label, fault):
    def broken(content):
        content[0]["annotations"] = [choose("cat", "dog"), choose("cat"), choose("dog")]
        content[1]["annotations"] = [choose()]
        local = "/data/local-files/?d="
        content += [
            {"id": 5, "data": {"image": f"{local}photos/gone.png"}, "annotations": [choose("cat")]},
            {"id": 6, "data": {"image": f"{local}../../x.png"}, "annotations": [choose("cat")]},
            {"id": 7, "data": {"image": 3}, "annotations": [choose("cat")]},
            {"annotations": [choose("c\x1bt")], "data": {"image": "photos/c.png"}},
        ]

    assert fault(label, broken).splitlines() == [
        "SRC/img/export.json has 7 fault(s), and nothing was imported; correct or remove them (or "
        "is --images another folder than SRC/img?):",
        "  - task 1, annotator 7 (/data/local-files/?d=photos/a%20b.png): 2 choices: cat, dog",
        "  - task 7: its data have no text 'image'",
        "  - task 2 (photos/c.png): the class is empty",
        "  - task 5 (photos/gone.png): no such file in SRC/img; the nearest is photos/open.png",
        "  - task 6 (../../x.png): the path leads outside the images folder",
        r"  - task no. 8 (photos/c.png): the class name 'c\x1bt' has control "
        r"characters (\x1b); rename the class",
        "  - photos/a b.png is in entries that disagree: task 1 annotator '7' label 'cat', "
        "task 1 annotator '7' label 'dog'; keep one",
    ]


def test_annotations_without_a_choice_are_counted(label):
    found = label(set_first(choose("cat"), {"completed_by": 9, "result": []}))
    assert "1 annotation(s) without a choice are left out" in found.notes
    assert found.labels[0].label == "cat"


def test_several_controls_keys_of_images_or_patients_ask_for_an_option(label, fault):
    other = {"type": "choices", "from_name": "quality", "value": {"choices": ["sharp"]}}
    both = choose("cat")
    both["result"].append(other)
    two = set_first(both)
    assert fault(label, two).endswith(
        "several controls have choices; which is the class? Give --choices: 'animal' (2), "
        "'quality' (1)"
    )
    assert label(two, keys=Keys(choices="quality")).labels == [
        Label("photos/a b.png", "sharp", "p1")
    ]
    assert "no choice is of a control 'x'" in fault(label, two, keys=Keys(choices="x"))
    images = set_first(choose("cat"), thumb="photos/c.png")
    assert fault(label, images).endswith("Give --image-key, a key of the data: 'image', 'thumb'")
    assert label(images, keys=Keys(image="image")).labels[0].image == "photos/a b.png"
    assert "no task has the key 'x'" in fault(label, keys=Keys(image="x"))
    patients = set_first(choose("cat"), lesion_id="l1")
    assert fault(label, patients).endswith("Give --group-key: 'patient_id', 'lesion_id'")
    assert label(patients, keys=Keys(group="lesion_id")).labels[0].group == "l1"
    assert label(patients, keys=Keys(group="")).labels[0].group == ""
    assert "no task has the key 'x'" in fault(label, keys=Keys(group="x"))


def test_boxes_are_no_class_of_an_image(label, fault):
    box = {"type": "rectanglelabels", "from_name": "box", "value": {"rectanglelabels": ["cat"]}}
    change = set_first({"completed_by": 7, "result": [box]})
    text = fault(lambda: label(lambda content: (change(content), content.pop(1))))
    assert (
        "img/export.json has no choice for an image; 1 task(s) that were skipped; 1 task(s)" in text
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            {"images": [], "annotations": [], "categories": []},
            "found COCO: `lradapt import coco SRC/x.json`",
        ),
        ([{"data": {"image": "a.png"}}], "found tasks of Label Studio without annotations"),
        ([{"data": {}, "completions": []}], "found Label Studio before version 1.0 (export it"),
        ([], "found an empty list"),
    ],
)
def test_an_export_of_another_kind_is_named(write, fault, content, expected):
    text = fault(label_labelstudio, write("x.json", content))
    assert text.startswith(
        "SRC/x.json is not an export of Label Studio, JSON or Label Studio, JSON_MIN: " + expected
    )


def test_a_control_character_in_a_group_is_refused(label):
    with pytest.raises(DataError, match=r"the group 'p\\r1' has control characters .*rename"):
        label(set_first(patient_id="p\r1"))


def test_a_group_in_two_spellings_is_told(label):
    def change(content):
        content[0]["data"]["patient_id"], content[1]["data"]["patient_id"] = " 1 ", 1.0

    found = label(change)
    assert [each.group for each in found.labels] == ["1", "1.0"]
    assert "'1.0' (1) may be '1' (1)" in found.notes[-1]
