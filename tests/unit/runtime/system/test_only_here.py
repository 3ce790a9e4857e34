"""What only some systems have is named in lradapt/runtime/system alone."""

import ast
import errno
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from lradapt.errors import LradaptError
from lradapt.runtime.system import (
    cores,
    disk,
    file_locks,
    memory,
    opening,
    processes,
    sockets,
    users,
)
from lradapt.runtime.system.requirement import require_linux

ROOT = Path(__file__).parents[4]
SOURCES = sorted((ROOT / "lradapt").rglob("*.py"))
HERE = ROOT / "lradapt/runtime/system"
MODULES = {"fcntl", "grp", "msvcrt", "psutil", "pwd", "resource", "termios", "filelock", "ctypes"}
NAMES = {
    "os": {
        "O_DIRECTORY",
        "O_NOFOLLOW",
        "O_NONBLOCK",
        "fork",
        "geteuid",
        "getuid",
        "kill",
        "killpg",
        "link",
        "nice",
        "open",
        "posix_fallocate",
        "pread",
        "pwrite",
        "sched_getaffinity",
        "sched_setscheduler",
        "setsid",
        "statvfs",
        "uname",
    },
    "signal": {"SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "alarm", "pthread_sigmask"},
    "mmap": {"MADV_DONTNEED"},
    "socket": {"AF_UNIX", "SO_EXCLUSIVEADDRUSE", "SO_REUSEADDR", "SO_REUSEPORT"},
}
KEYWORDS = {"dir_fd", "src_dir_fd", "dst_dir_fd", "preexec_fn", "process_group"}


def _imported(node):
    if isinstance(node, ast.Import):
        return [each.name for each in node.names if each.name in MODULES]
    if isinstance(node, ast.ImportFrom):
        own = [node.module] if node.module in MODULES else []
        return own + [each.name for each in node.names if each.name in NAMES.get(node.module, ())]
    return []


def _used(node):
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        known = node.attr in NAMES.get(node.value.id, ())
        return [f"{node.value.id}.{node.attr}"] if known else []
    if isinstance(node, ast.keyword):
        return [node.arg] if node.arg in KEYWORDS else []
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value] if node.value.startswith(("/proc", "/dev/", "/sys/")) else []
    return []


def found_in(tree):
    """Return what only some systems have, as it is named in a source."""
    return [name for node in ast.walk(tree) for name in (*_imported(node), *_used(node))]


def names_of(path):
    return sorted(set(found_in(ast.parse(path.read_bytes()))))


def test_no_other_source_names_what_only_some_systems_have():
    others = [path for path in SOURCES if not path.is_relative_to(HERE)]
    found = {str(path.relative_to(ROOT)): names_of(path) for path in others}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_names_are_found_where_they_are():
    found = {name for path in HERE.glob("*.py") for name in names_of(path)}
    assert found >= {"fcntl", "filelock", "psutil", "dir_fd", "os.link", "os.sched_getaffinity"}


