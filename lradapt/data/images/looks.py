"""How bright and how sharp images are, as the network sees them: from `pixels.npy`, not decoded.

A few rows and columns of each square are enough, so that 100,000 images take seconds.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lradapt.data.images.decode import Pixels
from lradapt.runtime.progress import tracked

Values = npt.NDArray[np.float32]
# letters of shapes: N images, S the side of a square, L lines

_GREY_OF_RGB = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow's
_NUM_LINES = 24  # rows, and as many columns
_PIXELS_PER_BATCH = 2**22


@dataclass(frozen=True, slots=True)
class Looks:
    """Values of the images, in the order of the pixels; grey values are 0 to 255.

    Attributes:
        brightness: mean grey value.
        lightest: 99 % of the grey values are below it.
        darkest: 5 % of them are below it.
        sharpness: mean absolute second difference along rows and columns.
    """

    brightness: Values
    lightest: Values
    darkest: Values
    sharpness: Values


def measure_looks(pixels: Pixels) -> Looks:
    """Measure squares, uint8 `[N, S, S, 3]`, which may be a memory-mapped file."""
    size = pixels.shape[1]
    step = max(1, _PIXELS_PER_BATCH // size**2)
    batches = [pixels[start : start + step] for start in range(0, len(pixels), step)]
    with tracked(batches, "looks", total=len(pixels), unit="images", size=len) as shown:
        parts = [_of_batch(batch) for batch in shown]
    values = np.concatenate([np.empty((0, 4), np.float32), *parts])
    return Looks(*np.ascontiguousarray(values.T))


def brightness_and_sharpness(pixels_NSS3: Pixels) -> tuple[Values, Values]:
    """Return two of the values of each square, without progress; for a few images."""
    rows_NLS, columns_NLS = _grey_lines(pixels_NSS3)
    return rows_NLS.mean(axis=(1, 2)), _sharpness(rows_NLS, columns_NLS)


def _of_batch(pixels_NSS3: Pixels) -> Values:
    """Return the four values of each image, `[N, 4]`."""
    rows_NLS, columns_NLS = _grey_lines(pixels_NSS3)
    step = _step(pixels_NSS3)
    darkest, lightest = np.percentile(rows_NLS[:, :, ::step], (5, 99), axis=(1, 2))
    sharpness = _sharpness(rows_NLS, columns_NLS)
    return np.stack([rows_NLS.mean(axis=(1, 2)), lightest, darkest, sharpness], axis=1)


def _step(pixels_NSS3: Pixels) -> int:
    return max(1, int(pixels_NSS3.shape[1]) // _NUM_LINES)


def _grey_lines(pixels_NSS3: Pixels) -> tuple[Values, Values]:
    """Return some rows and some columns of each square, grey, `[N, L, S]`."""
    step = _step(pixels_NSS3)
    rows_NLS: Values = pixels_NSS3[:, ::step] @ _GREY_OF_RGB
    columns_NSL: Values = pixels_NSS3[:, :, ::step] @ _GREY_OF_RGB
    return rows_NLS, columns_NSL.swapaxes(1, 2)


def _sharpness(rows_NLS: Values, columns_NLS: Values) -> Values:
    return np.asarray((_second_difference(rows_NLS) + _second_difference(columns_NLS)) / 2)


def _second_difference(lines: Values) -> Values:
    """Return the mean absolute second difference along the last axis of lines `[N, L, S]`."""
    if lines.shape[2] < 3:
        return np.zeros(len(lines), np.float32)
    bends = 2 * lines[:, :, 1:-1] - lines[:, :, :-2] - lines[:, :, 2:]
    return np.asarray(np.abs(bends).mean(axis=(1, 2)))
