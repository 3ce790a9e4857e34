"""The registry: the published versions of a model, which is in production, and the log of changes.

`open_registry` returns the `Registry` that every other module works with.
"""

from pathlib import Path

from lradapt.registry.local import LocalStore
from lradapt.registry.record_place import RecordPlace
from lradapt.registry.registry import Registry
from lradapt.registry.s3_location import parse_location
from lradapt.registry.store import Store
from lradapt.signing.settings import Keys, keys_of_environment

DEFAULT_LOCATION = "registry"
DEFAULT_NAME = "classifier"


def open_registry(location: str, name: str = DEFAULT_NAME, *, keys: Keys | None = None) -> Registry:
    """Return the registry of the model `name` at `location`; nothing of it is read or written yet.

    Args:
        location: the path of a folder, or `s3://bucket/prefix`. docs/operations.md describes
            further parts of the URL, and the environment variables.
        name: of the model.
        keys: what signs, and what is trusted; by default what the environment and the file
            `trusted_keys.txt` say: docs/security.md.

    Raises:
        RegistryError: the URL is of an unknown kind or holds a secret, settings of AWS contradict
            each other, or boto3 is not installed.
        SigningError: the trusted keys cannot be read.
    """
    return Registry(open_store(location), name, keys_of_environment() if keys is None else keys)


def open_store(location: str) -> Store:
    """Return the store at `location`; for arguments and errors see `open_registry`."""
    if "://" not in location:
        return LocalStore(Path(location))
    s3_location = parse_location(location)
    from lradapt.registry.s3 import S3Store

    return S3Store(s3_location)


def open_record(location: str) -> RecordPlace:
    """Return the record of answers at `location`; for arguments and errors see `open_registry`."""
    return RecordPlace(open_store(location))
