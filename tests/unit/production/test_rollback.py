import numpy as np
import pytest
from colour_model import colour_model

from lradapt.errors import LradaptError
from lradapt.inference.predict import Model
from lradapt.production.rollback import roll_back
from lradapt.registry import open_store, versions

NAME = "colours"
CLERK = {"why": "", "who": "me", "when": "2026-01-01T00:00:00+00:00"}


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path / "registry"))


def promoted(store, model):
    files = {"model.onnx": model, "trained_on.csv": b""}
    version = versions.publish(store, NAME, files, {})
    over = versions.read_production(store, NAME)
    return versions.promote(store, NAME, version, over=over, **CLERK).version


def in_production(store):
    return versions.read_production(store, NAME).move.version


def test_a_former_model_that_answers_is_put_back(store):
    one, two = promoted(store, colour_model()), promoted(store, colour_model(["a", "b", "c"]))
    move = roll_back(store, NAME, None, **CLERK)
    assert (move.version, move.former, in_production(store)) == (one, two, one)


def test_a_former_version_that_is_no_model_stays_out_and_nothing_changes(store):
    promoted(store, b"no model")
    two = promoted(store, colour_model())
    with pytest.raises(LradaptError, match="not a model that ONNX Runtime can load"):
        roll_back(store, NAME, None, **CLERK)
    assert in_production(store) == two
    assert len(versions.history(store, NAME)) == 2


def test_a_former_model_without_sound_probabilities_stays_out(store, monkeypatch):
    one, two = promoted(store, colour_model()), promoted(store, colour_model(["a", "b", "c"]))
    true = Model.probabilities
    monkeypatch.setattr(Model, "probabilities", lambda *a: true(*a) * np.float32("nan"))
    with pytest.raises(LradaptError, match=f"{one} cannot be used.*sum up to nan"):
        roll_back(store, NAME, None, **CLERK)
    assert in_production(store) == two
