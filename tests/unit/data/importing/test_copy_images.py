import os
import shutil

import pytest

from lradapt.data.images.files import list_files
from lradapt.data.importing.copy_images import copy_images
from lradapt.errors import DataError


@pytest.fixture
def source(tmp_path):
    """A folder that others write to."""
    return fill(tmp_path / "source", {"a.png": "a", "b/c.png": "c"})


@pytest.fixture
def brought(tmp_path, source):
    """A function that brings the source; how many files were copied or removed."""
    return lambda: copy_images(
        source, images=tmp_path / "data/images", labels=tmp_path / "data/labels.csv"
    )


def fill(folder, files):
    for name, content in files.items():
        (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).write_text(content)
    lines = [f"{name},x\n" for name in files]
    (folder / "labels.csv").write_text("image,label\n" + "".join(lines))
    return folder


def held(folder):
    return {name: (folder / name).read_text() for name in list_files(folder)}


def test_images_and_labels_become_those_of_the_source(source, brought, tmp_path):
    assert brought() == 3
    assert held(tmp_path / "data/images") == {"a.png": "a", "b/c.png": "c"}
    labels = tmp_path / "data/labels.csv"
    assert labels.read_bytes() == (source / "labels.csv").read_bytes()


def test_a_second_look_copies_nothing(source, brought, tmp_path):
    brought()
    before = (tmp_path / "data/images/a.png").stat().st_ino
    assert brought() == 0
    assert (tmp_path / "data/images/a.png").stat().st_ino == before


def test_what_is_changed_new_or_gone_there_is_so_here(source, brought, tmp_path):
    brought()
    (source / "images/b/c.png").unlink()
    fill(source, {"a.png": "A, longer", "d.png": "d"})
    assert brought() == 4  # a changed, c gone, d new, labels
    assert held(tmp_path / "data/images") == {"a.png": "A, longer", "d.png": "d"}
    assert not (tmp_path / "data/images/b").exists()


def test_a_content_under_its_former_size_and_time_is_copied_where_contents_are_compared(
    source, brought, tmp_path
):
    brought()
    image = source / "images/a.png"
    before = image.stat()
    image.write_text("b")
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert brought() == 0
    data = tmp_path / "data"
    paths = {"images": data / "images", "labels": data / "labels.csv"}
    assert copy_images(source, **paths, by_content=True) == 1
    assert held(data / "images")["a.png"] == "b"
    assert copy_images(source, **paths, by_content=True) == 0


def test_equal_sizes_with_another_time_are_copied(source, brought, tmp_path):
    brought()
    (source / "images/a.png").write_text("Z")
    os.utime(source / "images/a.png", (1, 1))
    assert brought() == 1
    assert (tmp_path / "data/images/a.png").read_text() == "Z"


def test_a_file_may_become_a_folder_and_a_folder_a_file(source, brought, tmp_path):
    brought()
    (source / "images/a.png").unlink()
    (source / "images/b/c.png").unlink()
    (source / "images/b").rmdir()
    fill(source, {"a.png/x.png": "x", "b": "b"})
    brought()
    assert held(tmp_path / "data/images") == {"a.png/x.png": "x", "b": "b"}


def test_a_changed_file_is_another_file_so_that_a_link_of_the_cache_keeps_the_old(
    source, brought, tmp_path
):
    brought()
    os.link(tmp_path / "data/images/a.png", tmp_path / "cache")
    (source / "images/a.png").write_text("newer")
    brought()
    assert (tmp_path / "cache").read_text() == "a"


def test_a_link_stays_a_link(source, brought, tmp_path):
    (tmp_path / "secret").write_text("s")
    (source / "images/a.png").unlink()
    (source / "images/a.png").symlink_to(tmp_path / "secret")
    brought()
    assert (tmp_path / "data/images/a.png").is_symlink()


def test_labels_without_their_images_bring_nothing(source, brought, tmp_path):
    brought()
    (source / "images/a.png").unlink()
    (source / "images/new.png").write_text("n")
    with pytest.raises(DataError, match=r"(?s)1 of 2 labels .* nothing was copied.*a\.png"):
        brought()
    assert held(tmp_path / "data/images") == {"a.png": "a", "b/c.png": "c"}


def test_labels_of_one_class_replace_no_labels_of_several(source, brought, tmp_path):
    (source / "labels.csv").write_text("image,label\na.png,x\nb/c.png,y\n")
    brought()
    fill(source, {"a.png": "other", "b/c.png": "c"})
    with pytest.raises(DataError, match=r"has 1 class\(es\), and .* has several: a training would"):
        brought()
    assert held(tmp_path / "data/images") == {"a.png": "a", "b/c.png": "c"}


def test_labels_that_change_while_images_are_copied_are_those_that_were_checked(
    source, brought, tmp_path, monkeypatch
):
    checked = (source / "labels.csv").read_bytes()
    copy2 = shutil.copy2

    def copy_while_others_write(*paths, **options):
        (source / "labels.csv").write_text("image,label\nabsent.png,x\n")
        return copy2(*paths, **options)

    monkeypatch.setattr(shutil, "copy2", copy_while_others_write)
    assert brought() == 3
    assert (tmp_path / "data/labels.csv").read_bytes() == checked


@pytest.mark.parametrize(
    ("name", "fault"),
    [("e\u0301.png", r"2 files are é\.png"), ("f\r.png", r"'f\\r\.png' has control")],
)
def test_names_that_no_table_can_hold_change_nothing(source, brought, tmp_path, name, fault):
    brought()
    fill(source, {"a.png": "other", "\xe9.png": "e"})
    (source / "images" / name).write_text("other")
    with pytest.raises(DataError, match=fault):
        brought()
    assert held(tmp_path / "data/images") == {"a.png": "a", "b/c.png": "c"}


@pytest.mark.parametrize("lost", ["images", "labels.csv", "."])
def test_a_drive_that_is_not_mounted_removes_nothing(source, brought, tmp_path, lost):
    brought()
    (source / lost).rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"no f(older|ile) .*source"):
        brought()
    assert set(held(tmp_path / "data/images")) == {"a.png", "b/c.png"}
