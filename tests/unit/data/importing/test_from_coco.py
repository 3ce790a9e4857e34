"""Labels from a COCO file: one category for each image, and all faults at once."""

import pytest

from lradapt.data.importing.from_coco import label_coco
from lradapt.data.labelled_image import LabelledImage as Label

FILES = ("a.png", "more/b.png", "c.png", "d.png")


@pytest.fixture
def coco(files, write, exported):
    """A function: the labels of the export, changed by a function."""

    def label(change=lambda _: None, **options):
        content = exported("coco.json")
        change(content)
        return label_coco(write("img/coco.json", content), **options)

    files(*FILES)
    return label


def test_images_of_one_category_are_of_that_class_and_the_licence_is_kept(coco):
    found = coco()
    assert found.labels == [
        Label("a.png", "cat"),
        Label("more/b.png", "cat"),
        Label("c.png", "dog"),
    ]
    assert found.left_behind == ["coco.json", "d.png"]
    assert found.licence == "CC BY 4.0"
    assert found.notes == (
        "read as COCO: 4 images, 4 annotations",
        "2 annotation(s) have a box, mask or keypoints, which are left out",
        "1 image(s) without an annotation are left out, as d.png",
    )


def test_all_faults_are_listed_at_once(coco, fault):
    def broken(content):
        content["images"] += [{"id": 15, "file_name": "gone.png"}, {"id": 11, "file_name": "z.png"}]
        content["images"] += [{"id": 16, "file_name": "../../etc/passwd"}, {"file_name": "x.png"}]
        content["images"] += [{"id": 17, "file_name": "https://example.org/a.png"}]
        content["categories"] += [{"id": 3, "name": " "}, "mouse", {"id": 2, "name": "wolf"}]
        content["annotations"] += [
            {"id": 105, "image_id": 15, "category_id": 1},
            {"id": 106, "image_id": 16, "category_id": 1},
            {"id": 107, "image_id": 17, "category_id": 1},
            {"id": 108, "image_id": 99, "category_id": 1},
            {"id": 109, "image_id": 11, "category_id": 9},
            {"image_id": [11], "category_id": 1},
            {"id": 111, "image_id": 13, "category_id": 1},
        ]

    assert fault(coco, broken).splitlines() == [
        "SRC/img/coco.json has 12 fault(s), and nothing was imported; correct or remove them (or "
        "is --images another folder than SRC/img?):",
        "  - two entries of images have the id 11: a.png, z.png",
        "  - entry 8 of images has no id, or no file_name",
        "  - entry 3 of categories has no id, or no name",
        "  - entry 4 of categories has no id, or no name",
        "  - two entries of categories have the id 2: dog, wolf",
        "  - annotation 108: no image has the id 99",
        "  - annotation 109 (a.png): no category has the id 9",
        "  - annotation no. 10: no image has the id [11]",
        "  - annotation 105 (gone.png): no such file in SRC/img; the nearest is d.png",
        "  - annotation 106 (../../etc/passwd): the path leads outside the images folder",
        "  - annotation 107 (https://example.org/a.png): is a URL, and nothing is downloaded: "
        "download the images into a folder, and give it as --images",
        "  - c.png is in entries that disagree: annotation 104 label 'dog', annotation 111 label "
        "'cat'; keep one",
    ]


def test_images_are_beside_a_folder_annotations_or_where_an_option_says(files, write, exported):
    folder = files(*FILES)
    content = exported("coco.json")
    expected = [Label("a.png", "cat"), Label("more/b.png", "cat"), Label("c.png", "dog")]
    beside = label_coco(write("img/annotations/coco.json", content))
    assert (beside.labels, beside.folder) == (expected, folder)
    elsewhere = label_coco(write("coco.json", content), folder=folder)
    assert (elsewhere.labels, elsewhere.folder) == (expected, folder)


def test_a_name_in_the_other_form_of_unicode_is_found(coco, files):
    files("Cafe\u0301.png")

    def renamed(content):
        content["images"][0]["file_name"] = "Caf\u00e9.png"

    assert coco(renamed).labels[0] == Label("Cafe\u0301.png", "cat")


def test_images_of_several_licences_have_none(coco):
    def second(content):
        content["images"][0]["license"] = 2
        content["licenses"].append({"id": 2, "name": "CC BY-NC 4.0"})

    assert coco(second).licence == ""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            [{"id": 1, "data": {"image": "a.png"}, "annotations": []}],
            "found Label Studio, JSON: `lradapt import labelstudio SRC/x.json`",
        ),
        ({"images": [], "annotations": []}, "found captions or results of COCO, without"),
        ({"shapes": [], "imagePath": "a.png"}, "found LabelMe, shapes in an image"),
        ([], "found an empty list"),
        ({"a": 1}, "found an object with the keys 'a'"),
        ([[3]], "found a list, whose first entry is a list, whose first entry is 3"),
    ],
)
def test_an_export_of_another_kind_is_named(write, fault, content, expected):
    text = fault(label_coco, write("x.json", content))
    assert text.startswith(f"SRC/x.json is not an export of COCO: {expected}")


@pytest.mark.parametrize("text", ["{", "", "\x00", "[" * 100_000, "PK\x03\x04"])
def test_a_file_that_is_no_json_is_refused(write, fault, text):
    assert "SRC/x.json is not JSON (" in fault(label_coco, write("x.json", text))


def test_a_missing_file_is_refused(tmp_path, fault):
    assert fault(label_coco, tmp_path / "x.json").startswith("no file SRC/x.json")


def test_an_export_without_an_annotation_is_refused(coco, fault):
    text = fault(coco, lambda content: content.update(annotations=[]))
    assert text.startswith("SRC/img/coco.json gives no image a class; read as COCO: 4 images")
