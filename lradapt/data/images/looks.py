"""How bright and how sharp images are, as the network sees them: from `pixels.npy`, not decoded.

A few rows and columns of each square are enough, so that 100,000 images take seconds.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lradapt.data.images.decode import Pixels
from lradapt.runtime.progress import tracked

Values = npt.NDArray[np.float32]
# letters of shapes: N images, S the side of a square

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


def _of_batch(pixels_NSS3: Pixels) -> Values:
    """Return the four values of each image, `[N, 4]`."""
    step = max(1, pixels_NSS3.shape[1] // _NUM_LINES)
    rows = pixels_NSS3[:, ::step] @ _GREY_OF_RGB
    columns = pixels_NSS3[:, :, ::step] @ _GREY_OF_RGB
    darkest, lightest = np.percentile(rows[:, :, ::step], (5, 99), axis=(1, 2))
    sharpness = _second_difference(rows) + _second_difference(columns.swapaxes(1, 2))
    return np.stack([rows.mean(axis=(1, 2)), lightest, darkest, sharpness / 2], axis=1)


def _second_difference(lines: Values) -> Values:
    """Return the mean absolute second difference along the last axis of lines `[N, L, S]`."""
    if lines.shape[2] < 3:
        return np.zeros(len(lines), np.float32)
    bends = 2 * lines[:, :, 1:-1] - lines[:, :, :-2] - lines[:, :, 2:]
    return np.asarray(np.abs(bends).mean(axis=(1, 2)))
