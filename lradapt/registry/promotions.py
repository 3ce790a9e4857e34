"""A promotion: one change of which version is in production, as the registry records it."""

import json
import socket
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from lradapt.registry.manifest import json_bytes
from lradapt.registry.store import RegistryError
from lradapt.runtime.user import user_name

PromotionKind = Literal["promotion", "override", "rollback", "smoke_test_failure", "key_change"]
"""Why production changed.

"promotion": the gate promoted the version, or it is the first. "override": a person promoted it
although the gate kept the champion. "rollback": a person restored an earlier version.
"smoke_test_failure": the version that was promoted failed its smoke test, and the previous one was
restored. "key_change": the version stays, and another key vouches for it and for the log so far.
"""

_OF_SIGNATURES = ("log_sha256", "key", "signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One change of the version in production; an entry of the registry's log.

    Attributes:
        sequence: number in the log, from 1.
        kind: why production changed.
        version: in production from now on.
        previous: in production before; empty for the first promotion. A change of key leaves it.
        model_sha256: of the version's model; a reader checks it before it loads the model.
        reason: the gate's sentence, a person's reason, or the fault that the smoke test found.
        by: user and host, or the approver.
        at: UTC, ISO 8601. `sequence` orders the promotions, not `at`: clocks differ.
        manifest_sha256: of the version's manifest, which has the hashes of all its files.
        log_sha256: of all promotions before, each with the hash of those before it; empty if this
            one is the first, or not signed.
        key: id of the key that has signed this; empty if none has.
        signature: of all the rest, base64.
    """

    sequence: int
    kind: PromotionKind
    version: str
    previous: str
    model_sha256: str
    reason: str
    by: str
    at: str
    manifest_sha256: str
    log_sha256: str = ""
    key: str = ""
    signature: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the values by name; without those of a signature, if there is none."""
        values = asdict(self)
        return {each: values[each] for each in values if self.key or each not in _OF_SIGNATURES}


@dataclass(frozen=True, slots=True)
class Production:
    """What is in production, as read from the registry.

    Attributes:
        promotion: that put it there.
        etag: of the pointer `production.json`, as read.
    """

    promotion: Promotion
    etag: str

    @property
    def version(self) -> str:
        """The version in production."""
        return self.promotion.version


def write_promotion(promotion: Promotion) -> bytes:
    """Return the content of `production.json`, and of the log entry, for a promotion."""
    return json_bytes(promotion.as_dict())


def read_promotion(content: bytes, key: str) -> Promotion:
    """Return the promotion that the content of a key holds.

    Raises:
        RegistryError: the content is damaged.
    """
    try:
        promotion = Promotion(**json.loads(content))
        if promotion.kind not in get_args(PromotionKind):
            raise ValueError(f"unknown kind {promotion.kind!r}")
    except (ValueError, TypeError) as error:
        raise RegistryError(f"{key} is damaged: {error}. {_remedy(key)}") from error
    return promotion


def _remedy(key: str) -> str:
    if key.endswith("/production.json"):
        return (
            "The log holds every promotion: to go on, copy its last entry that is not damaged to "
            "production.json"
        )
    return (
        "The model in production stays as it is. To go on, copy production.json to this entry if "
        "it has the entry's number (`sequence`), else restore the entry from a backup"
    )


def user_and_host() -> str:
    """Return who runs this process, as the log names them."""
    return f"{user_name()}@{socket.gethostname()}"


def utc_now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
