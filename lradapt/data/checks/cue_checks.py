"""Classes that a property of the files alone tells from the others: a model may learn only that.

Such as all images of one class from one camera, which is brighter, or saves PNG and not JPEG.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lradapt.data.checks.findings import Finding
from lradapt.data.images.image_table import ImageRow
from lradapt.data.images.looks import Looks
from lradapt.data.labelled_image import LabelledImage

_LEAST_IMAGES = 10  # of a class, and of the others
_Values = npt.NDArray[np.float64]


def spurious_cue(
    images: Sequence[LabelledImage], rows: Sequence[ImageRow], looks: Looks, *, min_auc: float
) -> list[Finding]:
    """Find classes that one property tells from all other classes, by the area under its ROC.

    Args:
        images: with their rows.
        rows: of `images.csv`.
        looks: of these rows.
        min_auc: of a property that is a finding, in (0.5, 1].
    """
    counts = Counter(image.label for image in images)
    labels = np.array([image.label for image in images])
    properties = _properties(images, rows, looks)
    names = sorted(counts)[:1] if len(counts) == 2 else sorted(counts)  # the other is its mirror
    return [
        Finding("spurious_cue", name, words)
        for name in names
        if min(counts[name], len(images) - counts[name]) >= _LEAST_IMAGES
        for what, values in properties.items()
        if (words := _cue(what, values, labels == name, min_auc))
    ]


def _properties(
    images: Sequence[LabelledImage], rows: Sequence[ImageRow], looks: Looks
) -> Mapping[str, _Values]:
    """Return property -> its value for each image, for those that differ."""
    numbers = [image.row for image in images if image.row is not None]
    of_images = [rows[number] for number in numbers]
    found = {
        "brightness": looks.brightness[numbers],
        "number of pixels": [row.width * row.height for row in of_images],
        "width by height": [row.width / row.height for row in of_images],
    }
    for name in sorted({row.format for row in of_images}):
        found[f"format {name}"] = [row.format == name for row in of_images]
    for name in sorted({row.mode for row in of_images}):
        found[f"colour mode {name}"] = [row.mode == name for row in of_images]
    arrays = {what: np.asarray(values, np.float64) for what, values in found.items()}
    return {what: values for what, values in arrays.items() if len(set(values.tolist())) > 1}


def _cue(what: str, values: _Values, is_class: npt.NDArray[np.bool_], min_auc: float) -> str:
    """Return in words how well a property tells a class from the others; "" below the limit."""
    area = roc_area(values, is_class)
    if max(area, 1 - area) < min_auc:
        return ""
    side = "higher" if area > 0.5 else "lower"
    return (
        f"its {what} alone tells it from the other classes: {side}, AUC {max(area, 1 - area):.2f}"
    )


def roc_area(values: _Values, is_class: npt.NDArray[np.bool_]) -> float:
    """Return the probability that an image of the class has a higher value than another image.

    Equal values count half. Both must have an image.
    """
    from scipy.stats import rankdata

    num_class = int(is_class.sum())
    ranks = float(rankdata(values)[is_class].sum())
    above = ranks - num_class * (num_class + 1) / 2
    return above / (num_class * (len(values) - num_class))
