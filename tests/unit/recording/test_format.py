"""Segments: written, read back, cut off, damaged, and asked for by time."""

import errno
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from recorded_answers import HEADER, NOON, answered

from lradapt.recording.lines import Header, LineError, answer_line, header_line, read_answer
from lradapt.recording.names import SEGMENT_SECONDS, fits, may_have, new_name, opening_time
from lradapt.recording.read import read_record
from lradapt.recording.segment import Segment, is_being_written
from lradapt.registry import open_record


def write(folder, answers, *, header=HEADER, opened=NOON):
    segment = Segment(folder, header, opened)
    segment.append(b"".join(map(answer_line, answers)))
    segment.close()
    return segment.name


def test_what_is_written_is_read_back(tmp_path):
    name = write(tmp_path, [answered(1), answered(2, unlike=0.3, unsure=("nevus",))])
    reading = read_record(open_record(str(tmp_path)))
    (recorded,), faults = reading.recorded, reading.faults
    assert faults == ()
    assert recorded.times.tolist() == [datetime(2026, 11, 29, 12, 0, s) for s in (1, 2)]
    assert recorded.sha256 == (f"{1:064x}", f"{2:064x}")
    assert (recorded.version, recorded.classes) == (HEADER.version, HEADER.classes)
    assert np.array_equal(recorded.probabilities, np.array([[0.1, 0.9]] * 2, np.float32))
    assert recorded.features.tolist() == [[1, 0.5, -2], [2, 0.5, -2]]
    assert recorded.brightness.tolist() == [100.25] * 2
    assert recorded.sharpness.tolist() == [3.5] * 2
    assert recorded.segments == (name, name)
    assert recorded.unlike is not None
    assert np.array_equal(recorded.unlike, np.array([np.nan, 0.3], np.float32), equal_nan=True)
    assert recorded.unsure == (None, ("nevus",))


def test_the_lines_are_those_that_the_documentation_shows():
    assert header_line(HEADER) == (
        b'{"format":1,"version":"4baf7865a8d8","classes":["nevus","melanoma"],"num_features":3}\n'
    )
    assert json.loads(answer_line(answered(1))) == {
        "time": "2026-11-29T12:00:01.000+00:00",
        "sha256": f"{1:064x}",
        "probabilities": [0.1, 0.9],
        "features": "ADwAOADA",
        "brightness": 100.25,
        "sharpness": 3.5,
    }


def test_features_out_of_the_range_of_float16_become_its_largest():
    line = answer_line(answered(1, features=np.array([1e9, -1e9, 0], np.float32)))
    assert read_answer(line, HEADER).features.tolist() == [65504, -65504, 0]


def test_a_model_without_features_has_none_in_its_lines():
    line = answer_line(answered(1, features=np.empty(0, np.float32)))
    assert b"features" not in line
    assert read_answer(line, replace(HEADER, num_features=0)).features.shape == (0,)


def test_each_version_is_read_by_itself_the_earliest_first(tmp_path):
    other = Header("ffffffffffff", ("a", "b", "c"), 3)
    later = answered(9, probabilities=np.ones(3, np.float32))
    write(tmp_path, [later], header=other)
    write(tmp_path, [answered(2)])
    write(tmp_path, [answered(1)])
    found = read_record(open_record(str(tmp_path))).recorded
    assert [(each.version, len(each)) for each in found] == [
        ("4baf7865a8d8", 2),
        (other.version, 1),
    ]
    assert found[0].features[:, 0].tolist() == [1, 2]


def test_a_line_that_is_cut_off_is_skipped_and_named(tmp_path):
    name = write(tmp_path, [answered(1), answered(2)])
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-1])  # still valid JSON: the number may have been longer
    reading = read_record(open_record(str(tmp_path)))
    assert [len(each) for each in reading.recorded] == [1]
    assert reading.faults == (f"{name}, line 3: cut off",)


@pytest.mark.parametrize("damaged", [b"\0" * 100, answer_line(answered(2)).replace(b"AEAA", b"A")])
def test_a_damaged_line_is_skipped_and_named(tmp_path, damaged):
    name = write(tmp_path, [answered(1), answered(2), answered(3)])
    path = tmp_path / name
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:2], damaged.strip(), lines[3], b""]))
    reading = read_record(open_record(str(tmp_path)))
    assert reading.recorded[0].features[:, 0].tolist() == [1, 3]
    assert [fault.split(": ")[0] for fault in reading.faults] == [f"{name}, line 3"]


