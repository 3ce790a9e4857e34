"""A small project, as the current folder."""

import shutil

import pytest
from reviewed_project import write_project


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    return folder


@pytest.fixture
def project(made_once, tmp_path, monkeypatch):
    """The small project, as the current folder."""
    folder = tmp_path / "project"
    shutil.copytree(made_once, folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("LRADAPT_RUN", raising=False)
    return folder
