"""The file of a private key: made once, never replaced, and open to its owner alone."""

import os
import stat
from pathlib import Path

from lradapt.errors import SigningError
from lradapt.runtime.system.disk import flush, name_new
from lradapt.runtime.system.opening import open_file
from lradapt.runtime.system.users import others_may_reach
from lradapt.signing.keys import SigningKey, parse_private_key


def write_private_key(path: Path, key: SigningKey) -> None:
    """Write a private key to a new file, readable by this user alone.

    Raises:
        SigningError: the file exists: what it has signed would be worthless without it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    descriptor = open_file(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.pem())
        flush(partial)
        name_new(partial, path)  # unlike a rename, it fails where a file exists
    except FileExistsError as error:
        raise SigningError(
            f"{path} exists already, and a private key is never replaced; choose another name"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    flush(path.parent)


def read_private_key(path: Path) -> SigningKey:
    """Return the private key of a file.

    Raises:
        SigningError: there is no such file, others can read it, or it holds no key of Ed25519.
    """
    try:
        with path.open("rb") as file:
            _require_own(path, os.fstat(file.fileno()))
            content = file.read()
    except FileNotFoundError as error:
        raise SigningError(
            f"no {path}, the file of the private key that signs; `lradapt keys new NAME` makes one"
        ) from error
    except OSError as error:
        raise SigningError(f"{path}, the private key that signs: {error.strerror}") from error
    return parse_private_key(content, str(path))


def _require_own(path: Path, found: os.stat_result) -> None:
    """Check that nobody else can read or write the open file."""
    if not stat.S_ISREG(found.st_mode):
        raise SigningError(f"{path} is not a file; expected that of a private key")
    if others_may_reach(found):
        raise SigningError(
            f"{path} has mode {stat.S_IMODE(found.st_mode):03o}: others than its owner can reach "
            "this private key, and it was not used. `chmod 600` it; if others may have read it, "
            "make a new key (docs/security.md)"
        )
