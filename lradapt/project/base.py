"""The files of a project as lradapt made them: what `lradapt upgrade` compares the user's with.

They are kept in the project itself, in one file of its git, so that an upgrade needs no network, no
former lradapt, and no history of git: a shallow clone or a squashed history has it, too.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from lradapt.project import ProjectError

FILE = ".lradapt-template.zip"
_TIME = (1980, 1, 1, 0, 0, 0)


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return the files as one archive; the same files give the same names, times and order."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(files):
            opened.writestr(zipfile.ZipInfo(path, _TIME), files[path], zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def unpacked(folder: Path) -> dict[str, bytes]:
    """Return the files of the project in `folder` as lradapt made them: path -> content.

    Raises:
        ProjectError: the archive is missing or damaged.
    """
    path = folder / FILE
    remedy = "restore it from git: git log --all -- " + FILE
    try:
        with zipfile.ZipFile(path) as opened:
            return {each: opened.read(each) for each in opened.namelist()}
    except FileNotFoundError as error:
        raise ProjectError(
            f"{path} is missing, which holds the project's files as lradapt made them; {remedy}"
        ) from error
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise ProjectError(f"{path} cannot be read ({error}); {remedy}") from error
