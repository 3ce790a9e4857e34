"""A registry: the published versions of one model, which is in production, and the log of changes.

    NAME/versions/VERSION/...   immutable; `manifest.json` is written last and removed first: a
                                version without it is incomplete
    NAME/production.json        the last promotion; replaced only if nobody else has replaced it
    NAME/log/SEQUENCE.json      every promotion; entries are only added
    NAME/holds, NAME/removals   leases: see lradapt.registry.leases

Pointer and log hold the hash of the manifest, which holds those of all other files. So whoever may
write versions alone cannot change one that was ever in production: each read of it compares.

The pointer `production.json` carries the whole promotion, so a process that dies between replacing
it and writing the log entry loses nothing: the next promotion writes the missing entry first.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lradapt.registry.inventory import VersionSummary, incomplete_version, summarize
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
from lradapt.registry.store import (
    ExistsError,
    MissingError,
    RegistryError,
    Remnant,
    Store,
    for_each,
)


@dataclass(frozen=True, slots=True)
class Registry:
    """The versions of one model.

    Each method may raise `DeniedError` and `UnreachableError`; see `lradapt.registry.store`.

    Attributes:
        store: where the files are kept.
        name: of the model.
    """

    store: Store
    name: str

    @property
    def location(self) -> str:
        """Where the registry is, for messages."""
        return self.store.location

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
        """
        hashes = {file: sha256_hex(content) for file, content in files.items()}
        version = version_name(hashes)
        if self._is_whole(version):
            return version
        with held(self.store, self.name, version):
            if self.has(version):
                self._restore(version, files, hashes)
            else:
                self._publish(version, files, hashes, facts)
        return version

    def _publish(
        self,
        version: str,
        files: Mapping[str, bytes],
        hashes: dict[str, str],
        facts: Mapping[str, Any],
    ) -> None:
        sizes: dict[str, int] = {}
        for file, content in files.items():
            kept = self._create_or_keep(self._key(version, file), content)
            found = sha256_hex(kept)
            if file in IDENTITY and found != hashes[file]:
                raise RegistryError(
                    f"{file} of version {version}, left by an interrupted publish, is damaged: "
                    f"sha256 {found}, expected {hashes[file]}. Remove {self._key(version)} from "
                    f"{self.location}"
                )
            hashes[file], sizes[file] = found, len(kept)
        manifest = write_manifest(version, hashes, sizes, facts)
        self._create_or_keep(self._key(version, MANIFEST), manifest)

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
        """Return a version whose files can be read; its manifest is verified.

        Args:
            version: its name.
            promotion: that put it into production, which has its hashes; None: look it up.

        Raises:
            RegistryError: see `manifest`.
        """
        try:
            content = self.store.read(self._key(version, MANIFEST)).content
        except MissingError as error:
            raise self._no_version(version) from error
        manifest = read_manifest(content, version)
        for each in self._promotions_of(version) if promotion is None else [promotion]:
            require_promoted(content, manifest, each)
        return PublishedVersion(self.store, self.name, manifest, sha256_hex(content))

    def _promotions_of(self, version: str) -> list[Promotion]:
        """Return the promotions of a version; the log is not read for the one in production."""
        production = self.production()
        if production is None:
            return []
        if production.version == version:
            return [production.promotion]
        return [
            each for each in readable_promotions(self.store, self.name) if each.version == version
        ]

    def list_versions(self) -> list[VersionSummary]:
        """Return every version, the oldest first; those that cannot be used come first of all."""
        files = self._files()
        complete = sorted(version for version in files if MANIFEST in files[version])
        incomplete = sorted(set(files) - set(complete))
        production = self.production()
        promoted = readable_promotions(self.store, self.name) if production else []

        def summary(version: str) -> VersionSummary:
            known = [each for each in promoted if each.version == version]
            return self._summary(version, files[version], production, known)

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
        return sorted(file for file in named if self._key(version, file) in present)

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

    def production(self) -> Production | None:
        """Return what is in production, or None before the first promotion."""
        return read_pointer(self.store, self.name)

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
        """
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
                previous=over.version if over else "",
                model_sha256=opened.manifest["files"][MODEL],
                manifest_sha256=opened.sha256,
                reason=reason,
                by=by or user_and_host(),
                at=at or utc_now(),
            )
            replace_pointer(self.store, self.name, promotion, over)
            append(self.store, self.name, promotion)
        return promotion

    def promotions(self) -> list[Promotion]:
        """Return every promotion, the first one first.

        If the log entry of the last one is still missing, it is taken from the pointer.
        """
        return read_promotions(self.store, self.name)

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
        production: Production | None,
        promoted: Sequence[Promotion],
    ) -> VersionSummary:
        try:
            content = self.store.read(self._key(version, MANIFEST)).content
            manifest = read_manifest(content, version)
            for promotion in promoted:
                require_promoted(content, manifest, promotion)
        except RegistryError as error:
            return VersionSummary(version=version, fault=str(error))
        missing = [file for file in manifest["files"] if file not in present]
        if missing:
            return incomplete_version(version, missing=missing[0])
        return summarize(manifest, production)

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
