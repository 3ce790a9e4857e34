"""The pause for a person; the person is another thread."""

import threading

import pytest
from prefect import flow

from lradapt.errors import ApprovalError
from lradapt.gate.verdict import Verdict
from lradapt.production.challenger import EvaluatedChallenger
from tasks import approval
from tests.prefect_server import answer, connected

pytestmark = pytest.mark.slow

BETTER = EvaluatedChallenger("abc", Verdict(decision="promote", reason="it is better"), None)


@pytest.fixture(autouse=True)
def _quick(monkeypatch, served):
    monkeypatch.setattr(approval, "POLL_SECONDS", 1)
    with connected(served):
        yield


def asking(challenger, seconds):
    @flow(persist_result=False)
    def ask():
        return approval.ask(challenger, seconds=seconds)

    return ask


@pytest.mark.parametrize(("approve", "decision"), [(True, "promote"), (False, "keep")])
def test_a_flow_waits_for_a_person_and_does_what_they_say(approve, decision, served):
    seen = []
    reply = {"approve": approve, "by": "Ada", "reason": "seen"}
    person = threading.Thread(target=answer, args=(served, reply, seen))
    person.start()
    decided = asking(BETTER, 300)()
    person.join()
    assert decided.verdict.decision == decision
    assert decided.verdict.reason.endswith("ed by Ada: seen")
    assert "Version **abc** would replace **nothing** in production" in seen[0]
    assert "The gate: it is better." in seen[0]


def test_where_nobody_answers_in_time_the_flow_fails_and_says_so():
    with pytest.raises(ApprovalError, match="nobody has approved abc within 3 seconds"):
        asking(BETTER, 3)()


def test_what_the_gate_would_not_promote_asks_nobody():
    kept = EvaluatedChallenger("abc", Verdict(decision="keep", reason="it is worse"), None)
    assert approval.ask(kept, seconds=1) is kept
