"""Labels from an imagefolder of Hugging Face: metadata in CSV or JSON lines, splits by folders."""

import json

import pytest

from lradapt.data.importing.from_imagefolder import label_imagefolder
from lradapt.data.importing.table_columns import GivenColumns
from lradapt.data.labelled_image import LabelledImage as Label

FILES = ("train/a.png", "train/b.png", "test/c.png")
EXPECTED = [
    Label("test/c.png", "dog", split="test"),
    Label("train/a.png", "cat", split="train"),
    Label("train/b.png", "dog", split="train"),
]


def json_lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def label(tmp_path):
    """A function: the labels of the data set in `img`."""
    return lambda **given: label_imagefolder(tmp_path / "img", GivenColumns(**given))


def test_metadata_in_the_folder_of_each_split_name_the_images_beside_them(files, write, label):
    files(*FILES, "train/extra.png")
    write("img/train/metadata.csv", "file_name,label,text\na.png,cat,a cat\nb.png,dog,a dog\n")
    write("img/test/metadata.csv", "file_name,label,text\nc.png,dog,another\n")
    found = label()
    assert found.labels == EXPECTED
    assert found.left_behind == ["train/extra.png"]
    assert found.notes == (
        "columns: image 'file_name', class 'label', split 'split by folder'; "
        "'test' is test, 'train' is train",
        "columns left out: text (an import keeps one with --keep-column NAME)",
        "read as a Hugging Face imagefolder, by test/metadata.csv, train/metadata.csv",
    )


def test_json_lines_at_the_top_name_the_folders_and_readme_the_classes(
    files, write, label, exported
):
    files(*FILES)
    write(
        "img/metadata.jsonl",
        json_lines(
            {"file_name": "test/c.png", "label": 1, "boxes": [[1, 2]]},
            {"file_name": "train/a.png", "label": 0, "boxes": None},
            {"file_name": "train/b.png", "label": 1},
        ),
    )
    write("img/README.md", exported("imagefolder_README.md"))
    found = label()
    assert found.labels == EXPECTED
    assert found.licence == "cc-by-4.0"
    assert "the classes in 'label' are named by README.md" in found.notes


def test_a_number_that_readme_does_not_name_is_refused(files, write, label, fault):
    files("a.png", "b.png")
    write("img/metadata.csv", "file_name,label\na.png,0\nb.png,7\n")
    names = {"dtype": {"class_label": {"names": ["cat", "dog"]}}, "name": "label"}
    write("img/README.md", f"---\ndataset_info: [{json.dumps({'features': [names]})}]\n---\n")
    assert fault(label).splitlines()[1:] == ["  - '7' in column 'label'"]


@pytest.mark.parametrize("text", ["", "---\n", "# no header", "---\n[a\n---\n", "---\n- 3\n---\n"])
def test_a_readme_without_a_header_says_nothing(files, write, label, text):
    files("a.png", "b.png")
    write("img/metadata.csv", "file_name,label\na.png,0\nb.png,1\n")
    write("img/README.md", text)
    found = label()
    assert [each.label for each in found.labels] == ["0", "1"]
    assert found.licence == ""


def test_one_split_is_no_split_and_other_folders_are_named_by_an_option(files, write, label):
    files("train/a.png", "train/b.png")
    write("img/train/metadata.csv", "file_name,label\na.png,cat\nb.png,dog\n")
    assert {each.split for each in label().labels} == {""}
    files("extra/c.png")
    write("img/extra/metadata.csv", "file_name,label\nc.png,dog\n")
    assert {each.split for each in label().labels} == {""}
    splits = {"train": "train", "extra": "test"}
    assert [each.split for each in label(splits=splits).labels] == ["test", "train", "train"]


def test_a_column_of_patients_keeps_them_together(files, write, label):
    files("a.png", "b.png")
    write("img/metadata.csv", "file_name,kind,patient_id\na.png,cat,p1\nb.png,dog,\n")
    assert label(label="kind").labels == [Label("a.png", "cat", "p1"), Label("b.png", "dog")]


def test_all_faults_are_listed_at_once_with_their_file(files, write, label, fault):
    files("train/a.png", "train/b.png", "test/c.png")
    write("img/train/metadata.csv", "file_name,label\na.png,cat\n../test/c.png,dog\nb.png,\n")
    write("img/test/metadata.csv", "file_name,label\n\ngone.png,cat\n../train/a.png,dog\n")
    assert fault(label).splitlines() == [
        "SRC/img has 4 fault(s) in 5 lines; correct or remove them:",
        "  - test/metadata.csv line 3 (test/gone.png): no such file in SRC/img; the nearest is "
        "test/c.png",
        "  - test/metadata.csv line 4 (test/../train/a.png): the path leads outside the images "
        "folder",
        "  - train/metadata.csv line 3 (train/../test/c.png): the path leads outside the images "
        "folder",
        "  - train/metadata.csv line 4 (train/b.png): has no label",
    ]


def test_lines_that_disagree_are_named_with_their_files(files, write, label, fault):
    files("a.png", "more/b.png")
    write("img/metadata.jsonl", json_lines({"file_name": "more/b.png", "label": "cat"}))
    write("img/more/metadata.jsonl", json_lines({"file_name": "b.png", "label": "dog"}))
    assert fault(label).splitlines()[1:] == [
        "  - more/b.png is in lines that disagree: metadata.jsonl line 1 label 'cat', "
        "more/metadata.jsonl line 1 label 'dog'; keep one"
    ]


def test_lines_that_are_no_object_are_all_named(files, write, label, fault):
    files("a.png")
    write("img/metadata.jsonl", '{"file_name": "a.png", "label": "cat"}\n\n[1]\n{\n')
    assert fault(label).splitlines() == [
        "SRC/img/metadata.jsonl has lines that are no object of JSON:",
        "  - line 3",
        "  - line 4",
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("a.png",), "SRC/img has no metadata.csv and no metadata.jsonl; for a folder of images"),
        ((".cache/metadata.csv", "a.png"), "SRC/img has no metadata.csv and no metadata.jsonl"),
        (("metadata.parquet",), "SRC/img has metadata.parquet, which is not read; write it as"),
        (
            ("metadata.csv", "x/metadata.jsonl"),
            "SRC/img has metadata in two formats; keep one:\n  - metadata.csv\n  - x/metadata.js",
        ),
    ],
)
def test_a_folder_without_metadata_that_are_read_is_refused(files, label, fault, names, message):
    files(*names)
    assert fault(label).startswith(message)


def test_metadata_without_the_column_of_the_file_are_refused(files, write, label, fault):
    files("a.png")
    write("img/metadata.jsonl", json_lines({"image": "a.png"}))
    assert (
        fault(label) == "SRC/img/metadata.jsonl has no column 'file_name'; its columns are 'image'"
    )


def test_a_name_in_the_other_form_of_unicode_is_found(files, write, label):
    files("Cafe\u0301.png", "b.png")
    write("img/metadata.csv", "file_name,label\nCaf\u00e9.png,cat\nb.png,dog\n")
    assert label().labels[0] == Label("Cafe\u0301.png", "cat")


def test_kept_columns_of_the_metadata_become_slices(files, write, label):
    files("train/a.png", "train/b.png")
    write("img/train/metadata.csv", "file_name,label,site\na.png,cat,A\nb.png,dog,B\n")
    found = label(kept=["site"])
    assert [each.slices for each in found.labels] == [(("site", "A"),), (("site", "B"),)]
