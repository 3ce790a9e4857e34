"""The location of a registry or record on S3, by its URL: bucket, prefix, encryption; no secret."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from lradapt.registry.store import RegistryError

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")
_ENCRYPTION = ("AES256", "aws:kms", "aws:kms:dsse")
_SETTINGS = ("sse", "kms_key")
_EXPECTED = "expected the path of a folder, or s3://bucket/prefix"


@dataclass(frozen=True, slots=True)
class S3Location:
    """A part of a bucket.

    Attributes:
        bucket: its name.
        prefix: of every key, without slashes at its ends; empty for the whole bucket.
        settings: `sse`, the encryption that every write asks for, and `kms_key`, its key. The
            bucket's own settings apply to what is absent.
    """

    bucket: str
    prefix: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The URL that `parse_location` reads."""
        query = f"?{urlencode(self.settings, safe=':/')}" if self.settings else ""
        return f"s3://{self.bucket}/{self.prefix}{query}"

    def name(self, key: str) -> str:
        """Return the name in the bucket of a key of the registry."""
        return f"{self.prefix}/{key}" if self.prefix else key

    def key(self, name: str) -> str:
        """Return the key in the registry of a name in the bucket."""
        return name.removeprefix(f"{self.prefix}/") if self.prefix else name


def parse_location(url: str) -> S3Location:
    """Return the location that `s3://bucket/prefix?sse=aws:kms&kms_key=ARN` names.

    Raises:
        RegistryError: another kind of URL, a secret in it, an impossible name of a bucket, an
            unknown setting. The text repeats no user, password or value of a setting.
    """
    parts = _split(url)
    faults = [*_faults_of_name(parts), *_faults_of_settings(dict(parse_qsl(parts.query)))]
    if faults:
        raise RegistryError(f"the URL '{shown(url)}': {'; '.join(faults)}")
    return S3Location(parts.netloc, parts.path.strip("/"), dict(parse_qsl(parts.query)))


def shown(url: str) -> str:
    """Return a URL for messages: without settings; if it holds a user, only its scheme."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://" + ("..." if "@" in rest else re.split(r"[?#]", rest, maxsplit=1)[0])


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError:  # not chained: its text may repeat a password in the URL
        raise RegistryError(f"'{shown(url)}' is not a URL; {_EXPECTED}") from None
    if parts.scheme != "s3":
        raise RegistryError(f"the URL '{shown(url)}': unknown scheme {parts.scheme!r}; {_EXPECTED}")
    if "@" in url:
        raise RegistryError(
            f"the URL '{shown(url)}': a user or password must not be in the URL, because logs and "
            "reports show it; use AWS_PROFILE, or another source of credentials of the AWS chain"
        )
    return parts


def _faults_of_name(parts: SplitResult) -> list[str]:
    faults = []
    if not _BUCKET.fullmatch(parts.netloc):
        faults.append(
            f"no bucket has the name {parts.netloc!r}: expected 3 to 63 of a-z, 0-9, '.' and '-'"
        )
    prefix = parts.path.strip("/")
    if prefix and any(not part or part.startswith(".") for part in prefix.split("/")):
        faults.append(f"the prefix {prefix!r} has an empty part, or one that begins with '.'")
    if parts.fragment:
        faults.append("'#' has no meaning in it")
    return faults


def _faults_of_settings(settings: Mapping[str, str]) -> list[str]:
    faults = [
        f"unknown setting {name!r}: expected {' or '.join(_SETTINGS)}"
        for name in settings
        if name not in _SETTINGS
    ]
    sse = settings.get("sse")
    if sse not in (None, *_ENCRYPTION):
        faults.append(f"sse is none of {', '.join(_ENCRYPTION)}")
    if "kms_key" in settings and sse not in _ENCRYPTION[1:]:
        faults.append("kms_key needs sse=aws:kms or sse=aws:kms:dsse")
    return faults
