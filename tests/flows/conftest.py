"""Small DVC projects, a copy of this one, and a server of Prefect's for all that need no own."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

import pytest
import yaml
from path_table import path_variables

from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import import_backbone
from lradapt.networks.champion import ensure_file
from tests.prefect_server import server
from tests.projects import PROGRAMS, ROOT, SMALL, draw, dvc, run


def enter_copy(folder, copy, monkeypatch):
    """Copy a project that is made once, and work in the copy."""
    shutil.copytree(folder, copy, dirs_exist_ok=True)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture(scope="session")
def chain_once(tmp_path_factory):
    """The project of `chain`, from which each test gets a copy."""
    folder = tmp_path_factory.mktemp("chain")
    run(folder, "git", "init", "-q")
    dvc(folder, "init", "-q")
    (folder / ".gitignore").write_text("*.txt\n")
    (folder / "code.py").write_text("print('code')\n")
    (folder / "source.txt").write_text("a\nb\n")
    (folder / "notes.txt").write_text("n\n")
    (folder / "dvc.yaml").write_text(
        "stages:\n"
        "  upper: {cmd: tr a-z A-Z < source.txt > upper.txt, deps: [source.txt, code.py],"
        " outs: [upper.txt], meta: {retries: 2}}\n"
        "  count: {cmd: wc -l < upper.txt > count.txt, deps: [upper.txt], outs: [count.txt]}\n"
        "  copy: {cmd: cp notes.txt copy.txt, deps: [notes.txt], outs: [copy.txt]}\n"
    )
    run(folder, "git", "add", "-A")
    return folder


@pytest.fixture
def chain(chain_once, tmp_path, monkeypatch):
    """A project of DVC's: source.txt -> upper -> count, and notes.txt -> copy."""
    return enter_copy(chain_once, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def reproduced_once(chain_once, tmp_path_factory):
    """The project of `reproduced`, from which each test gets a copy."""
    folder = tmp_path_factory.mktemp("reproduced")
    shutil.copytree(chain_once, folder, dirs_exist_ok=True)
    dvc(folder, "add", "source.txt", "notes.txt")
    dvc(folder, "repro")
    return folder


@pytest.fixture
def reproduced(reproduced_once, tmp_path, monkeypatch):
    """The project of `chain` after `dvc add` of its data and `dvc repro`."""
    return enter_copy(reproduced_once, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def labelled_once(tmp_path_factory):
    """The project of `labelled`, from which each test gets a copy."""
    folder = tmp_path_factory.mktemp("labelled")
    run(folder, "git", "init", "-q")
    dvc(folder, "init", "-q")
    (folder / ".gitignore").write_text("/data/images\n/data/labels.csv\n/build/\n")
    (folder / "data/images").mkdir(parents=True)
    for name in "abcd":
        (folder / f"data/images/{name}").write_text(name)
    labels = "".join(f"{name},x\n" for name in "abcd")
    (folder / "data/labels.csv").write_text("image,label\n" + labels)
    (folder / "dvc.yaml").write_text(
        path_variables(table="build/images.csv", split="build/split.csv", model="build/model")
        + "stages:\n"
        "  ingest:\n"
        "    cmd: mkdir -p build && (echo image,pixel_sha256 && cd data/images &&"
        " for f in *; do echo $f,$(cat $f); done) > build/images.csv\n"
        "    deps: [data/images]\n"
        "    outs: [build/images.csv]\n"
        "  split:\n"
        "    cmd: sed '1s/$/,split/;2s/$/,test/;3,$s/$/,train/' data/labels.csv"
        " > build/split.csv\n"
        "    deps: [build/images.csv, data/labels.csv]\n"
        "    outs: [build/split.csv]\n"
        "  train: {cmd: cat build/split.csv fail > build/model, deps: [build/split.csv],"
        " outs: [build/model]}\n"
    )
    (folder / "fail").touch()
    shutil.copy(ROOT / "params.yaml", folder / "params.yaml")
    run(folder, "git", "add", "-A")
    return folder


@pytest.fixture
def labelled(labelled_once, tmp_path, monkeypatch):
    """A small project of the form of this one: labels and images -> ingest -> split -> train."""
    return enter_copy(labelled_once, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def project_once(tmp_path_factory):
    """A copy of this project, from which others are copied; nobody changes it."""
    return new_project(tmp_path_factory.mktemp("once"))


@pytest.fixture(scope="module")
def project(project_once, tmp_path_factory):
    """A copy of this project in a git of its own, with sixty small pictures and small params."""
    folder = tmp_path_factory.mktemp("project")
    return shutil.copytree(project_once, folder, dirs_exist_ok=True)


def new_project(folder):
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
    ensure_file(folder / "data/champion.safetensors")
    run(folder, "git", "init", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "a copy")
    return folder


@pytest.fixture(scope="session")
def made_once(request, tmp_path_factory):
    """A project after `dvc repro`, from which others take what is made; nobody changes it.

    The processes of pytest-xdist share it: the first that needs it makes it, and others wait.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "made"
    with open(shared / "made.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            partial = Path(tempfile.mkdtemp(prefix="making", dir=shared))
            shutil.copytree(request.getfixturevalue("project_once"), partial, dirs_exist_ok=True)
            dvc(partial, "repro")
            partial.rename(folder)
    return folder


@pytest.fixture(scope="module")
def made(made_once, tmp_path_factory):
    """A project of a module's own after `dvc repro`."""
    folder = tmp_path_factory.mktemp("project")
    return shutil.copytree(made_once, folder, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def known(made):
    """A project before any run, whose results DVC's run cache has: only what is changed trains."""
    for path in ("build", "reports"):
        shutil.rmtree(made / path)
    (made / "dvc.lock").unlink()
    return made


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """A server of Prefect's, one for the whole run; the settings of those that use it."""
    with server(tmp_path_factory.mktemp("prefect")) as environment:
        yield environment


@pytest.fixture(scope="module")
def by_server(served):
    """Flows that this module starts as programs use that server: to start their own costs more."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("PREFECT_API_URL", "PREFECT_HOME"):
            patch.setitem(PROGRAMS, name, served[name])
        yield
