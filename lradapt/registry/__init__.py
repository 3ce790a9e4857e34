"""The registry: published versions, the pointer to the one in production, and the log of moves."""

from pathlib import Path

from lradapt.registry.local import LocalStore
from lradapt.registry.s3_location import parse_place
from lradapt.registry.store import Store

DEFAULT_LOCATION = "registry"
DEFAULT_NAME = "classifier"


def open_store(location: str) -> Store:
    """The store at `location`: the path of a folder, or `s3://bucket/prefix`.

    Nothing is asked of it yet. docs/operations.md says what else the URL and the environment set.

    Raises:
        RegistryError: a URL of a kind that is not known, or with a secret in it; settings of AWS
            that contradict each other; boto3 is not installed.
    """
    if "://" not in location:
        return LocalStore(Path(location))
    place = parse_place(location)
    from lradapt.registry.s3 import S3Store

    return S3Store(place)
