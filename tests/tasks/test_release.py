"""The tasks of a release; what they call is tested where it is."""

import pytest

from lradapt.registry import open_registry
from tasks import release
from tasks.ui import events


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("complete_interrupted", ("v",)),
        ("evaluate_and_promote", ("v", "", None)),
        ("promote_challenger", (None,)),
    ],
)
def test_how_a_release_ended_is_emitted_before_it_is_recorded(monkeypatch, tmp_path, task, words):
    emitted = []
    monkeypatch.setattr(events, "released", lambda *given: emitted.append(given))
    monkeypatch.setattr(release.release, task, lambda *_, tell, **__: tell("the end"))
    getattr(release, task).fn(open_registry(str(tmp_path), "colours"), *words)
    assert emitted == [("colours", "the end")]
