"""`lradapt init` and `lradapt upgrade`: make a project of one's own, and bring it up to date."""

import difflib
import os
import shlex
import shutil
import sys
from contextlib import chdir
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lradapt import __version__
from lradapt.cli.output import console
from lradapt.config.paths import find_project
from lradapt.errors import DataError

if TYPE_CHECKING:
    from lradapt.project.create import Created
    from lradapt.project.merging import Merged
    from lradapt.project.upgrade import Upgrade


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The project's folder: new, or empty.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Import these images: FOLDER/CLASS/*.jpg."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Of the project; by default made of the folder's name."),
    ] = None,
) -> None:
    """Make a project of your own.

    Writes flows/, tasks/, dvc.yaml, params.yaml, prefect.yaml, a Makefile, a
    pyproject.toml that pins this lradapt, and a workflow for GitHub. They are
    yours; `lradapt upgrade` keeps your changes. If the folder is in no git
    repository, one is made, with a first commit. Prints what to type next.
    """
    from lradapt.project import create, names

    if data is not None and not data.is_dir():
        raise DataError(f"--data {data} is no folder; expected one that holds a folder for a class")
    data = data.absolute() if data else None
    chosen = names.checked_name(name) if name else names.name_of(folder.absolute().name)
    made = create.create(folder, chosen, keeping=data)
    _print_created(made)
    if data and find_spec("torch"):
        _import(made.folder, data)
    else:
        _print_next(made.folder, data)


def upgrade(
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Show what would change; write nothing. Exit code 1 if files are left to you.",
        ),
    ] = False,
) -> None:
    """Bring this project's files to the installed lradapt.

    What lradapt changed since is merged with what you changed; prints the
    difference. Where both changed the same lines, the file has both, between
    <<<<<<< and >>>>>>>, the file is listed, and the exit code is 1. Refused if git has an
    uncommitted change of any tracked file: so `git status` and `git diff` show the
    upgrade.
    """
    from lradapt.project import upgrade as upgrading

    planned = upgrading.plan_upgrade(find_project() or Path.cwd())
    for each in planned.files:
        _print_difference(each)
    if not dry_run:
        upgrading.write(planned)
    _print_upgraded(planned, dry_run=dry_run)
    upgrading.require_no_conflict(planned)


def _print_created(made: "Created") -> None:
    screen = console()
    screen.print(f"{made.folder}: the project {made.name}, of lradapt {__version__}")
    if made.repository:
        screen.print(f"git: in the repository {made.repository}; nothing was committed")
    else:
        by = "" if made.is_known else " by lradapt, since git does not know your name"
        screen.print(f"git: a new repository, with a first commit{by}")


def _import(folder: Path, data: Path) -> None:
    """Import the images as `lradapt import folder` does in the project."""
    from lradapt.cli.importing.folder import folder as import_folder

    place = Path.cwd()
    with chdir(folder):
        import_folder(data)
    if folder != place:
        console().print(f"      first: cd {_typed(folder)}")


def _print_next(folder: Path, data: Path | None) -> None:
    words = [] if folder == Path.cwd() else [f"cd {_typed(folder)}"]
    if find_spec("torch") is None or find_spec("prefect") is None:
        words.append("make install && . .venv/bin/activate")
    elif shutil.which("lradapt") is None:
        words.append(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
    images = shlex.quote(str(data)) if data else "PATH      # PATH/CLASS/*.jpg"
    console().print(f"next: {' && '.join([*words, f'lradapt import folder {images}'])}")
    if not data:
        console().print("      (or, to see a run: lradapt import digits); then: make retrain")


def _typed(folder: Path) -> str:
    """Return the folder as a person types it here."""
    relative = Path(os.path.relpath(folder))
    return shlex.quote(str(folder if ".." in relative.parts else relative))


def _print_difference(merged: "Merged") -> None:
    before, after = (
        [] if each is None else each.decode(errors="replace").splitlines()
        for each in (merged.before, merged.after)
    )
    old = "no file" if merged.before is None else f"a/{merged.path}"
    new = "no file" if merged.after is None else f"b/{merged.path}"
    for line in difflib.unified_diff(before, after, old, new, lineterm=""):
        console().print(line)


def _print_upgraded(planned: "Upgrade", *, dry_run: bool) -> None:
    screen = console()
    changed = [each for each in planned.files if each.before != each.after]
    if not planned.files:
        screen.print(f"the project's files are those of lradapt {__version__} already")
        return
    would = "would be changed" if dry_run else "changed"
    screen.print(f"lradapt {__version__}: {len(changed)} files {would}")
    if not dry_run:
        screen.print("next: git status, git diff, make plan, git commit      (undo: git restore .)")
