"""The shapes of the images of a folder, from their headers alone."""

from pathlib import Path

from PIL import Image

from lradapt.data.images.decode_errors import OF_DAMAGE
from lradapt.data.images.dicom import DicomFile
from lradapt.data.images.exif import exif_orientation
from lradapt.data.images.files import list_files
from lradapt.data.images.open_image import FORMATS, quiet
from lradapt.data.images.optional_formats import is_dicom, is_heif, open_heif

_TURNED = 5  # orientations from here on exchange width and height
_ENOUGH = 500
_START = 132  # bytes that tell the format


def sample_shapes(images: Path, *, at_most: int = _ENOUGH) -> list[tuple[int, int]]:
    """Return width and height of images spread over a folder, upright; others than images are left.

    Raises:
        OSError: a file cannot be read.
    """
    names = list_files(images)
    with quiet():
        shapes = [_shape(images / name) for name in names[:: -(-len(names) // at_most)]]
    return [shape for shape in shapes if shape]


def _shape(path: Path) -> tuple[int, int] | None:
    try:
        if (size := _optional_size(path)) is not None:
            return size
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            tiff = image.format == "TIFF"  # its size is upright already
            turned = not tiff and exif_orientation(image) >= _TURNED
    except (*OF_DAMAGE, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return None
    return (height, width) if turned else (width, height)


def _optional_size(path: Path) -> tuple[int, int] | None:
    """Return width and height of a HEIC or DICOM file; None for others."""
    with path.open("rb") as file:
        start = file.read(_START)
    if is_dicom(start):
        return DicomFile(path.read_bytes()).size
    return open_heif(path.read_bytes()).size if is_heif(start) else None
