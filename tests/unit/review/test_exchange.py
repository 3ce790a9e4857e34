"""Decisions that were made in a table elsewhere are under the same rules, all or none."""

import csv
from pathlib import Path

import pytest
from reviewed_project import open_desk

from lradapt.errors import DataError
from lradapt.review.exchange import COLUMNS, read_decisions, write_decisions

LABELS = Path("data/labels.csv")
TABLE = Path("decisions.csv")


def export(**of_image):
    """Export the doubtful labels, and fill in decisions: image number -> cells."""
    write_decisions(TABLE, open_desk(), "doubtful")
    rows = list(csv.DictReader(TABLE.read_text().splitlines()))
    for row in rows:
        row |= of_image.get(row["image"].removesuffix(".png").replace(" ", ""), {})
    with TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def carry_out(who="Ben"):
    decisions = open_desk().decisions
    found = read_decisions(TABLE, decisions, who)
    if found.decisions:
        decisions.decide(found.decisions)
    return len(found.decisions), found.num_repeated


def test_the_open_images_are_exported_in_order_and_test_images_are_marked(project):
    export()
    rows = list(csv.DictReader(TABLE.read_text().splitlines()))
    assert [row["image"][5:7] for row in rows] == ["03", "01", "02", "00"]
    assert rows[0]["proposed"] == "benign"
    assert rows[0]["proposed_probability"] == "0.9300"
    assert [bool(row["warning"]) for row in rows] == [False, False, False, True]


def test_decisions_are_carried_out_with_the_names_and_reasons_of_the_table(project):
    before = LABELS.read_text()
    export(
        case03={"action": "change", "to": "benign", "reason": "borders", "who": "Clara"},
        case01={"action": "Keep"},
        case02={"action": "exclude"},
    )
    assert carry_out() == (3, 0)
    lines = [line for line in before.splitlines() if "case 02" not in line]
    assert LABELS.read_text().splitlines() == [
        line.replace("malignant", "benign") if "case 03" in line else line for line in lines
    ]
    journal = open_desk().decisions.journal
    entries = journal.refresh()
    assert [(e.who, e.action, e.reason) for e in entries] == [
        ("Clara", "change", "borders"),
        ("Ben", "keep", ""),
        ("Ben", "exclude", ""),
    ]


def test_an_exclusion_of_a_tie_that_is_in_the_file_again_is_carried_out_again(project):
    tie = "image,label,annotator\na,cat,1\na,dog,2\nb,cat,1\n"
    TABLE.write_text("image,label,action,to\na,,exclude,\n")
    for _ in range(2):
        LABELS.write_text(tie)
        assert carry_out() == (1, 0)
        assert LABELS.read_text() == "image,label,annotator\nb,cat,1\n"
    assert carry_out() == (0, 1)


def test_a_table_that_is_imported_twice_changes_nothing_the_second_time(project):
    export(
        case03={"action": "change", "to": "benign"},
        case01={"action": "keep"},
        case02={"action": "exclude"},
    )
    assert carry_out() == (3, 0)
    after = LABELS.read_bytes(), Path("data/label_journal.jsonl").read_bytes()
    assert carry_out() == (0, 3)
    assert (LABELS.read_bytes(), Path("data/label_journal.jsonl").read_bytes()) == after


def test_all_conflicts_are_reported_at_once_and_nothing_is_written(project):
    export(
        case03={"action": "change", "to": "begnin"},
        case01={"action": "chnage", "to": "benign"},
        case02={"action": "keep", "to": "benign"},
        case00={"action": "exclude", "label": "benign"},
    )
    before = LABELS.read_bytes()
    with pytest.raises(DataError) as caught:
        carry_out()
    assert str(caught.value).splitlines()[1:] == [
        "  - line 2: case 03.png: no class 'begnin' in labels.csv",
        "  - line 3: case 01.png: action 'chnage'; expected keep, change, exclude, skip",
        "  - line 4: case 02.png: keep with the label 'benign'; expected an empty to",
        "  - line 5: case 00.png: the label was 'benign', and is 'malignant' now; look at it again",
    ]
    assert LABELS.read_bytes() == before
    assert not Path("data/label_journal.jsonl").exists()


def test_a_name_that_a_spreadsheet_would_take_as_a_formula_comes_back(project):
    text = LABELS.read_text().replace("benign", "=benign").replace("case 03", "=case 03")
    LABELS.write_text(text)
    TABLE.write_text("image,label,action,to\n'=case 03.png,malignant,change,'=benign\n")
    assert carry_out() == (1, 0)
    assert '=case 03.png,"=benign",p1' in LABELS.read_text()


@pytest.mark.parametrize("text", ["", "image,label\na,b\n"])
def test_what_is_no_such_table_is_an_error(project, text):
    TABLE.write_text(text)
    with pytest.raises(DataError, match=r"decisions\.csv"):
        carry_out()
