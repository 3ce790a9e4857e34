"""Texts of a tracker's client without what must not be in a log."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from lradapt.text import printable

_IS_SECRET = re.compile(r"(KEY|TOKEN|PASSWORD|SECRET)", re.IGNORECASE)
_USER = re.compile(r"(?<=://)(?P<user>[^/\s]*)@")
_QUERY = re.compile(r"(?<=\w)\?[^\s'\")]*=[^\s'\")]*")
_LEAST = 4  # letters of a value that is looked for
_LENGTH = 300


def without_secrets(text: str, environment: Mapping[str, str]) -> str:
    """Return the first line of a text, shortened, without secrets.

    Left out are user and password of an address, its query, and what the environment keeps secret:
    the values of variables whose names say so, and the passwords in addresses.
    """
    line = printable(next(iter(text.strip().splitlines()), ""))
    line = _QUERY.sub("?...", _USER.sub("...@", line))
    for value in sorted(_secrets(environment), key=len, reverse=True):
        line = line.replace(value, "...")
    return line if len(line) <= _LENGTH else f"{line[:_LENGTH]}..."


def _secrets(environment: Mapping[str, str]) -> Iterator[str]:
    for name, value in environment.items():
        found = [value] if _IS_SECRET.search(name) else []
        for address in _USER.finditer(value):
            password = address["user"].partition(":")[2]
            found += [password, unquote(password)]
        yield from (each for each in found if len(each) >= _LEAST)
