"""Class activation maps: how much each place of an image adds to the logit of a class.

Zhou et al. 2016, "Learning Deep Features for Discriminative Localization", equation 2. Where a
linear layer reads maps that are averaged over the image, a logit without its bias is the mean of
one map: the channels, weighted as the layer does. A layer that reads several depths gives the sum
of their maps, at the resolution of the finest. Letters: C channels, H and W of a map, D features.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def activation_map(maps_CHW: Sequence[Floats], weights_D: Floats) -> Floats:
    """Return the map of a class, `[H, W]` of the finest depth; its mean is the logit without bias.

    Args:
        maps_CHW: of each depth, in the order in which the layer reads their means.
        weights_D: of the class, for the channels of all depths.
    """
    height, width = (max(each.shape[axis] for each in maps_CHW) for axis in (1, 2))
    ends = np.cumsum([len(each) for each in maps_CHW])
    assert ends[-1] == len(weights_D), "the maps have other channels than the layer"
    parts = np.split(weights_D, ends[:-1])
    found_HW: Floats = np.sum(
        [
            enlarged(np.tensordot(part, each, axes=1), height, width)
            for part, each in zip(parts, maps_CHW, strict=True)
        ],
        axis=0,
    )
    return found_HW


def enlarged(values_HW: Floats, height: int, width: int) -> Floats:
    """Return a map at another size, interpolated linearly, with the same mean."""
    from PIL import Image

    if values_HW.shape == (height, width):
        return values_HW
    size, how = (width, height), Image.Resampling.BILINEAR
    found_HW: Floats = np.array(Image.fromarray(values_HW.astype(np.float32)).resize(size, how))
    found_HW += values_HW.mean() - found_HW.mean()  # at the border some weight is lost
    return found_HW
