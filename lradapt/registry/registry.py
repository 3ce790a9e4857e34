"""A registry: the published versions of one model, which is in production, and the log of changes.

    NAME/versions/VERSION/...   immutable; `manifest.json` is written last and removed first: a
                                version without it is incomplete
    NAME/production.json        the last promotion; replaced only if nobody else has replaced it
    NAME/log/SEQUENCE.json      every promotion; entries are only added

The pointer `production.json` carries the whole promotion, so a process that dies between replacing
it and writing the log entry loses nothing: the next promotion writes the missing entry first.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lradapt.registry.inventory import VersionSummary, incomplete_version, summarize
from lradapt.registry.manifest import (
    IDENTITY,
    MANIFEST,
    MODEL,
    read_manifest,
    sha256_hex,
    version_name,
    write_manifest,
)
from lradapt.registry.promotions import (
    Production,
    Promotion,
    PromotionKind,
    read_promotion,
    user_and_host,
    utc_now,
    write_promotion,
)
from lradapt.registry.store import ExistsError, MissingError, RegistryError, Store, for_each


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
            RegistryError: an interrupted publish left a model that has been damaged since.
        """
        hashes = {file: sha256_hex(content) for file, content in files.items()}
        version = version_name(hashes)
        if self.has(version):
            return version
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
        return version

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
            RegistryError: there is no such version, or it is incomplete or damaged.
        """
        try:
            stored = self.store.read(self._key(version, MANIFEST))
        except MissingError as error:
            raise self._no_version(version) from error
        return read_manifest(stored.content, version)

    def read_file(self, version: str, file: str) -> bytes:
        """Return the content of a version's file, after verifying its hash.

        Raises:
            RegistryError: there is no such version or file, or it is damaged.
        """
        hashes = self.manifest(version)["files"]
        if file not in hashes:
            raise RegistryError(
                f"version {version} of {self.name} has no {file}; it has {', '.join(hashes)}"
            )
        content = self.store.read(self._key(version, file)).content
        _require_hash(content, hashes[file], f"{file} of version {version}", "published")
        return content

    def list_versions(self) -> list[VersionSummary]:
        """Return every version, the oldest first; those that cannot be used come first of all."""
        files = self._files()
        complete = sorted(version for version in files if MANIFEST in files[version])
        incomplete = sorted(set(files) - set(complete))
        production = self.production()
        listed = [
            *map(incomplete_version, incomplete),
            *for_each(lambda version: self._summary(version, production), complete),
        ]
        return sorted(listed, key=lambda version: version.created)

    def version_names(self) -> list[str]:
        """Return the names of all versions, also of incomplete ones, sorted; nothing is read."""
        return sorted(self._files())

    def remove(self, version: str) -> None:
        """Remove a version for good: the manifest first, then the files.

        Raises:
            RegistryError: it is in production, or is the previous version.
        """
        production = self.production()
        if production and version in (production.version, production.promotion.previous):
            raise RegistryError(
                f"{version} was not removed: by now it is in production, or a rollback would "
                "restore it"
            )
        keys = self.store.list(self._key(version, ""))
        for key in sorted(keys, key=lambda key: (not key.endswith(f"/{MANIFEST}"), key)):
            self.store.delete(key)

    # Production

    def production(self) -> Production | None:
        """Return what is in production, or None before the first promotion."""
        key = f"{self.name}/production.json"
        try:
            stored = self.store.read(key)
        except MissingError:
            return None
        return Production(read_promotion(stored.content, key), stored.etag)

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
        content = self.read_file(promotion.version, MODEL)
        what = f"{MODEL} of version {promotion.version}"
        _require_hash(content, promotion.model_sha256, what, "promoted")
        return content

    def promote(
        self,
        version: str,
        *,
        over: Production | None,
        kind: PromotionKind,
        reason: str,
        by: str = "",
        at: str = "",
    ) -> Promotion:
        """Put `version` into production, if `over` still is.

        Args:
            version: to be in production; it must be complete.
            over: what was in production when this was decided.
            kind: why production changes.
            reason: for the log.
            by: for the log; by default user and host.
            at: for the log: UTC, ISO 8601; by default now.

        Raises:
            ChangedError: another version has been promoted meanwhile: decide again.
            RegistryError: there is no such version, or its model is damaged.
        """
        self.read_file(version, MODEL)
        if over:
            self._log(over.promotion)
        promotion = Promotion(
            sequence=over.promotion.sequence + 1 if over else 1,
            kind=kind,
            version=version,
            previous=over.version if over else "",
            model_sha256=self.manifest(version)["files"][MODEL],
            reason=reason,
            by=by or user_and_host(),
            at=at or utc_now(),
        )
        etag = over.etag if over else None
        self.store.replace(f"{self.name}/production.json", write_promotion(promotion), etag=etag)
        self._log(promotion)
        return promotion

    def promotions(self) -> list[Promotion]:
        """Return every promotion, the first one first.

        If the log entry of the last one is still missing, it is taken from the pointer.
        """
        keys = self.store.list(f"{self.name}/log/")
        logged = for_each(lambda key: read_promotion(self.store.read(key).content, key), keys)
        production = self.production()
        if production and production.promotion not in logged:
            logged.append(production.promotion)
        return logged

    # Private

    def _key(self, version: str, *file: str) -> str:
        return "/".join([self.name, "versions", version, *file])

    def _files(self) -> dict[str, set[str]]:
        """Return the files of each version."""
        files: dict[str, set[str]] = {}
        for key in self.store.list(self._key("")):
            version, file = key.removeprefix(self._key("")).split("/", 1)
            files.setdefault(version, set()).add(file)
        return files

    def _summary(self, version: str, production: Production | None) -> VersionSummary:
        try:
            manifest = self.manifest(version)
        except RegistryError as error:
            return VersionSummary(version=version, fault=str(error))
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

    def _log(self, promotion: Promotion) -> None:
        key = f"{self.name}/log/{promotion.sequence:08d}.json"
        # An entry that exists cannot differ: the sequence number is the pointer's.
        with suppress(ExistsError):
            self.store.create(key, write_promotion(promotion))

    def _create_or_keep(self, key: str, content: bytes) -> bytes:
        """Create a key; return its content, which is the old one if it exists already."""
        try:
            self.store.create(key, content)
        except ExistsError:
            return self.store.read(key).content
        return content


def _require_hash(content: bytes, expected: str, what: str, when: str) -> None:
    found = sha256_hex(content)
    if found != expected:
        raise RegistryError(
            f"{what} is damaged: sha256 {found}, {when} with {expected}. It was not loaded; "
            "`lradapt rollback` restores the previous version"
        )
