"""Paths that come from another machine stay in the project."""

from pathlib import Path

import pytest

from tasks.remote import results
from tasks.remote.clone import ScratchError, _require_commit_name
from tasks.remote.places import OutsideError, require_inside

OUTSIDE = (
    "/absolute/file",
    "../beside",
    "data/../../beside",
    "..",
    "",
    ".",
    "a\0b",
    "C:\\file",
    "\\\\host\\file",
    "data\\..\\..\\beside",
    ".git/hooks/post-checkout",
    ".GIT/config",
    ".dvc/config.local",
    "link/file",
    "link",
    "name",
)


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path, monkeypatch):
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_text("theirs")
    Path("link").symlink_to(tmp_path / "outside")
    Path("name").symlink_to(tmp_path / "outside/file")


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_place_outside_the_project_is_refused_and_named(path):
    with pytest.raises(OutsideError) as refused:
        require_inside(["dvc.yaml", path])
    assert repr(path) in str(refused.value)
    assert "dvc.yaml" not in str(refused.value)


def test_all_of_them_are_named_at_once():
    with pytest.raises(OutsideError, match=r"(?s)'/a'.*'\.\./b'"):
        require_inside(["/a", "../b"])


def test_the_files_of_a_project_are_accepted():
    require_inside(["dvc.yaml", "data/labels.csv.dvc", "build/code.json", ".dvcignore", "a b/..c"])


def test_an_answer_with_a_file_for_another_place_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(results.lock_entry, "write", lambda *_: pytest.fail("it was written"))
    answer = results.Answer("", {"../outside/file": "b3Vycw=="}, {})
    with pytest.raises(OutsideError):
        results.accept("stage", answer)
    assert (tmp_path / "outside/file").read_text() == "theirs"


@pytest.mark.parametrize("name", ["--upload-pack=touch x", "main", "", "0" * 6])
def test_a_commit_is_named_by_its_hash(name):
    with pytest.raises(ScratchError, match="is not the hash of a commit"):
        _require_commit_name(name)
