"""The shapes of the images of a folder, from their headers alone."""

from pathlib import Path

from PIL import Image

from lradapt.data.images.decode import FORMATS, OF_DAMAGE, exif_orientation, quiet
from lradapt.data.images.files import list_files

_TURNED = 5  # orientations from here on exchange width and height
_ENOUGH = 500


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
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            tiff = image.format == "TIFF"  # its size is upright already
            turned = not tiff and exif_orientation(image) >= _TURNED
    except (*OF_DAMAGE, Image.DecompressionBombError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return None
    return (height, width) if turned else (width, height)
