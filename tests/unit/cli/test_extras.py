"""Packages of extras: which modules they bring, what works without them, what else is said."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lradapt.cli.extras import MODULES, extra_of
from lradapt.registry import open_registry
from tests.unit.colour_model import colour_model, paint
from tests.unit.releases import release

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = {  # module -> the package that brings it, where that has another name
    "PIL": "pillow",
    "anyio": "fastapi",
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
WITH_OWN_MESSAGE = {
    "boto3",
    "botocore",
    "lightning_fabric",
    "mlflow",
    "pillow_heif",
    "pydicom",
    "wandb",
}
PROGRAM = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

BLOCKED = sys.argv.pop(1).split(",")
sys.meta_path.insert(0, Blocked())
from lradapt.__main__ import main
main()
"""


def packages(requirements):
    return {re.match(r"[\w-]+", each)[0] for each in requirements} - {"lradapt"}


def without(extras, folder, *words):
    """A run of the command line where the modules of these extras are not installed."""
    blocked = ",".join(module for extra in extras for module in MODULES[extra])
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, blocked, *map(str, words)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "COLUMNS": "80"},
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


@pytest.mark.parametrize(
    ("words", "module", "extra"),
    [
        (["serve"], "h11", "serve"),
        (["review"], "fastapi", "serve"),
        (["changes", "labels.csv", "labels.csv"], "pandas", "data"),
        (["tune-engine"], "torch", "train"),
        (["predict", "--explain", "green.png"], "onnx", "train"),
    ],
)
def test_a_command_without_its_extra_says_in_one_line_what_to_install(
    tmp_path, words, module, extra
):
    release(open_registry(str(tmp_path / "registry")), colour_model())
    paint(tmp_path / "green.png", "green")
    (tmp_path / "labels.csv").write_text("image,label\ngreen.png,green\n")
    done = without(MODULES, tmp_path, *words)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: the module {module} is not installed for {sys.executable}. Install it: "
        f"pip install 'lradapt[{extra}]'; or enter the project's environment: "
        "`. .venv/bin/activate` (made by `make install`)"
    ]
