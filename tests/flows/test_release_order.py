"""Before a flow compares its model, it ends what a killed run has begun in production."""

from types import SimpleNamespace

import pytest

from flows import retrain


@pytest.mark.parametrize(
    ("seconds", "compares"), [(0, "evaluate_and_promote"), (60, "evaluate_challenger")]
)
def test_what_a_killed_run_has_begun_is_ended_before_the_comparison(monkeypatch, seconds, compares):
    called = []
    tasks = ("complete_interrupted", "evaluate_and_promote", "evaluate_challenger")
    recorded = {name: lambda *_, name=name: called.append(name) for name in tasks}
    monkeypatch.setattr(
        retrain, "release", SimpleNamespace(**recorded, promote_challenger=lambda *_: None)
    )
    monkeypatch.setattr(retrain, "approval", SimpleNamespace(ask=lambda *_, **__: None))
    retrain._release("registry", "v2", None, "", seconds)
    assert called == ["complete_interrupted", compares]
