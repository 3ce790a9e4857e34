"""The clone in which a stage of another machine runs; what it shares with the project beside it."""

from pathlib import Path

import pytest

from tasks.remote import clone as scratch
from tasks.remote.clone import ScratchError
from tasks.remote.places import OutsideError
from tests.projects import dvc, run

pytestmark = pytest.mark.slow


@pytest.fixture
def commit(chain):
    """The commit of a project with a remote, whose URL is relative to its own folder."""
    dvc(chain, "remote", "add", "-d", "store", "../store")
    (chain / ".gitignore").write_text("*.txt\n.lradapt\n")
    return committed(chain)


def committed(folder):
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "a version")
    return run(folder, "git", "rev-parse", "HEAD").stdout.strip()


def test_what_git_ignores_stays_for_the_next_call_and_the_texts_of_this_one_go(commit, chain):
    with scratch.project(commit, {"data/a.dvc": "a: 1\n", "code.py": "changed"}):
        assert Path("data/a.dvc").read_text() == "a: 1\n"
        assert Path("code.py").read_text() == "changed"
        Path("kept.txt").touch()
        assert Path.cwd() == chain / ".lradapt/elsewhere/project"
    assert Path.cwd() == chain
    assert (chain / "code.py").read_text() == "print('code')\n"
    with scratch.project(commit, {}):
        assert not Path("data/a.dvc").exists()
        assert Path("code.py").read_text() == "print('code')\n"
        assert Path("kept.txt").exists()


def test_it_has_the_remote_and_the_cache_of_its_project(commit, chain):
    dvc(chain, "remote", "modify", "--local", "store", "verify", "true")
    with scratch.project(commit, {}):
        here = Path.cwd()
    assert dvc(here, "cache", "dir").stdout.strip() == str(chain / ".dvc/cache")
    (chain.parent / "store").mkdir()
    dvc(chain, "add", "source.txt")
    dvc(chain, "push")
    assert "verify = true" in (here / ".dvc/config.local").read_text()
    (here / "source.txt.dvc").write_text((chain / "source.txt.dvc").read_text())
    dvc(here, "pull", "source.txt")
    assert (here / "source.txt").read_text() == "a\nb\n"


@pytest.mark.parametrize("path", ["/tmp/never", "../../never", ".git/hooks/post-checkout"])
def test_a_text_for_another_place_is_refused(commit, chain, path):
    with (
        pytest.raises(OutsideError, match="nothing was written"),
        scratch.project(commit, {path: ""}),
    ):
        pass
    assert not (chain / ".lradapt/never").exists()


def test_without_a_remote_the_message_names_the_machine(commit, chain):
    dvc(chain, "remote", "remove", "store")
    with (
        pytest.raises(ScratchError, match=rf"no DVC remote is set in {chain} on "),
        scratch.project(committed(chain), {}),
    ):
        pass


def test_a_commit_that_is_nowhere_is_reported(commit, chain):
    with (
        pytest.raises(ScratchError, match=rf"commit {'0' * 40} is not in the git of {chain}"),
        scratch.project("0" * 40, {}),
    ):
        pass
