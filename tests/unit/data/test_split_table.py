"""`split.csv` comes back as it was written."""

from dataclasses import replace

import pytest

from lradapt.data.labelled_image import LabelledImage, class_names, in_split
from lradapt.data.split_table import read_split, write_split

ROWS = [
    LabelledImage('a,"b".png', "dog", "", "train", "00", 0),
    LabelledImage("猫/é.png", "Äpfel, rot", "patient\r\n1", "test", "ff", 2),
    LabelledImage("NA", "007", "NA", "validation", "ee", 7),
]


def test_what_is_written_is_read_back(tmp_path):
    write_split(tmp_path / "deep" / "split.csv", ROWS)
    assert read_split(tmp_path / "deep" / "split.csv") == ROWS


def test_the_file_is_plain_text_with_unix_line_ends(tmp_path):
    write_split(tmp_path / "split.csv", ROWS[2:])
    assert (tmp_path / "split.csv").read_bytes() == (
        b"row,image,label,group,pixel_sha256,split\n7,NA,007,NA,ee,validation\n"
    )


def test_groups_that_copies_join_are_a_last_column(tmp_path):
    rows = [ROWS[0], replace(ROWS[2], joined="ab")]
    write_split(tmp_path / "split.csv", rows)
    assert read_split(tmp_path / "split.csv") == rows
    lines = (tmp_path / "split.csv").read_text().splitlines()
    assert (lines[0], lines[-1]) == (
        "row,image,label,group,pixel_sha256,split,joined",
        "7,NA,007,NA,ee,validation,ab",
    )


def test_rows_that_fail_half_way_leave_no_file(tmp_path):
    def rows():
        yield ROWS[0]
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_split(tmp_path / "split.csv", rows())
    assert list(tmp_path.iterdir()) == []


def test_a_side_is_taken_in_order():
    rows = [*ROWS, LabelledImage("z", "dog", "", "train", "11", 9)]
    assert [row.row for row in in_split(rows, "train")] == [0, 9]
    assert in_split(rows, "exam") == []


def test_classes_are_in_the_order_of_their_names_each_once():
    assert class_names([*ROWS, *ROWS]) == ["007", "dog", "Äpfel, rot"]
