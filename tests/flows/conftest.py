"""Small DVC projects, a copy of this one, and a server of Prefect's for all that need no own."""

import shutil

import pytest
import yaml
from path_table import path_variables

from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.backbone import import_backbone
from lradapt.networks.champion import ensure_file
from tests.prefect_server import server
from tests.projects import PROGRAMS, ROOT, SMALL, draw, dvc, run


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


@pytest.fixture
def labelled(tmp_path, monkeypatch):
    """A small project of the form of this one: labels and images -> ingest -> split -> train."""
    run(tmp_path, "git", "init", "-q")
    dvc(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("/data/images\n/data/labels.csv\n/build/\n")
    (tmp_path / "data/images").mkdir(parents=True)
    for name in "abcd":
        (tmp_path / f"data/images/{name}").write_text(name)
    labels = "".join(f"{name},x\n" for name in "abcd")
    (tmp_path / "data/labels.csv").write_text("image,label\n" + labels)
    (tmp_path / "dvc.yaml").write_text(
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
    (tmp_path / "fail").touch()
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    run(tmp_path, "git", "add", "-A")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of this project in a git of its own, with sixty small pictures and small params."""
    return new_project(tmp_path_factory.mktemp("project"))


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
def made_once(tmp_path_factory):
    """A project after `dvc repro`, from which others take what is made; nobody changes it."""
    folder = new_project(tmp_path_factory.mktemp("made"))
    dvc(folder, "repro")
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
