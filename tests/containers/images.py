"""Images built with buildah and run with podman, from a base that debootstrap makes.

The base gets the name that the Containerfile asks for, so that no registry of images is needed. All
lies in one folder: the base, the packages, and the storage of buildah and podman.
"""

import os
import shutil
import subprocess
import sys
import tomllib

import pytest

from tests.installed.clean import call, copy_source, require_index
from tests.projects import ROOT

TOOLS = ("buildah", "podman", "runc", "debootstrap", "unshare")
BASE, PYTHON = "docker.io/library/python:3.11-slim", "3.11"
SUITE = "bookworm"  # of Debian, with this Python
LEFT_OUT = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale")
STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "{0}/storage"\nrunroot = "{0}/run"\n'
CONTAINERS = (
    "[containers]\ndefault_ulimits = []\n"  # to set them needs rights that a sandbox may lack
    '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
)


def require_tools():
    """Skip the test where the programs or the rights to build and run images are missing."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if os.geteuid():
        pytest.skip("images are built and run by root here: debootstrap and chroot need its rights")
    if subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True).returncode:
        pytest.skip("this system lets no program have namespaces of its own")


class Images:
    """The storage of buildah and podman in a folder, and what they run."""

    def __init__(self, folder):
        require_tools()
        require_index(folder)
        self.folder = folder
        (folder / "storage.conf").write_text(STORAGE.format(folder))
        (folder / "containers.conf").write_text(CONTAINERS)
        self.settings = {
            "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf",
            "CONTAINERS_CONF": f"{folder}/containers.conf",
        }

    def podman(self, *words, check=True):
        """Run podman; return what it says."""
        return self._call("podman", "--runtime=runc", *words, check=check)

    def _call(self, *words, check=True):
        return call(*words, folder=self.folder, check=check, variables=self.settings)

    def remove(self):
        """Remove all containers and the folder."""
        self.podman("rm", "--all", "--force", check=False)
        shutil.rmtree(self.folder)

    def make_base(self):
        """Make the image that the Containerfile begins with."""
        system = self.folder / "base"
        packages = "--include=python3,python3-venv,ca-certificates"
        words = ("debootstrap", "--variant=minbase", packages, SUITE, system)
        made = self._call(*words, check=False)
        if made.returncode:
            pytest.skip(f"debootstrap makes no Debian here: {made.stdout[-300:]}")
        for name in LEFT_OUT:
            shutil.rmtree(system / name, ignore_errors=True)
        archive = self.folder / "base.tar"
        self._call("tar", "-C", system, "-cf", archive, ".")
        self.podman("import", "--quiet", archive, BASE)
        shutil.rmtree(system)
        archive.unlink()

    def fetch_packages(self, *extras):
        """Fetch the packages of extras for the Python of the base, by the pip of this machine."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())
        of_extras = project["project"]["optional-dependencies"]
        wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
        wanted += [each for extra in extras for each in of_extras[extra]]
        self._call(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:"),
            *("--python-version", PYTHON, "--constraint", ROOT / "constraints.txt"),
            *("--dest", self.folder / "wheels", *wanted),
        )
        (self.folder / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")

    def build(self, target):
        """Build a target of the Containerfile; return the name of the image."""
        source = copy_source(self.folder / "source")
        self._call(
            *("buildah", "bud", "--isolation", "chroot", "--format", "docker"),
            *("--pull-never", "--network", "host", "--target", target, "--tag", target),
            *("--secret", f"id=pip.conf,src={self.folder}/pip.conf"),
            *("--volume", f"{self.folder}/wheels:/wheels:ro"),
            *("--file", source / "Containerfile", source),
        )
        return f"localhost/{target}"
