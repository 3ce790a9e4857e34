"""Requests to one bucket: objects read whole and verified, written in one piece or in parts.

Every object carries the sha256 of its content, and a mark of the write that made it. Errors of
boto3 become errors of the registry, without secrets in their texts.
"""

import base64
import hashlib
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from lradapt.registry.s3_answers import (
    BrokenError,
    UnmetError,
    not_s3,
    of_answer,
    of_failure,
    of_redirects,
)
from lradapt.registry.s3_location import S3Location
from lradapt.registry.store import DamagedError, RegistryError, UnreachableError

log = logging.getLogger("lradapt.registry")

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long to wait for a store, and how often to retry.

    Attributes:
        connect_seconds: until a connection is made.
        read_seconds: until the next byte of an answer arrives.
        num_attempts: of a request; botocore waits between them, longer each time, with jitter.
        part_bytes: larger content is created in parts of this size; S3 requires at least 5 MiB.
    """

    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    num_attempts: int = 4
    part_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Object:
    """An object as read; `mark` is empty if it was made by hand."""

    content: bytes
    etag: str
    sha256: str
    mark: str


class Requests:
    """Requests to the objects of one location; names are those in the bucket."""

    def __init__(self, location: S3Location, limits: Limits, client: Any) -> None:
        """Keep what requests need; `client` is boto3's."""
        self._location, self._limits, self._client = location, limits, client

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the names that begin with `prefix`, each with its bytes."""
        return {item["Key"]: item["Size"] for item in self._items(prefix)}

    def sizes_of_old(self, prefix: str, older_than_seconds: float) -> list[tuple[str, int]]:
        """Return names that begin with `prefix`, and sizes, of objects that are older."""
        newest = datetime.now(UTC) - timedelta(seconds=older_than_seconds)
        found = self._items(prefix)
        return [(each["Key"], each["Size"]) for each in found if each["LastModified"] < newest]

    def _items(self, prefix: str) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("list_objects_v2")
        with self._registry_errors("ListObjectsV2", self._location.prefix):
            found = pages.paginate(Bucket=self._location.bucket, Prefix=prefix)
            return [item for page in found for item in self._contents(page)]

    def _contents(self, page: Mapping[str, Any]) -> list[dict[str, Any]]:
        self._field(page, "IsTruncated", "ListObjectsV2", self._location.prefix)
        return list(page.get("Contents", []))

    def delete(self, name: str) -> None:
        """Remove an object, if it exists."""
        with self._registry_errors("DeleteObject", name):
            self._client.delete_object(**self._target(name))

    # Reading

    def fetch(self, name: str) -> Object:
        """Return an object with verified content; retry if the answer broke off."""
        return self.again(lambda: self._fetch_once(name), (BrokenError, DamagedError))

    def _fetch_once(self, name: str) -> Object:
        with self._registry_errors("GetObject", name):
            answer = self._client.get_object(Bucket=self._location.bucket, Key=name)
        # `with answer["Body"]` would give urllib3's own stream, whose errors are not botocore's.
        with self._registry_errors("GetObject", name, broken=True), closing(answer["Body"]) as body:
            content = body.read()
        etag = self._field(answer, "ETag", "GetObject", name)
        marks = answer["Metadata"]
        found = hashlib.sha256(content).hexdigest()
        # An object without a hash was made by hand: somebody may have repaired the pointer.
        expected = marks.get("sha256", found)
        if found != expected:
            raise DamagedError(
                f"{self.url(name)} is damaged: {len(content)} bytes with sha256 {found}, "
                f"written with {expected}"
            )
        return Object(content, etag, found, marks.get("mark", ""))

    # Writing

    def put(self, name: str, content: bytes, mark: str, condition: Mapping[str, str]) -> None:
        """Write an object in one piece, if the condition holds.

        Raises:
            UnmetError: it does not.
            ConflictError: another writer writes it at the same time.
        """
        with self._registry_errors("PutObject", name):
            self._client.put_object(
                **self._target(name),
                **self._new(content, mark),
                **condition,
                Body=content,
                ContentMD5=_md5(content),
            )

    def put_parts(self, name: str, content: bytes, mark: str, condition: Mapping[str, str]) -> None:
        """Write large content, in parts; otherwise as `put`. The last part makes the object."""
        target = self._target(name)
        with self._registry_errors("CreateMultipartUpload", name):
            upload = self._client.create_multipart_upload(**target, **self._new(content, mark))
        target["UploadId"] = self._field(upload, "UploadId", "CreateMultipartUpload", name)
        try:
            parts = self._send_parts(target, content)
            with self._registry_errors("CompleteMultipartUpload", name):
                self._client.complete_multipart_upload(
                    **target, **condition, MultipartUpload={"Parts": parts}
                )
        except UnreachableError:
            raise  # another request to this store would only wait as long again
        except RegistryError:
            self._abort(target)
            raise

    def _send_parts(self, target: Mapping[str, str], content: bytes) -> Sequence[Mapping[str, Any]]:
        size = self._limits.part_bytes
        parts = []
        for number, start in enumerate(range(0, len(content), size), start=1):
            part = content[start : start + size]
            with self._registry_errors("UploadPart", target["Key"]):
                answer = self._client.upload_part(
                    **target, PartNumber=number, Body=part, ContentMD5=_md5(part)
                )
            etag = self._field(answer, "ETag", "UploadPart", target["Key"])
            parts.append({"PartNumber": number, "ETag": etag})
        return parts

    def _abort(self, target: Mapping[str, str]) -> None:
        try:
            with self._registry_errors("AbortMultipartUpload", target["Key"]):
                self._client.abort_multipart_upload(**target)
        except UnmetError:
            return  # the upload is gone
        except RegistryError as error:
            log.warning("parts of an upload remain, and cost until they expire: %s", error)

    def _target(self, name: str) -> dict[str, str]:
        return {"Bucket": self._location.bucket, "Key": name}

    def _new(self, content: bytes, mark: str) -> dict[str, Any]:
        """Return the settings of a new object: its hash, the mark of the write, its encryption."""
        names = {"sse": "ServerSideEncryption", "kms_key": "SSEKMSKeyId"}
        return {
            "Metadata": {"sha256": hashlib.sha256(content).hexdigest(), "mark": mark},
            **{names[setting]: value for setting, value in self._location.settings.items()},
        }

    # Retries and errors

    def again(self, ask: Callable[[], _Answer], faults: tuple[type[RegistryError], ...]) -> _Answer:
        """Return what `ask` returns; retry after `faults`, with growing, random pauses."""
        for attempt in range(1, self._limits.num_attempts):
            try:
                return ask()
            except faults:
                time.sleep(random.uniform(0, min(8, 0.1 * 2**attempt)))
        return ask()

    def _field(self, answer: Mapping[str, Any], field: str, operation: str, name: str) -> Any:
        """Return a field that every answer of S3 has.

        Raises:
            UnreachableError: something else answers there, such as a page of a proxy.
        """
        if field not in answer:
            raise not_s3(f"{operation} of {self.url(name)} at {self._host()}", answer, field)
        return answer[field]

    def url(self, name: str) -> str:
        """Return the URL of an object, for messages."""
        return f"s3://{self._location.bucket}/{name}"

    @contextmanager
    def _registry_errors(
        self, operation: str, name: str, *, broken: bool = False
    ) -> Iterator[None]:
        """Raise errors of botocore as errors of the registry.

        They are not chained (`from None`): botocore's texts may hold secrets, which a traceback
        would show.

        `broken`: the answer has begun, so an error means that it broke off.
        """
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        what = f"{operation} of {self.url(name)}"
        try:
            yield
        except ClientError as error:
            raise of_answer(error.response, operation, what) from None
        except RecursionError:  # botocore follows a redirect to find the region of a bucket
            raise of_redirects(f"{what} at {self._host()}") from None
        except (BotoCoreError, ResponseParserError) as error:
            failure = of_failure(error, f"{what} at {self._host()}")
            raise (BrokenError(str(failure)) if broken else failure) from None

    def _host(self) -> str:
        parts = urlsplit(self._client.meta.endpoint_url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _md5(content: bytes) -> str:
    """Return the checksum by which the store verifies what arrived; not for security."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