def text_writes(tree):
    """Yield the calls that write text through the system's own line ends."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute | ast.Name):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        is_method = isinstance(node.func, ast.Attribute)
        modes = [each.value for each in node.args if isinstance(each, ast.Constant)]
        writes = name == "open" and any(mode in ("w", "x") for mode in modes)
        if (writes or (name == "write_text" and is_method)) and "newline" not in {
            each.arg for each in node.keywords
        }:
            yield node.lineno


def test_text_is_written_with_the_same_line_ends_on_all_systems():
    found = {path.name: list(text_writes(ast.parse(path.read_bytes()))) for path in SOURCES}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_all_cores_count_where_a_process_has_no_own(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    assert cores.available_cores() == 7


def test_without_proc_the_memory_is_that_of_the_machine(tmp_path):
    assert 0 < memory.free_memory(tmp_path) < 2**50


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="here they have none")
def test_users_without_a_number_have_no_modes(monkeypatch, tmp_path):
    (tmp_path / "key").touch(mode=0o666)
    (tmp_path / "key").chmod(0o666)
    found = (tmp_path / "key").stat()
    assert users.others_may_reach(found)
    assert users.others_may_write(found)
    monkeypatch.delattr("os.getuid")
    assert not users.others_may_reach(found)
    assert not users.others_may_write(found)
    assert users.user_number() == ""


@pytest.mark.parametrize("flags", [0, 1], ids=["reading", "writing"])
def test_without_the_flag_of_the_system_a_link_is_refused_too(monkeypatch, tmp_path, flags):
    (tmp_path / "file").write_bytes(b"precious")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    monkeypatch.delattr("os.O_NOFOLLOW", raising=False)
    with pytest.raises(OSError) as error:  # noqa: PT011  its number tells it
        opening.open_file(tmp_path / "link", flags)
    assert error.value.errno == errno.ELOOP


def test_a_link_that_takes_the_place_of_a_file_is_noticed(monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"own")
    (tmp_path / "other").write_bytes(b"precious")
    opened = opening.os.open

    def swapped(path, *words):
        (tmp_path / "file").unlink()
        (tmp_path / "file").symlink_to(tmp_path / "other")
        return opened(path, *words)

    monkeypatch.delattr("os.O_NOFOLLOW", raising=False)
    monkeypatch.setattr("os.open", swapped)
    with pytest.raises(OSError) as error:  # noqa: PT011  its number tells it
        opening.open_file(tmp_path / "file", 0)
    assert error.value.errno == errno.ELOOP


def test_without_hard_links_writers_of_a_new_name_take_turns(monkeypatch, tmp_path):
    (tmp_path / "new").write_bytes(b"new")
    monkeypatch.delattr("os.link")
    monkeypatch.delattr("os.O_NOFOLLOW", raising=False)
    with ThreadPoolExecutor(1) as pool:
        with file_locks.held(tmp_path / "file"):
            naming = pool.submit(disk.name_new, tmp_path / "new", tmp_path / "file")
            with pytest.raises(TimeoutError):
                naming.result(timeout=0.2)
            (tmp_path / "file").write_bytes(b"of the first")
        with pytest.raises(FileExistsError):
            naming.result(timeout=60)
    assert (tmp_path / "file").read_bytes() == b"of the first"


def test_windows_is_asked_again_while_somebody_reads_the_file(monkeypatch, tmp_path):
    (tmp_path / "new").write_bytes(b"new")
    replaced, refusals = disk.os.replace, iter([True, True])

    def refusing(*words):
        if next(refusals, False):
            raise PermissionError(13, "in use")
        replaced(*words)

    monkeypatch.setattr("os.replace", refusing)
    with pytest.raises(PermissionError):
        disk.replace(tmp_path / "new", tmp_path / "file")
    monkeypatch.setattr("lradapt.runtime.system.kind.ON_WINDOWS", True)
    disk.replace(tmp_path / "new", tmp_path / "file")
    monkeypatch.undo()
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("exclusive", [True, False])
def test_an_address_is_shared_with_nobody(monkeypatch, exclusive):
    if exclusive:
        monkeypatch.setattr("socket.SO_EXCLUSIVEADDRUSE", -5, raising=False)
    else:
        monkeypatch.delattr("socket.SO_EXCLUSIVEADDRUSE", raising=False)
    options = []
    sockets.own_address(SimpleNamespace(setsockopt=lambda *words: options.append(words[1])))
    assert options == [-5 if exclusive else socket.SO_REUSEADDR]


def test_on_windows_no_signal_is_sent_to_see_whether_a_process_runs(monkeypatch):
    monkeypatch.setattr("os.kill", None)
    monkeypatch.setattr("lradapt.runtime.system.kind.ON_WINDOWS", True)
    monkeypatch.setattr("psutil.pid_exists", lambda pid: pid == 5)
    assert [processes.is_running(pid) for pid in (5, 6)] == [True, False]


@pytest.mark.parametrize("missing", ["locks", "groups"])
@pytest.mark.skipif(not file_locks.ON_THE_FILE, reason="here it always says so")
def test_what_needs_linux_says_so_in_one_line(monkeypatch, missing):
    require_linux("flows")
    if missing == "locks":
        monkeypatch.setattr("lradapt.runtime.system.requirement.ON_THE_FILE", False)
    else:
        monkeypatch.delattr("os.killpg")
    monkeypatch.setattr("platform.system", lambda: "Windows")
    with pytest.raises(LradaptError, match=r"^flows need Linux, .*this is Windows\.") as error:
        require_linux("flows")
    assert "\n" not in str(error.value)
