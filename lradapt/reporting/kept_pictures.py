"""Pictures of former reports, so that a run draws only those whose values are new.

Drawing takes seconds, a flow that changes nothing has the same curves as the one before, and
without a picture to draw it imports no matplotlib. Kept in the project's `.lradapt/pictures/`.
"""

import functools
import hashlib
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import ParamSpec

from lradapt.runtime.files import write_text

Values = ParamSpec("Values")

_PROJECT = Path(".lradapt")
_FOLDER = _PROJECT / "pictures"
_MOST = 24


def kept(draw: Callable[Values, str]) -> Callable[Values, str]:
    """Return `draw`, a pure function of its values, with its pictures kept in the project.

    A picture is drawn again if the values, the code that draws or matplotlib is another.
    """

    @functools.wraps(draw)
    def look_up(*values: Values.args, **settings: Values.kwargs) -> str:
        if not _PROJECT.is_dir():
            return draw(*values, **settings)
        key = f"{_code()}{draw.__name__}{values!r}{settings!r}"
        path = _FOLDER / hashlib.sha256(key.encode()).hexdigest()[:32]
        if path.exists():
            path.touch()
            return path.read_text(encoding="utf-8")
        picture = draw(*values, **settings)
        write_text(path, picture)
        _remove_oldest()
        return picture

    return look_up


def _remove_oldest() -> None:
    by_age = sorted(_FOLDER.iterdir(), key=lambda path: path.stat().st_mtime)
    for path in by_age[:-_MOST]:
        path.unlink(missing_ok=True)


@functools.cache
def _code() -> str:
    """Return the code that draws, and the version of matplotlib."""
    modules = [*files("lradapt.plots").iterdir(), files("lradapt.reporting") / "pictures.py"]
    sources = (each.read_text(encoding="utf-8") for each in modules if each.name.endswith(".py"))
    return version("matplotlib") + "".join(sources)
