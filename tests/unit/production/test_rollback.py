import numpy as np
import pytest
from colour_model import colour_model
from releases import promote, publish, release

from lradapt.errors import LradaptError
from lradapt.inference.predict import Model
from lradapt.production.rollback import roll_back
from lradapt.registry import open_registry

NAME = "colours"
MODELS = [colour_model([name, "b", "c"]) for name in ("one", "two", "three")]


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path), NAME)


def test_the_previous_version_is_restored_as_a_promotion_of_its_own(registry):
    one, two = (release(registry, model).version for model in MODELS[:2])
    restored = roll_back(registry, None, reason="owls")
    assert (restored.sequence, restored.version, restored.previous) == (3, one, two)
    assert (restored.kind, restored.reason) == ("rollback", "owls")
    assert registry.production().promotion == restored


def test_a_named_version_is_restored(registry):
    one, *_ = (release(registry, model).version for model in MODELS)
    assert roll_back(registry, one, reason="").version == one


def test_a_damaged_version_is_left_behind(registry, tmp_path):
    one, two = (release(registry, model).version for model in MODELS[:2])
    (tmp_path / NAME / "versions" / two / "model.onnx").write_bytes(b"damaged")
    assert roll_back(registry, None, reason="").version == one


def test_a_repeated_request_changes_nothing(registry):
    one, two = (release(registry, model).version for model in MODELS[:2])
    restored = roll_back(registry, None, reason="owls")
    assert roll_back(registry, None, reason="owls") == restored
    assert roll_back(registry, one, reason="owls") == restored
    assert registry.production().promotion == restored
    assert roll_back(registry, two, reason="owls").version == two


def test_a_request_whose_log_entry_was_not_written_is_known(registry):
    for model in MODELS[:2]:
        release(registry, model)
    restored = roll_back(registry, None, reason="owls")
    registry.store.delete(f"{NAME}/log/{restored.sequence:08}.json")
    assert roll_back(registry, None, reason="owls") == restored


@pytest.mark.parametrize("kind", ["rollback", "smoke_test_failure"])
def test_a_withdrawn_version_is_restored_only_by_its_name(registry, kind):
    one, two = (release(registry, model).version for model in MODELS[:2])
    promote(registry, one, kind=kind, reason="owls")
    promote(registry, one, kind="key_change")
    with pytest.raises(LradaptError, match=f"was not restored: {two} .*: owls.*rollback VERSION"):
        roll_back(registry, None, reason="wrens, too")
    assert registry.production().version == one
    assert roll_back(registry, two, reason="they are owls").version == two


def test_nothing_to_restore_is_an_error(registry):
    with pytest.raises(LradaptError, match="nothing of colours is in production"):
        roll_back(registry, None, reason="")
    one = release(registry, MODELS[0]).version
    with pytest.raises(LradaptError, match=f"{one} is the first version in production"):
        roll_back(registry, None, reason="")
    with pytest.raises(LradaptError, match=f"{one} is in production already"):
        roll_back(registry, one, reason="")


def test_what_cannot_be_used_is_not_restored_and_nothing_changes(registry):
    incomplete, no_model = publish(registry, MODELS[1]), publish(registry, b"no model")
    registry.store.delete(f"{NAME}/versions/{incomplete}/manifest.json")
    one = release(registry, MODELS[0]).version
    for version, fault in (
        ("abc", "no version abc of colours"),
        (incomplete, f"version {incomplete} of colours .* is incomplete: .* again"),
        (no_model, "not a model that ONNX Runtime can load"),
    ):
        with pytest.raises(LradaptError, match=fault):
            roll_back(registry, version, reason="")
    assert [promotion.version for promotion in registry.promotions()] == [one]


def test_a_model_without_valid_probabilities_is_not_restored(registry, monkeypatch):
    one, two = (release(registry, model).version for model in MODELS[:2])
    true = Model.probabilities
    monkeypatch.setattr(Model, "probabilities", lambda *a: true(*a) * np.float32("nan"))
    with pytest.raises(LradaptError, match=f"{one} cannot be used.*sum up to nan"):
        roll_back(registry, None, reason="")
    assert registry.production().version == two


FAILED = {"metrics": {"parity": {"passed": False}}}


def test_a_version_that_failed_the_parity_check_is_not_put_into_production(registry):
    unlike = publish(registry, MODELS[1], **FAILED)
    one = release(registry, MODELS[0]).version
    with pytest.raises(LradaptError, match=f"{unlike} cannot be used.* give different answers"):
        roll_back(registry, unlike, reason="")
    assert registry.production().version == one


def test_a_version_that_was_never_in_production_may_be_named(registry):
    kept = publish(registry, MODELS[1], metrics={"parity": {"passed": True}})
    release(registry, MODELS[0])
    assert roll_back(registry, kept, reason="").version == kept


def test_what_the_gate_has_passed_since_its_first_publication_is_restored(registry):
    one = promote(registry, publish(registry, MODELS[0], **FAILED)).version
    release(registry, MODELS[1])
    assert roll_back(registry, None, reason="").version == one
