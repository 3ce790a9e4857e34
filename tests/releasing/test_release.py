"""`make release` in a copy of the source: sdist, wheel, SBOM and sums, twice the same bytes."""

import json
import subprocess
import sys
import tarfile
import zipfile
from importlib import metadata

import pytest
from packaging.utils import canonicalize_name

from lradapt import __version__
from lradapt.errors import LradaptError
from releasing.__main__ import build
from releasing.tools import run_tool
from tests.installed.clean import call, copy_source, require_index
from tests.projects import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.long]  # an environment of its own

BILL = f"lradapt-{__version__}.cdx.json"
SDIST = f"lradapt-{__version__}.tar.gz"
WHEEL = f"lradapt-{__version__}-py3-none-any.whl"


def git(folder, *words):
    identity = ("-c", "user.name=t", "-c", "user.email=t@t")
    subprocess.run(["git", "-C", folder, *identity, *words], check=True)


@pytest.fixture(scope="module")
def tools(tmp_path_factory):
    """Python of the environment of the tools, as `make release` makes it."""
    folder = tmp_path_factory.mktemp("tools")
    require_index(folder)
    stamp = folder / "venv" / ".lradapt-installed"
    where = (f"RELEASE_VENV={stamp.parent}", f"PYTHON={sys.executable}")
    call("make", *where, stamp, folder=ROOT)
    return stamp.parent / "bin" / "python"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A committed copy of the source whose changelog has a section of this version."""
    folder = copy_source(tmp_path_factory.mktemp("source"))
    changelog = folder / "CHANGELOG.md"
    section = f"## [Unreleased]\n\n## [{__version__}] - 2026-12-01"
    changelog.write_text(changelog.read_text().replace("## [Unreleased]", section, 1))
    git(folder, "init", "--quiet")
    git(folder, "add", "-A")
    git(folder, "commit", "--quiet", "-m", "A release")
    return folder


def release(source, tools):
    command = [sys.executable, "-m", "releasing", "--tools", tools]
    return subprocess.run(command, cwd=source, text=True, capture_output=True)


@pytest.fixture(scope="module")
def built(source, tools):
    """The folder dist/ after a release."""
    done = release(source, tools)
    assert done.returncode == 0, done.stdout + done.stderr
    return source / "dist"


def test_it_makes_the_packages_the_bill_and_their_sums(built):
    assert {each.name for each in built.iterdir()} == {BILL, SDIST, WHEEL, "SHA256SUMS"}
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=built, text=True, capture_output=True)
    assert sorted(done.stdout.splitlines()) == sorted(
        f"{name}: OK" for name in (BILL, SDIST, WHEEL)
    )


def test_the_wheel_of_the_sdist_has_the_program_the_template_and_no_test(built):
    with zipfile.ZipFile(built / WHEEL) as wheel:
        names = wheel.namelist()
    template = {name.removeprefix("lradapt/template/") for name in names}
    assert {"lradapt/__main__.py", "lradapt/project/files/Makefile.template"} <= set(names)
    assert {"dvc.yaml", ".gitignore", ".dvc/config", "flows/retrain.py"} <= template
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "releasing/"))]


def test_the_sdist_has_the_tests_and_nothing_that_git_ignores(built):
    with tarfile.open(built / SDIST) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "tests/releasing/test_release.py", "docs/projects.md"} <= names
    assert not [name for name in names if name.startswith(("dist/", "build/", "data/images"))]


def test_the_bill_has_each_package_of_a_user_with_version_and_licence(built):
    bill = json.loads((built / BILL).read_text())
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("lradapt", __version__)
    found = {canonicalize_name(each["name"]): each for each in bill["components"]}
    assert {"numpy", "torch", "prefect", "dvc", "onnxruntime", "boto3"} <= found.keys()
    assert not found.keys() & {"pytest", "ruff", "mkdocs", "twine", "cyclonedx-bom", "fastai"}
    for name, each in found.items():
        assert each["version"] == metadata.version(name)
        assert each["purl"].startswith("pkg:pypi/")
    assert sum("licenses" in each for each in found.values()) > 0.9 * len(found)
    (of_torch,) = [each for each in bill["dependencies"] if each["ref"].startswith("torch==")]
    assert [ref for ref in of_torch["dependsOn"] if ref.startswith("sympy==")]


def test_the_same_commit_gives_the_same_packages(source, tools, built, tmp_path):
    for again in build(tools, source, tmp_path):
        assert again.read_bytes() == (built / again.name).read_bytes(), again.name


def test_it_refuses_what_is_not_committed(source, tools, built):
    (source / "new.txt").touch()
    done = release(source, tools)
    (source / "new.txt").unlink()
    assert done.returncode == 1
    assert "git has changes that are in none:\n  - ?? new.txt" in done.stderr
    assert (built / WHEEL).exists()


def test_a_bill_that_is_not_valid_is_refused(tools, built, tmp_path):
    bill = json.loads((built / BILL).read_text())
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({**bill, "components": "all"}))
    with pytest.raises(LradaptError, match=r"releasing.validity .* exit code 1"):
        run_tool(tools, ROOT, "releasing.validity", str(wrong))
