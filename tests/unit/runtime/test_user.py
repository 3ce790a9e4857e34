"""A uid that has neither a name nor a home, as in `docker run --user`."""

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
    for name in (*NAMES, "HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")  # so that it is restored, whatever the test sets
        monkeypatch.delenv(name)

    def unknown(uid):
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr("pwd.getpwuid", unknown)


def test_it_gets_a_name_that_libraries_find():
    user.complete_environment()
    assert getpass.getuser() == user.user_name() == f"uid{os.getuid()}"


def test_it_gets_a_home_in_the_project():
    user.complete_environment()
    assert Path.home() == Path.cwd() / ".lradapt/home"
    assert os.environ["XDG_CACHE_HOME"] == str(Path.cwd() / ".lradapt/cache")


def test_a_home_that_cannot_be_written_to_stays_but_downloads_go_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "absent"))
    user.complete_environment()
    assert Path.home() == tmp_path / "absent"
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / ".lradapt/cache")


def test_what_there_is_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USER", "ada")
    before = dict(os.environ)
    user.complete_environment()
    assert dict(os.environ) == before
