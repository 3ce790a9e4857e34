"""Bearer tokens: how one is made, and which of them an endpoint accepts.

The endpoint knows the SHA-256 of each token alone, so a copy of its environment does not open it. A
token has 256 random bits: it cannot be guessed, so a slow hash would gain nothing.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from lradapt.errors import LradaptError

VARIABLE = "LRADAPT_TOKENS"
_PREFIX = "lradapt_"  # so that programs that look for secrets in code and logs find one
_NAME = re.compile(r"[A-Za-z0-9._-]{1,40}")
_HASH = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


class TokensError(LradaptError):
    """The accepted tokens cannot be read."""


@dataclass(frozen=True, slots=True)
class AcceptedToken:
    """A token that opens the endpoint.

    Attributes:
        name: of who has it; several tokens may have the same one.
        sha256: of the token, 32 bytes.
    """

    name: str
    sha256: bytes = field(repr=False)


def new_token() -> str:
    """Return a token that nobody else has."""
    return _PREFIX + secrets.token_urlsafe(32)


def hashed(name: str, token: str) -> str:
    """Return the entry of `LRADAPT_TOKENS` for a token: `NAME:SHA256`.

    Raises:
        TokensError: the name has other letters than an entry may have.
    """
    if not _NAME.fullmatch(name):
        raise TokensError(
            f"the name {name[:60]!r} of a token; expected 1 to 40 of the letters a to z, A to Z, "
            "digits, '.', '_' and '-'"
        )
    return f"{name}:{_sha256(token).hex()}"


def read_tokens(text: str | None) -> list[AcceptedToken]:
    """Return the tokens of `LRADAPT_TOKENS`: entries `NAME:SHA256`, with commas or spaces between.

    Args:
        text: value of the variable; None if it is not set: then there are no tokens.

    Raises:
        TokensError: it is empty, or an entry is malformed. The message has no value, because it may
            be a token that somebody has not hashed.
    """
    if text is None:
        return []
    entries = text.replace(",", " ").split()
    if not entries:
        raise TokensError(
            f"{VARIABLE} is set but empty, so no token would be needed. Set it to entries of "
            "`lradapt token NAME`, or unset it to serve without tokens"
        )
    return [_accepted(entry, k, len(entries)) for k, entry in enumerate(entries, start=1)]


def owner_of(token: str, accepted: Sequence[AcceptedToken]) -> str | None:
    """Return the name of the accepted token that this one is; None for none.

    The time does not depend on which token matches, or on how much of a hash does.
    """
    found, given = None, _sha256(token)
    for each in accepted:
        if hmac.compare_digest(given, each.sha256):
            found = each.name
    return found


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _accepted(entry: str, number: int, count: int) -> AcceptedToken:
    name, _, digest = entry.partition(":")
    if not (_NAME.fullmatch(name) and _HASH.fullmatch(digest)):
        raise TokensError(
            f"entry {number} of {count} in {VARIABLE} is malformed (its value is not shown); "
            "expected NAME:SHA256, the name of 1 to 40 letters, the hash of 64 hexadecimal digits. "
            "`lradapt token NAME` makes a token and prints its entry"
        )
    return AcceptedToken(name, bytes.fromhex(digest))
