"""Requests to one bucket: objects read whole and verified, written in one piece or in parts.

Every object carries the sha256 of its content, and a mark of the write that made it. What boto3
raises becomes an error of the registry, whose text holds no secret.
"""

import base64
import hashlib
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from lradapt.registry.s3_answers import (
    BrokenError,
    UnmetError,
    of_answer,
    of_failure,
)
from lradapt.registry.s3_location import Place
from lradapt.registry.store import DamagedError, RegistryError, UnreachableError

log = logging.getLogger("lradapt.registry")

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
class Object:
    """An object as it was read; `mark` is empty where a person has made it."""

    content: bytes
    etag: str
    sha256: str
    mark: str


class Requests:
    """To the objects of one place; names are those in the bucket."""

    def __init__(self, place: Place, limits: Limits, client: Any) -> None:
        """Prepare to ask; `client` is boto3's."""
        self._place, self._limits, self._client = place, limits, client

    def names(self, prefix: str) -> list[str]:
        """The names that begin so."""
        pages = self._client.get_paginator("list_objects_v2")
        with self._told("ListObjectsV2", self._place.prefix):
            return [
                item["Key"]
                for page in pages.paginate(Bucket=self._place.bucket, Prefix=prefix)
                for item in page.get("Contents", [])
            ]

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there stays so."""
        with self._told("DeleteObject", name):
            self._client.delete_object(**self._target(name))

    # Reading

    def fetch(self, name: str) -> Object:
        """An object whose content is what was written, asked for again where the answer broke."""
        return self.again(lambda: self._fetch_once(name), (BrokenError, DamagedError))

    def _fetch_once(self, name: str) -> Object:
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
                f"{self.url(name)} is damaged: {len(content)} bytes with sha256 {found}, "
                f"written with {expected}"
            )
        return Object(content, answer["ETag"], found, marks.get("mark", ""))

    # Writing

    def put(self, name: str, content: bytes, mark: str, condition: Mapping[str, str]) -> None:
        """Write an object in one piece, if the condition holds.

        Raises:
            UnmetError: it does not.
            ConflictError: somebody else writes it at this moment.
        """
        with self._told("PutObject", name):
            self._client.put_object(
                **self._target(name),
                **self._new(content, mark),
                **condition,
                Body=content,
                ContentMD5=_md5(content),
            )

    def put_parts(self, name: str, content: bytes, mark: str, condition: Mapping[str, str]) -> None:
        """The same in parts, for large content; nothing is there before the last of them is."""
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

    # Patience, and errors

    def again(self, ask: Callable[[], _Answer], faults: tuple[type[RegistryError], ...]) -> _Answer:
        """What `ask` returns, at the latest the last time; the pauses grow, and vary."""
        for attempt in range(1, self._limits.num_attempts):
            try:
                return ask()
            except faults:
                time.sleep(random.uniform(0, min(8, 0.1 * 2**attempt)))
        return ask()

    def url(self, name: str) -> str:
        """The object, for people."""
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

        what = f"{operation} of {self.url(name)}"
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


def _md5(content: bytes) -> str:
    """For the store to compare what arrived; not for safety."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
