"""Collect what a registry has for the dossier: versions, comparisons, frozen rules, promotions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lradapt.gate.held_out import TrainedOn, read_test_images, read_trained_on
from lradapt.registry.manifest import TEST_IMAGES, TRAINED_ON
from lradapt.registry.promotions import Promotion
from lradapt.registry.protocol import (
    ComparisonRecord,
    RulesRecord,
    read_comparisons,
    read_rules,
)
from lradapt.registry.registry import Registry
from lradapt.registry.store import DeniedError, RegistryError, UnreachableError, for_each


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version as the registry has it.

    Attributes:
        name: of the version.
        manifest: empty if it cannot be used.
        manifest_sha256: of the manifest's content; empty if it cannot be used.
        signed_by: whose trusted key has signed it; empty if signatures are not checked.
        test_images: pixel hash -> label; None if the version has no such file.
        trained_on: the images it or an ancestor was trained on; None if there is no such file.
        fault: why it cannot be used; empty if it can.
    """

    name: str
    manifest: Mapping[str, Any]
    manifest_sha256: str = ""
    signed_by: str = ""
    test_images: Mapping[str, str] | None = None
    trained_on: TrainedOn | None = None
    fault: str = ""

    @property
    def created(self) -> str:
        """When it was published: UTC, ISO 8601; empty if that is not recorded."""
        return str(self.manifest.get("created") or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a registry has of one model.

    Attributes:
        location: of the registry.
        name: of the model.
        versions: the oldest first; those whose time is unknown come first of all.
        comparisons: every recorded comparison, the first one first.
        frozen_rules: in the order of their first use.
        promotions: the first one first.
        are_signatures_checked: whether keys are trusted where this was read.
    """

    location: str
    name: str
    versions: tuple[Version, ...]
    comparisons: tuple[ComparisonRecord, ...]
    frozen_rules: tuple[RulesRecord, ...]
    promotions: tuple[Promotion, ...]
    are_signatures_checked: bool


def collect(registry: Registry) -> Collected:
    """Read everything; nothing is written.

    Raises:
        RegistryError: nothing of the model has been published; or the log or the frozen rules are
            damaged. A version that is damaged is listed with its fault.
        UnreachableError, DeniedError: the store does not answer, or not to this user.
    """
    promotions, trusted = registry.promotions(), registry.keys.trusted
    names = registry.version_names()
    if not names:
        raise RegistryError(
            f"nothing of {registry.name} has been published in {registry.location} yet; "
            "`make retrain` trains and publishes a first version"
        )
    last = {each.version: each for each in promotions}
    versions = for_each(lambda name: _read(registry, name, last.get(name)), names)
    return Collected(
        location=registry.location,
        name=registry.name,
        versions=tuple(sorted(versions, key=lambda each: (each.created, each.name))),
        comparisons=tuple(read_comparisons(registry.store, registry.name, trusted)),
        frozen_rules=tuple(read_rules(registry.store, registry.name, trusted)),
        promotions=tuple(promotions),
        are_signatures_checked=trusted is not None,
    )


def _read(registry: Registry, name: str, promotion: Promotion | None) -> Version:
    try:
        opened = registry.open(name, promotion)
        files = opened.manifest["files"]
        test_images = opened.read(TEST_IMAGES) if TEST_IMAGES in files else None
        trained_on = opened.read(TRAINED_ON) if TRAINED_ON in files else None
    except (UnreachableError, DeniedError):
        raise
    except RegistryError as error:
        return Version(name=name, manifest={}, fault=str(error))
    return Version(
        name=name,
        manifest=opened.manifest,
        manifest_sha256=opened.sha256,
        signed_by=opened.signed_by,
        test_images=None if test_images is None else read_test_images(test_images),
        trained_on=None if trained_on is None else read_trained_on(trained_on),
    )
