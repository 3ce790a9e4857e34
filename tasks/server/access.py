"""Who may use this project's own server of Prefect, and how its programs reach it.

The server listens on 127.0.0.1, which every user of the machine and every web page in a browser
can reach. So it asks for Prefect's auth string. One is made for a project, into a file that its
owner alone can read, and every program of the project gives it without being asked.

Prefect reads its settings when it is first imported: nothing here imports it.
"""

import importlib.util
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from lradapt.errors import LradaptError

FILE = Path(".prefect/auth")
"""In the project's folder."""
CLIENT, SERVER = "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING"
ORIGINS = "PREFECT_SERVER_CORS_ALLOWED_ORIGINS"
TEMPORARY = "LRADAPT_TEMPORARY_SERVER"
"""Set in the environment of a flow that has started a server for itself alone."""
NO_ORIGIN = "http://no-page.invalid"
_LOCAL = ("127.0.0.1", "localhost", "::1")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class AccessError(LradaptError):
    """The auth string cannot be used; the message says why."""


def auth_string(project: Path, *, make: bool) -> str | None:
    """Return the auth string of a project's server.

    Args:
        project: the folder.
        make: a new one if there is none; else None is returned.

    Raises:
        AccessError: others can read the file, or it is empty.
    """
    path = project / FILE
    if make and not path.exists():
        _write_new(path, f"lradapt:{secrets.token_urlsafe(24)}\n")
    if not path.exists():
        return None
    if path.stat().st_mode & 0o077:
        raise AccessError(
            f"others than its owner can read {path} (mode {path.stat().st_mode & 0o777:o}): remove "
            "it and start the server again; a new one is made"
        )
    text = path.read_text(encoding="utf-8").strip()
    if not text:
        raise AccessError(f"{path} is empty: remove it and start the server again")
    return text


def _write_new(path: Path, text: str) -> None:
    """Write a file for its owner alone; if another process was faster, keep what that has made."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        with suppress(FileExistsError):
            os.link(partial, path)
    finally:
        partial.unlink()


def for_own_server(project: Path, *origins: str) -> dict[str, str]:
    """Return the settings of a server of the project, and of its clients.

    Args:
        project: the folder.
        origins: of the web pages that may use it; without any, none may.
    """
    auth = auth_string(project, make=True)
    assert auth
    return {CLIENT: auth, SERVER: auth, ORIGINS: ",".join(origins) or NO_ORIGIN}


def for_clients(project: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the auth string, if the server that the environment names may be the project's.

    That is a server on this machine, for which the environment has no other credentials.
    """
    if CLIENT in environment or "PREFECT_API_KEY" in environment:
        return {}
    if not is_local(environment.get("PREFECT_API_URL", "")):
        return {}
    auth = auth_string(project, make=False)
    return {CLIENT: auth} if auth else {}


def is_local(url: str) -> bool:
    """Return whether a URL names this machine by its loopback address."""
    host = urlsplit(url).hostname or ""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def past_proxies(environment: Mapping[str, str]) -> dict[str, str | None]:
    """Return the changes of the environment by which this machine is reached without a proxy.

    Returns:
        Name -> value; None: to be removed. A proxy by SOCKS is removed if this Python has no
        package for it: Prefect's client would end at once, whatever server it was to reach.
    """
    names = {name: value for name, value in environment.items() if name.upper() in _PROXIES}
    if not any(names.values()):
        return {}
    listed = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    hosts = [host.strip() for host in listed.split(",") if host.strip()]
    if "*" not in hosts:
        hosts += [host for host in _LOCAL if host not in hosts]
    socks = [name for name, value in names.items() if value.lower().startswith("socks")]
    unusable = socks if importlib.util.find_spec("socksio") is None else []
    without = ",".join(hosts)
    return {"NO_PROXY": without, "no_proxy": without, **dict.fromkeys(unusable)}
