"""Texts of a tracker's client without what must not be in a log."""

import re
from collections.abc import Mapping

from lradapt.text import printable

_IS_SECRET = re.compile(r"(KEY|TOKEN|PASSWORD|SECRET)", re.IGNORECASE)
_USER = re.compile(r"(?<=://)[^/\s@]*@")
_QUERY = re.compile(r"(?<=\w)\?[^\s'\")]*=[^\s'\")]*")
_LEAST = 4  # letters of a value that is looked for
_LENGTH = 300


def without_secrets(text: str, environment: Mapping[str, str]) -> str:
    """Return the first line of a text, shortened, without secrets.

    Left out are user and password of an address, its query, and the values of all variables of the
    environment whose names say that they are secret.
    """
    line = printable(next(iter(text.strip().splitlines()), ""))
    values = [
        value
        for name, value in environment.items()
        if _IS_SECRET.search(name) and len(value) >= _LEAST
    ]
    for value in sorted(values, key=len, reverse=True):
        line = line.replace(value, "...")
    line = _QUERY.sub("?...", _USER.sub("...@", line))
    return line if len(line) <= _LENGTH else f"{line[:_LENGTH]}..."
