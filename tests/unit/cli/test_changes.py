"""`lradapt changes`: what is printed, as tables, as JSON and as Markdown."""

import json

import pytest

from lradapt.data.changes import Version, compare
from lradapt.data.labelled_image import LabelledImage
from lradapt.reporting import changes_report

OLD = "image,label,group\na.png,cat,p1\nb.png,dog,p2\nc.png,dog,p3\n"
NEW = "image,label,group\na.png,dog,p1\nc.png,dog,p2\nd.png,[owl],p4\n"


@pytest.fixture
def changes(lradapt, tmp_path, monkeypatch):
    """A function that runs `lradapt changes` in a folder with two versions; code, out, err."""
    monkeypatch.setenv("COLUMNS", "80")
    for name, labels in (("old", OLD), ("new", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.csv").write_text(labels)

    return lambda *words: lradapt("changes", *words)


def fill(folder, pixels, sides):
    (folder / "images.csv").write_text("image,pixel_sha256\n" + pixels)
    (folder / "split.csv").write_text("image,split\n" + sides)


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines() if line and "─" not in line]


def test_the_tables_show_kinds_classes_relabellings_and_images(changes, tmp_path):
    fill(tmp_path / "old", "a.png,1\nc.png,3\n", "a.png,test\nc.png,train\n")
    fill(tmp_path / "new", "a.png,1\nc.png,4\n", "a.png,test\nd.png,validation\n")
    code, out, err = changes("old", "new")
    assert (code, err) == (0, "")
    text = " ".join(out.split())
    assert text.startswith(
        "4 changes of 3 images: 1 added, 1 removed, 1 relabelled, 1 moved group, 1 changed pixels; "
        "1 in test by kind"
    )
    output = lines(out)
    for line in (
        "relabelled 1 1",
        "moved group 1 -",
        "together 4 1",
        "[owl] - 1 1 - - - - - 100.0%",
        "cat 1 - - - - 1 - 1 100.0%",
        "dog 2 2 - 1 1 - 1 1 100.0%",
        "cat dog 1 1",
        "a.png relabelled cat, test dog, test",
        "c.png moved group, changed pixels dog, group p3, train dog, group p2",
        "d.png added - [owl], validation",
    ):
        assert line in output, out


def test_labels_alone_say_what_was_not_compared(changes):
    _, out, _ = changes("old/labels.csv", "new/labels.csv")
    assert "(pixels not compared)" in " ".join(out.split())
    assert "in test by kind" not in " ".join(out.split())
    assert "relabelled 1 ?" in lines(out)


def test_what_is_named_goes_before_what_lies_beside(changes, tmp_path):
    fill(tmp_path / "old", "a.png,1\n", "a.png,train\n")
    fill(tmp_path / "new", "a.png,1\n", "a.png,train\n")
    fill(tmp_path, "a.png,9\n", "a.png,test\n")
    words = ("--json", "--new-images", "images.csv", "--new-split", "split.csv")
    found = json.loads(changes("old", "new", *words)[1])
    assert "changed pixels" in found["rows"][0]["kinds"]
    assert found["changed"] == {"images": 4, "in_test": 1}


def test_json_has_every_image_and_null_for_what_is_unknown(changes):
    found = json.loads(changes("old", "new", "--json")[1])
    assert found["images"] == {"before": 3, "after": 3}
    assert found["changed"] == {"images": 4, "in_test": None}
    assert found["relabelled"] == [{"from": "cat", "to": "dog", "images": 1, "in_test": None}]
    assert found["classes"]["dog"]["share"] == 1.0
    assert [(row["image"], row["kinds"]) for row in found["rows"]] == [
        ("a.png", ["relabelled"]),
        ("b.png", ["removed"]),
        ("c.png", ["moved group"]),
        ("d.png", ["added"]),
    ]
    assert found["rows"][1]["after"] is None


def test_equal_versions_are_one_sentence(changes):
    assert changes("old", "old") == (
        0,
        "nothing has changed in 3 images (pixels not compared)\n",
        "",
    )


def many(count):
    names = [f"{n:03d}.png" for n in range(count)]
    old = {name: LabelledImage(name, f"c{n}") for n, name in enumerate(names)}
    new = {name: LabelledImage(name, "x|y") for name in names}
    return compare(Version(old), Version(new))


def test_long_tables_are_cut_with_the_number_of_what_is_left_out():
    found = {section.title: section for section in changes_report.sections(many(25))}
    assert len(found["image by image: the first 20 of 25"].rows) == 20
    assert found["relabelled"].rows[-1] == ["... and 5 more", "", "", ""]
    assert "image by image" in [section.title for section in changes_report.sections(many(20))]


def test_a_table_of_twenty_is_whole():
    (matrix,) = (s for s in changes_report.sections(many(20)) if s.title == "relabelled")
    assert len(matrix.rows) == 20
    assert matrix.rows[-1][0] == "c9"


def test_markdown_escapes_what_would_end_a_cell():
    text = changes_report.as_markdown(many(1))
    assert text.startswith("1 change of 1 images: 1 relabelled (pixels not compared)\n\n**by kind")
    assert "| c0 | x\\|y | 1 | ? |" in text


def test_a_consensus_that_changes_is_relabelled_and_a_tie_is_named(changes, tmp_path):
    annotated = "image,label,annotator\na.png,cat,eva\nb.png,dog,eva\nb.png,dog,bob\n"
    (tmp_path / "old" / "labels.csv").write_text(annotated)
    (tmp_path / "new" / "labels.csv").write_text(
        annotated + "a.png,dog,bob\nb.png,cat,jo\nc.png,cat,jo\nc.png,dog,eva\n"
    )
    output = lines(changes("old", "new").out)
    assert "cat (tie of annotators) 1 ?" in output
    assert "a.png relabelled cat (tie of annotators)" in output
    assert "c.png added - (tie of annotators)" in output
    assert not any(line.startswith("b.png") for line in output)
