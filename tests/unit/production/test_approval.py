from lradapt.gate.verdict import Verdict
from lradapt.production.approval import with_approval

GATE = Verdict(decision="promote", reason="it is better")


def test_an_approved_verdict_promotes_and_names_the_person_and_the_reason():
    approved = with_approval(GATE, approve=True, by="Ada", reason="seen the report")
    assert approved == Verdict(
        decision="promote", reason="it is better; approved by Ada: seen the report"
    )


def test_a_refused_verdict_keeps_the_champion():
    refused = with_approval(GATE, approve=False, by="Ada", reason="")
    assert refused == Verdict(decision="keep", reason="it is better; refused by Ada")
