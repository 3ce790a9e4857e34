"""The user that runs a program: that of a container often has neither a name nor a home."""

import getpass
import os
from pathlib import Path

from lradapt.runtime.system.users import user_number


def user_name() -> str:
    """Return the name of the user; `uid1000` for a uid that the system has no name for."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # OSError from Python 3.13 on
        return f"uid{user_number()}"  # in Windows without a number, and without USERNAME


def complete_environment() -> None:
    """Set what libraries need of a user: a name, a home, and a place for what they download.

    What the environment has and can be used is kept. A home that is absent, no folder, or closed
    to this user is none: DVC and Prefect end there. Child processes inherit the rest.
    """
    if not any(os.environ.get(name) for name in ("LOGNAME", "USER", "LNAME", "USERNAME")):
        os.environ["LOGNAME"] = user_name()
    own = Path.cwd() / ".lradapt"
    if not _has_home():
        os.environ["HOME"] = str(own / "home")
    if not os.access(Path.home(), os.W_OK):
        os.environ.setdefault("XDG_CACHE_HOME", str(own / "cache"))
        os.environ.setdefault("MPLCONFIGDIR", str(own / "cache/matplotlib"))


def expand(path: Path) -> Path:
    """Return a path without `~`; `~/.cache` is the folder of XDG_CACHE_HOME, if that is set."""
    cache = os.environ.get("XDG_CACHE_HOME")
    if cache and path.parts[:2] == ("~", ".cache"):
        return Path(cache, *path.parts[2:])
    return path.expanduser()


def _has_home() -> bool:
    try:
        home = Path.home()
    except RuntimeError:
        return False
    return os.path.isdir(home) and os.access(home, os.R_OK | os.X_OK)
