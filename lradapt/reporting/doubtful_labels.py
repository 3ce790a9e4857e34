"""What the report shows of the labels that are probably wrong."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lradapt.config.paths import Paths
from lradapt.data.doubtful_table import DoubtfulLabel, read_doubtful
from lradapt.data.labelled_image import TEST
from lradapt.reporting.pictured_images import PicturedImages
from lradapt.runtime.files import read_json


@dataclass(frozen=True, slots=True)
class DoubtfulPair:
    """How many labels of a class rather are of another class."""

    label: str
    proposed: str
    count: int


@dataclass(frozen=True, slots=True)
class PicturedDoubt:
    """A doubtful label with the picture of its image; "" if it is on another machine."""

    doubt: DoubtfulLabel
    picture: str


@dataclass(frozen=True, slots=True)
class DoubtfulSection:
    """The doubtful labels of a run.

    Attributes:
        summary: of stage `doubtful_labels`.
        pairs: of classes outside the test split, the most frequent first.
        first: the most doubtful outside the test split.
        first_tested: the most doubtful test images.
        num_listed: of labels outside the test split.
        num_tested: of labels of test images.
    """

    summary: Mapping[str, Any]
    pairs: Sequence[DoubtfulPair]
    first: Sequence[PicturedDoubt]
    first_tested: Sequence[PicturedDoubt]
    num_listed: int
    num_tested: int


def doubtful_section(paths: Paths, images: PicturedImages, *, most: int) -> DoubtfulSection:
    """Return what is shown of the doubtful labels.

    Args:
        paths: of the project.
        images: of its splits.
        most: doubtful labels that are shown, and as many of test images; 0: no picture.
    """
    doubts = read_doubtful(paths.doubtful_labels)
    known = [doubt for doubt in doubts if doubt.split != TEST]
    tested = [doubt for doubt in doubts if doubt.split == TEST]
    return DoubtfulSection(
        read_json(paths.doubtful_summary),
        _pairs(known),
        _pictured(known[:most], images),
        _pictured(tested[:most], images),
        len(known),
        len(tested),
    )


def _pairs(doubts: Iterable[DoubtfulLabel]) -> list[DoubtfulPair]:
    counts = Counter((doubt.label, doubt.proposed) for doubt in doubts)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [DoubtfulPair(*pair, count) for pair, count in ordered]


def _pictured(doubts: Iterable[DoubtfulLabel], images: PicturedImages) -> list[PicturedDoubt]:
    return [PicturedDoubt(doubt, images.picture(doubt.image)) for doubt in doubts]
