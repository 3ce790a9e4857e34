"""The project around the current folder, and its registry."""

from pathlib import Path

import pytest

from lradapt.cli.options import of_project
from lradapt.config.paths import find_project, read_paths
from lradapt.errors import ParamsError


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a folder in it that has a dvc.yaml of its own; that folder is the current."""
    (tmp_path / ".dvc").mkdir()
    inner = tmp_path / "benchmarks/deep"
    inner.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "benchmarks"):
        (folder / "dvc.yaml").touch()
    (tmp_path / "registry").mkdir()
    monkeypatch.chdir(inner)
    return tmp_path


def test_a_folder_in_a_project_finds_it_and_its_registry(project):
    assert find_project() == project
    assert of_project("registry") == str(project / "registry")


def test_in_the_project_itself_the_registry_is_named_as_typed(project, monkeypatch):
    monkeypatch.chdir(project)
    assert of_project("registry") == "registry"
    (project / "registry").rmdir()
    assert of_project("registry") == "registry"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("location", ["elsewhere", "s3://bucket/models", "/registry"])
def test_a_registry_that_is_named_is_taken_as_it_is(location):
    assert of_project(location) == location


@pytest.mark.usefixtures("project")
def test_a_registry_in_the_current_folder_comes_first():
    Path("registry").mkdir()
    assert of_project("registry") == "registry"


def test_outside_a_project_nothing_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_project() is None
    assert of_project("registry") == "registry"


def test_outside_a_project_the_message_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParamsError, match=r"holds dvc\.yaml; `lradapt init DIR` makes a project$"):
        read_paths()


def test_a_command_that_needs_the_projects_folder_names_it(project):
    place = project / "benchmarks"
    with pytest.raises(ParamsError, match=f"run from the folder that holds dvc.yaml: {place}$"):
        read_paths()
