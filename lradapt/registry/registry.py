"""A registry: the published versions of one model, which is in production, and the log of changes.

    NAME/versions/VERSION/...   immutable; `manifest.json` is written last and removed first: a
                                version without it is incomplete. Signatures of it are beside it
    NAME/production.json        the last promotion; replaced only if nobody else has replaced it
    NAME/log/SEQUENCE.json      every promotion; entries are only added
    NAME/holds, NAME/removals   leases: see lradapt.registry.leases

Pointer and log hold the hash of the manifest, which holds those of all other files. So whoever may
write versions alone cannot change one that was ever in production: each read of it compares.

With trusted keys, everything that is read must be signed by one of them: the manifest of each
version, and the pointer, which vouches for the log. See `signatures` and `signed_log`.

The pointer `production.json` carries the whole promotion, so a process that dies between replacing
it and writing the log entry loses nothing: the next promotion writes the missing entry first.

What is done with it is in `reading`, `listing`, `publishing`, `removing` and `moving`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lradapt.registry import listing, moving, publishing, reading, removing
from lradapt.registry.inventory import VersionSummary
from lradapt.registry.key_use import signing_key
from lradapt.registry.manifest import MODEL
from lradapt.registry.place import where
from lradapt.registry.promotions import Production, Promotion, PromotionKind
from lradapt.registry.published_version import PublishedVersion
from lradapt.registry.signed_log import require_later
from lradapt.registry.store import RegistryError, Remnant, Store
from lradapt.signing.settings import Keys


@dataclass(frozen=True, slots=True)
class Registry:
    """The versions of one model.

    Each method may raise `DeniedError` and `UnreachableError`; see `lradapt.registry.store`.

    Attributes:
        store: where the files are kept.
        name: of the model.
        keys: what signs, and what is trusted; by default nothing is signed or checked.
    """

    store: Store
    name: str
    keys: Keys = field(default_factory=Keys)

    @property
    def location(self) -> str:
        """Where the registry is, for messages."""
        return self.store.location

    def with_current_keys(self) -> "Registry":
        """Return this registry with the keys that the file of trusted keys holds now.

        Raises:
            SigningError: the file cannot be read any more.
        """
        return replace(self, keys=self.keys.read_again())

    # Versions

    def publish(self, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> str:
        """Write a version's files and then its manifest; nothing if the version exists.

        Args:
            files: file name -> content; the version's name is the hash of `model.onnx` and
                `trained_on.csv`.
            facts: what else the manifest holds.

        Returns:
            The version's name.

        Raises:
            RegistryError: an interrupted publish left a model that has been damaged since; or the
                version is being removed, or has lost a file.
            NotTrustedError: the version exists, and no trusted key has signed it; or an interrupted
                publish left other files than these, and they are to be signed.
            SigningError: the private key cannot be used.
        """
        return publishing.publish(self, files, facts)

    def has(self, version: str) -> bool:
        """Return whether the version exists and is complete."""
        return reading.has_version(self, version)

    def manifest(self, version: str) -> dict[str, Any]:
        """Return what is known of a version.

        Raises:
            RegistryError: there is no such version, or it is incomplete, damaged, or not what was
                in production under its name.
        """
        return reading.manifest_of(self, version)

    def read_file(self, version: str, file: str) -> bytes:
        """Return the content of a version's file, after verifying its hash.

        Raises:
            RegistryError: there is no such version or file, or it is damaged; see `manifest`.
        """
        return self.open(version).read(file)

    def open(self, version: str, promotion: Promotion | None = None) -> PublishedVersion:
        """Return a version whose files can be read; its manifest and its signature are verified.

        Args:
            version: its name.
            promotion: that put it into production, which has its hashes; None: look it up.

        Raises:
            RegistryError: see `manifest`.
            NotTrustedError: no trusted key has signed the manifest.
        """
        return reading.open_version(self, version, promotion)

    def sign(self, version: str) -> bool:
        """Let the key of this process vouch for a version, too; every file of it is verified.

        Returns:
            False if it has before.

        Raises:
            RegistryError: see `open`; or a file is damaged, or there is no key.
        """
        return publishing.sign(self, version)

    def list_versions(self) -> list[VersionSummary]:
        """Return every version, the oldest first; those that cannot be used come first of all."""
        return listing.list_versions(self)

    def version_names(self) -> list[str]:
        """Return the names of all versions, also of incomplete ones, sorted; nothing is read."""
        return sorted(listing.files_of_versions(self))

    def remove(self, version: str) -> list[str]:
        """Remove a version for good: the manifest first, then the files that it names.

        Of a version without a manifest, the files are removed that a publish writes.

        Returns:
            The keys that are left, because no manifest names them.

        Raises:
            RegistryError: it is in production, or is the previous version; or another process
                publishes or promotes it just now.
        """
        return removing.remove(self, version)

    def remnants(self, *, older_than_seconds: float = 3600.0) -> list[Remnant]:
        """Return what killed processes have left beside the keys, and is old.

        Args:
            older_than_seconds: a younger one may belong to a write under way.
        """
        found = self.store.remnants(f"{self.name}/", older_than_seconds=older_than_seconds)
        return sorted(found, key=lambda remnant: remnant.name)

    def remove_remnants(self, remnants: Iterable[Remnant]) -> None:
        """Remove what `remnants` has returned, and the leases that have expired."""
        removing.remove_remnants(self, remnants)

    # Production

    def production(self, *, seen: str = "") -> Production | None:
        """Return what is in production, or None before the first promotion.

        Args:
            seen: etag of a pointer that was returned before, and need not be verified again.

        Raises:
            NotTrustedError: no trusted key has signed it, or an old one was put back.
        """
        return reading.read_production(self, seen=seen)

    def require_later(self, promotion: Promotion, before: Promotion) -> None:
        """Check, where signatures are, that production has not gone back to an old promotion.

        Raises:
            NotTrustedError: it has.
        """
        if self.keys.trusted is not None:
            require_later(promotion, before, where(self))

    def require_production(self) -> Production:
        """Return what is in production.

        Raises:
            RegistryError: nothing is.
        """
        production = self.production()
        if production is None:
            raise RegistryError(
                f"nothing of {self.name} is in production in {self.location} yet. `make retrain` "
                "trains and promotes a first version; `lradapt versions` lists those published"
            )
        return production

    def read_promoted_model(self, promotion: Promotion) -> bytes:
        """Return the model that a promotion put into production, after verifying its hash.

        Raises:
            RegistryError: there is no such version, or its model is not the one promoted.
        """
        return self.open(promotion.version, promotion).read(MODEL)

    def promote(
        self,
        version: str,
        *,
        over: Production | None,
        kind: PromotionKind,
        reason: str,
        by: str = "",
        at: str = "",
        manifest_sha256: str = "",
    ) -> Promotion:
        """Put `version` into production, if `over` still is.

        Args:
            version: to be in production; it must be complete.
            over: what was in production when this was decided.
            kind: why production changes.
            reason: for the log.
            by: for the log; by default user and host.
            at: for the log: UTC, ISO 8601; by default now.
            manifest_sha256: of the manifest that was read when this was decided; "" for any.

        Raises:
            ChangedError: another version has been promoted meanwhile: decide again.
            RegistryError: there is no such version, or its model is damaged.
            NotTrustedError: it is not signed, or this would not be.
            SigningError: the private key cannot be used.
        """
        return moving.promote(
            self,
            version,
            over=over,
            kind=kind,
            reason=reason,
            by=by,
            at=at,
            manifest_sha256=manifest_sha256,
        )

    def promotions(self) -> list[Promotion]:
        """Return every promotion, the first one first.

        If the log entry of the last one is still missing, it is taken from the pointer.

        Raises:
            RegistryError: an entry is damaged.
            NotTrustedError: with trusted keys: the pointer is not signed, or an entry is missing,
                changed, or not in its place.
        """
        return reading.all_promotions(self)

    def require_can_sign(self) -> None:
        """Check, before hours of training, that what is made can be published and promoted.

        Raises:
            NotTrustedError: keys are trusted, and there is no private key, or one that is not
                among them.
            SigningError: the private key cannot be used.
        """
        signing_key(self.keys, "publish")
        signing_key(self.keys, "promote")
