"""`lradapt export croissant`: the table, the metadata, and what mlcroissant reads from both."""

import csv
import hashlib
import json
import unicodedata
from pathlib import Path

import pytest
from colour_model import paint
from path_table import path_variables

from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split

SPLIT = Path("build/split/split.csv")
LABELS = {"a/red.png": "red", "b/gr\u00fcn.jpg": "green", "b/blue.png": "blue"}


@pytest.fixture
def project(tmp_path, lradapt):
    """The current folder is a project of three labelled images and one without a label."""
    root = Path(__file__).parents[3]
    Path("dvc.yaml").write_text(path_variables())
    text = (root / "params.yaml").read_text()
    Path("params.yaml").write_text(text.replace('data_licence: ""', "data_licence: CC-BY-4.0"))
    for name, colour in LABELS.items():
        path = Path("data/images", unicodedata.normalize("NFD", name))
        path.parent.mkdir(parents=True, exist_ok=True)
        paint(path, colour)
    paint(Path("data/images/other.png"), "red")
    write_labels(LABELS)
    return tmp_path


def write_labels(labels):
    lines = [f"{image},{label}" for image, label in labels.items()]
    Path("data/labels.csv").write_text("\n".join(["image,label", *lines]))


def split(labels):
    SPLIT.parent.mkdir(parents=True, exist_ok=True)
    parts = ("train", "validation", "test")
    found = zip(labels.items(), parts, strict=True)
    write_split(SPLIT, [LabelledImage(*each, split=part, row=0) for each, part in found])


def table():
    with Path("croissant.csv").open(newline="") as file:
        return list(csv.DictReader(file))


needs_library = pytest.mark.usefixtures("library")


@pytest.fixture(scope="module")
def library():
    """The library of MLCommons, which checks the metadata and reads by it."""
    return pytest.importorskip("mlcroissant", reason="lradapt[croissant] is not installed")


@needs_library
def test_the_table_has_a_line_for_each_labelled_image_with_the_hash_of_its_file(lradapt, project):
    done = lradapt("export", "croissant", "croissant.json")
    assert (done.code, done.out.splitlines()) == (
        0,
        [
            "croissant.json: the metadata",
            "croissant.csv: image, label, sha256",
            f"no split: {SPLIT} is missing, which `make retrain` makes",
        ],
    )
    lines = table()
    assert {unicodedata.normalize("NFC", each["image"]): each["label"] for each in lines} == LABELS
    for each in lines:
        content = Path("data/images", each["image"]).read_bytes()
        assert each["sha256"] == hashlib.sha256(content).hexdigest()


@needs_library
def test_the_metadata_states_the_licence_the_classes_and_the_hash_of_the_table(lradapt, project):
    lradapt("export", "croissant", "croissant.json", "--url", "https://example.org/skin")
    found = json.loads(Path("croissant.json").read_text())
    assert found["license"] == "CC-BY-4.0"
    assert found["url"] == "https://example.org/skin"
    assert found["description"] == "3 labelled images of 3 classes."
    (file, images) = found["distribution"]
    sha256 = hashlib.sha256(Path("croissant.csv").read_bytes()).hexdigest()
    assert (file["contentUrl"], file["sha256"]) == ("croissant.csv", sha256)
    assert images["includes"] == "data/images/*"
    assert images["encodingFormat"] == ["image/jpeg", "image/png"]
    (classes,) = [each for each in found["recordSet"] if each["name"] == "classes"]
    assert [tuple(each.values()) for each in classes["data"]] == [
        ("blue", 1),
        ("green", 1),
        ("red", 1),
    ]


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
def test_a_loader_gets_each_image_with_its_label_and_split(lradapt, project, library):
    split(LABELS)
    lradapt("export", "croissant", "croissant.json")
    read = library.Dataset("croissant.json")
    assert not read.metadata.ctx.issues.errors
    records = [dict(each) for each in read.records("images")]
    labelled = [each for each in records if isinstance(each["images/label"], bytes)]
    assert len(records) == len(labelled) + 1  # the image without a label
    for each in labelled:
        name = unicodedata.normalize("NFC", each["images/image"].decode())
        assert LABELS[name] == each["images/label"].decode()
        middle = each["images/content"].getpixel((4, 4))
        assert middle.index(max(middle)) == ("red", "green", "blue").index(LABELS[name])
    assert {each["images/split"] for each in labelled} == {b"train", b"validation", b"test"}


@needs_library
def test_a_split_of_other_labels_is_left_out_with_a_note(lradapt, project):
    split({**LABELS, "a/red.png": "green"})
    done = lradapt("export", "croissant", "croissant.json", "--json")
    found = json.loads(done.out)
    assert found["columns"] == ["image", "label", "sha256"]
    assert found["notes"] == [f"no split: {SPLIT} is of other labels; `make retrain` makes it anew"]


@needs_library
def test_groups_are_a_column_where_any_image_has_one(lradapt, project):
    lines = ["image,label,group", "a/red.png,red,p1", "b/blue.png,blue,"]
    Path("data/labels.csv").write_text("\n".join(lines))
    lradapt("export", "croissant", "croissant.json")
    assert [each["group"] for each in table()] == ["p1", "b/blue.png"]


@needs_library
def test_a_missing_licence_is_named(lradapt, project):
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("CC-BY-4.0", '""'))
    done = lradapt("export", "croissant", "croissant.json", "--json")
    assert "card.data_licence" in json.loads(done.out)["notes"][-1]
    assert "license" not in json.loads(Path("croissant.json").read_text())


def test_missing_images_are_all_named(lradapt, project):
    write_labels({**LABELS, "gone.png": "red", "c/gone.png": "red"})
    done = lradapt("export", "croissant", "croissant.json")
    assert done.code == 1
    assert "2 labelled image(s) are not in data/images" in done.err
    assert "  - gone.png\n  - c/gone.png" in done.err
    assert not Path("croissant.csv").exists()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("croissant.csv", "the metadata is JSON; give a name that ends in .json"),
        ("out/croissant.json", "must lie in a folder that holds data/images"),
    ],
)
def test_a_file_that_cannot_be_the_metadata_is_one_message(lradapt, project, file, message):
    done = lradapt("export", "croissant", file)
    assert done.code == 1
    assert message in done.err
