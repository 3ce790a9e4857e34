"""A file is complete or absent."""

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lradapt.errors import DiskFullError
from lradapt.runtime.files import (
    read_json,
    reserve,
    whole_file,
    write_json,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_its_block_ends(tmp_path):
    path = tmp_path / "deep" / "down" / "a.txt"
    with whole_file(path) as partial:
        partial.write_text("whole")
        assert not path.exists()
        assert partial.parent == path.parent
    assert path.read_text() == "whole"
    assert names(path.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_block_that_fails_leaves_the_previous_file(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("previous")

    def half():
        with whole_file(path) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(error):
        half()
    assert path.read_text() == "previous"
    assert names(tmp_path) == ["a.txt"]


def ended_process():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_reader_of_the_previous_file_reads_it_to_its_end(tmp_path):
    (tmp_path / "a.txt").write_text("previous")
    with (tmp_path / "a.txt").open() as reader:
        write_text(tmp_path / "a.txt", "new")
        assert reader.read() == "previous"


def test_only_temporary_files_of_processes_that_have_ended_are_removed(tmp_path):
    orphan = f".a.txt.partial-{ended_process()}"
    other = f".a.txt.partial-{os.getppid()}"
    for name in (orphan, other):
        (tmp_path / name).write_text("half")
    write_text(tmp_path / "a.txt", "whole")
    assert names(tmp_path) == sorted(["a.txt", other])


def test_a_process_of_another_user_counts_as_running(tmp_path, monkeypatch):
    def forbidden(*_):
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    (tmp_path / ".a.txt.partial-12345").write_text("half")
    write_text(tmp_path / "a.txt", "whole")
    assert names(tmp_path) == [".a.txt.partial-12345", "a.txt"]


@pytest.mark.parametrize("name", ["{}", ".b.txt.partial-{}", ".a.txt.partial-{}x", "{}.csv"])
def test_a_file_with_another_name_is_never_removed(tmp_path, name):
    other = tmp_path / name.format(ended_process())
    other.write_text("kept")
    write_text(tmp_path / "a.txt", "whole")
    assert other.read_text() == "kept"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        RuntimeError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_the_error_of_a_full_disk_names_the_file_and_the_free_space(tmp_path, error):
    with pytest.raises(DiskFullError) as caught, whole_file(tmp_path / "a.txt"):
        raise error
    free = r"[\d,]+\.\d MiB were free"
    path = re.escape(str(tmp_path))
    assert re.fullmatch(
        f"the disk is full: {free} in {path} while {path}/a.txt was written; the partial file was "
        "removed. Free some space and run again",
        str(caught.value),
    )
    assert caught.value.__cause__ is error
    assert names(tmp_path) == []


def sparse(path, size):
    path.touch()
    os.truncate(path, size)
    return path


def test_a_reserved_file_has_its_space_and_its_content(tmp_path):
    path = sparse(tmp_path / "a", 10_000_000)
    with path.open("r+b") as file:
        file.write(b"abc")
    reserve(path)
    assert path.stat().st_blocks * 512 >= 10_000_000
    assert path.read_bytes() == b"abc".ljust(10_000_000, b"\0")


def test_the_error_of_a_reservation_names_the_space_needed_and_free(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(0, 0, 5 * 2**20))
    with pytest.raises(DiskFullError) as caught:
        reserve(sparse(tmp_path / ".pixels.npy.partial-123", 3 * 2**30))
    assert str(caught.value) == (
        f"pixels.npy needs 3,072.0 MiB, but only 5.0 MiB are free in {tmp_path}. Free some space "
        "and run again"
    )


def test_another_error_of_a_reservation_is_not_reported_as_a_full_disk(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "posix_fallocate", broken)
    with pytest.raises(OSError, match="Input/output error"):
        reserve(sparse(tmp_path / "a", 10))


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "a.txt"):
        pass
    assert names(tmp_path) == []


def test_text_is_utf8_with_the_line_ends_given(tmp_path):
    write_text(tmp_path / "a.txt", "Äpfel\r\n猫\n")
    assert (tmp_path / "a.txt").read_bytes() == "Äpfel\r\n猫\n".encode()


def test_text_is_utf8_also_where_the_locale_is_another(tmp_path):
    code = (
        "from lradapt.runtime.files import *; "
        r"write_json(Path('a'), '\u732b'); print(ascii(read_json(Path('a'))))"
    )
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, **plain, "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("'\\u732b'\n", "")
    assert (tmp_path / "a").read_bytes() == '"猫"\n'.encode()


def test_json_is_indented_and_keeps_the_order_of_keys(tmp_path):
    write_json(tmp_path / "a.json", {"b": "é", "a": [1, None]})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == (
        '{\n  "b": "é",\n  "a": [\n    1,\n    null\n  ]\n}\n'
    )


def test_json_comes_back_to_the_last_bit(tmp_path):
    value = {"lr": 0.1 + 0.2, "big": 2**60, "猫": False}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_are_refused_and_nothing_is_written(tmp_path, value):
    with pytest.raises(ValueError, match="Out of range float values"):
        write_json(tmp_path / "a.json", {"loss": value})
    assert names(tmp_path) == []


def test_a_file_that_may_not_be_written_is_named_in_the_error(tmp_path):
    path = tmp_path / "a.txt"
    with pytest.raises(PermissionError) as refused, whole_file(path) as partial:
        raise PermissionError(13, "Permission denied", str(partial))
    assert refused.value.filename == str(path)
    with pytest.raises(PermissionError) as refused, whole_file(path):
        raise PermissionError(13, "Permission denied", "another")
    assert refused.value.filename == "another"
