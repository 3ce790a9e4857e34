"""The recorder: what it writes, and what it does while the disk takes nothing."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from recorded_answers import HEADER, NOON, batch, numbers_in

from lradapt.recording import recorder as module
from lradapt.recording import segment as segment_module
from lradapt.recording.bounds import Bounds
from lradapt.recording.lines import Header
from lradapt.recording.names import SEGMENT_SECONDS, opening_time
from lradapt.recording.read import read_record
from lradapt.recording.recorder import Recorder
from lradapt.registry import open_record
from tests.waiting import wait_for

WIDE = Bounds(30, 1_000_000_000)


class Clock:
    """A clock that tests set."""

    def __init__(self):
        self.time = NOON

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def start(tmp_path, clock, monkeypatch):
    """A function that starts a recorder, which is closed at the end."""
    monkeypatch.setattr(module, "_GATHER_SECONDS", 0.005)
    monkeypatch.setattr(module, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(module, "_WAKE_SECONDS", 0.01)
    started = []

    def run(folder=tmp_path / "record", bounds=WIDE, **settings):
        recorder = Recorder(folder, bounds, now=clock, **settings)
        started.append(recorder)
        recorder.start()
        return recorder

    yield run
    for recorder in started:
        recorder.close(5)


def segments(folder):
    return sorted(f"{path.parent.name}/{path.name}" for path in folder.glob("2*/*.jsonl"))


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_is_offered_is_in_the_record(start, tmp_path):
    recorder = start()
    for number in range(5):
        recorder.offer(batch(2 * number, 2 * number + 1))
    recorder.close(5)
    (found,) = read_record(open_record(str(tmp_path / "record"))).recorded
    assert found.features[:, 0].tolist() == [*range(10)]
    assert found.sha256[3] == hashlib.sha256(b"\x89PNG image 3").hexdigest()
    assert found.brightness.tolist() == pytest.approx([*range(10)])
    state = recorder.state()
    assert (state.num_written, state.num_dropped, state.num_waiting, state.fault) == (10, 0, 0, "")


def test_names_have_times_and_hashes_alone(start, tmp_path):
    recorder = start(with_images=True)
    recorder.offer(batch(1))
    recorder.close(5)
    names = [path.name for path in (tmp_path / "record").rglob("*") if path.is_file()]
    (segment,) = segments(tmp_path / "record")
    digest = hashlib.sha256(b"\x89PNG image 1").hexdigest()
    assert sorted(names) == sorted([segment.split("/")[1], f"{digest}.png"])


def test_images_are_beside_their_segment_each_once(start, tmp_path):
    recorder = start(with_images=True)
    recorder.offer(batch(1, 1, 2))
    recorder.close(5)
    (segment,) = segments(tmp_path / "record")
    folder = tmp_path / "record" / "images" / segment.removesuffix(".jsonl")
    contents = sorted(path.read_bytes() for path in folder.iterdir())
    assert contents == [b"\x89PNG image 1", b"\x89PNG image 2"]
    assert numbers_in(tmp_path / "record") == [1, 1, 2]


def test_another_version_and_another_ten_minutes_have_segments_of_their_own(start, tmp_path, clock):
    recorder = start()
    recorder.offer(batch(1))
    recorder.offer(batch(2, header=Header("ffffffffffff", HEADER.classes, 3)))
    clock.time += timedelta(seconds=SEGMENT_SECONDS + 1)
    recorder.offer(batch(3))
    recorder.close(5)
    assert len(segments(tmp_path / "record")) == 3


def test_a_segment_of_a_quiet_server_is_closed_when_its_time_is_over(start, tmp_path, clock):
    recorder = start()
    recorder.offer(batch(1))
    wait_for(lambda: recorder.state().num_written)
    (name,) = segments(tmp_path / "record")
    assert segment_module.is_being_written(tmp_path / "record" / name)
    clock.time += timedelta(seconds=SEGMENT_SECONDS)
    wait_for(lambda: not segment_module.is_being_written(tmp_path / "record" / name))


def test_a_clock_that_goes_back_by_a_day_begins_a_segment_of_that_day(start, tmp_path, clock):
    recorder = start()
    recorder.offer(batch(1))
    clock.time -= timedelta(days=1)
    recorder.offer(batch(2))
    clock.time += timedelta(days=1)
    recorder.offer(batch(3))
    recorder.close(5)
    assert numbers_in(tmp_path / "record") == [1, 2, 3]
    days = [opening_time(name).day for name in segments(tmp_path / "record")]
    assert days == [28, 29, 29]
    yesterday = read_record(open_record(str(tmp_path / "record")), until=NOON).recorded
    assert [each.features[:, 0].tolist() for each in yesterday] == [[2]]


def test_a_full_disk_is_told_once_and_what_waits_is_written_later(
    start, tmp_path, monkeypatch, caplog
):
    write = segment_module._write_all
    monkeypatch.setattr(segment_module, "_write_all", full)
    recorder = start()
    recorder.offer(batch(1))
    wait_for(lambda: recorder.state().fault)
    recorder.offer(batch(2))
    assert "No space left on device; free some space" in recorder.state().fault
    time.sleep(0.05)  # several more attempts
    assert sum("No space left" in text for text in caplog.messages) == 1
    monkeypatch.setattr(segment_module, "_write_all", write)
    wait_for(lambda: recorder.state().num_written == 2 and not recorder.state().fault)
    assert (recorder.state().fault, recorder.state().num_dropped) == ("", 0)
    assert caplog.messages[-1].endswith("the record is written again; dropped: 0")
    recorder.close(5)
    assert numbers_in(tmp_path / "record") == [1, 2]


def test_a_disk_that_fills_up_in_the_middle_of_a_segment_loses_no_line(
    start, tmp_path, monkeypatch
):
    recorder = start()
    recorder.offer(batch(1))
    wait_for(lambda: recorder.state().num_written)
    write = os.write

    def nine_bytes(file, content):
        if len(content) > 100:
            return write(file, bytes(content[:9]))
        return full()

    monkeypatch.setattr(os, "write", nine_bytes)
    recorder.offer(batch(2))
    wait_for(lambda: recorder.state().fault)
    monkeypatch.setattr(os, "write", write)
    wait_for(lambda: recorder.state().num_written == 2)
    recorder.close(5)
    assert numbers_in(tmp_path / "record") == [1, 2]
    assert read_record(open_record(str(tmp_path / "record"))).faults == ()


def test_what_has_no_room_in_the_memory_is_dropped_and_counted(start, monkeypatch):
    monkeypatch.setattr(segment_module, "_write_all", full)
    recorder = start(backlog_bytes=5_000)
    wait_for(lambda: recorder.offer(batch(1)) or recorder.state().num_dropped > 100)
    state = recorder.state()
    assert state.num_waiting < 60
    assert state.num_written == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told_at_the_start(start, tmp_path):
    (tmp_path / "record").mkdir(mode=0o500)
    recorder = start()
    wait_for(lambda: recorder.state().fault)
    assert "Permission denied; give the user" in recorder.state().fault


def test_a_read_only_disk_is_told_at_the_start_and_left_alone(start, tmp_path, monkeypatch):
    def read_only(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(module.tempfile, "TemporaryFile", read_only)
    recorder = start()
    wait_for(lambda: recorder.state().fault)
    assert "Read-only file system; mount the disk writable" in recorder.state().fault


@pytest.mark.parametrize("folder", ["record", "record/below"])
def test_a_folder_that_is_a_file_is_told(start, tmp_path, folder):
    (tmp_path / "record").write_bytes(b"")
    recorder = start(tmp_path / folder)
    recorder.offer(batch(1))
    wait_for(lambda: recorder.state().fault)
    assert "name a folder for the record" in recorder.state().fault
    recorder.close(5)
    assert recorder.state().num_waiting == 1


def test_a_record_that_is_removed_while_it_is_written_begins_again(start, tmp_path, caplog):
    recorder = start()
    recorder.offer(batch(1))
    wait_for(lambda: recorder.state().num_written)
    (tmp_path / "record").rename(tmp_path / "moved")
    recorder.offer(batch(2))
    recorder.close(5)
    assert numbers_in(tmp_path / "record") == [2]
    assert numbers_in(tmp_path / "moved") == [1]
    assert "was removed while it was written" in caplog.text


def test_a_record_whose_disk_is_gone_waits_for_it(start, tmp_path):
    disk = tmp_path / "disk"
    recorder = start(disk / "record")
    recorder.offer(batch(1))
    wait_for(lambda: recorder.state().num_written)
    disk.rename(tmp_path / "unmounted")
    recorder.offer(batch(2))
    wait_for(lambda: recorder.state().fault)
    assert "mount its disk" in recorder.state().fault
    assert not disk.exists()
    (tmp_path / "unmounted").rename(disk)
    wait_for(lambda: recorder.state().num_written == 2)
    recorder.close(5)
    assert numbers_in(disk / "record") == [1, 2]


def test_a_write_that_hangs_delays_no_answer(start, tmp_path, monkeypatch):
    hanging, write = threading.Event(), segment_module._write_all

    def hang(*arguments):
        hanging.wait(10)
        write(*arguments)

    monkeypatch.setattr(segment_module, "_write_all", hang)
    recorder = start(backlog_bytes=5_000)
    for number in range(100):
        recorder.offer(batch(number))  # returns, or this test ends by its timeout
    assert recorder.state().num_dropped > 50
    hanging.set()


def test_a_model_without_features_is_recorded_and_told_once(start, tmp_path, clock, caplog):
    recorder = start()
    without = Header("000000000000", HEADER.classes, 0)
    for number in range(3):
        recorder.offer(replace(batch(number, header=without), features=None))
        clock.time += timedelta(seconds=SEGMENT_SECONDS)  # each in a segment of its own
    recorder.close(5)
    (found,) = read_record(open_record(str(tmp_path / "record"))).recorded
    assert found.features.shape == (3, 0)
    assert sum("gives no features" in text for text in caplog.messages) == 1


def test_the_oldest_segments_go_so_that_the_record_stays_in_its_bounds(start, tmp_path, clock):
    bounds = Bounds(30, 8_000)
    recorder = start(bounds=bounds)
    recorder.offer(batch(0))
    wait_for(lambda: recorder.state().num_written)  # what tidies now and then has been there
    for number in range(1, 60):
        recorder.offer(batch(number))
        clock.time += timedelta(seconds=1)
    recorder.close(5)
    files = [path for path in (tmp_path / "record").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= bounds.max_bytes
    numbers = numbers_in(tmp_path / "record")
    assert numbers == [*range(60 - len(numbers), 60)]
    assert len(numbers) > 15
    assert recorder.state().num_removed > 0


def test_an_error_of_our_own_ends_the_record_and_is_told(start, monkeypatch):
    seen = []
    monkeypatch.setattr(threading, "excepthook", seen.append)
    monkeypatch.setattr(module, "rows_of", lambda *_, **__: 1 / 0)
    recorder = start()
    wait_for(lambda: recorder.state().fault)
    assert "ended by an error of lradapt" in recorder.state().fault
    recorder.offer(batch(1))
    assert seen[0].exc_type is ZeroDivisionError


_KILLED = """
import sys
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from recorded_answers import batch
from lradapt.recording import segment
from lradapt.recording.bounds import Bounds
from lradapt.recording.recorder import Recorder
import os, signal
write = os.write
def half(file, content):
    if len(content) < 200:  # the header
        return write(file, bytes(content))
    write(file, bytes(content[:-50]))
    os.kill(os.getpid(), signal.SIGKILL)
os.write = half
recorder = Recorder(Path(sys.argv[1]), Bounds(30, 10**9))
recorder.start()
recorder.offer(batch(1, 2))
recorder.close(30)
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_line_loses_that_line_alone(start, tmp_path):
    folder = tmp_path / "record"
    ended = subprocess.run([sys.executable, "-c", _KILLED, folder, *sys.path])
    assert ended.returncode == -signal.SIGKILL
    recorder = start(folder)
    recorder.offer(batch(3))
    recorder.close(5)
    reading = read_record(open_record(str(folder)))
    assert numbers_in(folder) == [1, 3]
    assert [fault.split(", ")[1] for fault in reading.faults] == ["line 3: cut off"]
