"""Which recorded images to label next: a tenth by chance, the others by what the model answered.

The random tenth is drawn first, without a look at any answer, so it is a sample of what the model
meets: it alone may be used for measuring. The others are half those of which the model is least
sure (the smallest difference between its two highest probabilities), half those least like its
training images (the largest distance to the nearest of them). Of the best ones, the next is always
the one furthest from all that are picked already, and none that is nearly the same is taken.

Where the record names groups, such as patients, further images of a group come last, and a group of
which chance has drawn an image gets no other: with one that the answers have chosen, the split
would move the whole group out of the test split.

Letters of shapes: N answers, M training images, D features.
"""

import hashlib
import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import cycle
from typing import Literal

import numpy as np
import numpy.typing as npt

from lradapt.recording.lines import Floats
from lradapt.recording.read import Recorded

Rows = npt.NDArray[np.intp]
Kind = Literal["random", "unsure", "unlike"]

_RANDOM_SHARE = 0.1
_CHOICE = 3  # so many of the best are compared for each that is picked
_CONTENDERS = 10  # so many of the best are looked at, for each that is wanted
_NEARLY_SAME = 0.1  # of the median distance of two images
_ROUNDING = 1e-6
_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Pick:
    """An answer that was picked.

    Attributes:
        row: of the answers.
        kind: why.
    """

    row: int
    kind: Kind


def pick(
    recorded: Recorded,
    candidates: Sequence[int],
    count: int,
    distances_N: Floats | None,
    held_out: Set[str] = frozenset(),
) -> list[Pick]:
    """Return what to label next: the random ones first, then the best of both kinds in turn.

    There are fewer than `count` if the candidates are, or if too many look alike.

    Args:
        recorded: the answers of one version.
        candidates: rows that may be picked, each of another image.
        count: the most that are picked.
        distances_N: of each answer to the nearest training image; None where that is not known.
        held_out: groups from which only chance may draw: a model is measured on them, or will be.
    """
    by_chance = _by_chance(recorded, candidates)[: math.ceil(count * _RANDOM_SHARE)]
    picks = [Pick(row, "random") for row in by_chance]
    drawn = set(by_chance)
    reserved = (held_out | {recorded.group_of(row) for row in drawn}) - {""}
    rest = np.array(
        [r for r in candidates if r not in drawn and recorded.group_of(r) not in reserved], np.intp
    )
    rankings: list[tuple[Kind, Rows]] = [("unsure", rest[np.argsort(_margins(recorded)[rest])])]
    if distances_N is not None:
        rankings.append(("unlike", rest[np.argsort(-distances_N[rest])]))
    most = _CONTENDERS * count
    spread = _Spread(recorded, [*by_chance, *(r for _, rows in rankings for r in rows[:most])])
    for row in by_chance:
        spread.take(row)
    return picks + _alternately(rankings, most, spread, count - len(picks))


def distances_to_training(features_ND: Floats, training_MD: Floats) -> Floats:
    """Return the distance of each image to the nearest training image, `[N]`: 1 minus the cosine.

    Args:
        features_ND: of the images.
        training_MD: of the training images, by the same model.
    """
    training_MD = _unit(training_MD)
    blocks = [features_ND[start : start + _BLOCK] for start in range(0, len(features_ND), _BLOCK)]
    nearest = [1 - (_unit(block) @ training_MD.T).max(axis=1) for block in blocks]
    return np.concatenate([np.empty(0, np.float32), *nearest]).astype(np.float32)


class _Spread:
    """How far answers are from all that were picked: by their features, and by their groups.

    Without features, equal probabilities are what look alike.
    """

    def __init__(self, recorded: Recorded, rows: Sequence[int]) -> None:
        self._group_of = recorded.group_of
        self._groups: set[str] = set()
        self._place = {int(row): place for place, row in enumerate(dict.fromkeys(rows))}
        values = recorded.features if recorded.features.shape[1] else recorded.probabilities
        self._unit = _unit(values[list(self._place)])
        self._nearest = np.full(len(self._place), np.inf, np.float32)
        self._least = max(_NEARLY_SAME * _median_distance(self._unit), _ROUNDING)

    def take(self, row: int) -> None:
        """Count an answer as picked."""
        away = 1 - self._unit @ self._unit[self._place[row]]
        self._nearest = np.minimum(self._nearest, away)
        self._groups |= {self._group_of(row)} - {""}

    def is_alike(self, row: int) -> bool:
        """Return whether an answer is picked, or nearly the same as one that is."""
        return bool(self._nearest[self._place[row]] <= self._least)

    def of_new_groups(self, rows: Sequence[int]) -> Sequence[int]:
        """Return the answers of which no other of the group is picked; all if there are none."""
        return [row for row in rows if self._group_of(row) not in self._groups] or rows

    def furthest(self, rows: Sequence[int]) -> int:
        """Return the answer that is furthest from all that are picked; the first of equal ones."""
        return rows[int(np.argmax([self._nearest[self._place[row]] for row in rows]))]


def _alternately(
    rankings: Sequence[tuple[Kind, Rows]], most: int, spread: _Spread, count: int
) -> list[Pick]:
    """Return picks of all rankings in turn, until there are enough or none has another."""
    left = {kind: [int(row) for row in rows[:most]] for kind, rows in rankings}
    picks: list[Pick] = []
    for kind, _ in cycle(rankings):
        left[kind] = [row for row in left[kind] if not spread.is_alike(row)]
        if len(picks) >= count or not any(left.values()):
            break
        if left[kind]:
            row = spread.furthest(spread.of_new_groups(left[kind])[:_CHOICE])
            spread.take(row)
            picks.append(Pick(row, kind))
    return picks


def _by_chance(recorded: Recorded, rows: Sequence[int]) -> list[int]:
    """Return the rows in a random order, that of hashes: the same for the same images."""

    def order(row: int) -> bytes:
        return hashlib.sha256(f"queue:{recorded.sha256[row]}".encode()).digest()

    return sorted(rows, key=order)


def _margins(recorded: Recorded) -> Floats:
    """Return how sure each answer is, `[N]`: the highest probability minus the next."""
    ascending_NK = np.sort(recorded.probabilities, axis=1)
    margins_N: Floats = ascending_NK[:, -1] - ascending_NK[:, -2:-1].sum(axis=1)
    return margins_N


def _unit(values_ND: Floats) -> Floats:
    lengths = np.linalg.norm(values_ND, axis=1, keepdims=True)
    unit_ND: Floats = (values_ND / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit_ND


def _median_distance(unit_ND: Floats) -> float:
    """Return the median distance of two of at most 500 answers, evenly spread."""
    some = unit_ND[:: max(1, len(unit_ND) // 500)]
    above = np.triu_indices(len(some), 1)
    return float(np.median(1 - (some @ some.T)[above])) if len(some) > 1 else 0.0


def first_of_each(recorded: Recorded, known: Set[str]) -> list[int]:
    """Return the row of the first answer to each image, without images whose hash is known."""
    rows: dict[str, int] = {}
    for row, sha256 in enumerate(recorded.sha256):
        if sha256 not in known:
            rows.setdefault(sha256, row)
    return list(rows.values())
