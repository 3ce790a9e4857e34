"""The name of a project, and the names that its flows and pools have on a server."""

import pytest

from lradapt.config.project_name import own, plain, project_name
from lradapt.errors import ParamsError


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A function that enters a project with this pyproject.toml."""

    def enter(text):
        (tmp_path / ".dvc").mkdir()
        (tmp_path / "dvc.yaml").touch()
        (tmp_path / "data").mkdir()
        if text:
            (tmp_path / "pyproject.toml").write_text(text)
        monkeypatch.chdir(tmp_path / "data")

    return enter


def test_names_begin_with_the_projects_once(project):
    project('[project]\nname = "skin"\n')
    assert (project_name(), own("gpu"), own("skin-gpu")) == ("skin", "skin-gpu", "skin-gpu")
    assert (plain("skin-gpu"), plain("gpu")) == ("gpu", "gpu")


@pytest.mark.parametrize("text", ["", '[project]\nname = "lradapt"\n'])
def test_lradapts_own_repository_and_a_folder_without_a_name_have_plain_names(project, text):
    project(text)
    assert (project_name(), own("gpu"), plain("lradapt-gpu")) == ("lradapt", "gpu", "lradapt-gpu")


@pytest.mark.parametrize("text", ["[project]\n", "name = ", "project = 3\n"])
def test_a_pyproject_without_a_name_is_one_message(project, text):
    project(text)
    with pytest.raises(ParamsError, match=r"pyproject.toml has no name of the project: expected"):
        project_name()
