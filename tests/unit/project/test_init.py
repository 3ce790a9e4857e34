"""`lradapt init`: the files of a project, its first commit, and what it refuses."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from lradapt import __version__
from lradapt.project import base, template

ROOT = Path(__file__).parents[3]


def git(folder, *words):
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True)
    return done.stdout


def names_in(folder):
    """Every path below a folder, without those of git itself."""
    paths = (each.relative_to(folder) for each in folder.rglob("*"))
    return {each.as_posix() for each in paths if ".git" not in each.parts[:1]}


@pytest.fixture
def skin(lradapt, tmp_path):
    """The project skin, in a folder of that name."""
    made = lradapt("init", "skin")
    assert (made.code, made.err) == (0, "")
    return tmp_path / "skin"


def test_the_flows_and_files_of_the_repository_are_the_template(skin):
    same = [*ROOT.glob("flows/*.py"), *ROOT.glob("tasks/**/*.py")]
    paths = [each.relative_to(ROOT) for each in same]
    paths = [each for each in paths if each.name != "benchmark.py"]
    paths += map(Path, ("dvc.yaml", "params.yaml", ".dvcignore", ".dvc/config", "constraints.txt"))
    assert len(paths) > 40
    for path in paths:
        assert (skin / path).read_bytes() == (ROOT / path).read_bytes(), path
    assert not (skin / "flows/benchmark.py").exists()


def test_all_files_are_in_the_first_commit_of_a_new_repository(skin):
    assert git(skin, "status", "--porcelain", "--ignored") == ""
    assert git(skin, "log", "--format=%s").splitlines() == [
        f"skin, a project made by lradapt {__version__}"
    ]
    assert base.FILE in git(skin, "ls-files").splitlines()


def test_the_project_says_what_to_type_next(lradapt, tmp_path):
    made = lradapt("init", "skin")
    first, second, third, *_ = made.out.splitlines()
    assert first == f"{tmp_path}/skin: the project skin, of lradapt {__version__}"
    assert second == "git: a new repository, with a first commit"
    assert third.startswith("next: cd skin && ")


def test_its_pyproject_pins_this_lradapt_and_names_the_project(skin):
    found = tomllib.loads((skin / "pyproject.toml").read_text())
    assert found["project"]["name"] == "skin"
    assert found["project"]["dependencies"] == [
        f"lradapt=={__version__}",
        "lradapt[train,flow,review]",
    ]
    assert found["tool"]["lradapt"]["format"] == template.FORMAT


def test_pools_and_events_of_prefect_yaml_are_the_projects_own(skin):
    text = (skin / "prefect.yaml").read_text()
    found, original = yaml.safe_load(text), yaml.safe_load((ROOT / "prefect.yaml").read_text())
    pools = {each["work_pool"]["name"] for each in found["deployments"]}
    assert pools == {"skin-gpu", "skin-cpu"}
    triggers = [t for each in found["deployments"] for t in each.get("triggers", [])]
    assert len(triggers) == 2
    assert {t["match"]["lradapt.project"] for t in triggers} == {"skin"}
    assert all(t["name"].startswith("skin: ") for t in triggers)
    kept = [each["name"] for each in original["deployments"] if each["name"] != "benchmark"]
    assert [each["name"] for each in found["deployments"]] == kept
    assert "lradapt: " not in text
    assert "benchmark" not in text


def test_no_mark_of_a_template_is_left(skin):
    texts = [path.read_text() for path in skin.rglob("*") if path.suffix in {".md", ".toml"}]
    texts.append((skin / "Makefile").read_text())
    assert len(texts) == 3
    assert not [text for text in texts if "@NAME@" in text or "@VERSION@" in text]


def test_make_lists_its_targets_and_finds_the_environment_of_the_shell(skin, tmp_path):
    programs = tmp_path / "a b"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    python = programs / "python3"
    python.unlink()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    shell = {"PATH": f"{programs}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    listed = subprocess.run(["make"], cwd=skin, env=shell, capture_output=True, text=True)
    assert "retrain     retrain what has changed" in listed.stdout
    tried = subprocess.run(
        ["make", "-n", "retrain"], cwd=skin, env=shell, capture_output=True, text=True
    )
    assert tried.stdout == f'"{python}" -m lradapt retrain\n'
    own = ["make", "-n", "retrain", "VENV=my env"]
    tried = subprocess.run(own, cwd=skin, env=shell, capture_output=True, text=True)
    assert '"my env/bin/python" -m pip install' in tried.stdout
    assert tried.stdout.endswith('"my env/bin/python" -m lradapt retrain\n')


def test_the_workflow_of_the_project_types_targets_of_its_makefile(skin):
    found = yaml.safe_load((skin / ".github/workflows/check.yml").read_text())
    typed = [step["run"] for step in found["jobs"]["check"]["steps"] if "run" in step]
    assert typed == ["make install", "make plan"]
    assert all(f"\n{each.split()[1]}: " in (skin / "Makefile").read_text() for each in typed)


def test_a_path_with_spaces_and_other_letters_works(lradapt, tmp_path):
    made = lradapt("init", "Fotos für später/Häute 1")
    folder = tmp_path / "Fotos für später/Häute 1"
    assert (made.code, made.err) == (0, "")
    assert "the project haute-1" in made.out
    assert "next: cd 'Fotos für später/Häute 1' && " in made.out
    assert git(folder, "status", "--porcelain") == ""


def test_a_name_that_git_does_not_know_is_told(lradapt, monkeypatch, tmp_path):
    for name in ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"):
        monkeypatch.delenv(f"GIT_{name}", raising=False)
    empty = tmp_path / "settings"
    empty.write_text("[user]\n\tuseConfigOnly = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(empty))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    made = lradapt("init", "skin")
    assert "with a first commit by lradapt, since git does not know your name" in made.out
    assert git(tmp_path / "skin", "log", "--format=%an") == "lradapt\n"


def test_in_a_repository_nothing_is_committed(lradapt, tmp_path):
    git(tmp_path, "init", "--quiet")
    made = lradapt("init", "skin")
    assert f"git: in the repository {tmp_path}; nothing was committed" in made.out
    assert git(tmp_path, "status", "--porcelain") == "?? skin/\n"


def test_a_folder_with_an_environment_and_the_images_is_taken_as_empty(lradapt, tmp_path):
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/pyvenv.cfg").touch()
    (tmp_path / "photos/a").mkdir(parents=True)
    made = lradapt("init", ".", "--name", "skin", "--data", "photos")
    assert "the project skin" in made.out
    assert "photos" not in git(tmp_path, "ls-files")


@pytest.mark.slow
def test_images_are_imported_as_lradapt_import_folder_does(lradapt, tmp_path, random_image):
    for seed in range(24):
        path = tmp_path / f"photos/{'ab'[seed % 2]}/{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        random_image(seed).save(path)
    made = lradapt("init", "skin", "--data", "photos")
    assert "data/images: 24 images, 2 classes" in made.out, made.err
    assert made.out.endswith("      first: cd skin\n")
    assert len((tmp_path / "skin/data/labels.csv").read_text().splitlines()) == 25


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("full",), "full is not empty; name a new folder, or move away what is there:\n  - a.txt"),
        (("file",), "file is a file; expected a folder"),
        (("there",), "there is a project already: it has dvc.yaml; `lradapt upgrade` there"),
        (("new", "--name", "Skin & Co"), "is not the name of a package; expected at most 50"),
        (("new", "--name", "Skin & Co"), "the first a letter, such as skin-co"),
        (("new", "--name", "../x"), "--name '../x' is not the name of a package"),
        (("new", "--name", "numpy"), "cannot have the name 'numpy', which is that of a package"),
        (("lradapt",), "give another one with --name, such as --name lradapt-project"),
        (("图片",), "no name of a project can be made of the folder's name '图片'; give one with"),
        (("new", "--data", "absent"), "--data absent is no folder"),
    ],
    ids=[
        "full",
        "file",
        "project",
        "name",
        "proposal",
        "path",
        "package",
        "own",
        "letters",
        "data",
    ],
)
def test_what_cannot_be_made_is_one_message_and_leaves_nothing(lradapt, tmp_path, words, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/a.txt").touch()
    (tmp_path / "file").touch()
    (tmp_path / "there").mkdir()
    (tmp_path / "there/dvc.yaml").touch()
    before = names_in(tmp_path)
    refused = lradapt("init", *words)
    assert refused.code == 1
    assert refused.err.count("error: ") == 1
    assert message in refused.err
    assert names_in(tmp_path) == before


def test_without_git_one_message_says_so_and_nothing_is_made(lradapt, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = lradapt("init", "skin")
    assert refused.code == 1
    assert "error: git is not installed, or not on the PATH" in refused.err
    assert names_in(tmp_path) == set()


def run_without_privileges(folder, *words):
    """Run `lradapt` as one who needs rights to write, though tests may run as root."""
    rights = "--bounding-set=-dac_override,-dac_read_search"
    drop = ["setpriv", rights, "--"] if os.getuid() == 0 else []
    program = [*drop, sys.executable, "-m", "lradapt", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.skipif(
    os.getuid() == 0 and not shutil.which("setpriv"), reason="root writes into read-only folders"
)
def test_a_read_only_folder_is_one_message(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    folder.chmod(0o555)
    try:
        for target in (".", "skin"):
            refused = run_without_privileges(folder, "init", target)
            assert refused.returncode == 1
            assert refused.stderr.startswith("error: ")
            assert refused.stderr.endswith(": Permission denied\n")
            assert str(folder) in refused.stderr
    finally:
        folder.chmod(0o755)
    assert names_in(folder) == set()


def test_what_was_written_before_a_fault_is_removed(lradapt, tmp_path, monkeypatch):
    from lradapt.runtime import new_files

    written = []

    def failing(path, content):
        written.append(path)
        if len(written) == 20:
            raise OSError(28, "No space left on device", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    monkeypatch.setattr(new_files, "write_bytes", failing)
    refused = lradapt("init", "some/where/skin")
    assert "No space left on device" in refused.err
    assert len(written) == 20
    assert names_in(tmp_path) == set()


def test_the_wheel_carries_what_the_template_is_made_of():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    carried = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert carried == {path: f"lradapt/template/{path}" for path in template._COPIED}
