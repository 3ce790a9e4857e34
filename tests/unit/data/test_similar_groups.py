"""A patient in two spellings is seen, and two patients with similar numbers are not."""

import pytest

from lradapt.data.similar_groups import find_similar_groups, note_on_groups, note_on_slices
from lradapt.data.similar_names import SimilarName


def pairs(*groups):
    return {each.name: each.like for each in find_similar_groups(dict.fromkeys(groups, 1))}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0"),
        ("12", "12.00"),
        ("0", "0.0"),
        ("-1", "-1.0"),
        ("007", "7"),
        ("007", "7.0"),
        ("P1", "p1"),
        ("anna  b", "anna b"),
        ("anna\u00a0b", "anna b"),
        (" p1", "p1 "),
        ("Müller", "Mu\u0308ller"),
        ("p\uff11", "p1"),
    ],
)
def test_two_spellings_of_a_group_are_seen(one, other):
    assert set(pairs(one, other)) | set(pairs(one, other).values()) == {one, other}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "10"),
        ("1.1", "1.10"),
        ("1.0.1", "1.1"),
        ("1.2.840.0", "1.2.840"),
        ("1", "-1"),
        ("p1", "p01"),
        ("p1", "p 1"),
        ("anna", "anne"),
        ("1", "1.05"),
    ],
)
def test_other_groups_are_not(one, other):
    assert pairs(one, other) == {}


def test_the_group_with_fewer_images_is_named_with_the_larger_one():
    found = find_similar_groups({"1.0": 2, "1": 5, "01": 3, "2": 9})
    assert found == [SimilarName("01", 3, "1", 5), SimilarName("1.0", 2, "1", 5)]


def test_a_note_names_the_first_pairs_and_counts_the_others():
    groups = [text for n in range(1, 6) for text in (f"{n}", f"{n}.0", f"{n}")]
    assert note_on_groups([*groups, "", ""]) == [
        "5 group(s) may be other spellings of a group, and would be split as others: '1.0' (1) may "
        "be '1' (2), '2.0' (1) may be '2' (2), '3.0' (1) may be '3' (2), and 2 more. If they are "
        "one patient or lesion, give them one name"
    ]
    assert note_on_groups(["1", "2", "", "1"]) == []


def test_values_are_similar_within_a_column_alone():
    assert note_on_slices([(("sex", "M"), ("site", "m")), (("sex", ""), ("site", "")), ()]) == []
    (note,) = note_on_slices([(("sex", "M"), ("site", "A")), (("sex", "m"), ("site", "B"))])
    assert "1 value(s) of 'sex'" in note
    assert "'m' (1) may be 'M' (1)" in note
