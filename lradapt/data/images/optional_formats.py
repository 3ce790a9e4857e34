"""HEIC photos and DICOM files: how they are recognised, and what is said without their extra."""

import io
from importlib.metadata import PackageNotFoundError, version

from PIL import Image

_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_DICOM_STARTS = ((128, b"DICM"), (0, b"\x02\x00\x00\x00UL"))  # with and without its preamble
_PACKAGES = ("pillow-heif", "pydicom")


class OptionalFormatError(ValueError):
    """A HEIC or DICOM file that is not decoded; the text is the reason with its remedy."""


def is_heif(content: bytes) -> bool:
    """Return whether a file is HEIC or HEIF, by its first bytes."""
    return content[4:8] == b"ftyp" and content[8:12] in _HEIF_BRANDS


def is_dicom(content: bytes) -> bool:
    """Return whether a file is DICOM, by its first bytes."""
    return any(content.startswith(magic, offset) for offset, magic in _DICOM_STARTS)


def open_heif(content: bytes) -> Image.Image:
    """Return the main picture of a HEIC file, upright; its pixels are read by `load`.

    Raises:
        OptionalFormatError: pillow-heif is not installed.
    """
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise OptionalFormatError(
            "an HEIC photo, for which pillow-heif is missing: pip install 'lradapt[heic]', "
            "or convert it to JPEG or PNG"
        ) from error
    image: Image.Image = HeifImageFile(io.BytesIO(content))
    return image


def optional_versions() -> dict[str, str]:
    """Return the version of each optional decoder; empty text for one that is not installed."""
    return {name: _version(name) for name in _PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
