"""The keys that a reader trusts: a text file, one key a line.

# NAME  KEY  [what it may sign; without it: both]
anna    ed25519:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=
ci      ed25519:...                                            publish
oncall  ed25519:...                                            promote
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from lradapt.errors import SigningError, listed
from lradapt.runtime.files import write_text
from lradapt.runtime.system.users import others_may_write
from lradapt.signing.keys import PublicKey, parse_public_key

Use = Literal["publish", "promote"]
"""What a key may sign: "publish": versions; "promote": every entry of the registry's log."""
USES: tuple[Use, ...] = get_args(Use)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_FORM_OF_NAMES = "a name has up to 64 letters, digits, '.', '_', '@' and '-'"


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A key that a reader trusts.

    Attributes:
        name: whose it is.
        key: the public key.
        uses: what it may sign.
    """

    name: str
    key: PublicKey
    uses: tuple[Use, ...] = USES

    @property
    def line(self) -> str:
        """The key as a line of the file."""
        return " ".join([self.name, self.key.text, *(self.uses if self.uses != USES else ())])


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """All keys that a reader trusts.

    Attributes:
        keys: in the order of the file.
        source: the file, for messages.
        path: the file, to read it again; None: there is none.
    """

    keys: tuple[TrustedKey, ...]
    source: str
    path: Path | None = None

    def that_may(self, use: Use) -> list[TrustedKey]:
        """Return the keys that may sign this."""
        return [each for each in self.keys if use in each.uses]

    def find(self, key_id: str, use: Use) -> TrustedKey | None:
        """Return the key with this id, if it may sign this."""
        return next((each for each in self.that_may(use) if each.key.id == key_id), None)

    def name_of(self, key_id: str) -> str:
        """Return whose key it is; its id, if it is not trusted."""
        names = (each.name for each in self.keys if each.key.id == key_id)
        return next(names, key_id)


def read_trusted_keys(path: Path) -> TrustedKeys:
    """Read the file of trusted keys.

    Raises:
        SigningError: it is missing, anybody may write it, it has no key or faulty lines. A reader
            that was told to check signatures never goes on without.
    """
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            content = file.read()
    except OSError as error:
        raise SigningError(
            f"{path}, the file of trusted keys: {error.strerror}. Without it nothing is trusted; "
            "`lradapt keys trust` makes it"
        ) from error
    if others_may_write(found):
        raise SigningError(
            f"{path} can be written by every user of this machine, so nothing in it is trusted: "
            "`chmod o-w` it, and look at its keys"
        )
    return TrustedKeys(parse_trusted_keys(content, str(path)), str(path), path)


def parse_trusted_keys(content: bytes, where: str) -> tuple[TrustedKey, ...]:
    """Return the keys of a file's content.

    Args:
        content: of the file.
        where: it is, for messages.

    Raises:
        SigningError: there is none, or a line is faulty; all faults are listed.
    """
    lines = enumerate(content.decode("utf-8", "backslashreplace").splitlines(), start=1)
    used = [(number, line.partition("#")[0].split()) for number, line in lines]
    found, faults = [], []
    for number, words in used:
        if not words:
            continue
        try:
            found.append(parse_line(words))
        except SigningError as error:
            faults.append(f"line {number}: {error}")
    faults += _repeated(found)
    if faults:
        raise SigningError(f"{where}, the file of trusted keys, is faulty:\n{listed(faults)}")
    if not found:
        raise SigningError(
            f"{where} has no key, so nothing is trusted: `lradapt keys trust` adds one. To check "
            "no signatures, remove the file"
        )
    return tuple(found)


def require_name(name: str) -> None:
    """Check that a key may have this name.

    Raises:
        SigningError: it has other letters, begins with one of `._@-`, or is too long.
    """
    if not _NAME.fullmatch(name):
        raise SigningError(
            f"{name[:64]!r} is no name of a key: {_FORM_OF_NAMES}, the first a letter or digit"
        )


def parse_line(words: Sequence[str]) -> TrustedKey:
    """Return the key of a line, given as its words.

    Raises:
        SigningError: it is not `NAME KEY [publish] [promote]`.
    """
    if len(words) < 2 or not _NAME.fullmatch(words[0]):
        raise SigningError(  # the words are not repeated: they may be a private key by mistake
            f"expected NAME ed25519:KEY [{'] ['.join(USES)}]; {_FORM_OF_NAMES}"
        )
    if any(word not in USES for word in words[2:]):
        raise SigningError(f"after the key, expected {' or '.join(USES)}, or nothing for both")
    uses = tuple(use for use in USES if use in words[2:])
    return TrustedKey(words[0], parse_public_key(words[1]), uses or USES)


def _repeated(keys: Sequence[TrustedKey]) -> Iterator[str]:
    """Yield a fault for each name and each key that stands there twice."""
    names, ids = [each.name for each in keys], [each.key.id for each in keys]
    yield from (f"{name} stands there twice" for name in sorted({*names}) if names.count(name) > 1)
    for repeated in sorted({each for each in ids if ids.count(each) > 1}):
        owners = [each.name for each in keys if each.key.id == repeated]
        if len({*owners}) > 1:
            yield f"{' and '.join(owners)} have the same key"


def add_trusted_key(path: Path, key: TrustedKey) -> None:
    """Add a line to the file; it is made if it does not exist.

    Raises:
        SigningError: the file is faulty, or has the name or the key already.
    """
    before = path.read_text(encoding="utf-8") if os.path.lexists(path) else _HEADER
    text = before + ("" if before.endswith("\n") or not before else "\n") + key.line + "\n"
    parse_trusted_keys(text.encode(), str(path))
    write_text(path, text)


def remove_trusted_key(path: Path, name: str) -> None:
    """Remove the line of a key; comments stay.

    Raises:
        SigningError: the file is missing or faulty, or has no such name.
    """
    if not os.path.lexists(path):
        raise SigningError(f"no key is trusted here, so there is none to remove: no {path}")
    known = [each.name for each in read_trusted_keys(path).keys]
    if name not in known:
        raise SigningError(f"{path} has no key of {name}; it has those of {', '.join(known)}")
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.partition("#")[0].split()[:1] != [name]]
    write_text(path, "\n".join([*kept, ""]))


_HEADER = """\
# The keys whose signatures are trusted here: NAME KEY [publish] [promote]; docs/security.md.
# From the first key on, nothing is read from the registry that none of them has signed.
"""
