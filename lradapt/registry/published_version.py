"""A published version whose manifest is verified, and the checks of hashes at each read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lradapt.registry.manifest import MANIFEST, MODEL, sha256_hex
from lradapt.registry.promotions import Promotion
from lradapt.registry.signatures import SUFFIX, signature_file
from lradapt.registry.store import RegistryError, Store


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """A version whose manifest is verified.

    Attributes:
        store: that has its files.
        name: of the model.
        manifest: what is known of it.
        sha256: of the manifest's content.
        signed_by: whose trusted key has signed it; empty if signatures are not checked.
    """

    store: Store
    name: str
    manifest: dict[str, Any]
    sha256: str
    signed_by: str = ""

    def read(self, file: str) -> bytes:
        """Return the content of a file, after verifying its hash.

        Raises:
            RegistryError: there is no such file, or it is damaged.
        """
        hashes = self.manifest["files"]
        if file not in hashes:
            raise RegistryError(
                f"version {self.version} of {self.name} has no {file}; it has {', '.join(hashes)}"
            )
        return self._read(file, hashes[file])

    def vouchers(self) -> dict[str, bytes]:
        """Return file name -> content of the manifest as published, and of its signatures.

        Raises:
            RegistryError: the manifest has changed since it was verified.
        """
        start = f"{self._prefix}{signature_file(self.sha256, '').removesuffix(SUFFIX)}"
        return {MANIFEST: self._read(MANIFEST, self.sha256)} | {
            key.removeprefix(self._prefix): self.store.read(key).content
            for key in self.store.list(start)
        }

    @property
    def version(self) -> str:
        """Its name."""
        return str(self.manifest["version"])

    @property
    def _prefix(self) -> str:
        return f"{self.name}/versions/{self.version}/"

    def _read(self, file: str, sha256: str) -> bytes:
        content = self.store.read(f"{self._prefix}{file}").content
        _require_hash(sha256_hex(content), sha256, f"{file} of version {self.version}", "published")
        return content


def require_promoted(content: bytes, manifest: Mapping[str, Any], promotion: Promotion) -> None:
    """Check that a manifest is the one that was promoted, and has the model that was."""
    version, found = promotion.version, sha256_hex(content)
    _require_hash(found, promotion.manifest_sha256, f"the manifest of {version}", "promoted")
    model = manifest["files"][MODEL]
    _require_hash(model, promotion.model_sha256, f"{MODEL} of version {version}", "promoted")


def _require_hash(found: str, expected: str, what: str, when: str) -> None:
    if found != expected:
        raise RegistryError(
            f"{what} is damaged: sha256 {found}, {when} with {expected}. It was not loaded; "
            "`lradapt rollback` restores the previous version"
        )
