"""A bucket of S3, or of a store with the same protocol, as a registry store.

Endpoint, region and credentials come from the sources that AWS's own tools use. Before the first
write, the store must prove that it honours conditional writes: several accept them and overwrite.

A write without an answer is sent again, and may then find its own first attempt. So every object
carries a random mark of the write that made it, and only a foreign mark means a lost race.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from lradapt.registry.s3_answers import ConflictError, UnmetError, of_settings
from lradapt.registry.s3_location import S3Location
from lradapt.registry.s3_requests import Limits, Requests
from lradapt.registry.store import (
    PRIVATE,
    ChangedError,
    DamagedError,
    ExistsError,
    MissingError,
    RegistryError,
    Remnant,
    Stored,
    UnsafeStoreError,
    checked,
)

_PROBES = f"{PRIVATE}probe/"
_NEW = {"IfNoneMatch": "*"}
_STALE_ETAG = '"00000000000000000000000000000000"'
_Put = Callable[[str, bytes, str, Mapping[str, str]], None]


class S3Store:
    """Keys are objects below a prefix. A reader never sees a part of one."""

    def __init__(self, location: S3Location, limits: Limits | None = None) -> None:
        """Make the client; no request is sent yet.

        Raises:
            RegistryError: boto3 is missing, or settings of AWS contradict each other.
        """
        self._location = location
        self._limits = limits or Limits()
        self._requests = Requests(location, self._limits, _client(self._limits))
        self._proven = False

    @property
    def location(self) -> str:
        """Its URL."""
        return self._location.url

    def create(self, key: str, content: bytes) -> None:
        """See `Store.create`; above `Limits.part_bytes` in parts."""
        large = len(content) > self._limits.part_bytes
        put = self._requests.put_parts if large else self._requests.put
        if not self._write(key, content, put, _NEW):
            raise ExistsError(f"{self._shown(key)} exists already")

    def replace(self, key: str, content: bytes, *, etag: str | None) -> None:
        """See `Store.replace`; never in parts, which not every store swaps conditionally."""
        condition = _NEW if etag is None else {"IfMatch": etag}
        if not self._write(key, content, self._requests.put, condition):
            raise ChangedError(f"{self._shown(key)} has been changed by another writer")

    def read(self, key: str) -> Stored:
        """See `Store.read`."""
        found = self._requests.fetch(self._location.name(checked(key)))
        return Stored(found.content, found.etag)

    def list(self, prefix: str) -> list[str]:
        """See `Store.list`."""
        return sorted(self.sizes(prefix))

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `Store.sizes`."""
        found = self._requests.sizes(self._location.name(prefix))
        keys = {self._location.key(name): size for name, size in found.items()}
        return {
            key: size
            for key, size in keys.items()
            if not any(part.startswith(PRIVATE) for part in key.split("/"))
        }

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._requests.delete(self._location.name(checked(key)))

    def remnants(self, prefix: str, *, older_than_seconds: float) -> Sequence[Remnant]:
        """See `Store.remnants`: the keys of the proof; parts of uploads expire by themselves."""
        probes = self._requests.sizes_of_old(self._location.name(_PROBES), older_than_seconds)
        return [Remnant(self._location.key(name), size) for name, size in probes]

    def delete_remnant(self, remnant: Remnant) -> None:
        """See `Store.delete_remnant`."""
        if not remnant.name.startswith(_PROBES):
            raise DamagedError(f"{remnant.name!r} is not the name of a temporary object")
        self._requests.delete(self._location.name(remnant.name))

    def _shown(self, key: str) -> str:
        return self._requests.url(self._location.name(key))

    # Writing

    def _write(self, key: str, content: bytes, put: _Put, condition: Mapping[str, str]) -> bool:
        """Write; return whether the condition held. The content is then verified."""
        name = self._location.name(checked(key))
        self._prove()
        mark = uuid.uuid4().hex
        if not self._holds(put, name, content, mark, condition):
            return False
        self._verify(name, content, mark)
        return True

    def _holds(
        self, put: _Put, name: str, content: bytes, mark: str, condition: Mapping[str, str]
    ) -> bool:
        """Write; return whether the condition held, so that the content was accepted."""
        try:
            self._requests.again(lambda: put(name, content, mark, condition), (ConflictError,))
        except UnmetError as error:
            return error.retried and self._is_ours(name, mark)
        return True

    def _is_ours(self, name: str, mark: str) -> bool:
        """Return whether our own first attempt, whose answer was lost, made the object."""
        try:
            return self._requests.fetch(name).mark == mark
        except MissingError:
            return False

    def _verify(self, name: str, content: bytes, mark: str) -> None:
        """Read back what was accepted: one store answered 200 and kept nothing.

        Raises:
            DamagedError: the store kept something else.
        """
        found = self._requests.fetch(name)
        if found.sha256 == hashlib.sha256(content).hexdigest():
            return
        if found.mark and found.mark != mark:
            return  # another writer has replaced it since
        raise DamagedError(
            f"{self._requests.url(name)}: {len(content)} bytes were accepted, but "
            f"{len(found.content)} other bytes were kept. Remove the object, and use another store"
        )

    # The proof

    def _prove(self) -> None:
        """Test, once, on a key of its own, whether the store keeps two writers apart.

        Raises:
            UnsafeStoreError: it does not.
        """
        if self._proven:
            return
        name = self._location.name(f"{_PROBES}{uuid.uuid4().hex}")
        self._requests.put(name, b"first", uuid.uuid4().hex, {})
        try:
            faults = list(self._faults(name))
        finally:
            self._requests.delete(name)
        if faults:
            raise UnsafeStoreError(
                f"{self.location}: this store {', and '.join(faults)}. Two writers could overwrite "
                "each other, so nothing is written to it; reading is possible. Use a store that "
                "honours conditional writes, as S3 of AWS does, or a folder"
            )
        self._proven = True

    def _faults(self, name: str) -> Iterator[str]:
        def accepts(put: _Put, content: bytes, condition: Mapping[str, str]) -> bool:
            return self._holds(put, name, content, uuid.uuid4().hex, condition)

        try:
            self._requests.fetch(name)
        except DamagedError:
            yield "keeps something other than what was sent"
            return
        if accepts(self._requests.put, b"second", _NEW):
            yield "overwrites in spite of If-None-Match"
        if accepts(self._requests.put_parts, b"third", _NEW):
            yield "overwrites in spite of If-None-Match when it joins parts"
        if accepts(self._requests.put, b"fourth", {"IfMatch": _STALE_ETAG}):
            yield "overwrites in spite of If-Match"
        if not accepts(self._requests.put, b"fifth", {"IfMatch": self._requests.fetch(name).etag}):
            yield "refuses If-Match with the etag that it returned"


def _client(limits: Limits) -> Any:
    """Return a client of boto3, by the settings of the AWS chain.

    Raises:
        RegistryError: the settings contradict each other.
        ModuleNotFoundError: boto3 is missing.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError as error:
        text = "a bucket on S3 needs boto3: pip install 'lradapt[s3]'"
        raise ModuleNotFoundError(text, name=error.name) from error
    config = Config(
        connect_timeout=limits.connect_seconds,
        read_timeout=limits.read_seconds,
        retries={"mode": "standard", "total_max_attempts": limits.num_attempts},
        # Our own hashes are checked. Those of boto3 made one store keep empty objects.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        client = boto3.Session().client("s3", config=config)
        if _is_amazon(client.meta.endpoint_url):
            return client
        # Other stores seldom use the bucket's name as a host name.
        by_path = config.merge(Config(s3={"addressing_style": "path"}))
        return boto3.Session().client("s3", config=by_path)
    except BotoCoreError as error:
        raise of_settings(error) from error
    except ValueError:  # not chained: its text repeats the URL, which may hold a password
        raise RegistryError("the endpoint of S3 (AWS_ENDPOINT_URL) is not a URL") from None


def _is_amazon(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
