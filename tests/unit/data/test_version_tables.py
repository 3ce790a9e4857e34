import time
import unicodedata

import pytest

from lradapt.data.changes import Version, compare
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.version_tables import Tables, read_version
from lradapt.errors import DataError


@pytest.fixture
def write(tmp_path):
    """A function that writes a table; its path."""

    def written(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_labels_alone_know_neither_pixels_nor_splits(write):
    labels = write("labels.csv", "image,label,group\na.png,cat,p1\n")
    assert read_version(Tables(labels)) == Version({"a.png": LabelledImage("a.png", "cat", "p1")})


def test_a_given_split_is_the_split_where_no_table_has_it(write):
    labels = write("labels.csv", "image,label,split\na.png,cat,test\n")
    expected = {"a.png": LabelledImage("a.png", "cat", split="test")}
    assert read_version(Tables(labels)) == Version(expected, {"a.png": "test"}, has_splits=True)


def test_the_other_tables_add_pixels_and_splits_by_name(write):
    labels = write("labels.csv", "image,label\né.png,cat\nb.png,dog\nc.png,dog\n")
    spelt = unicodedata.normalize("NFD", "é.png")
    images = write("images.csv", f"image,x,pixel_sha256\n{spelt},,1\nb.png,,2\nno.png,,3\n")
    split = write("split.csv", f"row,image,split\n0,{spelt},train\n1,b.png,test\n")
    assert read_version(Tables(labels, images, split)) == Version(
        {
            "é.png": LabelledImage("é.png", "cat", pixel_sha256="1"),
            "b.png": LabelledImage("b.png", "dog", pixel_sha256="2"),
            "c.png": LabelledImage("c.png", "dog"),
        },
        {"é.png": "train", "b.png": "test"},
        has_pixels=True,
        has_splits=True,
    )


@pytest.mark.parametrize("text", ["", "image,other\na,b\n", "pixel_sha256,image\nx\n"])
def test_a_table_of_another_kind_is_refused_by_name(write, text):
    labels = write("labels.csv", "image,label\na.png,cat\n")
    images = write("images.csv", text)
    with pytest.raises(DataError, match=r"images\.csv is no table with the columns 'image' and"):
        read_version(Tables(labels, images))


def test_a_missing_table_is_named(write, tmp_path):
    labels = write("labels.csv", "image,label\na.png,cat\n")
    with pytest.raises(DataError, match=r"no file .*split\.csv"):
        read_version(Tables(labels, None, tmp_path / "split.csv"))


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_read_and_compared_in_seconds(write):
    """Reading both versions with all three tables; a second and a half on a quiet machine."""
    names = [f"c{n % 7}/image{n:06d}.jpg" for n in range(100_000)]
    images = "".join(f"{name},{n:064d}\n" for n, name in enumerate(names))
    split = "".join(f"{name},{'train' if n % 6 else 'test'}\n" for n, name in enumerate(names))
    tables = [
        Tables(
            write(
                f"{step}.csv",
                "image,label,group\n"
                + "".join(f"{name},c{n // step % 7},g{n // 2}\n" for n, name in enumerate(names)),
            ),
            write("images.csv", "image,pixel_sha256\n" + images),
            write("split.csv", "image,split\n" + split),
        )
        for step in (1, 2)
    ]
    start = time.process_time()
    changes = compare(*map(read_version, tables))
    assert time.process_time() - start < 30
    assert len(changes.rows) > 80_000
