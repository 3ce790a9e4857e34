"""Small DVC projects, and a copy of this one."""

import shutil

import pytest
import yaml

from lradapt.architectures import ARCHITECTURES
from lradapt.backbone import import_backbone
from tests.projects import ROOT, SMALL, draw, dvc, run


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """A project of DVC's: source.txt -> upper -> count, and notes.txt -> copy."""
    run(tmp_path, "git", "init", "-q")
    dvc(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("*.txt\n")
    (tmp_path / "code.py").write_text("print('code')\n")
    (tmp_path / "source.txt").write_text("a\nb\n")
    (tmp_path / "notes.txt").write_text("n\n")
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n"
        "  upper: {cmd: tr a-z A-Z < source.txt > upper.txt, deps: [source.txt, code.py],"
        " outs: [upper.txt], meta: {retries: 2}}\n"
        "  count: {cmd: wc -l < upper.txt > count.txt, deps: [upper.txt], outs: [count.txt]}\n"
        "  copy: {cmd: cp notes.txt copy.txt, deps: [notes.txt], outs: [copy.txt]}\n"
    )
    run(tmp_path, "git", "add", "-A")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of this project in a git of its own, with sixty small pictures and small params."""
    folder = tmp_path_factory.mktemp("project")
    files = run(
        ROOT,
        *("git", "ls-files", "lradapt", "tasks", "flows", "benchmarks"),
        *("*.yaml", ".dvc", ".dvcignore"),
    )
    for name in [*files.stdout.split(), ".gitignore"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    params = yaml.safe_load((folder / "params.yaml").read_text())
    for section, changes in SMALL.items():
        params[section] |= changes
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    draw(folder)
    import_backbone("none", ARCHITECTURES["resnet18"], folder / "data/backbone.safetensors")
    run(folder, "git", "init", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "a copy")
    return folder
