"""A uid without a name, as in `docker run --user`, and a home that is absent or unusable."""

import getpass
import os
from pathlib import Path

import pytest

from lradapt.runtime import user

NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")


@pytest.fixture(autouse=True)
def _nobody(monkeypatch, tmp_path):
    """The system knows no name and no home of this uid; the environment says nothing either."""
    monkeypatch.chdir(tmp_path)
    for name in (*NAMES, "HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
        monkeypatch.setenv(name, "")  # so that it is restored, whatever the test sets
        monkeypatch.delenv(name)

    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr("pwd.getpwuid", unknown)


def close(monkeypatch, folder, rights):
    """Deny `rights` on `folder`, also to root."""
    access = os.access
    monkeypatch.setattr(
        "os.access",
        lambda path, mode: not (Path(path) == folder and mode & rights) and access(path, mode),
    )


def test_it_gets_a_name_that_libraries_find():
    user.complete_environment()
    assert getpass.getuser() == user.user_name() == f"uid{os.getuid()}"


def test_it_gets_a_home_in_the_project():
    user.complete_environment()
    assert Path.home() == Path.cwd() / ".lradapt/home"
    assert os.environ["XDG_CACHE_HOME"] == str(Path.cwd() / ".lradapt/cache")


@pytest.mark.parametrize("home", ["absent", "a file", "a file/below", "closed"])
def test_a_home_that_cannot_be_used_is_none(monkeypatch, tmp_path, home):
    (tmp_path / "a file").touch()
    (tmp_path / "closed").mkdir()
    close(monkeypatch, tmp_path / "closed", os.R_OK | os.X_OK | os.W_OK)
    monkeypatch.setenv("HOME", str(tmp_path / home))
    user.complete_environment()
    assert Path.home() == tmp_path / ".lradapt/home"
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / ".lradapt/cache")


def test_a_home_that_cannot_be_written_to_stays_but_downloads_go_elsewhere(monkeypatch, tmp_path):
    (tmp_path / "home").mkdir()
    close(monkeypatch, tmp_path / "home", os.W_OK)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    user.complete_environment()
    assert Path.home() == tmp_path / "home"
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / ".lradapt/cache")
    assert os.environ["MPLCONFIGDIR"] == str(tmp_path / ".lradapt/cache/matplotlib")
    assert user.expand(Path("~/.cache/lradapt/x")) == tmp_path / ".lradapt/cache/lradapt/x"
    assert user.expand(Path("~/kept")) == tmp_path / "home/kept"


def test_what_there_is_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USER", "ada")
    before = dict(os.environ)
    user.complete_environment()
    assert dict(os.environ) == before
