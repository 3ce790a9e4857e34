"""The lradapt that a project pins: one line if another one is installed."""

import pytest

from lradapt.project import ProjectError, pyproject


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A function: the current folder is below a project with these dependencies."""
    monkeypatch.setattr(pyproject, "__version__", "0.2.0")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path / "data")

    def write(*dependencies):
        text = f'[project]\nname = "skin"\ndependencies = {list(dependencies)}\n'
        (tmp_path / "pyproject.toml").write_text(text)

    return write


@pytest.mark.parametrize(
    "dependencies",
    [
        ["lradapt==0.2.0", "lradapt[train,flow]"],
        ["lradapt>=0.1,<0.3"],
        ["lradapt == 0.2.*"],
        ["other==9", "lradapt-plugin==0.1"],
    ],
)
def test_the_pinned_one_is_no_warning(project, caplog, dependencies):
    project(*dependencies)
    pyproject.warn_if_other()
    assert caplog.messages == []


def test_a_folder_without_a_pyproject_is_no_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    pyproject.warn_if_other()
    assert caplog.messages == []


def test_an_older_pin_is_one_line_with_both_ways_out(project, caplog):
    project("lradapt==0.1.0", "lradapt[train,flow]")
    pyproject.warn_if_other()
    assert caplog.messages == [
        "pyproject.toml asks for lradapt==0.1.0, and 0.2.0 is installed; bring the project to it: "
        "lradapt upgrade; or go back: pip install 'lradapt==0.1.0'"
    ]


@pytest.mark.parametrize("pin", ["==0.2.1", ">=0.10", "==0.3.*"])
def test_a_newer_pin_is_one_line_that_says_what_to_install(project, caplog, pin):
    project(f"lradapt{pin}")
    pyproject.warn_if_other()
    assert caplog.messages == [
        f"pyproject.toml asks for lradapt{pin}, and 0.2.0 is installed; pip install 'lradapt{pin}'"
    ]


def test_a_dependency_that_pip_cannot_read_is_one_message(project):
    project("lradapt=0.1.0")
    with pytest.raises(ProjectError, match=r"dependencies of \[project\]: 'lradapt=0.1.0' is no"):
        pyproject.warn_if_other()
