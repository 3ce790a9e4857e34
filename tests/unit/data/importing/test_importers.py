"""Whatever a person has becomes an images folder and `labels.csv`, whole or not at all."""

import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lradapt.data.importing import atomic_import as whole_import
from lradapt.data.importing.from_folder import label_folder
from lradapt.data.importing.from_table import label_table
from lradapt.data.importing.importers import import_cifar10, import_digits, import_files
from lradapt.data.importing.source_labels import SourceLabels
from lradapt.data.importing.table_columns import GivenColumns
from lradapt.data.labelled_image import LabelledImage as Label
from lradapt.data.labels import read_labels
from lradapt.errors import DataError


@pytest.fixture
def source(tmp_path):
    """A function: a folder that holds these files, each with its own name as its content."""

    def make(*names):
        for name in names:
            path = tmp_path / "source" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        return tmp_path / "source"

    return make


@pytest.fixture
def project(tmp_path):
    """Where images and labels go."""
    return {"images": tmp_path / "data" / "images", "labels": tmp_path / "data" / "labels.csv"}


def import_folder(folder, **project):
    return import_files(label_folder(folder), **project)


def contents(folder):
    """Relative path -> text, of all that lies below `folder`."""
    return {
        path.relative_to(folder).as_posix(): path.read_text(errors="replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def former(project):
    """What an earlier import left; the value is all of `data`."""
    (project["images"] / "old").mkdir(parents=True)
    (project["images"] / "old" / "1.png").write_text("former")
    project["labels"].write_text("image,label\nold/1.png,old\n")
    return contents(project["images"].parent)


def test_folders_become_classes(source, project):
    folder = source("cat/1.png", "cat/deep/2.png", "dog/1.png")
    imported = import_folder(folder, **project)
    labels = [
        Label("cat/1.png", "cat"),
        Label("cat/deep/2.png", "cat"),
        Label("dog/1.png", "dog"),
    ]
    assert imported.labels == labels == read_labels(project["labels"])
    assert imported.left_behind == []
    assert contents(project["images"]) == {label.image: label.image for label in labels}


def test_loose_and_hidden_files_are_left_behind_and_named(source, project):
    folder = source("cat/1.png", "dog/1.png", "README.txt", "cat/.DS_Store", ".git/x/config")
    imported = import_folder(folder, **project)
    assert imported.left_behind == [".git/x/config", "README.txt", "cat/.DS_Store"]
    assert list(contents(project["images"])) == ["cat/1.png", "dog/1.png"]


SPLITS = {
    ("train", "test"): ["train", "test"],
    ("train", "val"): ["train", "test"],
    ("training", "test"): ["train", "test"],
    ("Train", "Test"): ["train", "test"],
    ("train", "val", "test"): ["train", "validation", "test"],
    ("train", "valid", "test"): ["train", "validation", "test"],
    ("Train", "Val", "Test"): ["train", "validation", "test"],
}


@pytest.mark.parametrize("tops", SPLITS, ids="-".join)
def test_a_split_is_kept_and_with_a_test_set_val_becomes_tune(source, project, tops):
    imported = import_folder(source(*(f"{t}/{c}/1.png" for t in tops for c in "ab")), **project)
    sides = dict(zip(tops, SPLITS[tops], strict=True))
    assert {(la.image, la.label, la.split) for la in imported.labels} == {
        (f"{top}/{name}/1.png", name, sides[top]) for top in tops for name in "ab"
    }
    assert sorted(read_labels(project["labels"]), key=str) == sorted(imported.labels, key=str)


@pytest.mark.parametrize("loose", ["README.md", "train/labels.txt", ".git/x/config"])
def test_a_loose_file_does_not_turn_a_split_into_classes(source, project, loose):
    folder = source("train/a/1.png", "train/b/1.png", "test/a/2.png", "test/b/2.png", loose)
    imported = import_folder(folder, **project)
    assert sorted({label.label for label in imported.labels}) == ["a", "b"]
    assert imported.left_behind == [loose]


def test_folders_within_a_class_of_a_split_belong_to_the_class(source, project):
    imported = import_folder(source("train/a/x/1.png", "train/b/1.png", "test/a/2.png"), **project)
    assert by_image(imported.labels) == [
        Label("test/a/2.png", "a", split="test"),
        Label("train/a/x/1.png", "a", split="train"),
        Label("train/b/1.png", "b", split="train"),
    ]


@pytest.mark.parametrize("names", [["cat/1.png"], ["1.png", "2.png"], ["train/a/1.png"]])
def test_fewer_than_two_classes_are_refused_with_what_was_found(source, project, former, names):
    with pytest.raises(DataError) as caught:
        import_folder(source(*names), **project)
    assert "class folder(s); expected " in str(caught.value)
    assert f"/CLASS/IMAGE with at least 2 classes, got {', '.join(names)} ..." in str(caught.value)
    assert contents(project["images"].parent) == former


@pytest.mark.parametrize("name", ["absent", "1.png"])
def test_a_source_that_is_no_folder_is_named(source, project, name):
    message = rf"no folder .*{name}; expected the folder of the images"
    with pytest.raises(DataError, match=message):
        import_folder(source("1.png") / name, **project)


def test_an_empty_source_is_refused(tmp_path, project):
    with pytest.raises(DataError, match="is empty"):
        import_folder(tmp_path, **project)


def test_a_linked_class_folder_is_refused_and_not_lost(source, project, tmp_path):
    folder = source("cat/1.png", "dog/1.png")
    (tmp_path / "elsewhere").mkdir()
    (folder / "owl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"1 link\(s\) to folders .* are not followed(.|\n)*- owl"):
        import_folder(folder, **project)


def test_names_are_brought_to_one_spelling(source, project):
    decomposed = unicodedata.normalize("NFD", "Äpfel/é.png")
    imported = import_folder(source(decomposed, "猫/1.png"), **project)
    assert imported.labels == [
        Label("Äpfel/é.png", "Äpfel"),
        Label("猫/1.png", "猫"),
    ]
    assert contents(project["images"]) == {"Äpfel/é.png": decomposed, "猫/1.png": "猫/1.png"}


def test_names_with_outer_space_are_read_back_as_they_lie(source, project):
    import_folder(source(" cat/1.png", "dog /2.png "), **project)
    labels = read_labels(project["labels"])
    assert [label.label for label in labels] == ["cat", "dog"]
    assert list(contents(project["images"])) == [label.image for label in labels]


def test_two_files_that_would_become_one_are_refused(source, project, former):
    folder = source("a/é.png", unicodedata.normalize("NFD", "a/é.png"), "b/1.png")
    with pytest.raises(DataError, match=r"2 files are a/é\.png in Unicode's form NFC: 'a/e\\u0301"):
        label_folder(folder)
    with pytest.raises(DataError, match=r"2 files are a/é\.png"):
        import_folder(folder, **project)
    assert contents(project["images"].parent) == former


def test_two_files_that_are_one_on_this_disk_are_refused(source, project, former):
    labels = [Label(name, "cat") for name in ("a/1.png", "a/1.png ")]  # stands in for capitals
    folder = source(*(label.image for label in labels))
    with pytest.raises(DataError, match=r"two files have one name on this disk, a/1\.png \("):
        import_files(SourceLabels(folder, labels, []), **project)
    assert contents(project["images"].parent) == former


def test_two_files_that_differ_in_space_at_the_end_alone_are_refused(source):
    with pytest.raises(DataError, match=r"2 files are a/1\.png .*'a/1\.png', 'a/1\.png '; rename"):
        label_folder(source("a/1.png", "a/1.png ", "b/1.png"))


def test_control_characters_in_the_names_of_files_are_refused(source, bring_table, project, former):
    folder = source("a/1\r.png", "a/2\x1b.png", "b/1.png", "left\rbehind.txt")
    with pytest.raises(DataError) as caught:
        label_folder(folder)
    assert str(caught.value).splitlines()[1:] == [
        r"  - the file name 'a/1\r.png' has control characters (\r); rename the file",
        r"  - the file name 'a/2\x1b.png' has control characters (\x1b); rename the file",
    ]
    with pytest.raises(DataError, match=r"the file name 'a/1\\r\.png' has control characters"):
        bring_table('id,class\n"a/1\r.png",cat\nb/1.png,dog\n', "c.png")
    assert contents(project["images"].parent) == former


def test_the_message_on_too_few_classes_keeps_its_lines_whatever_the_names(source, project):
    folder = source("a/b\nerror: c.png")
    with pytest.raises(DataError, match=r"got a/b\\nerror: c\.png \.\.\."):
        import_folder(folder, **project)


def test_images_may_be_imported_onto_themselves(source, project):
    import_folder(source("cat/1.png", "dog/1.png"), **project)
    before = contents(project["images"].parent)
    import_folder(project["images"], **project)
    assert contents(project["images"].parent) == before


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_import_that_fails_while_it_copies_leaves_what_was_there(
    source, project, former, monkeypatch, error
):
    copyfile = shutil.copyfile

    def failing(origin, target):
        if "dog" in str(origin):
            raise error
        return copyfile(origin, target)

    monkeypatch.setattr(shutil, "copyfile", failing)
    with pytest.raises(type(error)):
        import_folder(source("cat/1.png", "dog/1.png"), **project)
    assert contents(project["images"].parent) == former


def disk_full(*_):
    raise OSError("disk full")


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("write_labels", [disk_full, interrupted])
def test_an_import_whose_labels_cannot_be_written_leaves_what_was_there(
    source, project, former, monkeypatch, write_labels
):
    monkeypatch.setattr(whole_import, "write_labels", write_labels)
    with pytest.raises((OSError, KeyboardInterrupt)):
        import_folder(source("cat/1.png", "dog/1.png"), **project)
    assert contents(project["images"].parent) == former


def test_an_import_that_fails_in_an_empty_project_leaves_nothing(source, project, monkeypatch):
    monkeypatch.setattr(whole_import, "write_labels", disk_full)
    with pytest.raises(OSError, match="disk full"):
        import_folder(source("cat/1.png", "dog/1.png"), **project)
    assert contents(project["images"].parent) == {}


def test_images_that_a_killed_import_left_aside_come_back(source, project, former, monkeypatch):
    monkeypatch.setattr(whole_import, "write_labels", disk_full)
    project["images"].rename(project["images"].with_name(".images.previous"))
    with pytest.raises(OSError, match="disk full"):
        import_folder(source("cat/1.png", "dog/1.png"), **project)
    assert contents(project["images"].parent) == former


def test_what_a_killed_import_left_does_not_stop_the_next(source, project, former):
    for name in (".images.previous", ".images.importing"):
        project["images"].with_name(name).mkdir()
        (project["images"].with_name(name) / "stale.png").write_text("stale")
    import_folder(source("cat/1.png", "dog/1.png"), **project)
    assert list(contents(project["images"].parent)) == [
        "images/cat/1.png",
        "images/dog/1.png",
        "labels.csv",
    ]


KILLED = """
import os, sys
from pathlib import Path
from lradapt.data.importing.from_folder import label_folder
from lradapt.data.importing.importers import import_files

source, data, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

def kill(event, values):
    global steps
    if event in ("os.rename", "shutil.rmtree", "os.remove", "os.mkdir"):
        steps -= 1
        if steps < 0:
            os._exit(9)

labels = label_folder(source)
sys.addaudithook(kill)
import_files(labels, images=data / "images", labels=data / "labels.csv")
"""


@pytest.mark.slow
@pytest.mark.parametrize("has_images", [True, False])
def test_a_kill_at_any_step_leaves_images_and_labels_that_fit(source, project, has_images):
    folder, data = source("cat/1.png", "dog/1.png"), project["images"].parent
    new = {f"images/{name}": name for name in ("cat/1.png", "dog/1.png")}
    new["labels.csv"] = "image,label\ncat/1.png,cat\ndog/1.png,dog\n"
    old = {"labels.csv": "image,label\nold/1.png,old\n"}
    old |= {"images/old/1.png": "former"} if has_images else {}
    seen = []
    for steps in range(30):
        shutil.rmtree(data, ignore_errors=True)
        for name, text in old.items():
            (data / name).parent.mkdir(parents=True, exist_ok=True)
            (data / name).write_text(text)
        words = [sys.executable, "-c", KILLED, folder, data, str(steps)]
        killed = subprocess.run(words, check=False).returncode
        with pytest.raises(OSError, match="disk full"):
            whole_import.replace_whole(**project, fill=disk_full)
        partial = ".partial-"  # of the labels; the next that are written remove it
        seen.append({n: text for n, text in contents(data).items() if partial not in n})
        if not killed:
            break
    assert killed == 0
    assert [now for now in seen if now not in (old, new)] == []
    assert (seen[0], seen[-1]) == (old, new)


@pytest.mark.parametrize("killed", ["before its labels", "after its labels"])
def test_the_labels_decide_which_images_a_killed_import_leaves(project, former, killed):
    data = project["images"].parent
    project["images"].rename(data / ".images.previous")
    (data / "images").mkdir()
    (data / "images/new.png").write_text("new")
    if killed == "before its labels":
        (data / ".labels.csv.importing").write_text("image,label\nnew.png,new\n")
    else:
        project["labels"].write_text("image,label\nnew.png,new\n")
    with pytest.raises(OSError, match="disk full"):
        whole_import.replace_whole(**project, fill=disk_full)
    complete = {"images/new.png": "new", "labels.csv": "image,label\nnew.png,new\n"}
    assert contents(data) == (former if killed == "before its labels" else complete)


def test_a_link_in_place_of_the_images_is_refused(source, project, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    project["images"].parent.mkdir()
    project["images"].symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=r"images is a link to .*elsewhere, .* Remove the link"):
        import_folder(source("cat/1.png", "dog/1.png"), **project)
    assert project["images"].is_symlink()
    assert contents(project["images"].parent) == {}


@pytest.fixture
def bring_table(source, project, tmp_path):
    """A function: import a table of this text, over a folder of these files."""

    def bring(text, *names, group_column=None):
        table = tmp_path / "table.csv"
        table.write_text(text, encoding="utf-8")
        columns = GivenColumns("id", "class", group_column)
        return import_files(label_table(table, folder=source(*names), given=columns), **project)

    return bring


def test_a_table_may_lack_the_extensions(bring_table, project):
    imported = bring_table("id,class\na,cat\nsub/b,dog\nc.x,dog\n", "a.jpg", "sub/b.png", "c.x.png")
    labels = [
        Label("a.jpg", "cat"),
        Label("c.x.png", "dog"),
        Label("sub/b.png", "dog"),
    ]
    assert read_labels(project["labels"]) == labels
    assert sorted(imported.labels, key=str) == labels
    assert contents(project["images"]) == {la.image: la.image for la in labels}


def test_the_groups_of_a_table_are_kept(bring_table, project):
    bring_table("class,lesion,id\ncat,l1,a\ndog,,b\n", "a.jpg", "b.jpg", group_column="lesion")
    assert read_labels(project["labels"]) == [
        Label("a.jpg", "cat", "l1"),
        Label("b.jpg", "dog"),
    ]


def test_a_group_that_pandas_has_written_in_two_ways_is_told(bring_table):
    imported = bring_table(
        "class,lesion,id\ncat,1,a\ndog,1.0,b\ndog,,c\n",
        "a.jpg",
        "b.jpg",
        "c.jpg",
        group_column="lesion",
    )
    assert [note for note in imported.notes if "spelling" in note] == [
        "1 group(s) may be other spellings of a group, and would be split as others: '1.0' (1) may "
        "be '1' (1). If they are one patient or lesion, give them one name"
    ]


def test_a_folder_of_a_group_in_two_spellings_is_told(source):
    found = label_folder(source("a/p1/1.png", "a/P1/2.png", "b/p2 /1.png"), layout="class/group")
    assert {label.group for label in found.labels} == {"p1", "P1", "p2"}
    assert any("'p1' (1) may be 'P1' (1)" in note for note in found.notes)


def test_files_that_a_table_does_not_name_are_left_behind(bring_table):
    imported = bring_table("id,class\na,cat\n", "a.jpg", "b.jpg", ".c")
    assert imported.left_behind == [".c", "b.jpg"]


def test_a_table_in_the_other_unicode_form_finds_its_files(bring_table, project):
    on_disk = unicodedata.normalize("NFD", "Müller.jpg")
    bring_table("id,class\nMüller,cat\n", on_disk)
    assert list(contents(project["images"])) == ["Müller.jpg"]


def test_an_exact_name_wins_over_one_that_lacks_its_extension(bring_table, project):
    bring_table("id,class\na,cat\na.jpg,dog\n", "a", "a.jpg")
    assert read_labels(project["labels"]) == [
        Label("a", "cat"),
        Label("a.jpg", "dog"),
    ]


def test_an_exact_name_in_the_other_unicode_form_wins_too(bring_table):
    on_disk = unicodedata.normalize("NFD", "é")
    imported = bring_table("id,class\né,cat\n", on_disk, "é.jpg")
    assert imported.labels == [Label("é", "cat")]
    assert imported.left_behind == ["é.jpg"]


def test_two_files_that_differ_in_their_unicode_form_alone_both_fit_and_are_told_apart(bring_table):
    files = ["é.jpg", unicodedata.normalize("NFD", "é.jpg")]
    with pytest.raises(DataError) as caught:
        bring_table("id,class\né.jpg,cat\n", *files)
    assert str(caught.value).endswith(
        r"line 2 (é.jpg): several files fit: 'e\u0301.jpg', '\xe9.jpg'; names are equal in "
        "Unicode's form NFC, rename the files"
    )


def test_all_faults_of_a_table_are_named_at_once_with_their_lines(bring_table, project, former):
    text = "id,class\na,cat\n\nb,dog\nc,cat\n../d,cat\n/e,cat\na,\n,cat\na.jpg,dog\n"
    with pytest.raises(DataError) as caught:
        bring_table(text, "a.jpg", "b.jpg", "b.png")
    folder = str(project["images"].parents[1] / "source")
    assert str(caught.value).splitlines()[1:] == [
        "  - line 4 (b): several files fit: b.jpg, b.png",
        f"  - line 5 (c): no such file in {folder}",
        "  - line 6 (../d): the path leads outside the images folder",
        "  - line 7 (/e): the path leads outside the images folder",
        "  - line 8 (a): has no label",
        "  - line 9 (): the image is empty",
        "  - a.jpg is in lines that disagree: line 2 label 'cat', line 10 label 'dog'; keep one",
    ]
    assert "table.csv has 7 fault(s) in 8 lines; correct or remove them (or" in str(caught.value)
    assert contents(project["images"].parent) == former


def test_a_table_without_the_column_names_those_it_has(bring_table):
    with pytest.raises(
        DataError, match="no column 'id', 'lesion'; its columns are 'name', 'class'"
    ):
        bring_table("name,class\na,cat\n", "a.jpg", group_column="lesion")


def test_a_table_without_lines_is_refused(bring_table):
    with pytest.raises(DataError, match=r"table\.csv has no lines below its header, expected one"):
        bring_table("id,class\n", "a.jpg")


def by_image(labels):
    return sorted(labels, key=lambda label: label.image)


@pytest.mark.slow
def test_the_digits_are_1797_images_of_10_classes(project):
    from sklearn.datasets import load_digits

    imported = import_digits(**project)
    assert read_labels(project["labels"]) == by_image(imported.labels)
    assert len(imported.labels) == 1797
    digits = load_digits()
    for index in (0, 1, 1796):
        label = imported.labels[index]
        assert label == Label(f"{digits.target[index]}/{index:04d}.png", str(digits.target[index]))
        with Image.open(project["images"] / label.image) as image:
            seen = np.asarray(image, dtype=float) * 16 / 255
        np.testing.assert_allclose(seen, digits.images[index], atol=0.04)


@pytest.fixture
def cifar10(monkeypatch, random_image):
    """A function: stands in torchvision's CIFAR10, which needs a network."""
    from torchvision import datasets

    def replace(error=None):
        class Few(list):
            classes = ("airplane", "automobile")

            def __init__(self, root, *, train, download):
                if error:
                    raise error
                assert download
                assert Path(root).name == "cache"
                first = 0 if train else 10
                super().__init__((random_image(first + n, (32, 32)), n % 2) for n in range(3))

        monkeypatch.setattr(datasets, "CIFAR10", Few)

    return replace


@pytest.mark.slow
def test_cifar10_keeps_its_split_and_its_pixels(cifar10, project, tmp_path, random_image):
    cifar10()
    imported = import_cifar10(cache=tmp_path / "cache", **project)
    assert read_labels(project["labels"]) == by_image(imported.labels)
    assert by_image(imported.labels) == [
        Label("test/airplane/00000.png", "airplane", split="test"),
        Label("test/airplane/00002.png", "airplane", split="test"),
        Label("test/automobile/00001.png", "automobile", split="test"),
        Label("train/airplane/00000.png", "airplane", split="train"),
        Label("train/airplane/00002.png", "airplane", split="train"),
        Label("train/automobile/00001.png", "automobile", split="train"),
    ]
    with Image.open(project["images"] / "test/automobile/00001.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(random_image(11, (32, 32))))


@pytest.mark.parametrize("error", [OSError("no network"), RuntimeError("corrupted")])
def test_cifar10_out_of_reach_says_what_else_to_do(cifar10, project, former, tmp_path, error):
    cifar10(error)
    with pytest.raises(
        DataError, match=r"cannot be downloaded .*`lradapt import folder PATH`"
    ) as e:
        import_cifar10(cache=tmp_path / "cache", **project)
    assert str(error) in str(e.value)
    assert contents(project["images"].parent) == former


def test_how_a_recorded_image_was_picked_outlives_an_import_under_another_folder(project, source):
    """A chosen image must not come into the test split: docs/method.md, "The split"."""
    chosen, random = f"{'a' * 64}.png", f"{'b' * 64}.png"
    project["labels"].parent.mkdir(parents=True)
    lines = [f"recorded/{chosen},cat,chosen", f"recorded/{random},dog,random", "1.png,cat,chosen"]
    project["labels"].write_text("\n".join(["image,label,queue", *lines, ""]))
    import_folder(source(f"cat/{chosen}", f"dog/{random}", "dog/1.png"), **project)
    picked = {label.image: label.queue for label in read_labels(project["labels"])}
    assert picked == {f"cat/{chosen}": "chosen", f"dog/{random}": "random", "dog/1.png": ""}


@pytest.mark.parametrize(
    "content", ["", "label\ncat\n", "image,queue\n", "image,label\n1.png,cat\n,,,,\n"]
)
def test_labels_of_any_kind_can_be_replaced(project, source, content):
    project["labels"].parent.mkdir(parents=True)
    project["labels"].write_text(content)
    import_folder(source("cat/1.png", "dog/2.png"), **project)
    assert len(read_labels(project["labels"])) == 2
