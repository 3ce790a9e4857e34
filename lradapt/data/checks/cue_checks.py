"""Classes that a property of the files alone tells from the others: a model may learn only that.

Such as all images of one class from one camera, which is brighter, or saves PNG and not JPEG.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lradapt.data.checks.findings import Finding
from lradapt.data.images.image_table import ImageRow
from lradapt.data.images.looks import Looks
from lradapt.data.labelled_image import LabelledImage

_LEAST_IMAGES = 10  # of a class, and of the others
_Values = npt.NDArray[np.float64]
_Numbers = npt.NDArray[np.int64]
# letters of shapes: N images, K classes, P kinds such as formats


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
    names, classes_N = _coded([image.label for image in images])
    counts_K = np.bincount(classes_N)
    checked = np.flatnonzero(np.minimum(counts_K, len(images) - counts_K) >= _LEAST_IMAGES)
    if not len(checked):
        return []
    areas = _areas(images, rows, looks, classes_N)
    return [
        Finding("spurious_cue", names[number], _words(what, areas_K[number]))
        for number in (checked[:1] if len(names) == 2 else checked)  # the other is its mirror
        for what, areas_K in areas.items()
        if max(areas_K[number], 1 - areas_K[number]) >= min_auc
    ]


def _areas(
    images: Sequence[LabelledImage], rows: Sequence[ImageRow], looks: Looks, classes_N: _Numbers
) -> Mapping[str, _Values]:
    """Return property -> its area for each class, `[K]`."""
    numbers = [image.row for image in images if image.row is not None]
    of_images = [rows[number] for number in numbers]
    values = {
        "brightness": looks.brightness[numbers],
        "number of pixels": [row.width * row.height for row in of_images],
        "width by height": [row.width / row.height for row in of_images],
    }
    kinds = {
        "format": [row.format for row in of_images],
        "colour mode": [row.mode for row in of_images],
        "camera": [row.camera or "(none named)" for row in of_images],
    }
    areas = {what: roc_areas(np.asarray(of, np.float64), classes_N) for what, of in values.items()}
    areas["number of bytes per pixel, at equal sharpness,"] = areas_at_equal_detail(
        np.array([row.num_bytes / (row.width * row.height) for row in of_images]),
        looks.sharpness[numbers],  # without which files of a class with little detail are a cue
        classes_N,
    )
    for what, of_kind in kinds.items():
        areas |= {f"{what} {k}": area for k, area in _areas_of_kinds(of_kind, classes_N).items()}
    return areas


def _words(what: str, area: float) -> str:
    side = "higher" if area > 0.5 else "lower"
    return (
        f"its {what} alone tells it from the other classes: {side}, AUC {max(area, 1 - area):.2f}"
    )


def roc_areas(values_N: _Values, classes_N: _Numbers) -> _Values:
    """Return for each class how probably one of its images has a higher value than another image.

    Equal values count half.

    Args:
        values_N: of the images.
        classes_N: the class of each image, 0 to K - 1, K at least 2; each class has an image.
    """
    above_K, pairs_K = _pairs(values_N, classes_N, int(classes_N.max()) + 1)
    areas_K: _Values = above_K / pairs_K
    return areas_K


def areas_at_equal_detail(
    values_N: _Values, detail_N: npt.NDArray[np.floating], classes_N: _Numbers
) -> _Values:
    """Return `roc_areas` of the pairs of images that are in the same tenth by their detail.

    A class of which fewer than ten images have such a partner gets 0.5: nothing is known of it.
    """
    from scipy.stats import rankdata

    num = int(classes_N.max()) + 1
    above_K, pairs_K, partners_K = np.zeros(num), np.zeros(num), np.zeros(num, np.int64)
    tenths_N = (10 * (rankdata(detail_N) - 1) / len(detail_N)).astype(np.int64)
    for tenth in range(10):
        inside = tenths_N == tenth
        counts_K = np.bincount(classes_N[inside], minlength=num)
        above, pairs = _pairs(values_N[inside], classes_N[inside], num)
        above_K, pairs_K = above_K + above, pairs_K + pairs
        partners_K += np.minimum(counts_K, inside.sum() - counts_K)
    return np.where(partners_K < _LEAST_IMAGES, 0.5, above_K / np.maximum(pairs_K, 1))


def _pairs(values_N: _Values, classes_N: _Numbers, num_classes: int) -> tuple[_Values, _Numbers]:
    """Return for each class its pairs with other images in which it is higher, and all pairs."""
    from scipy.stats import rankdata

    counts_K = np.bincount(classes_N, minlength=num_classes)
    ranks_K = np.bincount(classes_N, weights=rankdata(values_N), minlength=num_classes)
    above_K: _Values = ranks_K - counts_K * (counts_K + 1) / 2
    return above_K, counts_K * (len(values_N) - counts_K)


def _areas_of_kinds(kinds: Sequence[str], classes_N: _Numbers) -> dict[str, _Values]:
    """Return kind -> `roc_areas` of having it, from shares alone, since there may be many kinds."""
    names, kinds_N = _coded(kinds)
    counts_K = np.bincount(classes_N)
    cells = np.bincount(kinds_N * len(counts_K) + classes_N, minlength=len(names) * len(counts_K))
    table_PK = cells.reshape(len(names), len(counts_K))
    within_PK = table_PK / counts_K
    beside_PK = (table_PK.sum(axis=1, keepdims=True) - table_PK) / (len(kinds) - counts_K)
    return dict(zip(names, (1 + within_PK - beside_PK) / 2, strict=True))


def _coded(words: Sequence[str]) -> tuple[list[str], _Numbers]:
    """Return the different words in order, and the number of each word among them."""
    names = sorted(set(words))
    number_of = {name: number for number, name in enumerate(names)}
    return names, np.array([number_of[word] for word in words], np.int64)
