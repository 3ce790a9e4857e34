from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from colour_model import COLOURS, colour_model, paint
from releases import damage, promote, release

from lradapt.config.paths import read_paths
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.errors import UnreadableError
from lradapt.inference.answers import Answers
from lradapt.inference.predict import Model
from lradapt.production.smoke_test import NUM_SAMPLES, find_fault, restore_previous, samples
from lradapt.registry import open_registry
from lradapt.registry.store import RegistryError

PATHS = read_paths(Path(__file__).parents[3] / "dvc.yaml")
NAME = "colours"


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path / "registry"), NAME)


@pytest.fixture
def images(tmp_path):
    return [paint(tmp_path / f"{colour}.png", colour) for colour in COLOURS]


def test_a_sound_model_has_no_fault(registry, images):
    assert find_fault(registry, release(registry, colour_model()), images) == ""


def test_a_damaged_model_has_one(registry, images, tmp_path):
    promotion = release(registry, colour_model())
    damage(tmp_path / "registry", NAME, promotion.version)
    assert "is damaged" in find_fault(registry, promotion, images)


def test_a_file_that_is_no_model_has_one(registry, images):
    promotion = release(registry, b"no model")
    assert "not a model that ONNX Runtime can load" in find_fault(registry, promotion, images)


def test_a_model_that_answers_other_classes_than_it_names_has_one(registry, images):
    promotion = release(registry, colour_model(["two", "names"]))
    fault = find_fault(registry, promotion, images)
    assert "gives tensor(float) ['batch', 3], expected tensor(float) ['any', 2]" in fault


def test_probabilities_that_are_no_numbers_are_a_fault(registry, images, monkeypatch):
    promotion = release(registry, colour_model())
    nothing = Answers(np.full((8, 3), np.nan, np.float32))
    monkeypatch.setattr(Model, "answers", lambda self, pixels: nothing)
    assert find_fault(registry, promotion, images) == "probabilities that sum up to nan, expected 1"


def test_where_no_sample_can_be_classified_nothing_is_proven(registry, images):
    promotion = release(registry, colour_model())
    assert find_fault(registry, promotion, []) == "none of 0 sample images could be classified"
    images[0].write_bytes(b"")
    found = find_fault(registry, promotion, images[:1])
    assert found == "none of 1 sample images could be classified; the first: empty file"
    assert find_fault(registry, promotion, images) == ""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (UnreadableError("a.png: the disk"), "a.png: the disk"),
        (MemoryError(), "the memory is full"),
    ],
)
def test_what_this_machine_does_not_give_is_no_fault_of_the_model(
    registry, images, monkeypatch, error, reason
):
    def fails(*_):
        raise error

    promotion = release(registry, colour_model())
    monkeypatch.setattr(Model, "classify", fails)
    with pytest.raises(
        UnreadableError, match=f"in production without a smoke test: {reason}. Run again to test it"
    ):
        find_fault(registry, promotion, images)


@pytest.mark.parametrize(("num", "expected"), [(3, [0, 1, 2]), (80, list(range(0, 80, 10)))])
def test_samples_are_evenly_spaced_in_the_test_images(tmp_path, num, expected):
    sides = [("train", 0), *(("test", n) for n in range(num)), ("validation", 0)]
    rows = [LabelledImage(f"{side}{n}", "x", "", side, f"{n}", n) for side, n in sides]
    write_split(tmp_path / "split.csv", rows)
    found = samples(replace(PATHS, split=tmp_path / "split.csv", images=tmp_path))
    assert found == [tmp_path / f"test{n}" for n in expected]
    assert len(found) <= NUM_SAMPLES


def test_the_previous_version_is_restored_with_the_fault_as_reason(registry):
    first, second = (
        release(registry, colour_model()),
        release(registry, colour_model(["a", "b", "c"])),
    )
    promotion = restore_previous(registry, second, "it is blind")
    assert (promotion.version, promotion.previous) == (first.version, second.version)
    assert (promotion.kind, promotion.reason) == ("smoke_test_failure", "it is blind")


def test_nothing_is_restored_if_there_is_none_or_others_have_promoted_since(registry):
    first = release(registry, colour_model())
    assert restore_previous(registry, first, "") is None
    second = release(registry, colour_model(["a", "b", "c"]))
    third = release(registry, colour_model(["d", "e", "f"]))
    assert restore_previous(registry, second, "") is None
    assert registry.production().promotion == third


def rolled_back(registry):
    """The promotion that has put the first of two versions back, and withdrawn the second."""
    first = release(registry, colour_model()).version
    release(registry, colour_model(["a", "b", "c"]))
    return promote(registry, first, kind="rollback", reason="it sees owls")


def test_a_previous_version_that_was_withdrawn_itself_is_not_restored(registry, caplog):
    promotion = rolled_back(registry)
    assert restore_previous(registry, promotion, "it is blind") is None
    assert registry.production().promotion == promotion
    assert f"{promotion.version} stays in production: {promotion.previous} was" in caplog.text


def test_it_is_not_restored_either_where_the_log_is_damaged_or_its_last_entry_missing(registry):
    promotion = rolled_back(registry)
    registry.store.delete(f"{NAME}/log/00000003.json")
    assert restore_previous(registry, promotion, "it is blind") is None
    registry.store.delete(f"{NAME}/log/00000001.json")
    registry.store.create(f"{NAME}/log/00000001.json", b"{")
    assert restore_previous(registry, promotion, "it is blind") is None
    assert registry.production().promotion == promotion


def test_if_the_previous_version_is_damaged_too_both_faults_are_reported(registry, tmp_path):
    first, second = (
        release(registry, colour_model()),
        release(registry, colour_model(["a", "b", "c"])),
    )
    damage(tmp_path / "registry", NAME, first.version)
    with pytest.raises(
        RegistryError, match=r"failed the smoke test: dim\. .* be restored: model\.onnx"
    ):
        restore_previous(registry, second, "dim")
    assert registry.production().promotion == second
