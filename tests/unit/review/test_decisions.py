"""A decision is in the journal and in labels.csv, or in neither; nothing of others is lost."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from lradapt.errors import BusyError
from lradapt.review import decisions as module
from lradapt.review.conflicts import ConflictError
from lradapt.review.decisions import INTENT, Decisions, UnfinishedError
from lradapt.review.entries import Decision
from lradapt.review.journal import Journal
from lradapt.review.queues import Item, is_open

ROOT = Path(__file__).parents[3]
LABELS = Path("data/labels.csv")
TEXT = "image,label,remark\r\na,cat,1\r\nb,dog,2\r\nc,cat,3\r\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder in which this process and the others work."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LRADAPT_RUN", raising=False)
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0.1)
    LABELS.parent.mkdir()
    LABELS.write_bytes(TEXT.encode())
    return tmp_path


def decided(action, image="a", label="cat", new="", **more):
    return Decision(image=image, action=action, label=label, new=new, who="Anna", **more)


def text():
    return LABELS.read_bytes().decode()


def journal():
    return [json.loads(line) for line in Path("data/label_journal.jsonl").read_text().splitlines()]


def test_a_change_is_one_cell_and_one_line_of_the_journal():
    Decisions(LABELS).decide([decided("change", new="dog", reason="ears")])
    assert text() == TEXT.replace("a,cat", "a,dog")
    (entry,) = journal()
    assert entry["time"].endswith("+00:00")
    wanted = {
        "who": "Anna",
        "image": "a",
        "action": "change",
        "from": "cat",
        "to": "dog",
        "reason": "ears",
    }
    assert wanted.items() <= entry.items()
    assert not INTENT.exists()


@pytest.mark.parametrize("action", ["keep", "skip"])
def test_keep_and_skip_leave_the_file_untouched_also_during_a_run(holding_run, action):
    inode = LABELS.stat().st_ino
    Decisions(LABELS).decide([decided(action)])
    assert (text(), LABELS.stat().st_ino) == (TEXT, inode)
    assert [entry["action"] for entry in journal()] == [action]


def test_a_change_during_a_run_is_refused_and_nothing_is_written(holding_run):
    with pytest.raises(BusyError, match="is active in this project"):
        Decisions(LABELS).decide([decided("change", new="dog")])
    assert text() == TEXT
    assert not Path("data/label_journal.jsonl").exists()
    assert not INTENT.exists()


def fails(*_):
    raise OSError(5, "Input/output error")


def test_a_decision_that_the_disk_does_not_confirm_is_said_to_count(monkeypatch):
    opened = Decisions(LABELS)
    with monkeypatch.context() as patched:
        patched.setattr("lradapt.review.journal.os.fsync", fails)
        with pytest.raises(UnfinishedError, match=r"^Input/output error; all the same, 2 of 2"):
            opened.decide([decided("keep"), decided("skip", image="c")])
    assert [entry["action"] for entry in journal()] == ["keep", "skip"]
    assert opened.journal.settled("a").action == "keep"


def test_what_was_begun_is_completed_before_a_decision_that_changes_no_label(monkeypatch):
    opened = Decisions(LABELS)
    with monkeypatch.context() as patched:
        patched.setattr("lradapt.review.labels_file.flush", fails)
        with pytest.raises(UnfinishedError, match="the next decision"):
            opened.decide([decided("change", new="dog")])
    assert text() == TEXT
    with pytest.raises(ConflictError, match="a: the label was 'cat', and is 'dog' now"):
        opened.decide([decided("keep")])
    assert text() == TEXT.replace("a,cat", "a,dog")
    assert not INTENT.exists()


def test_an_undo_that_is_completed_later_says_so(monkeypatch):
    opened = Decisions(LABELS)
    opened.decide([decided("change", new="dog")])
    with monkeypatch.context() as patched:
        patched.setattr("lradapt.review.labels_file.flush", fails)
        with pytest.raises(UnfinishedError, match="the decision was begun"):
            opened.undo("Anna")
    opened.recover()
    assert text() == TEXT


@pytest.fixture
def holding_run():
    """Another process that holds the lock of a run."""
    code = (
        "import sys\nfrom lradapt.runtime import lock\n"
        "with lock.run():\n    print(flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    process.stdout.readline()
    yield
    process.kill()
    process.communicate()


def test_a_label_that_was_edited_meanwhile_is_not_overwritten():
    opened = Decisions(LABELS)
    edited = TEXT.replace("a,cat", "a,horse")
    LABELS.write_bytes(edited.encode())
    with pytest.raises(ConflictError, match="a: the label was 'cat', and is 'horse' now"):
        opened.decide([decided("change", new="dog")])
    assert text() == edited
    assert not Path("data/label_journal.jsonl").exists()


def test_an_edit_of_another_line_is_kept():
    opened = Decisions(LABELS)
    LABELS.write_bytes(TEXT.replace("c,cat", "c,owl").encode() + b"d,cat,4\r\n")
    opened.decide([decided("change", new="dog")])
    assert text() == TEXT.replace("c,cat", "c,owl").replace("a,cat", "a,dog") + "d,cat,4\r\n"


def test_an_edit_of_the_same_size_and_time_is_seen():
    opened = Decisions(LABELS)
    before = LABELS.stat()
    LABELS.write_bytes(TEXT.replace("a,cat", "a,dog").encode())
    os.utime(LABELS, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ConflictError, match="is 'dog' now"):
        opened.decide([decided("change", new="owl")])


def test_all_reasons_are_given_at_once_and_nothing_is_written():
    faults = [
        decided("change", image="x", new="dog"),
        decided("change", image="a", label="dog", new="owl"),
        decided("change", image="b", label="dog", new="dog"),
        decided("keep", image="c"),
        decided("keep", image="c"),
    ]
    with pytest.raises(ConflictError) as caught:
        Decisions(LABELS).decide(faults)
    assert str(caught.value).splitlines()[1:] == [
        "  - x: labels.csv has no line for it",
        "  - a: the label was 'dog', and is 'cat' now; look at it again",
        "  - b: a change to 'dog'; expected another label than 'dog'",
        "  - c: 2 decisions",
    ]
    assert text() == TEXT


def test_lines_that_disagree_are_left_to_a_person():
    LABELS.write_bytes(b"image,label\na,cat\na,dog\n")
    with pytest.raises(ConflictError, match="several lines for it, with 'cat', 'dog'"):
        Decisions(LABELS).decide([decided("change", new="owl")])


def test_votes_of_several_annotators_are_not_overwritten():
    votes = b"image,label,annotator\na,cat,1\na,cat,2\nb,cat,1\n"
    LABELS.write_bytes(votes)
    opened = Decisions(LABELS)
    with pytest.raises(ConflictError, match="has the votes of several annotators"):
        opened.decide([decided("change", new="dog")])
    assert LABELS.read_bytes() == votes
    opened.decide([decided("keep")])
    opened.decide([replace(decided("change", new="dog"), image="b")])
    assert LABELS.read_bytes() == votes.replace(b"b,cat", b"b,dog")


def test_the_label_of_several_annotators_is_that_of_most_and_can_be_kept_or_excluded():
    votes = b"image,label,annotator\na,dog,1\na,cat,2\na,cat,3\nb,cat,1\nb,dog,2\n"
    LABELS.write_bytes(votes)
    opened = Decisions(LABELS)
    assert opened.lines.labels == {"a": "cat", "b": ""}
    opened.decide([decided("keep")])
    assert (journal()[-1]["from"], journal()[-1]["to"]) == ("cat", "cat")
    with pytest.raises(ConflictError, match="votes of several annotators"):
        opened.decide([decided("change", new="owl")])
    with pytest.raises(ConflictError, match="b: as many annotators give one label as another"):
        opened.decide([replace(decided("keep"), image="b", label="")])
    opened.decide([decided("exclude")])
    assert LABELS.read_bytes() == b"image,label,annotator\nb,cat,1\nb,dog,2\n"
    opened.undo("Anna")
    assert LABELS.read_bytes() == votes


TIE = b"image,label,annotator\na,cat,1\na,dog,2\nb,cat,1\n"


def test_a_tie_of_annotators_can_be_excluded_and_restored():
    LABELS.write_bytes(TIE)
    opened = Decisions(LABELS)
    opened.decide([decided("exclude", label="")])
    assert LABELS.read_bytes() == b"image,label,annotator\nb,cat,1\n"
    opened.undo("Anna")
    assert LABELS.read_bytes() == TIE


def test_the_exclusion_of_a_tie_that_is_in_the_file_again_is_not_undone():
    LABELS.write_bytes(TIE)
    opened = Decisions(LABELS)
    opened.decide([decided("exclude", label="")])
    LABELS.write_bytes(TIE)
    with pytest.raises(ConflictError, match="the label is '' now, not missing"):
        opened.undo("Anna")
    assert LABELS.read_bytes() == TIE


def test_a_tie_that_was_excluded_and_is_in_the_file_again_is_open_again():
    LABELS.write_bytes(TIE)
    opened, item = Decisions(LABELS), Item(image="a", label="")
    assert is_open(item, opened.lines, opened.journal)
    opened.decide([decided("exclude", label="")])
    assert not is_open(item, opened.lines, opened.journal)
    LABELS.write_bytes(TIE)
    opened.refresh()
    assert is_open(item, opened.lines, opened.journal)


@pytest.mark.parametrize("dies_at", ["_append", "_take_images_back"])
def test_an_exclusion_of_a_tie_and_its_undo_are_completed_after_a_kill(monkeypatch, dies_at):
    LABELS.write_bytes(TIE)

    def killed(*_):
        raise KeyboardInterrupt

    for act in (lambda d: d.decide([decided("exclude", label="")]), lambda d: d.undo("Anna")):
        dying = Decisions(LABELS)
        monkeypatch.setattr(dying, dies_at, killed)
        with pytest.raises(KeyboardInterrupt):
            act(dying)
        Decisions(LABELS).recover()
        assert len(LABELS.read_bytes()) == (len(TIE) if len(journal()) == 2 else 30)
    assert LABELS.read_bytes() == TIE


@pytest.mark.parametrize("empty", ["a,,1", "a, ,1", 'a,"",1', "a"])
def test_an_empty_label_is_changed_and_its_undo_empties_it(empty):
    before = TEXT.replace("a,cat,1", empty)
    LABELS.write_bytes(before.encode())
    opened = Decisions(LABELS)
    opened.decide([decided("change", label="", new="cat")])
    assert Decisions(LABELS).lines.labels == {"a": "cat", "b": "dog", "c": "cat"}
    assert (journal()[0]["from"], journal()[0]["to"]) == ("", "cat")
    opened.undo("Anna")
    assert Decisions(LABELS).lines.labels["a"] == ""
    assert text().replace("a,\r", "a\r") == before.replace("a, ,", "a,,")
    assert not INTENT.exists()


def test_what_another_person_has_decided_meanwhile_is_not_decided_again():
    one, other = Decisions(LABELS), Decisions(LABELS)
    one.decide([decided("keep", seen="")])
    with pytest.raises(ConflictError, match=r"a: Anna has decided meanwhile \(keep\)"):
        other.decide([decided("change", new="dog", seen="")])
    other.decide([decided("change", new="dog", seen=one.journal.latest("a").id)])
    assert text() == TEXT.replace("a,cat", "a,dog")


def test_exclusion_removes_the_line_and_its_undo_restores_the_file():
    opened = Decisions(LABELS)
    opened.decide([decided("exclude")])
    assert text() == TEXT.replace("a,cat,1\r\n", "")
    assert journal()[0]["lines"] == [[2, "a,cat,1\r\n"]]
    Decisions(LABELS).undo("Anna")
    assert text() == TEXT


def test_the_exclusions_of_one_batch_are_undone_to_their_places():
    opened = Decisions(LABELS)
    batch = [decided("exclude"), decided("exclude", image="b", label="dog")]
    opened.decide([*batch, decided("change", image="c", new="owl")])
    assert text() == TEXT[: TEXT.index("a,")] + "c,owl,3\r\n"
    for _ in range(3):
        opened.undo("Anna")
    assert text() == TEXT


def test_the_exclusions_of_one_batch_have_the_numbers_of_exclusions_one_by_one():
    LABELS.write_bytes(b"image,label\na,cat\nb,cat\na,cat\nc,cat\nd,cat\n")
    batch = [decided("exclude", image=image) for image in "acb"]
    Decisions(LABELS).decide(batch)
    assert [entry["lines"] for entry in journal()] == [
        [[2, "a,cat\n"], [4, "a,cat\n"]],
        [[3, "c,cat\n"]],
        [[2, "b,cat\n"]],
    ]


def test_exclusion_is_refused_where_an_image_without_a_label_stops_a_training():
    with pytest.raises(ConflictError, match="image_without_label to set_aside"):
        Decisions(LABELS, may_exclude=False).decide([decided("exclude")])
    assert text() == TEXT


def test_undo_goes_back_one_decision_of_the_person_after_the_other():
    opened = Decisions(LABELS)
    opened.decide([decided("change", new="dog")])
    opened.decide([Decision(image="b", action="change", label="dog", new="owl", who="Ben")])
    opened.decide([decided("keep", image="c")])
    assert [opened.undo("Anna").image for _ in range(2)] == ["c", "a"]
    assert text() == TEXT.replace("b,dog", "b,owl")
    with pytest.raises(ConflictError, match="Anna has no decision that could be undone"):
        opened.undo("Anna")


def test_undo_is_refused_after_an_edit_of_the_label():
    opened = Decisions(LABELS)
    opened.decide([decided("change", new="dog")])
    edited = text().replace("a,dog", "a,owl")
    LABELS.write_bytes(edited.encode())
    opened.refresh()
    with pytest.raises(ConflictError, match="the label is 'owl' now, not 'dog'"):
        opened.undo("Anna")
    assert text() == edited


def test_undo_takes_up_what_the_same_person_has_decided_in_another_process():
    one, other = Decisions(LABELS), Decisions(LABELS)
    one.decide([decided("change", new="dog")])
    other.decide([decided("change", label="dog", new="owl")])
    assert one.undo("Anna").new == "dog"
    assert text() == TEXT.replace("a,cat", "a,dog")


def test_undo_is_refused_after_a_later_decision_of_another():
    opened = Decisions(LABELS)
    opened.decide([decided("change", new="dog")])
    opened.decide([Decision(image="a", action="change", label="dog", new="owl", who="Ben")])
    with pytest.raises(ConflictError, match=r"a: Ben has decided since \(change\)"):
        opened.undo("Anna")


def test_the_mode_of_the_file_stays():
    LABELS.chmod(0o640)
    Decisions(LABELS).decide([decided("change", new="dog")])
    assert stat.S_IMODE(LABELS.stat().st_mode) == 0o640


KILLED = """
import os, signal, sys
from pathlib import Path
from lradapt.review import decisions as module, journal as of_journal, labels_file
from lradapt.review.decisions import Decisions
from lradapt.review.entries import Decision

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def after(function):
    def run(*values, **settings):
        function(*values, **settings)
        die()
    return run

