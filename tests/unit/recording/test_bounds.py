"""What goes when a record is too old or too large."""

import fcntl
from datetime import timedelta

import pytest
from recorded_answers import HEADER, NOON

from lradapt.recording.bounds import Bounds, remove_old, segment_sizes, to_remove
from lradapt.recording.segment import Segment

NAMES = [f"2026-11-{day}/120000-0000000{day % 10}.jsonl" for day in (26, 27, 28, 29)]


def write(folder, name, num_bytes=10, image_bytes=0):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * num_bytes)
    if image_bytes:
        image = folder / "images" / name.removesuffix(".jsonl") / "a.jpg"
        image.parent.mkdir(parents=True)
        image.write_bytes(b"x" * image_bytes)


def test_what_is_older_than_the_days_goes():
    sizes = dict.fromkeys(NAMES, 1)
    assert to_remove(sizes, Bounds(2, 1000), NOON) == NAMES[:1]
    assert to_remove(sizes, Bounds(2, 1000), NOON + timedelta(seconds=1)) == NAMES[:2]


@pytest.mark.parametrize("days", [1e6, 1e12, float("inf")])
def test_days_that_begin_before_the_calendar_remove_nothing(days):
    sizes = dict.fromkeys(NAMES, 1)
    assert to_remove(sizes, Bounds(days, 1000), NOON) == []
    assert to_remove(sizes, Bounds(days, 3), NOON) == NAMES[:1]


def test_the_oldest_go_until_there_is_room():
    sizes = dict.fromkeys(NAMES, 100)
    assert to_remove(sizes, Bounds(30, 400), NOON) == []
    assert to_remove(sizes, Bounds(30, 399), NOON) == NAMES[:1]
    assert to_remove(sizes, Bounds(30, 400), NOON, room=150) == NAMES[:2]


def test_a_clock_that_goes_back_removes_nothing():
    sizes = dict.fromkeys(NAMES, 1)
    assert to_remove(sizes, Bounds(5, 1000), NOON - timedelta(days=1)) == []


def test_images_count_and_go_with_their_segment(tmp_path):
    for name in NAMES:
        write(tmp_path, name, 10, image_bytes=90)
    assert set(segment_sizes(tmp_path).values()) == {100}
    assert remove_old(tmp_path, Bounds(30, 250), NOON) == NAMES[:2]
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    images = {f"images/{name.removesuffix('.jsonl')}/a.jpg" for name in NAMES[2:]}
    assert left == {*NAMES[2:], *images}
    assert not (tmp_path / "2026-11-26").exists()


def test_other_files_stay(tmp_path):
    write(tmp_path, NAMES[0])
    write(tmp_path, "2026-11-26/notes.jsonl")
    remove_old(tmp_path, Bounds(1, 1), NOON)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["notes.jsonl"]


def test_a_segment_that_is_being_written_stays(tmp_path):
    segment = Segment(tmp_path, HEADER, NOON - timedelta(days=3))
    write(tmp_path, NAMES[3])
    assert remove_old(tmp_path, Bounds(1, 1), NOON) == [NAMES[3]]
    assert (tmp_path / segment.name).exists()
    segment.close()


def test_a_reader_of_a_segment_does_not_keep_it(tmp_path):
    write(tmp_path, NAMES[0])
    with (tmp_path / NAMES[0]).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert remove_old(tmp_path, Bounds(1, 1), NOON) == NAMES[:1]


def test_a_segment_is_a_small_part_of_the_record():
    assert Bounds(1, 8_000).segment_bytes == 1_000
    assert Bounds(1, 10**12).segment_bytes == 64_000_000
