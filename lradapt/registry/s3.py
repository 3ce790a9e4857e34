"""A bucket of S3, or of a store that speaks its protocol, as a registry store.

Endpoint, region and credentials come from where AWS's own tools take them. Nothing is written to a
store before it has shown that it honours conditional writes: several accept them and overwrite.

A write that was answered by nobody is sent again, and then finds its own first try there. So every
object carries a random mark of the write that made it, and only a foreign mark is a lost race.
"""

import base64
import hashlib
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from lradapt.registry.place import Place
from lradapt.registry.s3_answers import (
    BrokenError,
    ConflictError,
    UnmetError,
    of_answer,
    of_failure,
    of_settings,
)
from lradapt.registry.store import (
    PRIVATE,
    ChangedError,
    DamagedError,
    ExistsError,
    MissingError,
    RegistryError,
    Stored,
    UnreachableError,
    UnsafeStoreError,
    checked,
)

log = logging.getLogger("lradapt.registry")

_NEW = {"IfNoneMatch": "*"}
_STALE_ETAG = '"00000000000000000000000000000000"'
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long and how often a store is asked.

    Attributes:
        connect_seconds: until a connection stands.
        read_seconds: until the next byte of an answer comes.
        num_attempts: of a request; between them botocore waits, longer each time and by chance.
        part_bytes: content above it is created in parts of this size; S3 takes 5 MiB and more.
    """

    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    num_attempts: int = 4
    part_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True)
class _Object:
    content: bytes
    etag: str
    sha256: str
    mark: str


class S3Store:
    """Keys are objects below a prefix. A reader never sees a part of one."""

    def __init__(self, place: Place, limits: Limits | None = None) -> None:
        """Prepare to talk; no request is sent yet.

        Raises:
            RegistryError: boto3 is missing, or settings of AWS contradict each other.
        """
        self._place = place
        self._limits = limits or Limits()
        self._client = _client(self._limits)
        self._proven = False

    @property
    def location(self) -> str:
        """Its URL."""
        return self._place.url

    def create(self, key: str, content: bytes) -> None:
        """See `Store.create`; above `Limits.part_bytes` in parts."""
        large = len(content) > self._limits.part_bytes
        if not self._write(key, content, self._put_parts if large else self._put, _NEW):
            raise ExistsError(f"{self._shown(key)} exists already")

    def replace(self, key: str, content: bytes, *, etag: str | None) -> None:
        """See `Store.replace`; never in parts, which not every store swaps conditionally."""
        condition = _NEW if etag is None else {"IfMatch": etag}
        if not self._write(key, content, self._put, condition):
            raise ChangedError(f"{self._shown(key)} has been changed by somebody else")

    def read(self, key: str) -> Stored:
        """See `Store.read`."""
        found = self._fetch(self._place.name(checked(key)))
        return Stored(found.content, found.etag)

    def list(self, prefix: str) -> list[str]:
        """See `Store.list`."""
        pages = self._client.get_paginator("list_objects_v2")
        with self._told("ListObjectsV2", self._place.prefix):
            names = [
                item["Key"]
                for page in pages.paginate(
                    Bucket=self._place.bucket, Prefix=self._place.name(prefix)
                )
                for item in page.get("Contents", [])
            ]
        keys = [self._place.key(name) for name in names]
        return sorted(k for k in keys if not any(p.startswith(PRIVATE) for p in k.split("/")))

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        name = self._place.name(checked(key))
        with self._told("DeleteObject", name):
            self._client.delete_object(**self._target(name))

    def _shown(self, key: str) -> str:
        return self._url(self._place.name(key))

    # Reading

    def _fetch(self, name: str) -> _Object:
        """An object whose content is what was written, asked for again where the answer broke."""
        return self._again(lambda: self._fetch_once(name), (BrokenError, DamagedError))

    def _fetch_once(self, name: str) -> _Object:
        with self._told("GetObject", name):
            answer = self._client.get_object(Bucket=self._place.bucket, Key=name)
        # `with answer["Body"]` would give urllib3's own stream, whose errors are not botocore's.
        with self._told("GetObject", name, broken=True), closing(answer["Body"]) as body:
            content = body.read()
        marks = answer["Metadata"]
        found = hashlib.sha256(content).hexdigest()
        # Without a hash it was not written by us: a person may have mended a pointer by hand.
        expected = marks.get("sha256", found)
        if found != expected:
            raise DamagedError(
                f"{self._url(name)} is damaged: {len(content)} bytes with sha256 {found}, "
                f"written with {expected}"
            )
        return _Object(content, answer["ETag"], found, marks.get("mark", ""))

    # Writing

    def _write(self, key: str, content: bytes, put: "_Put", condition: Mapping[str, str]) -> bool:
        """Whether the condition held, so that the content is there now, verified."""
        name = self._place.name(checked(key))
        self._prove()
        mark = uuid.uuid4().hex
        if not self._holds(put, name, content, mark, condition):
            return False
        self._verify(name, content, mark)
        return True

    def _holds(
        self, put: "_Put", name: str, content: bytes, mark: str, condition: Mapping[str, str]
    ) -> bool:
        """Whether the condition held, so that the content has been accepted."""
        try:
            self._again(lambda: put(name, content, mark, condition), (ConflictError,))
        except UnmetError as error:
            return error.retried and self._is_ours(name, mark)
        return True

    def _is_ours(self, name: str, mark: str) -> bool:
        """Whether it was our own first try, whose answer was lost, that made the object."""
        try:
            return self._fetch(name).mark == mark
        except MissingError:
            return False

    def _verify(self, name: str, content: bytes, mark: str) -> None:
        """Read back what was accepted: a store was seen to keep nothing and answer 200.

        Raises:
            DamagedError: it kept something else.
        """
        found = self._fetch(name)
        if found.sha256 == hashlib.sha256(content).hexdigest():
            return
        if found.mark and found.mark != mark:
            return  # somebody has replaced it since
        raise DamagedError(
            f"{self._url(name)}: {len(content)} bytes were accepted, and {len(found.content)} "
            "other ones are kept. Remove the object, and use another store"
        )

    def _put(self, name: str, content: bytes, mark: str, condition: Mapping[str, str]) -> None:
        with self._told("PutObject", name):
            self._client.put_object(
                **self._target(name),
                **self._new(content, mark),
                **condition,
                Body=content,
                ContentMD5=_md5(content),
            )

    def _put_parts(
        self, name: str, content: bytes, mark: str, condition: Mapping[str, str]
    ) -> None:
        target = self._target(name)
        with self._told("CreateMultipartUpload", name):
            upload = self._client.create_multipart_upload(**target, **self._new(content, mark))
        target["UploadId"] = upload["UploadId"]
        try:
            parts = self._send_parts(target, content)
            with self._told("CompleteMultipartUpload", name):
                self._client.complete_multipart_upload(
                    **target, **condition, MultipartUpload={"Parts": parts}
                )
        except UnreachableError:
            raise  # to ask it for one thing more would only take as long again
        except RegistryError:
            self._abort(target)
            raise

    def _send_parts(self, target: Mapping[str, str], content: bytes) -> Sequence[Mapping[str, Any]]:
        size = self._limits.part_bytes
        parts = []
        for number, start in enumerate(range(0, len(content), size), start=1):
            part = content[start : start + size]
            with self._told("UploadPart", target["Key"]):
                answer = self._client.upload_part(
                    **target, PartNumber=number, Body=part, ContentMD5=_md5(part)
                )
            parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        return parts

    def _abort(self, target: Mapping[str, str]) -> None:
        try:
            with self._told("AbortMultipartUpload", target["Key"]):
                self._client.abort_multipart_upload(**target)
        except UnmetError:
            return  # the upload is gone
        except RegistryError as error:
            log.warning("parts of an upload are left, which cost until they expire: %s", error)

    def _target(self, name: str) -> dict[str, str]:
        return {"Bucket": self._place.bucket, "Key": name}

    def _new(self, content: bytes, mark: str) -> dict[str, Any]:
        """What an object is made with: its hash, the mark of the write, its encryption."""
        names = {"sse": "ServerSideEncryption", "kms_key": "SSEKMSKeyId"}
        return {
            "Metadata": {"sha256": hashlib.sha256(content).hexdigest(), "mark": mark},
            **{names[setting]: value for setting, value in self._place.settings.items()},
        }

    # The proof

    def _prove(self) -> None:
        """Try, once, on a key of its own, whether the store keeps two writers apart.

        Raises:
            UnsafeStoreError: it does not.
        """
        if self._proven:
            return
        name = self._place.name(f"{PRIVATE}probe/{uuid.uuid4().hex}")
        self._put(name, b"first", uuid.uuid4().hex, {})
        try:
            faults = list(self._faults(name))
        finally:
            with self._told("DeleteObject", name):
                self._client.delete_object(**self._target(name))
        if faults:
            raise UnsafeStoreError(
                f"{self.location}: this store {', and '.join(faults)}. So two writers could "
                "overwrite each other, and nothing is written there; reading is possible. Use a "
                "store that honours conditional writes, as S3 of AWS does, or a folder"
            )
        self._proven = True

    def _faults(self, name: str) -> Iterator[str]:
        def accepts(put: "_Put", content: bytes, condition: Mapping[str, str]) -> bool:
            return self._holds(put, name, content, uuid.uuid4().hex, condition)

        try:
            self._fetch(name)
        except DamagedError:
            yield "keeps something else than it was sent"
            return
        if accepts(self._put, b"second", _NEW):
            yield "overwrites in spite of If-None-Match"
        if accepts(self._put_parts, b"third", _NEW):
            yield "overwrites in spite of If-None-Match where parts are joined"
        if accepts(self._put, b"fourth", {"IfMatch": _STALE_ETAG}):
            yield "overwrites in spite of If-Match"
        if not accepts(self._put, b"fifth", {"IfMatch": self._fetch(name).etag}):
            yield "refuses If-Match with the etag that it gave"

    # Patience, and errors

    def _again(
        self, ask: Callable[[], _Answer], faults: tuple[type[RegistryError], ...]
    ) -> _Answer:
        """What `ask` returns, at the latest the last time; the pauses grow, and vary."""
        for attempt in range(1, self._limits.num_attempts):
            try:
                return ask()
            except faults:
                time.sleep(random.uniform(0, min(8, 0.1 * 2**attempt)))
        return ask()

    def _url(self, name: str) -> str:
        return f"s3://{self._place.bucket}/{name}"

    @contextmanager
    def _told(self, operation: str, name: str, *, broken: bool = False) -> Iterator[None]:
        """What botocore raises below, as an error of the registry; its own texts may hold secrets.

        Args:
            operation: as S3 calls it.
            name: of the object.
            broken: the answer has begun, so that what goes wrong is its end.
        """
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        what = f"{operation} of {self._url(name)}"
        try:
            yield
        except ClientError as error:
            raise of_answer(error.response, operation, what) from None
        except (BotoCoreError, ResponseParserError) as error:
            told = of_failure(error, f"{what} at {self._host()}")
            raise (BrokenError(str(told)) if broken else told) from None

    def _host(self) -> str:
        parts = urlsplit(self._client.meta.endpoint_url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


_Put = Callable[[str, bytes, str, Mapping[str, str]], None]


def _client(limits: Limits) -> Any:
    """A client of boto3, by the settings of the AWS chain.

    Raises:
        RegistryError: boto3 is missing, or the settings contradict each other.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise RegistryError("a registry on S3 needs boto3: pip install 'lradapt[s3]'") from None
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
        # Elsewhere the bucket's name is seldom a host's.
        by_path = config.merge(Config(s3={"addressing_style": "path"}))
        return boto3.Session().client("s3", config=by_path)
    except BotoCoreError as error:
        raise of_settings(error) from None
    except ValueError:
        raise RegistryError("the endpoint of S3 (AWS_ENDPOINT_URL) is not a URL") from None


def _is_amazon(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _md5(content: bytes) -> str:
    """For the store to compare what arrived; not for safety."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
