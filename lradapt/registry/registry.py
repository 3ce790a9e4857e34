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
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lradapt.registry.inventory import (
    VersionSummary,
    in_production_since,
    incomplete_version,
    summarize,
)
from lradapt.registry.key_use import require_goes_on_signed, require_signing_key, signing_key
from lradapt.registry.leases import expired, held, removing
from lradapt.registry.manifest import (
    IDENTITY,
    MANIFEST,
    MODEL,
    PUBLISHED,
    read_manifest,
    sha256_hex,
    version_name,
    write_manifest,
)
from lradapt.registry.promotion_log import (
    append,
    read_pointer,
    read_promotions,
    readable_promotions,
    replace_pointer,
)
from lradapt.registry.promotions import (
    Production,
    Promotion,
    PromotionKind,
    user_and_host,
    utc_now,
)
from lradapt.registry.published_version import PublishedVersion, require_promoted
from lradapt.registry.signatures import (
    has_signed_version,
    is_signature,
    require_signed_version,
    sign_version,
)
from lradapt.registry.signed_log import (
    log_hash,
    read_trusted_pointer,
    read_trusted_promotions,
    require_later,
    sign_promotion,
    trusted_entries,
)
from lradapt.registry.store import (
    ExistsError,
    MissingError,
    NotTrustedError,
    RegistryError,
    Remnant,
    Store,
    for_each,
)
from lradapt.signing.keys import SigningKey
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
        key = signing_key(self.keys, "publish")
        hashes = {file: sha256_hex(content) for file, content in files.items()}
        version = version_name(hashes)
        if self._is_whole(version):
            return version
        with held(self.store, self.name, version):
            if self.has(version):
                self._restore(version, files, hashes)
            else:
                self._publish(version, files, hashes, facts, key)
        return version

    def _publish(
        self,
        version: str,
        files: Mapping[str, bytes],
        hashes: dict[str, str],
        facts: Mapping[str, Any],
        key: SigningKey | None,
    ) -> None:
        sizes: dict[str, int] = {}
        for file, content in files.items():
            kept = self._create_or_keep(self._key(version, file), content)
            found = sha256_hex(kept)
            if found != hashes[file]:
                self._require_may_stay(version, file, found, hashes[file], key)
            hashes[file], sizes[file] = found, len(kept)
        signed_by = {"signed_by": key.id} if key else {}
        manifest = write_manifest(version, hashes, sizes, {**facts, **signed_by})
        if key:  # before the manifest, so that no complete version is without a signature
            sign_version(self.store, self.name, version, sha256_hex(manifest), key)
        kept = self._create_or_keep(self._key(version, MANIFEST), manifest)
        if kept != manifest and self.keys.trusted:  # another process was faster
            self.manifest(version)

    def _require_may_stay(
        self, version: str, file: str, found: str, expected: str, key: SigningKey | None
    ) -> None:
        """Check a file that was there before this publish, with another content.

        Without a key, the page of an interrupted publish stays; with one, nothing of others is
        signed.
        """
        if file in IDENTITY:
            raise RegistryError(
                f"{file} of version {version}, left by an interrupted publish, is damaged: "
                f"sha256 {found}, expected {expected}. Remove {self._key(version)} from "
                f"{self.location}"
            )
        if key:
            raise NotTrustedError(
                f"{file} of version {version}, left by an interrupted publish or by somebody else, "
                f"is not what would be published now: sha256 {found}, expected {expected}. It was "
                "not signed. `lradapt prune --keep 1000 --incomplete` removes it; then publish "
                "again"
            )

    def _restore(self, version: str, files: Mapping[str, bytes], hashes: Mapping[str, str]) -> None:
        """Write the files that the manifest names and that are missing.

        Raises:
            RegistryError: one of them had another content.
        """
        expected = self.manifest(version)["files"]
        missing = self._missing_files(version)
        other = [file for file in missing if hashes.get(file) != expected[file]]
        if other:
            raise RegistryError(
                f"version {version} of {self.name} in {self.location} has lost "
                f"{', '.join(other)}, whose content was not that of today. `lradapt prune "
                "--incomplete` removes what is left of it; then publish it again"
            )
        for file in missing:
            self._create_or_keep(self._key(version, file), files[file])

    def _is_whole(self, version: str) -> bool:
        """Return whether the version exists with all its files; not sure of it: False."""
        try:
            return self.has(version) and not self._missing_files(version)
        except RegistryError:
            return False  # removed just now, or damaged

    def _missing_files(self, version: str) -> list[str]:
        """Return the files that a version's manifest names and that are not there."""
        present = set(self.store.list(self._key(version, "")))
        return [
            file
            for file in self.manifest(version)["files"]
            if self._key(version, file) not in present
        ]

    def has(self, version: str) -> bool:
        """Return whether the version exists and is complete."""
        try:
            self.store.read(self._key(version, MANIFEST))
        except MissingError:
            return False
        return True

    def manifest(self, version: str) -> dict[str, Any]:
        """Return what is known of a version.

        Raises:
            RegistryError: there is no such version, or it is incomplete, damaged, or not what was
                in production under its name.
        """
        return self.open(version).manifest

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
        try:
            content = self.store.read(self._key(version, MANIFEST)).content
        except MissingError as error:
            raise self._no_version(version) from error
        manifest, found = read_manifest(content, version), sha256_hex(content)
        signed_by = self._signer(version, found)
        for each in self._promotions_of(version) if promotion is None else [promotion]:
            require_promoted(content, manifest, each)
        return PublishedVersion(self.store, self.name, manifest, found, signed_by)

    def _signer(self, version: str, manifest_sha256: str) -> str:
        """Return whose trusted key has signed a manifest; empty if signatures are not checked.

        Raises:
            NotTrustedError: none has.
        """
        if self.keys.trusted is None:
            return ""
        trusted = self.keys.trusted
        return require_signed_version(self.store, self.name, version, manifest_sha256, trusted).name

    def sign(self, version: str) -> bool:
        """Let the key of this process vouch for a version, too; every file of it is verified.

        Returns:
            False if it has before.

        Raises:
            RegistryError: see `open`; or a file is damaged, or there is no key.
        """
        key = require_signing_key(self.keys, "publish")
        opened = self.open(version)
        for file in opened.manifest["files"]:
            opened.read(file)
        if has_signed_version(self.store, self.name, version, opened.sha256, key.public):
            return False
        sign_version(self.store, self.name, version, opened.sha256, key)
        return True

    def _promotions_of(self, version: str) -> list[Promotion]:
        """Return the promotions of a version; the log is not read for the one in production."""
        production = self.production()
        if production is None:
            return []
        if production.version == version:
            return [production.promotion]
        return [each for each in self._readable_promotions() if each.version == version]

    def _readable_promotions(self) -> list[Promotion]:
        """Return the entries of the log that can be used, each by itself."""
        found = readable_promotions(self.store, self.name)
        return trusted_entries(self.name, found, self.keys.trusted) if self.keys.trusted else found

    def list_versions(self) -> list[VersionSummary]:
        """Return every version, the oldest first; those that cannot be used come first of all."""
        files = self._files()
        complete = sorted(version for version in files if MANIFEST in files[version])
        incomplete = sorted(set(files) - set(complete))
        production = self.production()
        promoted = self._readable_promotions() if production else []
        since = in_production_since(production, promoted)

        def summary(version: str) -> VersionSummary:
            known = [each for each in promoted if each.version == version]
            in_production = production is not None and production.version == version
            return self._summary(version, files[version], since if in_production else "", known)

        listed = [*map(incomplete_version, incomplete), *for_each(summary, complete)]
        return sorted(listed, key=lambda version: version.created)

    def version_names(self) -> list[str]:
        """Return the names of all versions, also of incomplete ones, sorted; nothing is read."""
        return sorted(self._files())

    def remove(self, version: str) -> list[str]:
        """Remove a version for good: the manifest first, then the files that it names.

        Of a version without a manifest, the files are removed that a publish writes.

        Returns:
            The keys that are left, because no manifest names them.

        Raises:
            RegistryError: it is in production, or is the previous version; or another process
                publishes or promotes it just now.
        """
        with removing(self.store, self.name, version) as renew:
            production = self.production()
            if production and version in (production.version, production.promotion.previous):
                raise RegistryError(
                    f"{version} was not removed: by now it is in production, or a rollback would "
                    "restore it"
                )
            for file in [MANIFEST, *self._removable_files(version)]:
                renew()
                self.store.delete(self._key(version, file))
        return self.store.list(self._key(version, ""))

    def _removable_files(self, version: str) -> list[str]:
        """Return the files of a version that are there, and that its manifest names."""
        present = self.store.list(self._key(version, ""))
        if self._key(version, MANIFEST) in present:
            content = self.store.read(self._key(version, MANIFEST)).content
            named = set(read_manifest(content, version)["files"])
        else:
            named = set(PUBLISHED)
        files = (key.removeprefix(self._key(version, "")) for key in present)
        return sorted(file for file in files if file in named or is_signature(file))

    def remnants(self, *, older_than_seconds: float = 3600.0) -> list[Remnant]:
        """Return what killed processes have left beside the keys, and is old.

        Args:
            older_than_seconds: a younger one may belong to a write under way.
        """
        found = self.store.remnants(f"{self.name}/", older_than_seconds=older_than_seconds)
        return sorted(found, key=lambda remnant: remnant.name)

    def remove_remnants(self, remnants: Iterable[Remnant]) -> None:
        """Remove what `remnants` has returned, and the leases that have expired."""
        for remnant in remnants:
            self.store.delete_remnant(remnant)
        for key in expired(self.store, self.name):
            self.store.delete(key)

    # Production

    def production(self, *, seen: str = "") -> Production | None:
        """Return what is in production, or None before the first promotion.

        Args:
            seen: etag of a pointer that was returned before, and need not be verified again.

        Raises:
            NotTrustedError: no trusted key has signed it, or an old one was put back.
        """
        if self.keys.trusted is None:
            return read_pointer(self.store, self.name)
        return read_trusted_pointer(self.store, self.name, self.keys.trusted, seen=seen)

    def require_later(self, promotion: Promotion, before: Promotion) -> None:
        """Check, where signatures are, that production has not gone back to an old promotion.

        Raises:
            NotTrustedError: it has.
        """
        if self.keys.trusted is not None:
            require_later(promotion, before, f"{self.name} in {self.location}")

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
        key = signing_key(self.keys, "promote")
        require_goes_on_signed(over, key, f"{self.name} in {self.location}")
        with held(self.store, self.name, version):
            opened = self.open(version)
            opened.read(MODEL)
            if manifest_sha256 not in ("", opened.sha256):
                raise RegistryError(
                    f"version {version} has been changed since it was compared: its manifest has "
                    f"sha256 {opened.sha256}, expected {manifest_sha256}. It was not promoted"
                )
            if over:
                append(self.store, self.name, over.promotion)
            promotion = Promotion(
                sequence=over.promotion.sequence + 1 if over else 1,
                kind=kind,
                version=version,
                previous=_previous(over, kind),
                model_sha256=opened.manifest["files"][MODEL],
                manifest_sha256=opened.sha256,
                reason=reason,
                by=by or user_and_host(),
                at=at or utc_now(),
            )
            if key:
                before = log_hash(self.store, self.name, over)
                promotion = sign_promotion(self.name, replace(promotion, log_sha256=before), key)
            replace_pointer(self.store, self.name, promotion, over)
            append(self.store, self.name, promotion)
        return promotion

    def promotions(self) -> list[Promotion]:
        """Return every promotion, the first one first.

        If the log entry of the last one is still missing, it is taken from the pointer.

        Raises:
            RegistryError: an entry is damaged.
            NotTrustedError: with trusted keys: the pointer is not signed, or an entry is missing,
                changed, or not in its place.
        """
        if self.keys.trusted is None:
            return read_promotions(self.store, self.name)
        return read_trusted_promotions(self.store, self.name, self.keys.trusted)

    def require_can_sign(self) -> None:
        """Check, before hours of training, that what is made can be published and promoted.

        Raises:
            NotTrustedError: keys are trusted, and there is no private key, or one that is not
                among them.
            SigningError: the private key cannot be used.
        """
        signing_key(self.keys, "publish")
        signing_key(self.keys, "promote")

    # Private

    def _key(self, version: str, *file: str) -> str:
        return "/".join([self.name, "versions", version, *file])

    def _files(self) -> dict[str, set[str]]:
        """Return the files of each version."""
        files: dict[str, set[str]] = {}
        for key in self.store.list(self._key("")):
            version, _, file = key.removeprefix(self._key("")).partition("/")
            if file:
                files.setdefault(version, set()).add(file)
        return files

    def _summary(
        self,
        version: str,
        present: Collection[str],
        since: str,
        promoted: Sequence[Promotion],
    ) -> VersionSummary:
        try:
            content = self.store.read(self._key(version, MANIFEST)).content
            manifest = read_manifest(content, version)
            signed_by = self._signer(version, sha256_hex(content))
            for promotion in promoted:
                require_promoted(content, manifest, promotion)
        except RegistryError as error:
            return VersionSummary(version=version, fault=str(error))
        missing = [file for file in manifest["files"] if file not in present]
        if missing:
            return incomplete_version(version, missing=missing[0])
        return replace(summarize(manifest, since), signed_by=signed_by)

    def _no_version(self, version: str) -> RegistryError:
        if self.store.list(self._key(version, "")):
            return RegistryError(
                f"version {version} of {self.name} in {self.location} is incomplete: it has files "
                f"but no {MANIFEST}, because its publishing or removal was interrupted. Publish "
                "the same model again to complete it"
            )
        return RegistryError(
            f"no version {version} of {self.name} in {self.location}; `lradapt versions` lists "
            "the versions"
        )

    def _create_or_keep(self, key: str, content: bytes) -> bytes:
        """Create a key; return its content, which is the old one if it exists already."""
        try:
            self.store.create(key, content)
        except ExistsError:
            return self.store.read(key).content
        return content


def _previous(over: Production | None, kind: PromotionKind) -> str:
    """Return the version that a rollback of the next promotion would restore."""
    if over is None:
        return ""
    return over.promotion.previous if kind == "key_change" else over.version
