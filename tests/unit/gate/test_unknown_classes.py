from dataclasses import replace

import pytest
from gate_verdicts import RULES

from lradapt.gate.unknown_classes import find_unknown_names

TODAY = {"melanoma", "naevus", "Keratosis", "yes"}


def found(earlier=frozenset(), **rules):
    return list(find_unknown_names(replace(RULES, **rules), TODAY, earlier))


def test_floors_of_classes_that_exist_are_no_fault():
    assert found(min_recall={"melanoma": 0.7, "yes": 0.5}) == []


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("melanom", "nearest: 'melanoma'"),
        ("keratosis", "nearest: 'Keratosis'"),
        ("naevus ", "nearest: 'naevus'"),
        ("true", "the classes are 'Keratosis', 'melanoma', 'naevus', 'yes'"),
    ],
)
def test_a_floor_for_a_class_that_is_none_has_the_nearest_names(name, nearest):
    assert found(min_recall={name: 0.5}) == [f"gate.min_recall: {name!r} is no class; {nearest}"]


def test_a_floor_in_a_slice_for_a_class_that_is_none_is_reported_with_its_slice():
    floors = {"site": {"Wien": {"naevus": 0.5, "melanom": 0.5}, "Graz": {"wart": 0.1}}}
    assert found(min_recall_in=floors) == [
        "gate.min_recall_in, site Wien: 'melanom' is no class; nearest: 'melanoma'",
        "gate.min_recall_in, site Graz: 'wart' is no class; the classes are 'Keratosis', "
        "'melanoma', 'naevus', 'yes'",
    ]


def test_a_rename_of_a_class_of_before_is_no_fault_nor_is_a_chain_or_a_retired_class():
    earlier = {"mole", "nevus", "wart"}
    renamed = {"mole": "nevus", "nevus": "naevus", "wart": None}
    assert found(earlier, renamed=renamed) == []


def test_a_rename_that_is_in_effect_already_is_no_fault():
    assert found({"naevus"}, renamed={"naevus": "naevus"}) == []


def test_old_and_new_names_that_are_none_are_both_reported():
    assert found({"mole"}, renamed={"mola": "nevus"}) == [
        "gate.renamed: 'mola' is no class; nearest: 'mole'",
        "gate.renamed, new name of 'mola': 'nevus' is no class; nearest: 'naevus'",
    ]


def test_old_names_are_not_checked_where_the_classes_of_before_are_not_known():
    assert found(None, renamed={"mola": None}) == []
