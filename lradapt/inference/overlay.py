"""A class map as a picture: red where it adds more to the class than on average, blue where less.

Its sign alone would say little: a probability depends on the differences of logits.
"""

import numpy as np
from PIL import Image

from lradapt.data.images.decode import Pixels
from lradapt.inference.activation_maps import Floats, enlarged

_MORE, _LESS = (220, 30, 30), (30, 80, 220)
_STRONGEST = 0.65  # opacity of the colour
_LEAST_SIDE = 224


def overlay(square_SS3: Pixels, values_HW: Floats) -> Image.Image:
    """Return a preprocessed image with a map over it; small images are enlarged.

    The colour is strongest at the value that is furthest from the mean.
    """
    picture = _large(square_SS3)
    values_SS = enlarged(values_HW - values_HW.mean(), picture.height, picture.width)
    largest = float(np.abs(values_SS).max()) or 1.0
    opacity_SS1 = (np.abs(values_SS) / largest * _STRONGEST)[..., None]
    colour_SS3 = np.where(values_SS[..., None] > 0, _MORE, _LESS)
    # Lighter than the image, so that colours are seen on dark parts too.
    grey_SS1 = 70 + 0.6 * np.asarray(picture.convert("L"), np.float32)[..., None]
    mixed_SS3 = grey_SS1 * (1 - opacity_SS1) + colour_SS3 * opacity_SS1
    return Image.fromarray(mixed_SS3.round().astype(np.uint8))


def _large(square_SS3: Pixels) -> Image.Image:
    picture = Image.fromarray(square_SS3)
    times = -(-_LEAST_SIDE // picture.width)
    if times == 1:
        return picture
    return picture.resize((picture.width * times, picture.height * times), Image.Resampling.NEAREST)
