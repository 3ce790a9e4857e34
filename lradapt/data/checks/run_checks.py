"""Runs all checks on images and labels: the problems, and the images that remain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lradapt.data.checks import label_checks
from lradapt.data.checks.cue_checks import spurious_cue
from lradapt.data.checks.findings import Finding, Rules, set_aside
from lradapt.data.checks.image_checks import find_image_faults, shows_something
from lradapt.data.checks.look_checks import find_look_faults
from lradapt.data.images.image_table import OK, ImageRow
from lradapt.data.images.looks import Looks
from lradapt.data.images.near_duplicates import Pairs
from lradapt.data.labelled_image import LabelledImage


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of `run_checks`.

    Attributes:
        findings: all problems, whatever their policies.
        images: the images that remain, in the order of the pixels, with their given splits.
        set_aside: image -> the reason why it was set aside.
        seen: the images that show something, also those that were set aside: where two groups share
            one of them, they are joined.
    """

    findings: list[Finding]
    images: list[LabelledImage]
    set_aside: dict[str, Finding]
    seen: list[LabelledImage]


def run_checks(
    images: Sequence[ImageRow],
    labels: Sequence[LabelledImage],
    near: Pairs,
    rules: Rules,
    looks: Looks | None = None,
) -> CheckResult:
    """Join images and labels, and find all problems.

    Images without pixels or without one label are always removed. Images that a policy sets aside
    are removed too, and later checks do not get them. Under the policy `stop` images remain, so
    that one run finds all problems.

    Args:
        images: the rows of `images.csv`.
        labels: the rows of `labels.csv`.
        near: pairs of nearly identical `images`, see `near_duplicates.near_pairs`.
        rules: the limits and policies.
        looks: of `images`, see `looks.measure_looks`; None: not known, and not checked.
    """
    label_of = label_checks.labels_of(images, labels)
    of_files = find_image_faults(images, min_side=rules.min_side)
    removed = set_aside(of_files, rules.policies)
    findings = [
        *of_files,
        *(find_look_faults(images, looks, removed) if looks else []),
        *label_checks.label_without_image(images, labels),
        *label_checks.image_without_label(images, label_of),
        *label_checks.annotators_tie(images, label_of),
    ]
    aside = set_aside(findings, rules.policies)
    joined = _joined(images, label_of)
    something = {row.image for row in images if shows_something(row)}
    seen = [image for image in joined if image.image in something]
    left = [image for image in joined if image.label and image.image not in aside]
    without_content: set[str] = set()

    def two_labels(images: Sequence[LabelledImage]) -> list[Finding]:
        return label_checks.two_labels([i for i in images if i.image not in without_content])

    for find in (
        partial(label_checks.blank, images),
        partial(label_checks.transparent, images),
        two_labels,
        label_checks.two_groups,
        label_checks.duplicate,
        lambda images: label_checks.near_duplicate(images, near),
        lambda images: label_checks.split_leak(images, seen),
        label_checks.similar_names,
        label_checks.similar_groups,
        lambda images: label_checks.few_groups(images, seen),
    ):
        found = find(left)
        findings += found
        without_content |= {f.subject for f in found if f.kind in ("blank", "transparent")}
        aside |= set_aside(found, rules.policies)
        left = [image for image in left if image.image not in aside]
    if looks and left:
        findings += spurious_cue(left, images, looks, min_auc=rules.cue_auc)
    return CheckResult(_one_remedy(findings, rules), left, dict(sorted(aside.items())), seen)


def _one_remedy(findings: Sequence[Finding], rules: Rules) -> list[Finding]:
    """Leave out that a class has few groups where its name is the reason."""
    similar = {finding.subject for finding in findings if finding.kind == "similar_names"}
    if rules.policies["few_groups"] != "keep":
        return list(findings)
    return [f for f in findings if f.kind != "few_groups" or f.subject not in similar]


def _joined(
    images: Sequence[ImageRow], label_of: Mapping[str, LabelledImage]
) -> list[LabelledImage]:
    """Return the labels of the decoded images, under the names of the files, with their pixels.

    An image on which annotators are tied has no label, whatever the policy.
    """
    return [
        replace(label_of[row.image], image=row.image, pixel_sha256=row.pixel_sha256, row=number)
        for number, row in enumerate(images)
        if row.verdict == OK and row.image in label_of
    ]
