"""Stale nodes of a plan, brought up to date one after the other; without DVC."""

from contextlib import contextmanager

import pytest

from tasks import stages
from tasks.pipeline.plan import Node
from tasks.remote.dispatch import ElsewhereError


@pytest.fixture
def ran(monkeypatch):
    """What has run, in order."""
    events = []

    def run(node, pools):
        if node.stale:
            events.append(node.address)

    monkeypatch.setattr(stages.elsewhere, "choose", lambda plan: {})
    monkeypatch.setattr(stages, "_reproduce_if_stale", run)
    return events


def test_what_follows_runs_in_its_context(ran):
    @contextmanager
    def beside():
        ran.append("begin")
        yield
        ran.append("end")

    one, two = Node("one", ("edited",)), Node("two", ("its input one is stale",))
    stages.reproduce_stale([one], [two], beside())
    assert ran == ["one", "begin", "two", "end"]


def test_all_that_is_up_to_date_is_one_line(ran, caplog):
    caplog.set_level("INFO", logger="lradapt.stages")
    stages.reproduce_stale([Node("one"), Node("two", ("edited",))], [Node("three")])
    assert caplog.messages == ["up to date: one, three"]


def test_a_stage_that_cannot_run_elsewhere_is_told_before_any_runs(ran, monkeypatch):
    def choose(plan):
        assert [node.address for node in plan] == ["one", "two"]
        raise ElsewhereError("no deployment")

    monkeypatch.setattr(stages.elsewhere, "choose", choose)
    with pytest.raises(ElsewhereError):
        stages.reproduce_stale([Node("one", ("edited",))], [Node("two", ("edited",))])
    assert ran == []
