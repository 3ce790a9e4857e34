"""Images that a model was not trained on, as they are and changed, with what it gives for them.

The simulation of drift draws reference and weeks from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from lradapt.config.paths import Paths
from lradapt.data.images.decode import Pixels, preprocess
from lradapt.data.images.image_table import read_table
from lradapt.data.labelled_image import TEST, group_name, in_split
from lradapt.data.split_table import read_split
from lradapt.drift.observed import Observed
from lradapt.inference.predict import Model
from lradapt.production.drift_reference import observe
from lradapt.runtime.files import whole_file

NUM_CHANGED = 1500
NUM_FOREIGN = 1000
PERCENT = (5, 10, 20)
_ARRAYS = ("probabilities", "features", "brightness", "sharpness")


@dataclass(frozen=True, slots=True)
class Pool:
    """The test images of a project.

    Attributes:
        classes: of the model.
        labels: the number of the class of each.
        groups: the number of the group of each.
        base: of the images as they are.
        rows: of the images that were changed.
        changed: what the model gives for them: "dark5" (5 % darker), "blur5" and so on.
        foreign: of other images.
    """

    classes: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    base: Observed
    rows: npt.NDArray[np.int64]
    changed: dict[str, Observed]
    foreign: Observed


def make_pool(content: bytes, paths: Paths, foreign: Path) -> Pool:
    """Return the pool of the project's test images and of a folder of other images."""
    model, table = Model(content), read_table(paths.table)
    images = [each for each in in_split(read_split(paths.split), TEST) if each.row is not None]
    pixels = _squares([paths.images / table[each.row or 0].image for each in images], model)
    random = np.random.default_rng(0)
    rows = random.permutation(len(pixels))[:NUM_CHANGED]
    others = sorted(path for path in foreign.rglob("*") if path.is_file())
    chosen = [others[row] for row in random.permutation(len(others))[:NUM_FOREIGN]]
    names = model.class_names
    return Pool(
        tuple(names),
        np.array([names.index(each.label) for each in images]),
        np.unique([group_name(each) for each in images], return_inverse=True)[1],
        _observe(model, pixels),
        rows,
        {name: _observe(model, each) for name, each in _changed(pixels[rows]).items()},
        _observe(model, _squares(chosen, model)),
    )


def write_pool(path: Path, pool: Pool) -> None:
    """Write a pool as one file of numpy."""
    parts = {"base": pool.base, **pool.changed, "foreign": pool.foreign}
    arrays: dict[str, npt.NDArray[Any]] = {
        f"{name}_{array}": values
        for name, part in parts.items()
        for array, values in zip(_ARRAYS, part.arrays(), strict=True)
    }
    arrays |= {"rows": pool.rows, "labels": pool.labels, "groups": pool.groups}
    arrays["classes"] = np.array(pool.classes)
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_pool(path: Path) -> Pool:
    """Read what `write_pool` wrote."""
    with np.load(path) as file:
        found = dict(file)

    def part(name: str) -> Observed:
        return Observed(*(found[f"{name}_{array}"] for array in _ARRAYS))

    changed = [f"{kind}{percent}" for kind in ("dark", "blur") for percent in PERCENT]
    return Pool(
        tuple(found["classes"].tolist()),
        found["labels"],
        found["groups"],
        part("base"),
        found["rows"],
        {name: part(name) for name in changed},
        part("foreign"),
    )


def _changed(pixels: Pixels) -> dict[str, Pixels]:
    """Return darker images, and images mixed with a blurred copy, by so many percent."""
    blurred = np.stack(
        [np.asarray(Image.fromarray(one).filter(ImageFilter.GaussianBlur(1))) for one in pixels]
    )
    found = {}
    for percent in PERCENT:
        share = percent / 100
        found[f"dark{percent}"] = _rounded(pixels * (1 - share))
        found[f"blur{percent}"] = _rounded(pixels * (1 - share) + blurred * share)
    return found


def _rounded(pixels: npt.NDArray[np.floating]) -> Pixels:
    return np.round(pixels).astype(np.uint8)


def _squares(files: Sequence[Path], model: Model) -> Pixels:
    return np.stack([preprocess(file.read_bytes(), model.preprocessing) for file in files])


def _observe(model: Model, pixels: Pixels) -> Observed:
    starts = range(0, len(pixels), 64)
    return Observed.joined([observe(model, pixels[start : start + 64]) for start in starts])
