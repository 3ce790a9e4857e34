"""What can be wrong with a set of labelled images: the kinds, their names for people, the remedies.

Who finds them: `image_findings` (from what ingest saw of the files alone) and `label_findings`
(from images and labels together). Who acts: `admit`, by the policies of params.yaml.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lradapt.errors import DataError, listed

Kind = Literal[
    "undecodable",
    "truncated",
    "lfs_pointer",
    "bomb",
    "hidden",
    "wrong_extension",
    "tiny",
    "odd_mode",
    "rotated",
    "label_without_image",
    "image_without_label",
    "two_labels",
    "two_groups",
    "duplicate",
    "near_duplicate",
    "straddling",
    "few_groups",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Policy = Literal["stop", "set_aside", "keep"]


@dataclass(frozen=True, slots=True)
class Rules:
    """What is tiny, what is near, and what is done about each kind; `check` in params.yaml.

    Attributes:
        min_side: pixels; a picture with a shorter side is tiny.
        near_correlation: of the grey values of two pictures, from which they are near duplicates.
        policies: a policy for each kind.
    """

    min_side: int
    near_correlation: float
    policies: Mapping[Kind, Policy]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: of what sort.
        subject: the image, the label's image or the class that it is about.
        detail: what was found, in words.
        images: what the policy `set_aside` takes out.
        beside: other images that show what is meant.
    """

    kind: Kind
    subject: str
    detail: str
    images: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Meaning:
    """A kind in words for people.

    Attributes:
        title: what it is; it stands after a number.
        remedy: what a person can do.
        kept: what happens where it does not stop; empty where its images always leave.
    """

    title: str
    remedy: str
    kept: str = ""


MEANINGS: Mapping[Kind, Meaning] = {
    "undecodable": Meaning("not an image, or damaged", "replace the file or remove it"),
    "truncated": Meaning("cut off: a truncated file", "copy or download the file again"),
    "lfs_pointer": Meaning(
        "a Git LFS pointer, not an image",
        "this is an LFS pointer: run `git lfs pull` where the files come from",
    ),
    "bomb": Meaning(
        "larger than data.max_megapixels", "scale the picture down, or raise data.max_megapixels"
    ),
    "hidden": Meaning(
        "a hidden file, or in a hidden folder",
        "remove it (.ipynb_checkpoints, .DS_Store), or rename it",
    ),
    "wrong_extension": Meaning(
        "named as another format than it is", "rename the file", "decoded by the content"
    ),
    "tiny": Meaning("smaller than check.min_side", "replace the picture", "enlarged"),
    "odd_mode": Meaning(
        "in unusual colours", "look whether the colours are right", "converted to 8-bit RGB"
    ),
    "rotated": Meaning(
        "turned by EXIF", "look whether the turned picture is upright", "turned as EXIF asks"
    ),
    "label_without_image": Meaning(
        "a label without an image",
        "add the file, or remove the line from labels.csv",
        "its line is left out",
    ),
    "image_without_label": Meaning(
        "an image without a label", "add a line to labels.csv, or remove the file"
    ),
    "two_labels": Meaning(
        "the same picture under two labels",
        "decide which label is right",
        "learnt under both labels, in one split",
    ),
    "two_groups": Meaning(
        "the same picture in two groups",
        "look whether the groups are one patient or lesion",
        "the groups stay in one split",
    ),
    "duplicate": Meaning("the same picture more than once", "remove the copies", "in one split"),
    "near_duplicate": Meaning(
        "nearly the same picture",
        "look at both; where they show one thing, give them one group",
        "may stand in both splits",
    ),
    "straddling": Meaning(
        "across a given split: its group or its pixels stand on another split",
        "mend the column split",
    ),
    "few_groups": Meaning(
        "a class with fewer than two groups",
        "add images of other patients or lesions",
        "trained, but the exam cannot judge it",
    ),
}


def by_kind(findings: Iterable[Finding]) -> dict[Kind, list[Finding]]:
    """The findings of each kind that has any, in the order of `KINDS`."""
    of_kind: defaultdict[Kind, list[Finding]] = defaultdict(list)
    for finding in findings:
        of_kind[finding.kind].append(finding)
    return {kind: of_kind[kind] for kind in KINDS if kind in of_kind}


def set_aside(findings: Iterable[Finding], policies: Mapping[Kind, Policy]) -> dict[str, Finding]:
    """Image -> why it leaves, of the findings whose policy says so; of several the first."""
    reasons: dict[str, Finding] = {}
    for finding in findings:
        if policies[finding.kind] == "set_aside":
            for image in finding.images:
                reasons.setdefault(image, finding)
    return reasons


def stopping(
    findings: Iterable[Finding], policies: Mapping[Kind, Policy]
) -> dict[Kind, list[Finding]]:
    """The findings that let nothing go on, by kind."""
    return {kind: f for kind, f in by_kind(findings).items() if policies[kind] == "stop"}


def require_none_stops(findings: Sequence[Finding], policies: Mapping[Kind, Policy]) -> None:
    """Check that no finding is of a kind whose policy is `stop`.

    Raises:
        DataError: some are; all kinds, their files and their remedies are named at once.
    """
    stops = stopping(findings, policies)
    if stops:
        parts = [
            f"{len(found)} x {MEANINGS[kind].title}: {MEANINGS[kind].remedy} ({kind})\n"
            + listed([f"{finding.subject}: {finding.detail}" for finding in found])
            for kind, found in stops.items()
        ]
        raise DataError(
            "the data cannot be used as it is (what stops is set in params.yaml, check.policies; "
            "`lradapt check --html PATH` shows the pictures):\n" + "\n".join(parts)
        )


def warnings(findings: Iterable[Finding], policies: Mapping[Kind, Policy]) -> list[str]:
    """A sentence for each kind that is kept, or leaves without an image to name."""
    return [
        f"{len(found)} x {MEANINGS[kind].title}, such as {found[0].subject} ({found[0].detail}): "
        f"{MEANINGS[kind].kept}"
        for kind, found in by_kind(findings).items()
        if policies[kind] == "keep"
        or (policies[kind] == "set_aside" and not any(finding.images for finding in found))
    ]


def gist(
    findings: Iterable[Finding], policies: Mapping[Kind, Policy], *, num_examples: int
) -> list[dict[str, Any]]:
    """For JSON: each kind that was found, its number, policy, remedy and first examples."""
    return [
        {
            "kind": kind,
            "title": MEANINGS[kind].title,
            "count": len(found),
            "policy": policies[kind],
            "remedy": MEANINGS[kind].remedy,
            "examples": [_example(finding) for finding in found[:num_examples]],
        }
        for kind, found in by_kind(findings).items()
    ]


def _example(finding: Finding) -> dict[str, Any]:
    beside = [*finding.images[1:], *finding.beside]
    return {"subject": finding.subject, "detail": finding.detail, "beside": beside[:5]}
