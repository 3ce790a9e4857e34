"""Findings: problems that were found in the data, and what the policies do about them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lradapt.data.checks.problem_kinds import KINDS, MEANINGS, Kind, Policy
from lradapt.errors import listed


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits and policies of the checks; `check` in params.yaml.

    Attributes:
        min_side: pixels; an image with a shorter side is tiny.
        near_correlation: of the grey values of two images; at this or above, near duplicates.
        policies: a policy for each kind.
        cue_auc: of a property that tells a class from the others; at this or above, a finding.
    """

    min_side: int
    near_correlation: float
    policies: Mapping[Kind, Policy]
    cue_auc: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem.

    Attributes:
        kind: of the problem.
        subject: the image or the class that has the problem.
        detail: what was found, in words.
        images: the images that the policy `set_aside` removes.
        beside: other images that are shown with them.
    """

    kind: Kind
    subject: str
    detail: str
    images: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def by_kind(findings: Iterable[Finding]) -> dict[Kind, list[Finding]]:
    """Return kind -> its findings, for the kinds that have any, in the order of `KINDS`."""
    of_kind: defaultdict[Kind, list[Finding]] = defaultdict(list)
    for finding in findings:
        of_kind[finding.kind].append(finding)
    return {kind: of_kind[kind] for kind in KINDS if kind in of_kind}


def set_aside(findings: Iterable[Finding], policies: Mapping[Kind, Policy]) -> dict[str, Finding]:
    """Return image -> its first finding whose policy is `set_aside`."""
    reasons: dict[str, Finding] = {}
    for finding in findings:
        if policies[finding.kind] == "set_aside":
            for image in finding.images:
                reasons.setdefault(image, finding)
    return reasons


def policy_in_words(found: Sequence[Finding], policy: Policy) -> str:
    """Return the policy for findings of one kind, and how many it sets aside if not all of them.

    Such as blank images, which are used where all of them have one label and one group.
    """
    number = sum(bool(finding.images) for finding in found)
    if policy != "set_aside" or number == len(found):
        return policy
    return f"{policy} {number:,} of {len(found):,}"


def stopping(
    findings: Iterable[Finding], policies: Mapping[Kind, Policy]
) -> dict[Kind, list[Finding]]:
    """Return kind -> its findings, for the kinds whose policy is `stop`."""
    return {kind: f for kind, f in by_kind(findings).items() if policies[kind] == "stop"}


def explain_stops(findings: Sequence[Finding], policies: Mapping[Kind, Policy]) -> str:
    """Return all kinds, files and remedies of the findings whose policy is `stop`; "" for none."""
    stops = stopping(findings, policies)
    if not stops:
        return ""
    parts = [
        f"{len(found)} x {MEANINGS[kind].title}: {MEANINGS[kind].remedy} ({kind})\n"
        + listed([f"{finding.subject}: {finding.detail}" for finding in found])
        for kind, found in stops.items()
    ]
    return (
        "the data have problems whose policy is `stop` (check.policies in params.yaml; "
        "`lradapt check --html PATH` shows the images):\n" + "\n".join(parts)
    )


def warnings(findings: Iterable[Finding], policies: Mapping[Kind, Policy]) -> list[str]:
    """Return a sentence for the findings of each kind that are kept, or that set no image aside."""
    kept = [
        finding
        for finding in findings
        if policies[finding.kind] == "keep"
        or (policies[finding.kind] == "set_aside" and not finding.images)
    ]
    return [
        f"{len(found)} x {MEANINGS[kind].title}, such as {found[0].subject} ({found[0].detail}): "
        f"{MEANINGS[kind].kept}"
        for kind, found in by_kind(kept).items()
    ]


def summarise(
    findings: Iterable[Finding], policies: Mapping[Kind, Policy], *, num_examples: int
) -> list[dict[str, Any]]:
    """Return each kind that was found for JSON: count, policy, remedy and first examples."""
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
