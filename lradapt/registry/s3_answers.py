"""Turn answers of S3, and errors of botocore, into errors of the registry.

Only codes and names of errors are repeated: the texts may hold keys, signatures and endpoints.
"""

import re
from collections.abc import Mapping
from typing import Any

from lradapt.registry.store import (
    DeniedError,
    MissingError,
    RegistryError,
    UnreachableError,
    UnsafeStoreError,
)

_CREDENTIAL_CODES = ("ExpiredToken", "InvalidToken", "TokenRefreshRequired")
_NOT_S3 = (
    "a web page or a proxy seems to answer instead of S3; check the endpoint (AWS_ENDPOINT_URL)"
)
_REMEDIES = {
    "AccessDenied": "docs/operations.md lists the rights that each role needs",
    "ExpiredToken": "log in again",
    "InvalidAccessKeyId": "correct the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID)",
    "SignatureDoesNotMatch": "correct the credentials (AWS_PROFILE, AWS_SECRET_ACCESS_KEY)",
    "RequestTimeTooSkewed": "set the clock of this machine",
    "NoSuchBucket": "make the bucket, or correct the URL",
    "PermanentRedirect": "set AWS_DEFAULT_REGION to the region of the bucket",
}


class UnmetError(RegistryError):
    """The condition of a write did not hold.

    Attributes:
        retried: an earlier attempt of the same write may have succeeded.
    """

    def __init__(self, text: str, *, retried: bool) -> None:
        super().__init__(text)
        self.retried = retried


class ConflictError(UnreachableError):
    """Two conditional writes met, and the store accepted neither."""


class BrokenError(UnreachableError):
    """An answer began and broke off."""


def of_settings(error: Exception) -> RegistryError:
    """Return the error for settings from which no client can be made."""
    kind = DeniedError if _of_credentials(error) else RegistryError
    return kind(f"the settings of AWS: {error}")


def not_s3(what: str, answer: Mapping[str, Any], field: str) -> UnreachableError:
    """Return the error for an answer that lacks what every answer of S3 has."""
    about = answer.get("ResponseMetadata", {})
    return UnreachableError(
        f"{what} was answered {about.get('HTTPStatusCode', 0)} without {field}: {_NOT_S3}"
    )


def of_redirects(what: str) -> UnreachableError:
    """Return the error for redirects that lead back to where they came from."""
    return UnreachableError(f"{what} was redirected in a circle: {_NOT_S3}")


def of_answer(answer: Mapping[str, Any], operation: str, what: str) -> RegistryError:
    """Return the error for an answer of the store, by its code; nothing else of it is repeated."""
    code = re.sub(r"\W", "", str(answer.get("Error", {}).get("Code", "")))
    about = answer.get("ResponseMetadata", {})
    status = about.get("HTTPStatusCode", 0)
    is_page = code not in _REMEDIES and "html" in about.get("HTTPHeaders", {}).get(
        "content-type", ""
    )
    remedy = f": {_NOT_S3 if is_page else _REMEDIES[code]}" if is_page or code in _REMEDIES else ""
    text = f"{what} was answered {status} {code}{remedy}"
    if code == "NoSuchKey" and operation == "GetObject":
        return MissingError(f"no {what.partition(' of ')[2]}")
    if status == 412 or code in ("NoSuchKey", "NoSuchUpload"):
        return UnmetError(text, retried=about.get("RetryAttempts", 0) > 0)
    kind = _kind_of(status, code)
    return (UnreachableError if is_page and kind is RegistryError else kind)(text)


def _kind_of(status: int, code: str) -> type[RegistryError]:
    if status in (401, 403) or code in _CREDENTIAL_CODES:
        return DeniedError
    if status == 409:
        return ConflictError
    if status == 501:
        return UnsafeStoreError
    if status >= 500 or status in (408, 429) or code in ("NoSuchBucket", "RequestTimeout"):
        return UnreachableError
    return RegistryError


def of_failure(error: Exception, what: str) -> RegistryError:
    """Return the error for a request without a complete answer; botocore's text is not repeated."""
    from botocore.exceptions import ConnectionError, HTTPClientError, IncompleteReadError
    from botocore.parsers import ResponseParserError

    kind = type(error).__name__
    if _of_credentials(error):
        return DeniedError(
            f"{what}: no credentials ({kind}). Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, or another source of the AWS chain"
        )
    broken = (ConnectionError, HTTPClientError, IncompleteReadError, ResponseParserError)
    if isinstance(error, broken):
        return UnreachableError(
            f"{what}: no usable answer ({kind}). Check the endpoint (AWS_ENDPOINT_URL) and the "
            "network, and run again: completed work is not repeated"
        )
    return RegistryError(f"{what}: {kind}")


def _of_credentials(error: Exception) -> bool:
    from botocore import exceptions

    return isinstance(
        error,
        (
            exceptions.NoCredentialsError,
            exceptions.PartialCredentialsError,
            exceptions.CredentialRetrievalError,
            exceptions.TokenRetrievalError,
            exceptions.SSOError,
        ),
    )
