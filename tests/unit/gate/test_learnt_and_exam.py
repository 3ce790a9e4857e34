from lradapt.data.split_table import SplitRow
from lradapt.gate.exam import ExamImage
from lradapt.gate.version_tables import read_exam, read_learnt, write_exam, write_learnt


def test_what_was_learnt_is_train_and_validation_each_once_and_sorted():
    rows = [
        SplitRow(0, "a", "x", "g2", "22", "train"),
        SplitRow(1, "b", "x", "", "11", "validation"),
        SplitRow(2, "c", "x", "g3", "33", "test"),
        SplitRow(3, "d", "x", "g2", "22", "train"),
        *(SplitRow(n, "e", "x", "", str(n), "train") for n in (77, 55, 66, 44)),
    ]
    expected = ["pixel_sha256,group", "11,", "22,g2", "44,", "55,", "66,", "77,"]
    assert write_learnt(rows).decode().splitlines() == expected


def test_what_was_learnt_is_read_as_written_and_no_group_is_no_match():
    rows = [
        SplitRow(0, "a", "x", "", "11", "train"),
        SplitRow(1, "b", "x", 'a,"b', "22", "validation"),
    ]
    learnt = read_learnt(write_learnt(rows))
    assert ExamImage("a2", "x", "11", "") in learnt
    assert ExamImage("b2", "x", "99", 'a,"b') in learnt
    assert ExamImage("c", "x", "99", "") not in learnt


def test_the_exam_is_test_alone_sorted_and_read_as_written():
    rows = [
        SplitRow(0, "a", "x", "", "33", "test"),
        SplitRow(1, "b", 'y,"z', "g", "11", "test"),
        SplitRow(2, "c", "x", "", "22", "train"),
        SplitRow(3, "d", "x", "", "44", "validation"),
        SplitRow(4, "a's twin", "x", "", "33", "test"),
    ]
    content = write_exam(rows)
    assert content.decode().splitlines() == ["pixel_sha256,label", '11,"y,""z"', "33,x"]
    assert read_exam(content) == {"11": 'y,"z', "33": "x"}


def test_what_an_ancestor_has_learnt_is_learnt_too():
    before = write_learnt([SplitRow(0, "a", "x", "g", "33", "train")])
    content = write_learnt([SplitRow(0, "b", "x", "", "11", "train")], before)
    assert content.decode().splitlines() == ["pixel_sha256,group", "11,", "33,g"]
