"""The upload of a record: what goes, what waits, and what is removed."""

import errno
import os
from datetime import timedelta

import pytest
from recorded_answers import HEADER, NOON, answered, numbers_in

from lradapt.recording.bounds import Bounds
from lradapt.recording.lines import answer_line
from lradapt.recording.segment import Segment
from lradapt.registry import open_store
from lradapt.registry.record_uploads import Uploads, remove_old_keys, upload_closed
from lradapt.registry.store import UnreachableError

WIDE = Bounds(30, 1_000_000)


@pytest.fixture
def spool(tmp_path):
    return tmp_path / "spool"


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def store(request, tmp_path):
    if request.param == "folder":
        return open_store(str(tmp_path / "store"))
    return open_store(request.getfixturevalue("bucket").url)


def write(folder, number, opened=NOON, *, close=True, image=b""):
    segment = Segment(folder, HEADER, opened)
    if image:
        segment.keep_image("a.jpg", image)
    segment.append(answer_line(answered(number, opened)))
    if close:
        segment.close()
    return segment


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_closed_segments_go_with_their_images_and_leave_the_folder(spool, store):
    name = write(spool, 1, image=b"picture").name
    assert upload_closed(spool, store) == [name]
    assert files(spool) == []
    assert numbers_in(store.location) == [1]
    image = f"images/{name.removesuffix('.jsonl')}/a.jpg"
    assert store.read(image).content == b"picture"
    assert upload_closed(spool, store) == []


def test_a_segment_that_is_being_written_waits(spool, store):
    segment = write(spool, 1, close=False)
    assert upload_closed(spool, store) == []
    segment.close()
    assert upload_closed(spool, store) == [segment.name]


def test_what_was_uploaded_before_a_kill_is_only_removed(spool, store):
    name = write(spool, 1).name
    store.create(name, (spool / name).read_bytes())
    assert upload_closed(spool, store) == [name]
    assert files(spool) == []


def test_an_image_is_there_before_its_segment(spool, store, monkeypatch):
    name = write(spool, 1, image=b"picture").name
    create = store.create

    def failing(key, content):
        if key == name:
            raise UnreachableError("gone")
        create(key, content)

    monkeypatch.setattr(store, "create", failing)
    with pytest.raises(UnreachableError):
        upload_closed(spool, store)
    assert (spool / name).exists()
    assert store.list("2") == []
    monkeypatch.undo()
    assert upload_closed(spool, store) == [name]


def test_old_segments_of_a_store_go_with_their_images(spool, store):
    names = [write(spool, n, NOON - timedelta(days=9 - n), image=b"picture").name for n in range(4)]
    upload_closed(spool, store)
    store.create("notes.txt", b"of somebody else")
    assert remove_old_keys(store, Bounds(7, 10**9), NOON) == names[:2]
    left = [name for kept in names[2:] for name in (f"images/{kept[:-6]}/a.jpg", kept)]
    assert store.list("") == sorted([*left, "notes.txt"])
    one = sum(store.sizes("").values()) // 2
    assert remove_old_keys(store, Bounds(30, one), NOON) == names[2:3]


def test_a_store_that_does_not_answer_is_a_fault_told_once(spool, tmp_path, monkeypatch, caplog):
    store = open_store(str(tmp_path / "store"))
    write(spool, 1)

    def unreachable(*_):
        raise UnreachableError("no answer of the store")

    monkeypatch.setattr(store, "create", unreachable)
    uploads = Uploads(spool, store, WIDE, lambda: NOON)
    uploads._look()
    uploads._look()
    assert uploads.fault == f"the record waits in {spool}: no answer of the store"
    assert (uploads.num_waiting, uploads.num_uploaded) == (1, 0)
    assert len(caplog.messages) == 1
    monkeypatch.undo()
    uploads._look()
    assert (uploads.fault, uploads.num_waiting, uploads.num_uploaded) == ("", 0, 1)
    assert numbers_in(store.location) == [1]


def test_a_folder_that_cannot_be_read_is_a_fault(spool, tmp_path, monkeypatch):
    write(spool, 1)
    uploads = Uploads(spool, open_store(str(tmp_path / "store")), WIDE, lambda: NOON)

    def broken(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("lradapt.registry.record_uploads.upload_closed", broken)
    uploads._look()
    assert "Input/output error" in uploads.fault


def test_closing_uploads_what_is_closed_and_ends(spool, tmp_path):
    store = open_store(str(tmp_path / "store"))
    uploads = Uploads(spool, store, WIDE, lambda: NOON)
    uploads.start()
    write(spool, 1)
    uploads.close(10)
    assert numbers_in(store.location) == [1]
