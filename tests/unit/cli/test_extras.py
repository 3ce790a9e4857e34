"""Packages of extras: which modules they bring, what works without them, what else is said."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lradapt.cli.app import app
from lradapt.cli.extras import MODULES, NEEDED_BY, extra_of, extras_needed
from lradapt.cli.flows import MODULES as FLOWS
from lradapt.registry import open_registry
from tests.path_table import path_variables
from tests.unit.colour_model import colour_model, paint
from tests.unit.releases import release

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = {  # module -> the package that brings it, where that has another name
    "PIL": "pillow",
    "anyio": "fastapi",
    "botocore": "boto3",
    "h11": "uvicorn",
    "huggingface_hub": "timm",
    "prometheus_client": "prometheus-client",
    "python_multipart": "python-multipart",
    "pydantic_core": "pydantic",
    "ruamel": "ruamel-yaml",
    "sklearn": "scikit-learn",
    "starlette": "fastapi",
    "yaml": "pyyaml",
}
WITH_OWN_MESSAGE = {"lightning_fabric", "mlflow", "pillow_heif", "pydicom", "wandb"}
FILTER = Path(__file__).parent / "without_extras"
TABLE = re.findall(
    r"^\| `?(none|serve|data|train)`? \| (.*) \|$",
    (ROOT / "docs" / "containers.md").read_text(),
    re.MULTILINE,
)
DOCUMENTED = {words: extra for extra, cell in TABLE for words in re.findall(r"`([^`]+)`", cell)}


def packages(requirements):
    return {re.match(r"[\w-]+", each)[0] for each in requirements} - {"lradapt"}


def without(extras, folder, *words, program="lradapt"):
    """A run of a program where the modules of these extras are not installed."""
    blocked = ",".join(module for extra in extras for module in MODULES[extra])
    return subprocess.run(
        [sys.executable, "-m", program, *map(str, words)],
        cwd=folder,
        env={"PYTHONPATH": f"{FILTER}:{ROOT}", "COLUMNS": "80", "BLOCKED": blocked},
        capture_output=True,
        text=True,
    )


def imported_modules(folder):
    """The modules that the files below a folder import, in functions, too."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (each.name.partition(".")[0] for each in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield node.module.partition(".")[0]


@pytest.mark.parametrize("extra", MODULES)
def test_the_modules_of_an_extra_are_those_of_its_packages(extra):
    of_others = {
        PACKAGES.get(each, each) for other in MODULES if other != extra for each in MODULES[other]
    }
    own = packages(PROJECT["optional-dependencies"][extra]) - of_others
    assert {PACKAGES.get(module, module) for module in MODULES[extra]} == own


def test_each_import_is_of_the_core_or_of_an_extra():
    known = {*sys.stdlib_module_names, "lradapt", "flows", "tasks", *WITH_OWN_MESSAGE}
    found = {each for top in ("lradapt", "flows", "tasks") for each in imported_modules(top)}
    outside = {each for each in found - known if not extra_of(each)}
    assert {PACKAGES.get(each, each) for each in outside} <= packages(PROJECT["dependencies"])


def test_the_core_predicts_alone(tmp_path):
    version = release(open_registry(str(tmp_path / "registry")), colour_model()).version
    paint(tmp_path / "green.png", "green")
    done = without(MODULES, tmp_path, "predict", "--json", "green.png")
    assert done.returncode == 0, done.stderr
    assert [each["class"] for each in json.loads(done.stdout)] == ["green"]
    history = without(MODULES, tmp_path, "history", "--json")
    assert [each["version"] for each in json.loads(history.stdout)] == [version]


@pytest.mark.parametrize("command", ["predict", "serve", "check", "review", "head", "import"])
def test_the_help_needs_the_core_alone(tmp_path, command):
    done = without(MODULES, tmp_path, command, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_serving_needs_its_own_extra_alone(tmp_path):
    release(open_registry(str(tmp_path / "registry")), colour_model())
    others = [extra for extra in MODULES if extra != "serve"]
    done = without(others, tmp_path, "serve", "--shadow", "nothing")
    assert "nothing" in done.stderr
    assert "not installed" not in done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model in production, an image, and labels."""
    folder = tmp_path_factory.mktemp("project")
    release(open_registry(str(folder / "registry")), colour_model())
    paint(folder / "green.png", "green")
    (folder / "labels.csv").write_text("image,label\ngreen.png,green\n")
    return folder


@pytest.mark.parametrize(
    ("words", "module", "extras"),
    [
        (["serve"], "h11", "serve"),
        (["review"], "fastapi", "data,serve"),
        (["changes", "labels.csv", "labels.csv"], "pandas", "data"),
        (["tune-engine"], "torch", "train"),
        (["predict", "--explain", "green.png"], "onnx", "train"),
        (["serve", "--registry", "s3://here/models"], "h11", "s3,serve"),
        (["serve", "--record=s3://here/record"], "h11", "s3,serve"),
        (["drift", "s3://here/record"], "boto3", "data,s3"),
        (["predict", "--explain", "--registry", "s3://here/it", "green.png"], "boto3", "s3,train"),
    ],
)
def test_a_command_names_all_extras_that_it_lacks_at_once(folder, words, module, extras):
    done = without(MODULES, folder, *words)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: the module {module} is not installed for {sys.executable}. Install all that is "
        f"missing: pip install 'lradapt[{extras}]'; or enter the project's environment: "
        "`. .venv/bin/activate` (made by `make install`)"
    ]


def test_an_export_names_all_extras_that_it_lacks_at_once(folder, tmp_path):
    (tmp_path / "dvc.yaml").write_text(path_variables(labels=folder / "labels.csv"))
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    done = without(MODULES, tmp_path, "export", "croissant", "croissant.json")
    assert "pip install 'lradapt[croissant,data]'" in done.stderr


def test_a_flow_that_trains_names_what_its_stages_lack_too():
    done = without(MODULES, ROOT, program="flows.retrain")
    assert "pip install 'lradapt[flow,train]'" in done.stderr
    assert "pip install 'lradapt[flow]'" in without(MODULES, ROOT, program="flows.monitor").stderr


def test_an_extra_that_is_there_is_not_named(folder):
    done = without([extra for extra in MODULES if extra != "data"], folder, "review")
    assert "pip install 'lradapt[serve]'" in done.stderr


@pytest.mark.parametrize("words", DOCUMENTED)
def test_what_the_documents_say_that_a_command_needs_is_what_it_asks_for(words):
    assert extras_needed(words.split()) == {DOCUMENTED[words]} - {"none"}


def test_each_command_and_flow_that_needs_an_extra_exists():
    groups = app.registered_groups
    entries = [*app.registered_commands, *groups]
    entries += [command for group in groups for command in group.typer_instance.registered_commands]
    commands = {each.name or each.callback.__name__ for each in entries}
    flows = {f"flows.{module}" for module in FLOWS.values()}
    assert set(NEEDED_BY) <= commands | flows
    assert flows <= set(NEEDED_BY)
