"""How often the gate promotes which challenger, by simulation.

Test sets have HAM10000's class sizes, a sixth of each class, and its numbers of images for each
lesion. Whether a model is right depends on the difficulty of the image, which all models share, on
the training, which its snapshots share, and on the snapshot; each of the three correlates within a
lesion. The best of seven snapshots, all equally good, is evaluated on the test set. Bootstrap,
policy and floors are those of the gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lradapt.evaluation.paired_bootstrap import (
    Floats,
    Integers,
    bounds,
    resampled_differences,
)
from lradapt.gate.comparison import ClassResult, Hits, McNemar, mcnemar
from lradapt.gate.criteria import apply_policy, below_recall_floor
from lradapt.gate.rules import Rules

IMAGES = {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115}
"""HAM10000's, Tschandl et al., arXiv:1803.10417, table 1."""
RECALLS = {
    "nv": 0.92,
    "mel": 0.55,
    "bkl": 0.6,
    "bcc": 0.65,
    "akiec": 0.45,
    "vasc": 0.75,
    "df": 0.45,
}
"""Of a model with an accuracy of 81 % and a balanced one of 62 %, like ours."""
LESIONS = (5514, 1423, 490, 34, 5, 4)
"""HAM10000's lesions with one image, two, and so on."""
NUM_SNAPSHOTS = 7
SHARED = {"all models": 0.8, "a training": 0.1, "a snapshot": 0.1}
"""Shares of the variance of an answer: two trainings disagree on 11 to 12 % of the images."""
CORRELATION_IN_LESION = 0.7
NUM_TEST_IMAGES = 1670
BATCH = 100
"""Number of draws that share their resamples; each batch has its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One kind of challenger, and how it is evaluated.

    Attributes:
        name: in the table.
        gains: class -> the challenger's true recall minus the champion's; 0 where not named.
        images: of the test set.
        chosen_on: the split on which the best of the snapshots was chosen.
    """

    name: str
    gains: Mapping[str, float]
    images: int = NUM_TEST_IMAGES
    chosen_on: str = "validation"


@dataclass(frozen=True, slots=True)
class Split:
    """Images by class and lesion."""

    labels: Integers
    groups: Integers


@dataclass(frozen=True, slots=True)
class Rates:
    """How often, in [0, 1], over the draws."""

    superior: float
    not_worse: float
    superior_with_floors: float
    not_worse_with_floors: float
    mcnemar: float
    disagreement: float


def in_each_class(gain: float) -> dict[str, float]:
    """Return the same gain for each class."""
    return dict.fromkeys(IMAGES, gain)


def make_split(images: int, random: np.random.Generator) -> Split:
    """Make a split of about `images` images with the classes and lesion sizes of HAM10000."""
    shares = np.array(LESIONS) / sum(LESIONS)
    labels: list[int] = []
    groups: list[int] = []
    for label, total in enumerate(IMAGES.values()):
        left = round(total * images / sum(IMAGES.values()))
        while left:
            size = min(left, int(random.choice(len(LESIONS), p=shares)) + 1)
            number = groups[-1] + 1 if groups else 0
            labels, groups, left = labels + size * [label], groups + size * [number], left - size
    return Split(np.array(labels), np.array(groups))


def draw_hits(
    split: Split, limits: Sequence[Floats], draws: int, random: np.random.Generator
) -> list[Hits]:
    """Draw for each model on which images it is right, `[snapshots, draws, images]`.

    Args:
        split: the images.
        limits: of each model and class; a normal number below it is a hit.
        draws: of the difficulties of the images, and of trainings.
        random: generator.
    """
    shared, of_training, of_snapshot = (np.float32(np.sqrt(share)) for share in SHARED.values())
    difficulty = shared * _normal(split, (1, draws), random)
    return [
        difficulty
        + of_training * _normal(split, (1, draws), random)
        + of_snapshot * _normal(split, (NUM_SNAPSHOTS, draws), random)
        < each[split.labels]
        for each in limits
    ]


def best_snapshot(split: Split, hits: Hits) -> Integers:
    """Return the snapshot with the best balanced accuracy in each draw."""
    weights = 1 / np.bincount(split.labels)[split.labels]
    best: Integers = (hits @ weights).argmax(axis=0)
    return best


