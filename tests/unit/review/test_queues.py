"""Which images are in a queue, which of them are open, and who gets which."""

import json
import threading
import time
from pathlib import Path

import pytest
from reviewed_project import open_desk

from lradapt.errors import DataError
from lradapt.review.conflicts import ConflictError
from lradapt.review.decisions import Decisions
from lradapt.review.desk import TEST_WARNING, Visitor
from lradapt.review.entries import Decision
from lradapt.review.queues import LEASE_SECONDS

ANNA, BEN = Visitor("Anna", "w1"), Visitor("Ben", "w2")
NUM_DOUBTFUL = 4


@pytest.fixture
def desk(project):
    return open_desk()


def shown(desk, queue="doubtful", visitor=ANNA, count=10):
    return desk.next_items(queue, visitor, count)["items"]


def names(desk, queue="doubtful", visitor=ANNA, count=10):
    return [item["image"] for item in shown(desk, queue, visitor, count)]


def decide(desk, item, action, new="", queue="doubtful", who="Anna"):
    decision = Decision(
        image=item["image"],
        action=action,
        label=item["label"],
        new=new,
        who=who,
        seen=item["seen"],
    )
    return desk.decide(queue, decision)


def test_doubtful_labels_come_in_the_order_of_the_table_with_test_images_marked(desk):
    assert names(desk) == ["case 03.png", "case 01.png", "case 02.png", "case 00.png"]
    assert [item["is_test"] for item in shown(desk)] == [False, False, False, True]
    first = shown(desk)[0]
    assert (first["label"], first["proposed"], first["split"]) == ("malignant", "benign", "train")
    assert (first["label_probability"], first["proposed_probability"]) == (0.04, 0.93)
    assert (first["group"], first["row"], first["seen"]) == ("p1", 3, "")
    assert "makes its results look better" in TEST_WARNING


@pytest.mark.parametrize("action", ["keep", "change", "exclude"])
def test_what_was_decided_is_not_shown_again_also_after_a_restart(desk, action):
    decide(desk, shown(desk)[0], action, "benign" if action == "change" else "")
    for each in (desk, open_desk()):
        assert names(each) == ["case 01.png", "case 02.png", "case 00.png"]
        progress = each.next_items("doubtful", ANNA)["progress"]
        assert progress == {"total": NUM_DOUBTFUL, "open": 3, "skipped": 0}


def test_skipped_images_wait_for_the_others_or_a_restart(desk):
    decide(desk, shown(desk)[0], "skip")
    assert names(desk) == ["case 01.png", "case 02.png", "case 00.png"]
    assert names(desk, visitor=Visitor("Ben", "w1"))[0] == "case 03.png"
    assert desk.next_items("doubtful", ANNA)["progress"]["skipped"] == 1
    desk.show_skipped("doubtful", ANNA)
    assert names(desk)[0] == names(open_desk())[0] == "case 03.png"


@pytest.mark.parametrize(
    "act",
    [
        lambda desk: desk.show_skipped("doubtful", BEN),
        lambda desk: decide(
            desk, {"image": "case 03.png", "label": "malignant", "seen": ""}, "skip"
        ),
    ],
)
def test_a_queue_that_is_being_made_does_not_block_for_ever(desk, monkeypatch, act):
    items, begun = desk.project.items, threading.Event()

    def slow(name):
        begun.set()
        time.sleep(0.3)
        return items(name)

    monkeypatch.setattr(desk.project, "items", slow)
    threads = [threading.Thread(target=desk.open_queue, args=("doubtful",), daemon=True)]
    threads.append(threading.Thread(target=act, args=(desk,), daemon=True))
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("action", ["keep", "change", "exclude", "skip"])
def test_what_was_undone_is_shown_again_first(desk, action):
    before = Path("data/labels.csv").read_bytes()
    decide(desk, shown(desk)[0], action, "benign" if action == "change" else "")
    desk.undo(ANNA)
    assert names(desk)[0] == "case 03.png"
    assert Path("data/labels.csv").read_bytes() == before


def test_a_label_that_was_edited_by_hand_is_no_longer_doubted(desk):
    assert len(names(desk)) == NUM_DOUBTFUL
    labels = Path("data/labels.csv")
    labels.write_text(labels.read_text().replace('03.png,"malignant"', '03.png,"benign"'))
    assert "case 03.png" not in names(desk)


