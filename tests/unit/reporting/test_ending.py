from dataclasses import replace

import pytest

from lradapt.gate.verdict import Verdict
from lradapt.production.release import Outcome
from lradapt.registry.versions import Move
from lradapt.reporting.judgement import judgement

MOVE = Move(seq=2, version="new", former="old", model_sha256="", why="for me", who="", when="")
KEEP, PROMOTE = (Verdict(decision=word, why="because") for word in ("keep", "promote"))
INVALID = Verdict(decision="invalid", why="no parity")


@pytest.mark.parametrize(
    ("outcome", "title", "tone"),
    [
        (Outcome("new", PROMOTE, MOVE), "In production: version new", "good"),
        (Outcome("new", KEEP, None, former="old"), "Not promoted: version new", "warning"),
        (Outcome("new", KEEP, None, former="new"), "In production: version new", "good"),
        (Outcome("new", KEEP, MOVE), "Promoted by a person: version new", "warning"),
        (Outcome("new", INVALID, None), "Invalid: version new", "bad"),
        (
            Outcome("new", PROMOTE, MOVE, fault="NaN"),
            "Promoted, but cannot be used: version new",
            "bad",
        ),
        (None, "Not judged yet", "open"),
    ],
)
def test_the_head_of_a_page_says_how_it_ended(outcome, title, tone):
    found = judgement(outcome)
    assert (found.title, found.tone) == (title, tone)


def test_the_gates_reason_comes_first_and_then_what_came_after():
    failed = Outcome("new", KEEP, MOVE, fault="NaN", restored=replace(MOVE, version="old"))
    assert judgement(failed).why == (
        "because",
        "promoted all the same; the log says for me",
        "FAILED, old is in production again: NaN",
    )
    assert judgement(Outcome("new", PROMOTE, MOVE)).why == ("because",)
