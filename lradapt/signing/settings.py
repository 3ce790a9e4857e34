"""Where this process finds its private key, and the keys that it trusts.

    LRADAPT_SIGNING_KEY_FILE    the file of the private key that signs
    LRADAPT_SIGNING_KEY         the private key itself, as PEM, for machines without a safe place
                                for a file; it is never printed
    LRADAPT_TRUSTED_KEYS_FILE   the file of the trusted keys; else `trusted_keys.txt` of the current
                                folder, or of the project around it

Without the first two nothing is signed; without the third nothing is checked. A variable that is
set and of no use is an error: a reader that shall check never goes on without.
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from lradapt.errors import SigningError
from lradapt.signing.key_files import read_private_key
from lradapt.signing.keys import SigningKey, parse_private_key
from lradapt.signing.trusted_keys import TrustedKeys, read_trusted_keys

KEY_FILE, KEY = "LRADAPT_SIGNING_KEY_FILE", "LRADAPT_SIGNING_KEY"
TRUSTED_FILE, TRUSTED_NAME = "LRADAPT_TRUSTED_KEYS_FILE", "trusted_keys.txt"
_PERHAPS_A_KEY = re.compile(r"PRIVATE|[A-Za-z0-9+/=]{40,}|\s", re.ASCII)


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the private key is; it is read only when something is signed.

    Attributes:
        path: of its file; None: in the environment.
    """

    path: Path | None

    def __str__(self) -> str:
        """Return it for messages."""
        return f"the variable {KEY}" if self.path is None else str(self.path)

    def read(self) -> SigningKey:
        """Return the private key.

        Raises:
            SigningError: there is none, or it cannot be used.
        """
        if self.path is not None:
            return read_private_key(self.path)
        return parse_private_key(os.environ.get(KEY, "").encode(), str(self))


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs, and what is trusted.

    Attributes:
        trusted: None: signatures are not checked.
        signing: None: nothing is signed.
    """

    trusted: TrustedKeys | None = None
    signing: KeySource | None = None

    def read_again(self) -> "Keys":
        """Return the keys with what the file of the trusted ones holds now.

        Raises:
            SigningError: it cannot be read any more.
        """
        if self.trusted is None or self.trusted.path is None:
            return self
        return replace(self, trusted=read_trusted_keys(self.trusted.path))


def keys_of_environment() -> Keys:
    """Return the keys that the environment and the current folder name.

    Raises:
        SigningError: a variable is empty or names no file, two contradict each other, or the
            trusted keys cannot be read.
    """
    path = find_trusted_file()
    return Keys(read_trusted_keys(path) if path else None, _signing())


def find_trusted_file() -> Path | None:
    """Return the file of trusted keys; None if there is none, and no variable names one.

    Raises:
        SigningError: the variable is empty.
    """
    if (named := _path_in(TRUSTED_FILE)) is not None:
        return named
    found = (folder / TRUSTED_NAME for folder in _folders())
    return next((path for path in found if os.path.lexists(path)), None)


def default_trusted_file() -> Path:
    """Return the file of trusted keys that is read, or that would be if it existed."""
    return find_trusted_file() or _folders()[-1] / TRUSTED_NAME


def _folders() -> list[Path]:
    """Return the current folder, and that of the project around it."""
    here = Path.cwd()
    around = (each for each in here.parents if (each / ".dvc").is_dir())
    project = None if (here / ".dvc").is_dir() else next(around, None)
    return [here, *([project] if project else [])]


def _signing() -> KeySource | None:
    path = _path_in(KEY_FILE)
    if KEY not in os.environ:
        return None if path is None else KeySource(path)
    if path is not None:
        raise SigningError(f"{KEY_FILE} and {KEY} are both set; expected one of them")
    return KeySource(None)


def _path_in(variable: str) -> Path | None:
    """Return the path in a variable; a text that may be a key by mistake is not repeated."""
    text = os.environ.get(variable)
    if text is None:
        return None
    if not text.strip():
        raise SigningError(f"{variable} is empty: expected the path of a file; or do not set it")
    if not os.path.lexists(text) and _PERHAPS_A_KEY.search(text):
        raise SigningError(
            f"{variable} names no file that exists. Its value is not shown here, because it may "
            f"be a key: expected a path; the variable {KEY} takes a private key itself"
        )
    return Path(text)
