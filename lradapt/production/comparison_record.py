"""Record a comparison in the registry: the rules and the data before it, the verdict after it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import lradapt
from lradapt.config.paths import Paths
from lradapt.data.labelled_image import LabelledImage
from lradapt.gate.rules import Rules, rules_sha256
from lradapt.gate.verdict import Verdict
from lradapt.production.lineage import code_version
from lradapt.registry import protocol
from lradapt.registry.key_use import signing_key
from lradapt.registry.promotions import Production, Promotion
from lradapt.registry.published_version import PublishedVersion
from lradapt.registry.registry import Registry
from lradapt.runtime.code_fingerprint import fingerprint
from lradapt.runtime.files import sha256_of

_GATE = "lradapt.gate.decide"
PASSED = "passed"
"""What the record of a promotion says of a smoke test that has found no fault."""


@dataclass(frozen=True, slots=True)
class FrozenRules:
    """Rules of the gate that are in the registry since a time before they are used.

    Attributes:
        rules: the rules.
        at: when this run froze them; UTC, ISO 8601. Empty: at the latest before the comparison.
    """

    rules: Rules
    at: str = ""

    @property
    def sha256(self) -> str:
        """The hash under which the registry has them."""
        return rules_sha256(self.rules.as_dict())


def freeze(registry: Registry, rules: Rules) -> FrozenRules:
    """Write the rules into the registry, and return them with the time."""
    plain = rules.as_dict()
    key = signing_key(registry.keys, "promote")
    at = protocol.freeze_rules(registry.store, registry.name, rules_sha256(plain), plain, key)
    return FrozenRules(rules, at)


def record_question(
    registry: Registry,
    challenger: PublishedVersion,
    champion: Production | None,
    frozen: FrozenRules,
    paths: Paths,
    *,
    test_images: Sequence[LabelledImage],
    held_out: Sequence[LabelledImage],
) -> protocol.ComparisonFile:
    """Record what is going to be compared: versions, rules, code, data, test images.

    Args:
        registry: has the versions.
        challenger: the new version.
        champion: in production now; None before the first promotion.
        frozen: the rules of promotion.
        paths: of `dvc.yaml`; of a table that is absent no hash is recorded.
        test_images: of today's test split.
        held_out: those of them that are used.
    """
    freeze(registry, frozen.rules)
    manifest = challenger.manifest
    facts = {
        "version": manifest["version"],
        "manifest_sha256": challenger.sha256,
        "champion": champion and _champion(champion.promotion),
        "rules": frozen.rules.as_dict(),
        "rules_sha256": frozen.sha256,
        "rules_frozen_at": frozen.at or None,
        "gate_code": gate_code(),
        "code": code_version() or None,
        "lradapt": version_of("lradapt"),
        "data": {
            "labels": _hash(paths.labels),
            "split": _hash(paths.split),
            "table": _hash(paths.table),
        },
        "test_images": _identity(test_images),
        "held_out": _identity(held_out),
    }
    key = signing_key(registry.keys, "promote")
    return protocol.ask(registry.store, registry.name, manifest["version"], facts, key)


def record_verdict(
    registry: Registry, asked: protocol.ComparisonFile, verdict: Verdict
) -> protocol.ComparisonFile:
    """Record the gate's verdict with all its figures."""
    key = signing_key(registry.keys, "promote")
    return protocol.answer(registry.store, registry.name, asked, asdict(verdict), key)


def record_outcome(
    registry: Registry,
    answered: protocol.ComparisonFile,
    verdict: Verdict,
    promotion: Promotion | None,
    *,
    override: str,
    smoke_test: str | None,
) -> None:
    """Record what became of a verdict.

    Args:
        registry: has the record.
        answered: the comparison.
        verdict: with a person's decision, if one was asked.
        promotion: that followed; None if production has not changed.
        override: a person's reason to promote against the verdict; may be empty.
        smoke_test: the fault that it found of the promoted model, or `PASSED`; None if it has not
            been made.
    """
    facts = {
        "decision": verdict.decision,
        "reason": verdict.reason,
        "override": override or None,
        "promotion": promotion.sequence if promotion else None,
        "smoke_test": smoke_test,
    }
    key = signing_key(registry.keys, "promote")
    protocol.close(registry.store, registry.name, answered, facts, key)


@cache
def gate_code() -> str:
    """Return one hash of the source files that decide: the gate, and what it imports."""
    return fingerprint(_GATE, Path(lradapt.__file__).parents[1])


def images_sha256(pixel_sha256s: Iterable[str]) -> str:
    """Return the identity of a set of images: the sha256 of their pixel hashes, sorted."""
    return hashlib.sha256("\n".join(sorted(set(pixel_sha256s))).encode()).hexdigest()


def _identity(images: Sequence[LabelledImage]) -> dict[str, Any]:
    """Return the number of images, their identity, and that with their labels."""
    labelled = sorted({f"{image.pixel_sha256} {image.label}" for image in images})
    return {
        "images": len(images),
        "sha256": images_sha256(image.pixel_sha256 for image in images),
        "labelled_sha256": hashlib.sha256("\n".join(labelled).encode()).hexdigest(),
    }


def _champion(promotion: Promotion) -> Mapping[str, Any]:
    return {
        "version": promotion.version,
        "manifest_sha256": promotion.manifest_sha256,
        "promotion": promotion.sequence,
    }


def _hash(path: Path) -> str | None:
    return sha256_of(path) if path.is_file() else None
