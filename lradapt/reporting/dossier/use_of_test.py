"""How often the test images have been asked, and what that leaves of the gate's error.

Each comparison on the same images is another chance for a challenger that is no better to look
better. The union bound holds however the comparisons depend on each other: the probability that at
least one of them errs is at most the sum of their errors, 1 - `confidence` each. It assumes that
the challengers were not chosen by the figures of these images.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lradapt.production.comparison_record import images_sha256
from lradapt.registry.promotions import Promotion
from lradapt.registry.protocol import ComparisonRecord
from lradapt.reporting.dossier.collected import Collected, Version

_TARGET = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedImages:
    """Test images of one identity: the same images, whatever their labels.

    Attributes:
        sha256: of their pixel hashes.
        images: their number.
        first, last: of the comparisons on them; UTC, ISO 8601.
        asked: number of comparisons.
        distinct: of those with another challenger, champion, rules, code or labels; the same
            question gets the same answer, so only these count.
        error_bound: union bound of the probability that one of them errs, at most 1.
        in_latest: share of the latest test split that is in this one; None if not recorded.
        versions: number of versions published with figures on just these images.
    """

    sha256: str
    images: int
    first: str
    last: str
    asked: int
    distinct: int
    error_bound: float
    in_latest: float | None
    versions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UseOfTest:
    """The use of the test images.

    Attributes:
        sets: in the order of their first use.
        latest: version whose test split is the latest known one; empty if none is.
        latest_images: its number of images.
        times: number of distinct comparisons -> number of images of the latest test split.
        distinct: distinct comparisons on at least one image of the latest test split.
        unknown: those of them whose images are not recorded; counted as if on all images.
        error_bound: union bound over them, at most 1.
        confidence_for_target: the confidence at which as many comparisons together err in at most
            5 %; None without a comparison.
        unrecorded: promotions by the gate that have no record of their comparison: their numbers.
        of_other_params: distinct comparisons whose challenger had other params than the version
            published before it, so a person may have chosen it by figures of the test images.
    """

    sets: tuple[AskedImages, ...]
    latest: str
    latest_images: int
    times: Mapping[int, int]
    distinct: int
    unknown: int
    error_bound: float
    confidence_for_target: float | None
    unrecorded: tuple[int, ...]
    of_other_params: int


def use_of_test_images(collected: Collected) -> UseOfTest:
    """Count the comparisons, by identity of the test images and by image of the latest split."""
    with_images = [each for each in collected.versions if each.test_images]
    latest = with_images[-1] if with_images else None
    images_of = {each.name: frozenset(each.test_images or ()) for each in with_images}
    now = images_of[latest.name] if latest else frozenset()
    distinct = _distinct(collected.comparisons)
    sets = [(each, _images(each, images_of)) for each in distinct]
    relevant = [(each, images) for each, images in sets if images is None or images & now]
    counts = Counter(
        image for _, images in relevant for image in (now if images is None else images)
    )
    errors = [_error(each) for each, _ in relevant]
    return UseOfTest(
        sets=tuple(_test_sets(collected, distinct, images_of, now)),
        latest=latest.name if latest else "",
        latest_images=len(now),
        times=dict(sorted(Counter(counts[image] for image in now).items())),
        distinct=len(relevant),
        unknown=sum(images is None for _, images in relevant),
        error_bound=_union(errors),
        confidence_for_target=1 - _TARGET / len(relevant) if relevant else None,
        unrecorded=tuple(_unrecorded(collected.promotions, collected.comparisons)),
        of_other_params=_of_other_params([each for each, _ in relevant], collected.versions),
    )


def _distinct(comparisons: Sequence[ComparisonRecord]) -> list[ComparisonRecord]:
    """Return the first of each question; a damaged one is a question of its own."""
    found: dict[Any, ComparisonRecord] = {}
    for each in comparisons:
        found.setdefault(_question(each), each)
    return list(found.values())


def _question(each: ComparisonRecord) -> tuple[Any, ...]:
    if not each.asked:
        return (each.id,)
    champion = (each.asked["champion"] or {}).get("version")
    return (
        each.asked["version"],
        champion,
        each.asked["rules_sha256"],
        each.asked["gate_code"],
        each.asked["held_out"]["labelled_sha256"],
    )


def _images(
    each: ComparisonRecord, images_of: Mapping[str, frozenset[str]]
) -> frozenset[str] | None:
    """Return the test images of a comparison, those of its challenger; None if not recorded."""
    if not each.asked:
        return None
    images = images_of.get(each.asked["version"])
    known = images is not None and images_sha256(images) == each.asked["test_images"]["sha256"]
    return images if known else None


def _test_sets(
    collected: Collected,
    distinct: Sequence[ComparisonRecord],
    images_of: Mapping[str, frozenset[str]],
    now: frozenset[str],
) -> list[AskedImages]:
    by_set: dict[str, list[ComparisonRecord]] = {}
    for each in collected.comparisons:
        if each.asked:
            by_set.setdefault(each.asked["test_images"]["sha256"], []).append(each)
    of_versions = Counter(images_sha256(images) for images in images_of.values())
    once = {each.id for each in distinct}
    sets: list[AskedImages] = []
    for sha256, inside in by_set.items():
        asked = [each.asked for each in inside if each.asked]
        errors = [_error(each) for each in inside if each.id in once]
        images = next((found for each in inside if (found := _images(each, images_of))), None)
        sets.append(
            AskedImages(
                sha256=sha256,
                images=asked[0]["test_images"]["images"],
                first=asked[0]["at"],
                last=asked[-1]["at"],
                asked=len(inside),
                distinct=len(errors),
                error_bound=_union(errors),
                in_latest=len(images & now) / len(now) if images and now else None,
                versions=of_versions[sha256],
            )
        )
    return sets


def _error(each: ComparisonRecord) -> float:
    """Return the nominal error of one comparison; 1 where its rules are not known."""
    return 1 - float(each.asked["rules"]["confidence"]) if each.asked else 1.0


def _union(errors: Sequence[float]) -> float:
    return round(min(1.0, sum(errors)), 6)


def _unrecorded(
    promotions: Sequence[Promotion], comparisons: Sequence[ComparisonRecord]
) -> list[int]:
    asked = [each.asked for each in comparisons if each.asked]
    return [
        each.sequence
        for each in promotions
        if each.kind in ("promotion", "override") and not any(_led_to(each, one) for one in asked)
    ]


def _led_to(promotion: Promotion, asked: Mapping[str, Any]) -> bool:
    """Return whether a promotion came from a comparison; it may lack an outcome."""
    before = (asked["champion"] or {}).get("promotion", 0)
    return bool(promotion.version == asked["version"] and promotion.sequence == before + 1)


def _of_other_params(comparisons: Sequence[ComparisonRecord], versions: Sequence[Version]) -> int:
    params = {each.name: each.manifest.get("params") for each in versions}
    names = [each.name for each in versions]
    changed = {later for earlier, later in pairwise(names) if params[earlier] != params[later]}
    return sum(bool(each.asked and each.asked["version"] in changed) for each in comparisons)
