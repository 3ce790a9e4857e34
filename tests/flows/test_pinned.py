"""A retraining begins with the line on the pinned lradapt, and so does its plan."""

import pytest

from flows import retrain
from lradapt.errors import LradaptError
from lradapt.project import pyproject


@pytest.fixture(autouse=True)
def _warned(monkeypatch):
    """The line is an error, so that nothing comes after it."""

    def warn():
        raise LradaptError("the line")

    monkeypatch.setattr(pyproject, "warn_if_other", warn)
    monkeypatch.setattr(retrain, "require_project", lambda: None)


def test_a_retraining_warns_before_it_does_anything():
    with pytest.raises(LradaptError, match="the line"):
        retrain.retrain.fn()


def test_its_plan_warns_too(capsys):
    with pytest.raises(SystemExit):
        retrain.main(plan=True)
    assert capsys.readouterr().err == "error: the line\n"
