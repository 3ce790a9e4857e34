from lradapt.gate.verdict import Verdict
from lradapt.production.approval import settle

GATE = Verdict(decision="promote", why="it is better")


def test_an_approved_verdict_promotes_and_names_who_and_why():
    settled = settle(GATE, approve=True, who="Ada", why="seen the report")
    assert settled == Verdict(
        decision="promote", why="it is better; approved by Ada: seen the report"
    )


def test_a_refused_verdict_keeps_what_is_there():
    settled = settle(GATE, approve=False, who="Ada", why="")
    assert settled == Verdict(decision="keep", why="it is better; refused by Ada")
