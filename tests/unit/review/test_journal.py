"""The journal keeps every line: also beside a line that was cut, and of other processes."""

import json
from dataclasses import replace

import pytest

from lradapt.review.journal import Entry, Journal, as_json, from_json
from lradapt.review.label_lines import RemovedLine

ENTRY = Entry(
    id="a1",
    time="2026-11-29T02:00:00+00:00",
    who="Anna",
    image="é.png",
    action="exclude",
    old="nevus",
    new="",
    reason="blurred",
    lines=(RemovedLine(7, "é.png,nevus\r\n"),),
)
KEEP = replace(ENTRY, id="b2", action="keep", new="nevus", lines=())


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "label_journal.jsonl")


def test_an_entry_is_one_line_with_the_agreed_keys(journal):
    journal.append([KEEP])
    (line,) = journal.path.read_text().splitlines()
    assert json.loads(line) == {
        "time": "2026-11-29T02:00:00+00:00",
        "who": "Anna",
        "image": "é.png",
        "action": "keep",
        "from": "nevus",
        "to": "nevus",
        "reason": "blurred",
        "id": "b2",
    }


def test_an_entry_is_read_as_it_was_written():
    assert from_json(json.loads(json.dumps(as_json(ENTRY)))) == ENTRY


@pytest.mark.parametrize("cut", [1, 40, 100])
def test_a_cut_last_line_is_ended_reported_and_kept(journal, cut):
    journal.append([KEEP])
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole + whole[:cut])
    read = Journal(journal.path)
    read.mend()
    read.append([replace(KEEP, id="c3", image="other")])
    assert journal.path.read_bytes().startswith(whole + whole[:cut] + b"\n{")
    assert len(read.faults) == 1
    assert "label_journal.jsonl, line 2: not a complete entry" in read.faults[0]
    assert (read.latest("é.png").id, read.latest("other").id) == ("b2", "c3")


def test_a_last_line_that_lacks_its_end_alone_counts(journal):
    journal.append([KEEP])
    journal.path.write_bytes(journal.path.read_bytes()[:-1])
    read = Journal(journal.path)
    read.mend()
    assert (read.latest("é.png").id, read.faults) == ("b2", [])


@pytest.mark.parametrize("line", ["[]", "{}", "null", '{"action": "explode"}', "\udcff"])
def test_a_line_that_is_no_entry_is_reported(journal, line):
    journal.path.write_bytes(line.encode(errors="surrogateescape") + b"\n\n")
    assert journal.refresh() == []
    assert len(journal.faults) == 1


def test_the_entries_of_another_process_are_read_too(journal):
    other = Journal(journal.path)
    journal.append([KEEP])
    other.append([replace(KEEP, id="c3")])
    assert [entry.id for entry in journal.refresh()] == ["c3"]
    assert journal.latest("é.png").id == "c3"


def test_a_line_that_is_twice_in_the_file_counts_once(journal):
    undo = replace(KEEP, id="c3", action="undo", undoes="b2")
    journal.append([KEEP, undo, KEEP])
    assert (journal.settled("é.png"), journal.latest("é.png").id) == (None, "c3")


def test_an_undo_takes_a_decision_back_and_the_one_before_is_in_force(journal):
    change = replace(KEEP, id="c3", action="change", new="benign", who="Ben")
    undo = replace(KEEP, id="d4", action="undo", undoes="c3", old="benign", who="Anna")
    journal.append([KEEP, change, undo])
    assert (journal.settled("é.png").id, journal.latest("é.png").id) == ("b2", "d4")
    assert (journal.last_of("Anna").id, journal.last_of("Ben")) == ("b2", None)


def test_skipping_settles_nothing_and_can_be_undone(journal):
    journal.append([replace(KEEP, action="skip")])
    assert (journal.settled("é.png"), journal.latest("é.png")) == (None, None)
    assert journal.last_of("Anna").action == "skip"
