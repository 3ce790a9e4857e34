"""One cell of labels.csv changes, and every other byte stays."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lradapt.data.labels import read_labels
from lradapt.errors import DataError
from lradapt.review.label_lines import parse_lines, with_label, with_lines, without_image

PATH = Path("labels.csv")
ODD = (
    b"\xef\xbb\xbfremark,image , label,group\r\n"
    b'"a ""quoted"", one",x.png, old ,p1\r\n'
    b"\r\n"
    b'"two\r\nlines",y.png,"old, er",\r\n'
    b'x, "v.png" , "old, er",p3\r\n'
    b",z.png,old,p1,too many\r\n"
    b"plain,w.png,old"
)


@pytest.mark.parametrize(
    ("image", "before", "after"),
    [
        ("x.png", b"x.png, old ,p1", b"x.png,new,p1"),
        ("y.png", b'y.png,"old, er",', b'y.png,"new",'),
        ("v.png", b'"v.png" , "old, er",p3', b'"v.png" ,"new",p3'),
        ("z.png", b"z.png,old,p1", b"z.png,new,p1"),
        ("w.png", b"w.png,old", b"w.png,new"),
    ],
)
def test_a_changed_label_changes_its_cell_alone(image, before, after):
    changed = with_label(parse_lines(ODD, PATH), image, "new")
    assert changed.content == ODD.replace(before, after)
    assert parse_lines(changed.content, PATH).labels[image] == "new"


@pytest.mark.parametrize("label", ['nevus, "common"', " x", "two\nlines", "naïve"])
def test_a_label_that_needs_quotation_marks_is_read_as_it_was_given(tmp_path, label):
    path = tmp_path / "labels.csv"
    path.write_bytes(with_label(parse_lines(b"image,label\na,b\n", PATH), "a", label).content)
    assert parse_lines(path.read_bytes(), PATH).labels == {"a": label.strip()}


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).map(str.strip)
names = cells.filter(lambda text: text and not text.startswith('"'))


@given(st.lists(names, min_size=1, max_size=4, unique=True), names, st.data())
def test_all_other_cells_are_the_same_after_a_change(images, label, data):
    rows = [f'"{image.replace(chr(34), chr(34) * 2)}" ,old, é\t' for image in images]
    content = ("image,label,more\n" + "\n".join(rows)).encode()
    lines = parse_lines(content, PATH)
    image = data.draw(st.sampled_from(sorted(lines.labels)))
    changed = parse_lines(with_label(lines, image, label).content, PATH)
    assert changed.labels == {**lines.labels, image: changed.labels[image]}
    assert [line for line in changed.lines if line not in lines.lines] in (
        [],
        [changed.lines[lines.places[image][0]]],
    )


@pytest.mark.parametrize("image", ["x.png", "y.png", "v.png", "z.png", "w.png"])
def test_an_excluded_line_comes_back_to_its_place(image):
    lines = parse_lines(ODD, PATH)
    left, removed = without_image(lines, image)
    assert image not in parse_lines(left.content, PATH).labels
    assert with_lines(left, removed).content in (ODD, ODD + b"\r\n")


def test_an_excluded_line_comes_back_behind_the_last_of_a_shorter_file():
    lines = parse_lines(b"image,label\na,1\nb,2\nc,3\n", PATH)
    _, removed = without_image(lines, "c")
    shorter = parse_lines(b"image,label\na,1", PATH)
    assert with_lines(shorter, removed).content == b"image,label\na,1\nc,3\n"


def test_repeated_lines_of_an_image_change_together():
    lines = parse_lines(b"image,label\na,1\nb,1\na,1\n", PATH)
    assert with_label(lines, "a", "2").content == b"image,label\na,2\nb,1\na,2\n"


def test_lines_of_an_image_that_disagree_are_known():
    lines = parse_lines(b"image,label\na,1\na,2\nb,1\n", PATH)
    assert lines.disagreeing == {"a": ("1", "2")}


def test_the_labels_are_those_that_read_labels_reads(tmp_path):
    content = 'image,label\n e\u0301.png , caf\u0065\u0301\nb/c.png,"x"\n'
    path = tmp_path / "labels.csv"
    path.write_text(content)
    read = {image.image: image.label for image in read_labels(path)}
    assert (
        dict(parse_lines(content.encode(), path).labels)
        == read
        == {"é.png": "café", "b/c.png": "x"}
    )


@pytest.mark.parametrize("content", [b"", b"file,label\n", b"\xff\xfe", b"image;label\na;b\n"])
def test_what_is_no_table_of_labels_is_an_error(content):
    with pytest.raises(DataError, match=r"labels\.csv (has no column|is not a table)"):
        parse_lines(content, PATH)


@pytest.mark.parametrize(
    "rows",
    [
        "a,cat,1\na,dog,2\na,dog,3\n",
        "a,cat,1\na,dog,2\n",
        "a,cat,1\na,cat,1\na,dog,2\na,dog,3\nb,owl,\n",
        "a,cat,\na,dog,2\nb,owl,2\n",
    ],
)
def test_the_label_of_several_annotators_is_that_of_the_training(tmp_path, rows):
    path = tmp_path / "labels.csv"
    path.write_text("image,label,annotator\n" + rows)
    lines = parse_lines(path.read_bytes(), path)
    assert lines.labels == {found.image: found.label for found in read_labels(path)}
    assert lines.disagreeing == {}


def test_two_labels_of_one_annotator_are_no_votes():
    lines = parse_lines(b"image,label,annotator\na,1,x\na,2,x\na,2,y\n", PATH)
    assert (lines.labels, lines.disagreeing) == ({"a": "1"}, {"a": ("1", "2", "2")})
