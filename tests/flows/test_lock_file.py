from contextlib import nullcontext
from importlib import import_module

import pytest

from tasks import stages
from tasks.pipeline import lock_file

WHOLE = """schema: '2.0'
stages:
  ingest:
    cmd: python -m lradapt stage ingest
    deps:
    - path: data/images
      md5: d41d8cd98f00b204e9800998ecf8427e.dir
    outs:
    - path: build/pixels.npy
      md5: 900150983cd24fb0d6963f7d28e17f72
"""


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def first_lines(number):
    return "".join(WHOLE.splitlines(keepends=True)[:number])


def test_a_whole_one_stays_and_so_does_none():
    lock_file.mend()
    assert not lock_file.LOCK.exists()
    lock_file.LOCK.write_text(WHOLE)
    lock_file.mend()
    assert lock_file.LOCK.read_text() == WHOLE


@pytest.mark.parametrize(
    "left", ["", "stages:\n  ingest:\n    cmd:", "\x00", *map(first_lines, [1, 2, 3, 5, 6, 8, 9])]
)
def test_what_a_kill_has_left_gives_way_to_the_copy(left, caplog):
    lock_file.LOCK.write_text(WHOLE)
    lock_file.keep()
    lock_file.LOCK.write_text(left)
    lock_file.keep()  # a broken one never becomes the copy
    lock_file.mend()
    assert lock_file.LOCK.read_text() == WHOLE
    assert "half written" in caplog.text


def test_without_a_copy_a_broken_one_goes():
    lock_file.LOCK.write_text("")
    lock_file.mend()
    assert not lock_file.LOCK.exists()


class MendedError(Exception):
    """Whoever mends comes this far and no further."""


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [("flows.retrain", "retrain", ()), ("flows.watch_labels", "watch_labels", ("here",))],
)
def test_a_flow_mends_it_before_anything_reads_it(monkeypatch, module, name, words):
    def mend():
        raise MendedError

    monkeypatch.setattr(lock_file, "mend", mend)
    with pytest.raises(MendedError):
        getattr(import_module(module), name).fn(*words)


def test_a_stage_keeps_it_before_dvc_may_write_it(monkeypatch):
    done = []
    monkeypatch.setattr(stages.progress, "followed", lambda: nullcontext({}))
    monkeypatch.setattr(lock_file, "keep", lambda: done.append("keep"))
    monkeypatch.setattr(stages.dvc_commands, "run", lambda *_, **__: done.append("dvc"))
    stages.reproduce.fn("ingest")
    assert done == ["keep", "dvc"]
