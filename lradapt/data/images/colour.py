"""Whether the images of a folder have colours."""

from pathlib import Path

import numpy as np

from lradapt.data.images.decode import decode
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.files import list_files
from lradapt.data.images.open_image import quiet

_ENOUGH = 30
_VISIBLE = 4.0  # mean difference of the channels, of 255; JPEG alone leaves one or two


def any_coloured(images: Path, *, max_megapixels: float, at_most: int = _ENOUGH) -> bool:
    """Return whether any of some images spread over a folder is not grey.

    Raises:
        OSError: a file cannot be read.
    """
    names = list_files(images)
    with quiet():
        return any(
            _coloured(images / name, max_megapixels) for name in names[:: -(-len(names) // at_most)]
        )


def _coloured(path: Path, max_megapixels: float) -> bool:
    try:
        picture = decode(path.read_bytes(), max_megapixels=max_megapixels)
    except DecodeError:
        return False  # ingest reports it
    return bool(np.ptp(np.asarray(picture), axis=2).mean() > _VISIBLE)
