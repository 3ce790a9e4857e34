"""The manifest of a version: the version's name, the hashes of its files, and a seal.

A version is named by the hash of its model and of the images it was trained on, so publishing the
same content twice gives the same version. The seal is the sha256 of the rest of the manifest.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from lradapt.registry.store import PRIVATE, RegistryError

FORMAT = 1
MODEL, TRAINED_ON, MANIFEST = "model.onnx", "trained_on.csv", "manifest.json"
WEIGHTS = "model.safetensors"
REPORT, CARD = "report.html", "model_card.md"
TEST_IMAGES = "test_images.csv"
PUBLISHED = (MODEL, WEIGHTS, TRAINED_ON, TEST_IMAGES, REPORT, CARD)
"""The files of a version; all that may be removed of one whose manifest is missing."""
IDENTITY = (MODEL, TRAINED_ON)
"""The files that decide a version's name."""


def sha256_hex(content: bytes) -> str:
    """Return the sha256 of the content, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def version_name(hashes: Mapping[str, str]) -> str:
    """Return the name of the version with these files: 12 hexadecimal digits.

    Args:
        hashes: file name -> sha256, in hexadecimal.
    """
    return sha256_hex("".join(hashes[file] for file in IDENTITY).encode())[:12]


def write_manifest(
    version: str, hashes: Mapping[str, str], sizes: Mapping[str, int], facts: Mapping[str, Any]
) -> bytes:
    """Return the content of a manifest, sealed.

    `hashes` and `sizes` are by file name; `facts` is what else is known of the version.
    """
    manifest = {"format": FORMAT, "version": version, "files": hashes, "sizes": sizes, **facts}
    as_read: dict[str, Any] = json.loads(json_bytes(manifest))  # all keys are strings now
    return json_bytes({**as_read, "seal": _seal(as_read)})


def read_manifest(content: bytes, version: str) -> dict[str, Any]:
    """Return a manifest without its seal.

    Raises:
        RegistryError: it is damaged, or of another format.
    """
    try:
        manifest: dict[str, Any] = dict(json.loads(content))
    except (ValueError, TypeError) as error:
        raise RegistryError(f"the manifest of {version} is damaged: {error}") from error
    if manifest.get("format") != FORMAT:
        raise RegistryError(
            f"the manifest of {version} has format {manifest.get('format')!r}, expected {FORMAT}"
        )
    if manifest.pop("seal", None) != _seal(manifest):
        raise RegistryError(
            f"the manifest of {version} is damaged: its content does not match its seal. Nothing "
            "was loaded; `lradapt rollback` restores the previous version"
        )
    faults = list(_faults(manifest, version))
    if faults:
        raise RegistryError(
            f"the manifest of {version} is damaged: {'; '.join(faults)}. Nothing was loaded; "
            "`lradapt rollback` restores the previous version"
        )
    return manifest


def _faults(manifest: Mapping[str, Any], version: str) -> Iterator[str]:
    """Yield what contradicts the name of the version, or could name a file elsewhere."""
    files = manifest.get("files")
    if not isinstance(files, dict) or not all(isinstance(each, str) for each in files.values()):
        yield "it has no hashes of files"
        return
    odd = [file for file in files if "/" in file or not file or file.startswith(PRIVATE)]
    if odd:
        yield f"{odd[0]!r} is not the name of a file of a version"
    lacking = [file for file in IDENTITY if file not in files]
    if lacking:
        yield f"it has no hash of {', '.join(lacking)}"
    elif version_name(files) != version or manifest.get("version") != version:
        yield f"its files are those of version {version_name(files)}"


def json_bytes(value: Any) -> bytes:
    """Return a value as the JSON that the registry's files hold."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _seal(manifest: Mapping[str, Any]) -> str:
    """Return the sha256 of a manifest as read, whatever its order of keys and white space."""
    return sha256_hex(json.dumps(manifest, sort_keys=True).encode())
