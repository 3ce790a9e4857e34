"""`python -m releasing`: build wheel, sdist and SBOM of a release, and check them."""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from lradapt import __version__
from lradapt.cli.error_exit import exit_on_error
from lradapt.errors import LradaptError, listed
from lradapt.runtime.files import sha256_of, write_text
from releasing.sbom import write_sbom
from releasing.tools import run_tool
from releasing.versions import require_agreement

SUMS = "SHA256SUMS"


def main(
    tools: Annotated[
        Path, typer.Option(help="Python of an environment with the dependency group `release`.")
    ],
    into: Annotated[Path, typer.Option(file_okay=False, help="A folder; emptied first.")] = Path(
        "dist"
    ),
) -> None:
    """Build the files of a release: sdist, wheel (from the sdist), SBOM, and their sha256 sums.

    Refused if the versions of package, changelog and citation differ, or if git has uncommitted
    changes.
    """
    with exit_on_error(debug=False):
        root = Path.cwd()
        require_agreement(root)
        _require_committed(root)
        shutil.rmtree(into, ignore_errors=True)
        packages = build(tools, root, into)
        run_tool(tools, root, "twine", "check", "--strict", *map(str, packages))
        bill = into / f"lradapt-{__version__}.cdx.json"
        num_components = write_sbom(tools, root, bill)
        write_sums(into / SUMS, [*packages, bill])
        typer.echo(f"{bill}: {num_components} components")
        typer.echo((into / SUMS).read_text(encoding="utf-8"), nl=False)


def build(tools: Path, root: Path, into: Path) -> list[Path]:
    """Build the sdist of a source tree, and from the sdist alone the wheel.

    The same tree gives the same bytes.
    """
    into = into.absolute()
    run_tool(tools, root, "hatchling", "build", "--target", "sdist", "--directory", str(into))
    (sdist,) = into.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        (source,) = Path(folder).iterdir()
        run_tool(tools, source, "hatchling", "build", "--target", "wheel", "--directory", str(into))
    (wheel,) = into.glob("*.whl")
    return [sdist, wheel]


def write_sums(path: Path, files: list[Path]) -> None:
    """Write the hash of each file, in lines as `sha256sum --check` reads them."""
    write_text(path, "".join(f"{sha256_of(each)}  {each.name}\n" for each in sorted(files)))


def _require_committed(root: Path) -> None:
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=True
    )
    if found := done.stdout.splitlines():
        raise LradaptError(
            f"a release is made of a commit, and git has changes that are in none:\n{listed(found)}"
        )


if __name__ == "__main__":
    typer.run(main)
