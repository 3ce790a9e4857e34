"""Recorded images on the page: labelled, excluded, undone, and what `labels.csv` has then."""

import csv
from dataclasses import replace

import pytest
from queued_images import png, write_queue
from reviewed_project import open_desk

from lradapt.data.labels import read_labels
from lradapt.data.split import assign_splits
from lradapt.errors import DataError
from lradapt.review.conflicts import ConflictError
from lradapt.review.decisions import INTENT
from lradapt.review.desk import Visitor
from lradapt.review.entries import Decision
from lradapt.review.pictures import recorded_picture
from lradapt.review.recorded_queue import read_queue

ANNA = Visitor("Anna", "a")


@pytest.fixture
def queued(project):
    """The lines of a queue of three images: by chance, unsure, unlike."""
    lines = write_queue(project, ("random", "unsure", "unlike"), "benign")
    assert read_queue(project / "data/queue") == lines
    return lines


def decide(desk, line, action, new="", who="Anna"):
    decision = Decision(image=line.image, action=action, label="", new=new, who=who, seen="")
    return desk.decide("recorded", decision)


def labelled(project):
    with (project / "data/labels.csv").open(newline="") as file:
        return {line["image"]: line for line in csv.DictReader(file)}


def test_the_images_come_in_order_with_the_answer_of_the_model(queued):
    items = open_desk().next_items("recorded", ANNA, 3)["items"]
    assert [item["image"] for item in items] == [line.image for line in queued]
    assert [(i["label"], i["proposed"], i["proposed_probability"]) for i in items] == [
        ("", "benign", 0.6)
    ] * 3
    assert items[0]["recorded"] == queued[0].file
    assert [item["why"].split(":")[0] for item in items[:2]] == [
        "picked by chance",
        "picked as unsure",
    ]
    assert items[2]["why"] == "picked as unlike the training images (distance 0.5)"


def test_a_label_brings_the_image_and_a_line_that_says_how_it_was_picked(project, queued):
    desk, before = open_desk(), (project / "data/labels.csv").read_bytes()
    decide(desk, queued[0], "change", "malignant")
    decide(desk, queued[1], "change", "nevus, common")
    lines = labelled(project)
    assert lines[queued[0].image] == {
        "image": queued[0].image,
        "label": "malignant",
        "group": f"recorded/{queued[0].sha256}",
        "remark": "",
        "queue": "random",
    }
    assert lines[queued[1].image]["queue"] == "chosen"
    assert (project / "data/images" / queued[1].image).read_bytes() == png(1)
    assert not (project / "data/images" / queued[2].image).exists()
    content = (project / "data/labels.csv").read_bytes()
    assert content.startswith(
        before.replace(b"\r\n", b",\r\n").replace(b"remark,", b"remark,queue")
    )
    assert len(read_labels(project / "data/labels.csv")) == len(lines)
    assert desk.next_items("recorded", ANNA)["progress"]["open"] == 1


def test_after_a_restart_what_was_decided_is_not_shown_again(project, queued):
    desk = open_desk()
    decide(desk, queued[0], "change", "malignant")
    decide(desk, queued[1], "exclude")
    items = open_desk().next_items("recorded", ANNA, 3)["items"]
    assert [item["image"] for item in items] == [queued[2].image]


@pytest.mark.parametrize(("action", "new"), [("change", "malignant"), ("exclude", "")])
def test_an_undo_takes_line_and_image_back(project, queued, action, new):
    desk = open_desk()
    before = labelled(project)
    decide(desk, queued[0], action, new)
    desk.undo(ANNA)
    assert labelled(project).keys() == before.keys()
    assert not (project / "data/images" / queued[0].image).exists()
    assert desk.next_items("recorded", ANNA)["items"][0]["image"] == queued[0].image
    decide_again = Decision(
        image=queued[0].image, action="change", label="", new="benign", who="Anna"
    )
    desk.decide("recorded", decide_again)
    assert labelled(project)[queued[0].image]["label"] == "benign"


def test_an_excluded_image_changes_no_label(project, queued):
    before = (project / "data/labels.csv").read_bytes()
    entry = decide(open_desk(), queued[1], "exclude")
    assert (entry.old, entry.new, entry.queue) == ("", "", "chosen")
    assert (project / "data/labels.csv").read_bytes() == before


def test_an_image_that_another_person_has_labelled_is_refused(project, queued):
    ours, theirs = open_desk(), open_desk()
    decide(theirs, queued[0], "change", "malignant", who="Ben")
    with pytest.raises(ConflictError, match="labelled 'malignant' meanwhile"):
        decide(ours, queued[0], "change", "benign")


@pytest.mark.parametrize(
    ("action", "new", "fault"),
    [("keep", "", "no label to keep"), ("change", "", "no class"), ("change", "x", "no class 'x'")],
)
def test_a_recorded_image_needs_a_class(queued, action, new, fault):
    with pytest.raises(ConflictError, match=fault):
        decide(open_desk(), queued[0], action, new)


def test_an_image_that_is_not_in_the_queue_is_refused(queued):
    desk = open_desk()
    decision = Decision(image="recorded/x.png", action="change", label="", new="benign", who="A")
    with pytest.raises(ConflictError, match="does not have it"):
        desk.decide("recorded", decision)
    assert not desk.is_queued("../labels.csv")