def half(path, content):
    with path.open("ab") as file:
        file.write(content[: len(content) // 3])
    die()

opened = Decisions(Path("data/labels.csv"))
step = sys.argv[1]
if step == "before the intent": module.write_json = die
if step == "after the intent": module.write_json = after(module.write_json)
if step == "in the journal": of_journal._append = half
if step == "after the journal": of_journal.Journal.append = after(of_journal.Journal.append)
if step == "in labels.csv": labels_file.flush = die
of_labels = labels_file.LabelsFile
if step == "after labels.csv": of_labels.write = after(of_labels.write)
opened.decide([Decision(image="a", action=sys.argv[2], label="cat", new=sys.argv[3], who="Anna"),
               Decision(image="b", action="keep", label="dog", who="Anna")])
"""
STEPS = {
    "before the intent": False,
    "after the intent": True,
    "in the journal": True,
    "after the journal": True,
    "in labels.csv": True,
    "after labels.csv": True,
}


def killed(step, action="change", new="dog"):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, step, action, new],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(("action", "new"), [("change", "dog"), ("exclude", "")])
@pytest.mark.parametrize("step", STEPS)
def test_after_kill_9_journal_and_labels_agree(step, action, new):
    killed(step, action, new)
    opened = Decisions(LABELS)
    opened.recover()
    after = TEXT.replace("a,cat", "a,dog") if new else TEXT.replace("a,cat,1\r\n", "")
    assert text() == (after if STEPS[step] else TEXT)
    of_a, of_b = (opened.journal.settled(image) for image in "ab")
    assert ((of_a and of_a.action), (of_b and of_b.action)) == (
        (action, "keep") if STEPS[step] else (None, None)
    )
    assert not INTENT.exists()
    opened.decide([decided("keep", image="c")])
    assert Journal(opened.journal.path).refresh()[-1].image == "c"


def test_a_journal_that_kill_9_has_cut_is_reported_and_kept():
    killed("in the journal")
    cut = Path("data/label_journal.jsonl").read_bytes()
    reports = Decisions(LABELS).recover()
    assert any("not a complete entry" in report for report in reports)
    assert Path("data/label_journal.jsonl").read_bytes().startswith(cut + b"\n")


def test_an_entry_that_lacks_its_end_alone_is_not_written_again():
    killed("after the journal")
    path = Path("data/label_journal.jsonl")
    path.write_bytes(path.read_bytes()[:-1])
    assert len(Decisions(LABELS).recover()) == 1
    assert [entry["image"] for entry in journal()] == ["a", "b"]


def test_an_edit_after_kill_9_stays_and_the_journal_takes_the_decision_back():
    killed("after the journal")
    edited = TEXT.replace("a,cat", "a,owl")
    LABELS.write_bytes(edited.encode())
    opened = Decisions(LABELS)
    (report,) = opened.recover()
    assert "a: labels.csv was edited ('owl')" in report
    assert text() == edited
    assert opened.journal.settled("a") is None
    assert opened.journal.settled("b").action == "keep"


def test_an_edit_of_another_line_after_kill_9_is_kept_with_the_decision():
    killed("after the journal")
    LABELS.write_bytes(TEXT.replace("c,cat", "c,owl").encode())
    Decisions(LABELS).recover()
    assert text() == TEXT.replace("c,cat", "c,owl").replace("a,cat", "a,dog")


def test_what_another_process_had_begun_is_completed_before_the_next_decision():
    opened = Decisions(LABELS)
    killed("after the journal")
    opened.decide([decided("change", image="c", new="owl")])
    assert text() == TEXT.replace("a,cat", "a,dog").replace("c,cat", "c,owl")


def test_threads_and_processes_at_once_lose_nothing(monkeypatch):
    monkeypatch.setattr(module, "_WAIT_SECONDS", 60)
    names = [f"i{number}" for number in range(40)]
    LABELS.write_text("image,label\n" + "".join(f"{name},cat\n" for name in names))
    code = (
        "import sys\nfrom pathlib import Path\nfrom lradapt.review import decisions as m\n"
        "from lradapt.review.entries import Decision\n"
        "m._WAIT_SECONDS = 60\nopened = m.Decisions(Path('data/labels.csv'))\n"
        "for name in sys.argv[1:]:\n"
        "    opened.decide([Decision(\n"
        "        image=name, action='change', label='cat', new='dog', who='B')])"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, *names[:20]], env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    opened = Decisions(LABELS)

    def decide(part):
        for name in part:
            opened.decide([decided("change", image=name, new="dog")])

    threads = [threading.Thread(target=decide, args=(names[20 + n :: 2],)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait() == 0
    assert text() == "image,label\n" + "".join(f"{name},dog\n" for name in names)
    assert sorted(entry["image"] for entry in journal()) == sorted(names)


@pytest.mark.slow
def test_kill_9_at_any_moment_leaves_journal_and_labels_in_agreement():
    names = [f"i{number}" for number in range(2000)]
    LABELS.write_text("image,label\n" + "".join(f"{name},cat\n" for name in names))
    code = (
        "from pathlib import Path\nfrom lradapt.review.decisions import Decisions\n"
        "from lradapt.review.entries import Decision\n"
        "opened = Decisions(Path('data/labels.csv'))\nopened.recover()\nprint(flush=True)\n"
        "for image, label in opened.lines.labels.items():\n"
        "    if label == 'cat':\n"
        "        opened.decide([Decision(\n"
        "            image=image, action='change', label='cat', new='dog', who='A')])"
    )
    for round_ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        process.stdout.readline()
        time.sleep(0.05 + 0.007 * round_)
        process.kill()
        process.communicate()
        opened = Decisions(LABELS)
        opened.recover()
        changed = {image for image, label in opened.lines.labels.items() if label == "dog"}
        assert changed == {image for image in names if opened.journal.settled(image)}
    assert len(changed) > 12
