from dataclasses import replace

import pytest

from lradapt.gate.verdict import Verdict
from lradapt.production.release import Outcome
from lradapt.registry.promotions import Promotion
from lradapt.reporting.ending import describe_ending

PROMOTION = Promotion(
    sequence=2,
    kind="promotion",
    version="new",
    previous="old",
    model_sha256="",
    reason="for me",
    by="",
    manifest_sha256="",
    at="",
)
OVERRIDE = replace(PROMOTION, kind="override")
KEEP, PROMOTE = (Verdict(decision=word, reason="because") for word in ("keep", "promote"))
INVALID = Verdict(decision="invalid", reason="no parity")


@pytest.mark.parametrize(
    ("outcome", "title", "tone"),
    [
        (Outcome("new", PROMOTE, PROMOTION), "In production: version new", "good"),
        (Outcome("new", KEEP, None, previous="old"), "Not promoted: version new", "warning"),
        (Outcome("new", KEEP, None, previous="new"), "In production: version new", "good"),
        (Outcome("new", KEEP, OVERRIDE), "Promoted by a person: version new", "warning"),
        (Outcome("new", INVALID, None), "Invalid: version new", "bad"),
        (
            Outcome("new", PROMOTE, PROMOTION, fault="NaN"),
            "Promoted, but cannot be used: version new",
            "bad",
        ),
        (None, "Not evaluated by the gate yet", "open"),
    ],
)
def test_the_head_of_a_page_says_how_it_ended(outcome, title, tone):
    found = describe_ending(outcome)
    assert (found.title, found.tone) == (title, tone)


def test_the_gates_reason_comes_first_and_then_what_came_after():
    failed = Outcome("new", KEEP, OVERRIDE, fault="NaN", restored=replace(PROMOTION, version="old"))
    assert describe_ending(failed).sentences == (
        "because",
        "promoted by a person all the same: for me",
        "FAILED, old was restored: NaN",
    )
    assert describe_ending(Outcome("new", PROMOTE, PROMOTION)).sentences == ("because",)
