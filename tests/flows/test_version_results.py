"""Versions pushed to DVC's remote and committed to git: the named files, and nothing else."""

import logging

import pytest

from tasks import version_results
from tasks.version_results import GitError
from tests.projects import dvc, run


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A git with one committed file, an identity of its own, and none of the person's settings."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("NAME", "EMAIL"):
        monkeypatch.delenv(f"GIT_AUTHOR_{name}", raising=False)
        monkeypatch.delenv(f"GIT_COMMITTER_{name}", raising=False)
    run(tmp_path, "git", "init", "-q")
    run(tmp_path, "git", "config", "user.name", "t")
    run(tmp_path, "git", "config", "user.email", "t@t")
    (tmp_path / "labels.csv.dvc").write_text("one\n")
    run(tmp_path, "git", "add", "-A")
    run(tmp_path, "git", "commit", "-qm", "first")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def committed(folder):
    return run(folder, "git", "show", "--name-only", "--format=%s").stdout.split("\n\n")


def output(caplog):
    return [entry.getMessage() for entry in caplog.records]


def test_only_the_named_files_are_committed_and_what_is_staged_stays_so(repository):
    (repository / "labels.csv.dvc").write_text("two\n")
    (repository / "dvc.lock").write_text("new\n")
    for name in ("staged.py", "loose.py"):
        (repository / name).write_text("x\n")
    run(repository, "git", "add", "staged.py")
    version_results.commit.fn(["labels.csv.dvc", "dvc.lock", "absent.dvc"], "2 relabelled")
    assert committed(repository) == ["2 relabelled", "dvc.lock\nlabels.csv.dvc\n"]
    assert run(repository, "git", "status", "--short").stdout == "A  staged.py\n?? loose.py\n"


@pytest.mark.parametrize("files", [["labels.csv.dvc"], ["absent.dvc"]])
def test_nothing_to_commit_is_reported_and_no_error(repository, caplog, files):
    caplog.set_level(logging.INFO, logger="lradapt")
    (repository / "staged.py").write_text("x\n")
    run(repository, "git", "add", "staged.py")
    version_results.commit.fn(files, "no")
    assert output(caplog)[0].startswith("nothing to commit: no change in ")
    assert committed(repository)[0] == "first"


def test_what_git_refuses_is_reported_in_its_words(repository):
    hook = repository / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\necho not on a Friday >&2\nexit 1\n")
    hook.chmod(0o755)
    (repository / "labels.csv.dvc").write_text("two\n")
    with pytest.raises(GitError, match="git commit failed: not on a Friday"):
        version_results.commit.fn(["labels.csv.dvc"], "m")


def test_an_identity_is_asked_for_before_anything_is_done(repository):
    version_results.require_git()
    run(repository, "git", "config", "--unset", "user.email")
    run(repository, "git", "config", "user.useConfigOnly", "true")
    with pytest.raises(GitError, match="git does not know who commits: set"):
        version_results.require_git()


def test_outside_git_a_commit_cannot_be_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        GitError, match="is in no git repository: `git init`, or leave out --commit"
    ):
        version_results.require_git()


@pytest.mark.slow
def test_versions_go_to_the_remote_and_stay_here_without_one(chain, tmp_path_factory, caplog):
    caplog.set_level(logging.INFO, logger="lradapt")
    dvc(chain, "add", "source.txt")
    version_results.push.fn(["source.txt.dvc"])
    assert output(caplog)[0].startswith("no DVC remote is set: the versions stay in this machine's")
    remote = tmp_path_factory.mktemp("remote")
    dvc(chain, "remote", "add", "-d", "store", str(remote))
    version_results.push.fn(["source.txt.dvc"])
    assert [path.read_text() for path in remote.rglob("*") if path.is_file()] == ["a\nb\n"]
