"""The limits by which an answer says that it is doubtful, as the metadata of a model have them.

Letters: N images, K classes.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

UNLIKE_NOTE, UNSURE_NOTE = "lradapt.unlike", "lradapt.unsure"
"""The keys of the metadata."""


@dataclass(frozen=True, slots=True)
class UnlikeLimit:
    """The distance to the training images beyond which an image is unlike them.

    Attributes:
        limit: the largest distance that is not beyond, in [0, 2].
        kept: the share of images like the validation images that was to be within it, in (0, 1).
        num_images: the number of validation images that it was fitted on, 1 or more.
    """

    limit: float
    kept: float
    num_images: int

    @property
    def expected(self) -> float:
        """The share that is within the limit on average: fewer images allow less than `kept`."""
        return min(self.kept, self.num_images / (self.num_images + 1))


@dataclass(frozen=True, slots=True)
class SetLimits:
    """The probability with which a class is in the set of classes that an image may be of.

    Attributes:
        coverage: the share of the images of each class that was to have it in their set, in (0, 1).
        least: of each class; 0 where it has too few images, so that it is in every set.
        num_images: the number of validation images of each class.
    """

    coverage: float
    least: Mapping[str, float]
    num_images: Mapping[str, int]

    @property
    def always(self) -> list[str]:
        """The classes with too few validation images for the coverage; they are in every set."""
        fewest = fewest_images(self.coverage)
        return [name for name, count in self.num_images.items() if count < fewest]

    def contain(
        self, probabilities_NK: npt.NDArray[np.floating], class_names: Sequence[str]
    ) -> npt.NDArray[np.bool_]:
        """Return which classes are in the set of each image, `[N, K]`."""
        inside_NK: npt.NDArray[np.bool_] = np.asarray(probabilities_NK) >= np.array(
            [self.least[name] for name in class_names]
        )
        return inside_NK


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """Both limits of a model; None where it has no validation images, or was not made with them."""

    unlike: UnlikeLimit | None = None
    sets: SetLimits | None = None

    def as_notes(self) -> dict[str, str]:
        """Return the entries of the metadata."""
        notes: dict[str, str] = {}
        if self.unlike:
            found = self.unlike
            values = {"limit": found.limit, "kept": found.kept, "images": found.num_images}
            notes[UNLIKE_NOTE] = json.dumps(values)
        if self.sets:
            sets = {"coverage": self.sets.coverage, "least": dict(self.sets.least)}
            notes[UNSURE_NOTE] = json.dumps(sets | {"images": dict(self.sets.num_images)})
        return notes


def rank_of(num_images: int, share: float) -> int:
    """Return which of the sorted scores of `num_images` images to take, from 1.

    So that a further image has at least this share of chances to be at most as extreme (Vovk,
    Gammerman and Shafer 2005); above `num_images` where they are too few.
    """
    return math.ceil((num_images + 1) * Fraction(str(share)))


def fewest_images(share: float) -> int:
    """Return the fewest images whose scores have a rank for this share."""
    exact = Fraction(str(share))
    return math.ceil(exact / (1 - exact))


def read_unlike(text: str) -> UnlikeLimit:
    """Return the limit that an entry of the metadata holds.

    Raises:
        ValueError, KeyError, TypeError: it holds something else.
    """
    values = _object(text)
    found = UnlikeLimit(_number(values["limit"]), _number(values["kept"]), _count(values["images"]))
    if not (0 <= found.limit <= 2 and 0 < found.kept < 1 and found.num_images):
        raise ValueError(f"{text}, expected limit 0 to 2, kept between 0 and 1, images 1 or more")
    return found


def read_sets(text: str, class_names: Sequence[str]) -> SetLimits:
    """Return the limits of the classes that an entry of the metadata holds, see `read_unlike`."""
    values = _object(text)
    least, images = values["least"], values["images"]
    if not isinstance(least, dict) or set(least) != set(class_names) or set(images) != set(least):
        raise ValueError("expected least and images with one number for each class")
    found = SetLimits(
        _number(values["coverage"]),
        {name: _number(least[name]) for name in class_names},
        {name: _count(images[name]) for name in class_names},
    )
    if not 0 < found.coverage < 1 or not all(0 <= each <= 1 for each in found.least.values()):
        raise ValueError("expected coverage between 0 and 1, and each of least from 0 to 1")
    return found


def _object(text: str) -> dict[str, Any]:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("expected an object with keys and values")
    return values


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r}, expected a number")
    return float(value)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r}, expected a number of images")
    return value
