"""Registries that sign and trust, for tests."""

import json
from dataclasses import replace
from pathlib import Path

from lradapt.registry import open_registry
from lradapt.signing.key_files import write_private_key
from lradapt.signing.keys import new_key
from lradapt.signing.settings import Keys, KeySource
from lradapt.signing.trusted_keys import USES, TrustedKey, TrustedKeys

NAME = "digits"


class Person:
    """A person, or a machine, with a key pair; the private key is in a file."""

    def __init__(self, folder, name, uses=USES):
        self.name, self.uses, self.key = name, uses, new_key()
        self.path = Path(folder) / "keys" / f"{name}.pem"
        write_private_key(self.path, self.key)

    @property
    def trusted(self):
        """The line of this person in a file of trusted keys."""
        return TrustedKey(self.name, self.key.public, self.uses)


def keys(signing=None, trusted=None):
    """The keys of a process: the person that signs, and those that it trusts."""
    source = KeySource(signing.path) if signing else None
    known = (
        None if trusted is None else TrustedKeys(tuple(p.trusted for p in trusted), "trusted.txt")
    )
    return Keys(known, source)


def registry(location, signing=None, trusted=None, name=NAME):
    """The registry at a location, as a process with these keys sees it."""
    return open_registry(str(location), name, keys=keys(signing, trusted))


def seen_by(opened, signing=None, trusted=None):
    """The same registry, as a process with other keys sees it."""
    return replace(opened, keys=keys(signing, trusted))


def overwrite(opened, key, content):
    """Put something else under a key, as whoever may write to the store can."""
    data = content if isinstance(content, bytes) else json.dumps(content, indent=2).encode()
    opened.store.delete(key)
    opened.store.create(key, data)


def stored(opened, key):
    """The JSON under a key."""
    return json.loads(opened.store.read(key).content)
