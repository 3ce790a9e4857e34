"""Which images moved between training and test from one version to the next, by pixel hash."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lradapt.reporting.dossier.collected import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """The test images of two versions; each field but the names is a sorted list of pixel hashes.

    Training means training and validation images, also those of ancestors of a warm start.

    Attributes:
        before, after: names of the versions.
        stayed: in the test split of both.
        relabelled: of those, the ones with another label.
        to_training: in the test split before, trained on after; they no longer measure anything.
        to_test: trained on before; the gate leaves them out while the earlier version is compared.
        new: in the test split after, and not used by the earlier version.
        gone: in the test split before, and not used by the later version.
    """

    before: str
    after: str
    stayed: list[str]
    relabelled: list[str]
    to_training: list[str]
    to_test: list[str]
    new: list[str]
    gone: list[str]


def moves_of(versions: Sequence[Version]) -> list[Moves | tuple[str, str]]:
    """Return the moves between each version and the next; a pair of names where not recorded."""
    return [_moves(before, after) for before, after in pairwise(versions)]


def _moves(before: Version, after: Version) -> Moves | tuple[str, str]:
    if before.test_images is None or after.test_images is None:
        return before.name, after.name
    if before.trained_on is None or after.trained_on is None:
        return before.name, after.name
    old, new = before.test_images, after.test_images
    trained_before, trained_after = (
        before.trained_on.pixel_sha256s,
        after.trained_on.pixel_sha256s,
    )
    stayed = old.keys() & new.keys()
    left, came = old.keys() - new.keys(), new.keys() - old.keys()
    return Moves(
        before=before.name,
        after=after.name,
        stayed=sorted(stayed),
        relabelled=_sorted(each for each in stayed if old[each] != new[each]),
        to_training=sorted(left & trained_after),
        to_test=sorted(came & trained_before),
        new=sorted(came - trained_before),
        gone=sorted(left - trained_after),
    )


def _sorted(hashes: Iterable[str]) -> list[str]:
    return sorted(hashes)
