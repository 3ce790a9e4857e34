"""What DVC keeps for itself: for the user alone, and repaired after a kill."""

import json
import os
import sqlite3
from pathlib import Path

import pytest

from lradapt.errors import LradaptError
from tasks.pipeline import dvc_commands, dvc_files, dvc_index
from tasks.processes.child import CommandFailedError

HOLDER = {"pid": 1, "cmd": "dvc repro"}
WHOLE = {"write": {"/a": HOLDER}, "read": {"/b": [HOLDER]}}


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(dvc_files.SITE_CACHE, raising=False)
    Path(".dvc/tmp").mkdir(parents=True)


@pytest.mark.parametrize("whole", [{}, WHOLE, {"read": {}}])
def test_a_whole_list_of_locked_files_stays(whole):
    dvc_files.LOCKS.write_text(json.dumps(whole))
    assert not dvc_files.mend_locks()
    assert json.loads(dvc_files.LOCKS.read_text()) == whole


@pytest.mark.parametrize(
    "left",
    ["", "{", json.dumps(WHOLE)[:20], "[]", '{"write": []}', '{"read": {"/a": {}}}', "\udc00"],
)
def test_a_list_that_dvc_cannot_read_is_removed_and_reported(left, caplog):
    dvc_files.LOCKS.write_bytes(left.encode(errors="surrogatepass"))
    assert dvc_files.mend_locks()
    assert not dvc_files.LOCKS.exists()
    assert "half written" in caplog.text


def test_without_a_list_nothing_is_done():
    assert not dvc_files.mend_locks()


def test_a_command_that_meets_a_broken_list_is_run_again_at_once(monkeypatch):
    dvc_files.LOCKS.touch()
    calls = []

    def run(command, settings):
        calls.append(command)
        if dvc_files.LOCKS.exists():
            raise CommandFailedError(f"ERROR: Unable to read {dvc_files.BROKEN_LOCKS} ...")

    monkeypatch.setattr(dvc_commands, "run_child", run)
    monkeypatch.setattr(dvc_commands.time, "sleep", lambda _: pytest.fail("it waited"))
    dvc_commands.run("repro")
    assert len(calls) == 2


def test_every_command_has_a_site_cache_for_this_user_alone(monkeypatch):
    given = []
    monkeypatch.setattr(dvc_commands, "run_child", lambda _, settings: given.append(settings))
    dvc_commands.run("status")
    folder = Path(given[0][dvc_files.SITE_CACHE])
    assert folder == Path.cwd() / f".lradapt/dvc-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_site_cache_that_a_person_has_chosen_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv(dvc_files.SITE_CACHE, str(tmp_path / "chosen"))
    assert dvc_files.site_cache() == tmp_path / "chosen"


def test_a_site_cache_that_others_may_write_to_is_refused():
    dvc_files.site_cache().chmod(0o777)
    with pytest.raises(LradaptError, match=r"its mode 777\); others could plant files"):
        dvc_files.site_cache()


def test_a_link_in_the_place_of_the_site_cache_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    Path(".lradapt").mkdir()
    Path(f".lradapt/dvc-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LradaptError, match="others could plant files"):
        dvc_files.site_cache()


def test_a_damaged_database_is_removed_and_a_whole_one_stays():
    whole, damaged = (dvc_files.site_cache() / f"repo/a/{name}/cache.db" for name in ("links", "h"))
    for path in (whole, damaged):
        path.parent.mkdir(parents=True)
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE t (x)")
            database.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 100)
    damaged.write_bytes(damaged.read_bytes()[:5000])
    dvc_files.mend()
    assert whole.exists()
    assert not damaged.exists()


@pytest.mark.parametrize("left", ["", "outs:\n- md5: b949a", "out", "\x00"])
def test_a_broken_source_is_one_message_with_the_remedy(left):
    Path("data").mkdir()
    Path("data/a.csv.dvc").write_text("outs:\n- {md5: 1, path: a.csv}\n")
    Path("data/b.csv.dvc").write_text(left)
    with pytest.raises(LradaptError, match=r"(?s)\n  - data/b.csv.dvc\n.*`git checkout`"):
        dvc_index.require_whole_sources()
