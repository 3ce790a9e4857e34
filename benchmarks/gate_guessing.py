"""How often the gate promotes a first model that guesses, and one that is right in 80 %."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lradapt.data.labelled_image import LabelledImage
from lradapt.gate.guessing import compare_with_guessing
from lradapt.gate.rules import Rules


@dataclass(frozen=True, slots=True)
class TestSet:
    """The sizes of the classes of a test set, and of its groups."""

    sizes: Sequence[int]
    group_size: int = 1


SETS = {
    "2 classes of 5": TestSet((5,) * 2),
    "2 classes of 10": TestSet((10,) * 2),
    "2 classes of 50": TestSet((50,) * 2),
    "2 classes of 100 and 3": TestSet((100, 3)),
    "3 classes of 5": TestSet((5,) * 3),
    "2 classes of 20, in groups of 5": TestSet((20,) * 2, 5),
}
KINDS = ("equal shares", "shares of the classes", "the most frequent", "right in 80 %")


def share_promoted(test_set: TestSet, kind: str, rules: Rules, *, draws: int, seed: int) -> float:
    """Return the share of simulated models of a kind that are promoted as the first model."""
    random = np.random.default_rng(seed)
    images = _images(test_set)
    promoted = [
        compare_with_guessing(
            images, _answers(images, test_set, kind, random), rules, seed=0
        ).shown_better
        for _ in range(draws)
    ]
    return sum(promoted) / draws


def _images(test_set: TestSet) -> list[LabelledImage]:
    return [
        LabelledImage(f"{k}/{n}", str(k), f"{k}/{n // test_set.group_size}", "test", f"{k}/{n}")
        for k, size in enumerate(test_set.sizes)
        for n in range(size)
    ]


def _answers(
    images: Sequence[LabelledImage], test_set: TestSet, kind: str, random: np.random.Generator
) -> list[str]:
    """Return the answers of a model; the images of one group get the same."""
    sizes = np.array(test_set.sizes)
    names = [str(k) for k in range(len(sizes))]
    groups = sorted({image.group for image in images})
    if kind == "right in 80 %":
        right = dict(zip(groups, random.random(len(groups)) < 0.8, strict=True))
        return [image.label if right[image.group] else "" for image in images]
    shares: dict[str, npt.NDArray[np.float64]] = {
        "equal shares": np.full(len(sizes), 1 / len(sizes)),
        "shares of the classes": sizes / sizes.sum(),
        "the most frequent": np.eye(len(sizes))[sizes.argmax()],
    }
    drawn = dict(zip(groups, random.choice(names, len(groups), p=shares[kind]), strict=True))
    return [str(drawn[image.group]) for image in images]