def test_an_image_that_is_gone_from_the_queue_is_not_labelled(project, queued):
    (project / "data/queue" / queued[0].file).unlink()
    before = (project / "data/labels.csv").read_bytes()
    with pytest.raises(DataError, match="nothing was labelled"):
        decide(open_desk(), queued[0], "change", "benign")
    assert (project / "data/labels.csv").read_bytes() == before
    assert not (project / INTENT).exists()


def test_a_kill_before_the_line_is_written_is_completed_by_the_next_start(
    project, queued, monkeypatch
):
    desk = open_desk()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(desk.decisions._file, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        decide(desk, queued[0], "change", "malignant")
    assert queued[0].image not in labelled(project)
    reports = open_desk().decisions.recover()
    assert "which a killed process had begun: done" in reports[0]
    assert labelled(project)[queued[0].image]["queue"] == "random"
    assert (project / "data/images" / queued[0].image).exists()


def test_a_kill_of_an_undo_before_the_image_goes_is_completed_by_the_next_start(
    project, queued, monkeypatch
):
    desk = open_desk()
    decide(desk, queued[0], "change", "malignant")

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(desk.decisions, "_take_images_back", killed)
    with pytest.raises(KeyboardInterrupt):
        desk.undo(ANNA)
    assert (project / "data/images" / queued[0].image).exists()
    open_desk().decisions.recover()
    assert not (project / "data/images" / queued[0].image).exists()
    assert queued[0].image not in labelled(project)


def test_in_a_table_with_splits_a_recorded_image_is_trained_on(project, queued):
    path = project / "data/labels.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{lines[0]},split", *(f"{line},train" for line in lines[1:])]))
    decide(open_desk(), queued[1], "change", "benign")
    assert labelled(project)[queued[1].image]["split"] == "train"
    assert next(each for each in read_labels(path) if each.queue).queue == "chosen"


def test_a_group_of_the_record_is_that_of_the_label(project):
    line = write_queue(project, ("random",), "benign", "4f0a11d2c3b4e596")[0]
    item = open_desk().next_items("recorded", ANNA)["items"][0]
    assert item["group"] == "4f0a11d2c3b4e596"
    assert decide(open_desk(), line, "change", "malignant").group == "4f0a11d2c3b4e596"
    assert labelled(project)[line.image]["group"] == "4f0a11d2c3b4e596"


@pytest.mark.parametrize(("group", "columns"), [("4f0a", ["group", "queue"]), ("", ["queue"])])
def test_a_table_without_groups_gets_the_column_only_for_a_group(project, group, columns):
    path = project / "data/labels.csv"
    path.write_text("image,label\ncase 00.png,benign\ncase 01.png,malignant\n")
    line = write_queue(project, ("random",), "benign", group)[0]
    desk = open_desk()
    decide(desk, line, "change", "malignant")
    rows = list(csv.reader(path.read_text().splitlines()))
    assert rows[0] == ["image", "label", *columns]
    assert rows[1] == ["case 00.png", "benign", *[""] * len(columns)]
    assert rows[-1] == [line.image, "malignant", *filter(None, [group]), "random"]
    desk.undo(ANNA)
    assert line.image not in labelled(project)


def test_a_kill_before_the_journal_is_written_does_not_lose_the_group(project, monkeypatch):
    line = write_queue(project, ("random",), "benign", "4f0a")[0]
    desk = open_desk()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(desk.decisions, "_append", killed)
    with pytest.raises(KeyboardInterrupt):
        decide(desk, line, "change", "malignant")
    open_desk().decisions.recover()
    assert labelled(project)[line.image]["group"] == "4f0a"


def test_a_queue_of_an_earlier_version_has_no_groups(project, queued):
    path = project / "data/queue/queue.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line.rpartition(",")[0] for line in lines) + "\n")
    assert "group" not in path.read_text()
    assert read_queue(project / "data/queue") == queued


@pytest.mark.parametrize("second", ["random", "unsure"])
def test_images_of_one_group_are_in_one_split_and_never_chosen_ones_in_test(project, second):
    path = project / "data/labels.csv"
    names = [f"case {number:02}.png" for number in range(12)]
    lines = [f"{name},{'benign' if n % 2 else 'malignant'}" for n, name in enumerate(names)]
    path.write_text("\n".join(["image,label", *lines]) + "\n")
    for line in write_queue(project, ("random", second), "benign", "4f0a"):
        decide(open_desk(), line, "change", "malignant")
    images = [replace(each, pixel_sha256=f"f{each.image}") for each in read_labels(path)]
    splits = assign_splits(images, train_per_test=1, validation_share=0.2)
    ours = [split for image, split in zip(images, splits, strict=True) if image.group]
    assert ours == (["test"] * 2 if second == "random" else ["train"] * 2)


def test_without_a_queue_the_message_has_the_remedy(project):
    with pytest.raises(DataError, match="run `lradapt queue RECORD` first"):
        open_desk().open_queue("recorded")


def test_a_queue_that_was_edited_is_named(project, queued):
    (project / "data/queue/queue.csv").write_text("file,kind\n../labels.csv,random\n")
    with pytest.raises(DataError, match="is not the table of a queue"):
        open_desk().open_queue("recorded")


def test_the_page_shows_the_image_of_the_queue_and_no_other_file(project, queued):
    desk = open_desk()
    assert desk.is_queued(queued[0].file)
    assert recorded_picture(desk.project, queued[0].file) == (png(0), "image/png")
    assert not desk.is_queued("queue.csv")
