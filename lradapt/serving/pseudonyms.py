"""Pseudonyms of the groups of a record: nobody finds from one what a client has named.

A plain hash of a patient's number would be found by trying all numbers, so the hash has a key. By
default it is drawn at the start of the server and kept nowhere: a group that goes on after a
restart, or at another server, counts as another one. A key of the environment makes them one.
"""

import hmac
import secrets

from lradapt.errors import LradaptError

VARIABLE = "LRADAPT_GROUP_KEY"
_LEAST_CHARACTERS = 32
_DIGITS = 16


class GroupKeyError(LradaptError):
    """The key of the pseudonyms cannot be used."""


def read_key(text: str | None) -> bytes:
    """Return the key that `LRADAPT_GROUP_KEY` has; a random one where it is not set.

    Args:
        text: value of the variable; None if it is not set.

    Raises:
        GroupKeyError: it is so short that it could be guessed. The message does not have it.
    """
    if text is None:
        return secrets.token_bytes(32)
    if len(text) < _LEAST_CHARACTERS:
        raise GroupKeyError(
            f"{VARIABLE} has {len(text)} characters, expected {_LEAST_CHARACTERS} or more: take "
            "those of `openssl rand -hex 32`, or unset it for a key of this server alone"
        )
    return text.encode("utf-8", "surrogateescape")


def pseudonym(key: bytes, group: str) -> str:
    """Return the pseudonym of a group, 16 hexadecimal digits; "" for none."""
    return hmac.digest(key, group.encode(), "sha256").hex()[:_DIGITS] if group else ""