def _normal(split: Split, shape: tuple[int, int], random: np.random.Generator) -> Any:
    """Draw standard normal numbers `[*shape, images]`, correlated within a lesion."""
    lesions = random.standard_normal((*shape, int(split.groups[-1]) + 1), dtype=np.float32)
    images = random.standard_normal((*shape, len(split.labels)), dtype=np.float32)
    shares = CORRELATION_IN_LESION, 1 - CORRELATION_IN_LESION
    of_lesion, of_image = (np.float32(np.sqrt(share)) for share in shares)
    return of_lesion * lesions[:, :, split.groups] + of_image * images


def hits_of_best(
    scenario: Scenario, test_images: Split, draws: int, random: np.random.Generator
) -> tuple[Hits, Hits]:
    """Draw where champion and challenger, the best snapshots, are right: `[draws, N]` each."""
    from scipy.stats import norm

    recalls = np.array(list(RECALLS.values()))
    gains = np.array([scenario.gains.get(name, 0.0) for name in RECALLS])
    limits = norm.ppf(recalls), norm.ppf(recalls + gains)
    hits = draw_hits(test_images, limits, draws, random)
    if scenario.chosen_on == "test":
        # The champion was chosen before these images were drawn.
        chosen = [np.zeros(draws, int), best_snapshot(test_images, hits[1])]
    else:
        validation = make_split(scenario.images // 2, random)
        chosen = [
            best_snapshot(validation, each) for each in draw_hits(validation, limits, draws, random)
        ]
    old, new = (each[best, np.arange(draws)] for each, best in zip(hits, chosen, strict=True))
    return old, new


def simulate(scenario: Scenario, rules: Rules, *, draws: int, seed: int) -> Rates:
    """Return how often the challenger of a scenario is promoted."""
    random = np.random.default_rng(seed)
    test_images = make_split(scenario.images, random)
    rows: list[list[float]] = []
    while len(rows) < draws:
        hits = hits_of_best(scenario, test_images, min(BATCH, draws - len(rows)), random)
        rows += _outcomes(test_images, *hits, rules, seed=int(random.integers(2**32)))
    return Rates(*np.mean(rows, axis=0).tolist())


def _outcomes(
    test_images: Split, old: Hits, new: Hits, rules: Rules, *, seed: int
) -> list[list[float]]:
    """Return the decisions of the gate in each draw; the draws of a batch share their resamples."""
    found = resampled_differences(
        test_images.labels,
        test_images.groups,
        (new.astype(np.int64) - old).T,
        num_resamples=rules.num_resamples,
        seed=seed,
    )
    lower, _ = bounds(found.mean(axis=1), rules.confidence)
    _, upper_of_classes = bounds(found, rules.confidence)
    one_hot = np.eye(len(IMAGES))[test_images.labels] / np.bincount(test_images.labels)
    recalls = np.stack([old @ one_hot, new @ one_hot])
    difference = np.round((recalls[1] - recalls[0]).mean(axis=1), 12)
    sizes = np.bincount(test_images.labels).tolist()
    return [
        _outcome(
            float(difference[draw]),
            float(lower[draw]),
            _classes(sizes, recalls[:, draw], upper_of_classes[:, draw]),
            mcnemar(old[draw], new[draw]),
            rules,
        )
        for draw in range(len(old))
    ]


def _classes(sizes: Sequence[int], recalls: Floats, upper: Floats) -> list[ClassResult]:
    return [
        ClassResult(
            name=name,
            images=sizes[k],
            groups=0,
            champion=float(recalls[0, k]),
            challenger=float(recalls[1, k]),
            lower=-1.0,
            upper=float(upper[k]),
        )
        for k, name in enumerate(IMAGES)
    ]


def _outcome(
    difference: float, lower: float, classes: list[ClassResult], test: McNemar, rules: Rules
) -> list[float]:
    passes = [
        apply_policy(difference, lower, replace(rules, policy=policy)).passed
        for policy in ("superior", "not_worse")
    ]
    floors_hold = not below_recall_floor(classes, rules)
    images = sum(each.images for each in classes)
    return [
        *passes,
        *(each and floors_hold for each in passes),
        test.only_challenger > test.only_champion and test.p < 0.1,
        (test.only_champion + test.only_challenger) / images,
    ]
