"""A copy of the source, its wheel, and clean environments in which nothing else is installed."""

import os
import shutil
import subprocess
import sys
import venv

import pytest

from tests.projects import ROOT

OWN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in OWN}


def call(*words, folder, check=True, variables=(), timeout=None):
    """Run a program in a folder that is not the source's, without what this process imports."""
    done = subprocess.run(
        [*map(str, words)],
        cwd=folder,
        env={**ENVIRONMENT, **dict(variables)},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert not check or done.returncode == 0, f"{words}:\n{done.stdout}{done.stderr}"
    return done


def pip(*words, folder):
    """Run the pip of this process, by the configuration of whoever runs the tests."""
    return call(sys.executable, "-m", "pip", *words, folder=folder)


def require_index(folder):
    """Skip the test where no package index gives a small package."""
    words = ("download", "--quiet", "--no-deps", "--dest", folder / "tried", "shellingham")
    done = call(sys.executable, "-m", "pip", *words, folder=folder, check=False, timeout=300)
    if done.returncode:
        pytest.skip(f"no package index can be reached: {done.stderr.strip().splitlines()[-1]}")


def copy_source(into):
    """Copy what git knows of the source, or would add: a build leaves its remains there."""
    names = call("git", "ls-files", "-coz", "--exclude-standard", folder=ROOT).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)
    return into


def build_wheel(folder):
    """Build the wheel of the source; return its path."""
    source = copy_source(folder / "source")
    pip("wheel", "--quiet", "--no-deps", "--wheel-dir", folder / "wheel", source, folder=folder)
    return next((folder / "wheel").glob("lradapt-*.whl"))


class Installed:
    """An environment with the wheel and some of its extras."""

    def __init__(self, folder, wheel, extras=""):
        venv.create(folder, with_pip=True)
        self.python = folder / "bin" / "python"
        constraints = ("--constraint", ROOT / "constraints.txt")
        words = ("-m", "pip", "install", "--quiet", *constraints, f"{wheel}{extras}")
        call(self.python, *words, folder=folder)

    def lradapt(self, folder, *words, check=True):
        """Run the command line in a folder."""
        return call(self.python.parent / "lradapt", *words, folder=folder, check=check)

    def has(self, *modules):
        """Return which of these modules can be imported."""
        text = f"import importlib.util as u; print(*[m for m in {modules!r} if u.find_spec(m)])"
        return call(self.python, "-c", text, folder=self.python.parent).stdout.split()