def test_two_windows_get_different_images_until_the_time_is_over(desk, monkeypatch):
    assert names(desk, visitor=ANNA, count=2) == ["case 03.png", "case 01.png"]
    assert names(desk, visitor=BEN, count=2) == ["case 02.png", "case 00.png"]
    assert names(desk, visitor=ANNA, count=2) == ["case 03.png", "case 01.png"]
    desk.release(ANNA)
    assert names(desk, visitor=BEN, count=2) == ["case 03.png", "case 01.png"]
    assert names(desk, visitor=ANNA, count=2) == ["case 02.png", "case 00.png"]
    later = time.monotonic() + LEASE_SECONDS + 1
    monkeypatch.setattr("lradapt.review.desk.time.monotonic", lambda: later)
    assert names(desk, visitor=ANNA, count=2) == ["case 03.png", "case 01.png"]


def test_decisions_of_another_program_are_taken_up(desk):
    assert len(names(desk)) == NUM_DOUBTFUL
    other = Decisions(Path("data/labels.csv"))
    other.decide([Decision(image="case 03.png", action="keep", label="malignant", who="Ben")])
    assert "case 03.png" not in names(desk)


def test_a_journal_that_is_cut_while_the_page_is_open_is_a_warning(desk, caplog):
    decide(desk, shown(desk)[0], "keep")
    with Path("data/label_journal.jsonl").open("a") as file:
        file.write('{"time": ')
    decide(desk, shown(desk)[0], "keep")
    (record,) = caplog.records
    assert "label_journal.jsonl, line 2: not a complete entry" in record.getMessage()


def test_identical_images_are_compared_until_their_labels_agree(desk):
    first, second = shown(desk, "duplicates")
    assert (first["image"], first["proposed"]) == ("case 02.png", "benign")
    assert first["beside"] == [{"image": "copy.png", "row": 12, "label": "benign"}]
    assert (second["image"], second["proposed"]) == ("copy.png", "nevus, common")
    decide(desk, first, "change", "benign", "duplicates")
    assert shown(desk, "duplicates") == []
    desk.undo(ANNA)
    assert names(desk, "duplicates")[0] == "case 02.png"


def test_a_contradiction_is_settled_when_both_are_kept(desk):
    for item in shown(desk, "duplicates"):
        decide(desk, item, "keep", queue="duplicates")
    assert shown(desk, "duplicates") == []


def test_of_near_duplicates_across_splits_the_one_outside_test_is_shown(desk):
    (item,) = shown(desk, "near_duplicates")
    assert (item["image"], item["split"]) == ("near.png", "train")
    assert [other["image"] for other in item["beside"]] == ["case 04.png"]
    decide(desk, item, "exclude", queue="near_duplicates")
    assert shown(desk, "near_duplicates") == []


def test_a_missing_table_is_named_with_the_remedy(desk):
    Path("build/doubtful_labels/doubtful_labels.csv").unlink()
    with pytest.raises(DataError, match=r"doubtful_labels\.csv: run `dvc repro doubtful_labels`"):
        shown(desk)
    assert "dvc repro" in desk.overview(ANNA)["queues"][0]["fault"]


def test_a_class_that_does_not_exist_is_refused(desk):
    with pytest.raises(ConflictError, match="no class 'begnin'"):
        decide(desk, shown(desk)[0], "change", "begnin")
    assert not Path("data/label_journal.jsonl").exists()


def test_neighbours_are_training_images_of_the_class_and_never_the_image_itself(desk):
    found = desk.neighbours(0, ["benign", "malignant"])
    splits = {name: image.split for name, image in desk.project.in_splits.items()}
    assert [each["label"] for each in found] == ["benign", "malignant"]
    for label, near in (each.values() for each in found):
        assert 0 < len(near) <= 3
        assert {each["label"] for each in near} == {label}
        assert {splits[each["image"]] for each in near} == {"train"}
        assert "case 00.png" not in {each["image"] for each in near}
    similarities = [each["similarity"] for each in found[0]["images"]]
    assert similarities == sorted(similarities, reverse=True)
    json.dumps(found)