@pytest.mark.parametrize(
    "header", [b"", b"[]\n", b'{"format":2}\n', b'{"format":1,"version":"a"}\n']
)
def test_a_segment_without_a_header_has_no_answers(tmp_path, header):
    name = write(tmp_path, [answered(1)])
    (tmp_path / name).write_bytes(header + answer_line(answered(1)))
    reading = read_record(open_record(str(tmp_path)))
    assert reading.recorded == ()
    assert reading.faults[0].startswith(f"{name}, line 1: ")


@pytest.mark.parametrize(
    "changes",
    [
        {"probabilities": [0.1]},
        {"probabilities": "0.1"},
        {"features": "ADw="},
        {"time": "2026-11-29T12:00:01"},
        {"time": 5},
        {"unsure": "nevus"},
        {"brightness": float("nan")},
        {"sha256": None, "sharpness": None},
    ],
)
def test_a_line_that_does_not_fit_is_an_error(changes):
    values = json.loads(answer_line(answered(1))) | changes
    with pytest.raises(LineError):
        read_answer(json.dumps(values).encode(), HEADER)


def test_a_span_has_its_start_and_not_its_end(tmp_path):
    write(tmp_path, [answered(n) for n in range(5)])
    place = open_record(str(tmp_path))
    since, until = NOON + timedelta(seconds=1), NOON + timedelta(seconds=3)
    (recorded,) = read_record(place, since, until).recorded
    assert recorded.features[:, 0].tolist() == [1, 2]


def test_only_segments_that_can_have_the_span_are_read():
    name = new_name(NOON)
    last = timedelta(seconds=SEGMENT_SECONDS)
    assert may_have(name, None, None)
    assert may_have(name, NOON + last - timedelta(milliseconds=1), None)
    assert not may_have(name, NOON + 2 * last, None)
    assert may_have(name, None, NOON + timedelta(milliseconds=1))
    assert not may_have(name, None, NOON)
    assert not may_have("images/a.jpg", None, None)


def test_names_have_the_time_in_utc_and_nothing_else():
    name = new_name(datetime.fromisoformat("2026-11-29T23:30:05-02:00"))
    assert name.startswith("2026-11-30/013005-")
    assert len(name) == len("2026-11-30/013005-01234567.jsonl")
    assert opening_time(name) == datetime(2026, 11, 30, 1, 30, 5, tzinfo=UTC)
    assert opening_time("2026-02-31/013005-01234567.jsonl") is None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-86400, False),
        (-1, False),
        (0, True),
        (SEGMENT_SECONDS - 1, True),
        (SEGMENT_SECONDS, False),
    ],
)
def test_a_line_is_in_the_segment_of_its_time(seconds, expected):
    assert fits(NOON + timedelta(seconds=seconds), new_name(NOON)) is expected


def test_what_a_full_disk_took_of_a_line_is_taken_back(tmp_path, monkeypatch):
    segment = Segment(tmp_path, HEADER, NOON)
    segment.append(answer_line(answered(1)))
    write = os.write

    def half(file, content):
        if len(content) < 50:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, bytes(content[:50]))

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space"):
        segment.append(answer_line(answered(2)))
    monkeypatch.undo()
    segment.append(answer_line(answered(3)))
    segment.close()
    reading = read_record(open_record(str(tmp_path)))
    assert reading.faults == ()
    assert reading.recorded[0].features[:, 0].tolist() == [1, 3]


def test_a_segment_whose_header_has_no_room_leaves_no_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        Segment(tmp_path, HEADER, NOON)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_segment_without_answers_is_removed(tmp_path):
    segment = Segment(tmp_path, HEADER, NOON)
    segment.close()
    assert not (tmp_path / segment.name).exists()


def test_an_open_segment_is_known_to_be_open(tmp_path):
    segment = Segment(tmp_path, HEADER, NOON)
    segment.append(answer_line(answered(1)))
    assert is_being_written(tmp_path / segment.name)
    segment.close()
    assert not is_being_written(tmp_path / segment.name)


def test_a_segment_knows_that_its_file_was_removed(tmp_path):
    segment = Segment(tmp_path, HEADER, NOON)
    assert segment.is_there()
    (tmp_path / segment.name).unlink()
    assert not segment.is_there()
    segment.close()


def test_a_record_does_not_begin_below_a_folder_that_is_gone(tmp_path):
    with pytest.raises(FileNotFoundError):
        Segment(tmp_path / "unmounted" / "record", HEADER, NOON)


def test_a_segment_that_is_removed_while_it_is_read_has_no_answers(tmp_path):
    write(tmp_path, [answered(1)])

    class Removed:
        location = str(tmp_path)
        list = staticmethod(open_record(str(tmp_path)).list)

        def read(self, name):
            return None

    reading = read_record(Removed())
    assert (reading.recorded, reading.faults) == ((), ())
