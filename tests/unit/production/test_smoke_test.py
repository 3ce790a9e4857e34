from dataclasses import replace
from pathlib import Path

import pytest
from colour_model import COLOURS, colour_model, paint

from lradapt.config.paths import read_paths
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.inference.predict import Model
from lradapt.production import smoke_test as live_check
from lradapt.production.smoke_test import find_fault, put_back, samples
from lradapt.registry import open_store, versions
from lradapt.registry.store import RegistryError

PATHS = read_paths(Path(__file__).parents[3] / "dvc.yaml")
NAME = "colours"
CLERK = {"who": "me", "when": "2026-01-01T00:00:00+00:00"}


@pytest.fixture
def store(tmp_path):
    return open_store(str(tmp_path / "registry"))


@pytest.fixture
def images(tmp_path):
    return [paint(tmp_path / f"{colour}.png", colour) for colour in COLOURS]


def promote(store, model):
    files = {"model.onnx": model, "trained_on.csv": b""}
    version = versions.publish(store, NAME, files, {})
    over = versions.read_production(store, NAME)
    return versions.promote(store, NAME, version, over=over, why="", **CLERK)


def damage(tmp_path, version):
    path = tmp_path / "registry" / NAME / "versions" / version / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def test_a_sound_model_has_no_fault(store, images):
    assert find_fault(store, NAME, promote(store, colour_model()), images) == ""


def test_a_damaged_model_has_one(store, images, tmp_path):
    move = promote(store, colour_model())
    damage(tmp_path, move.version)
    assert "is damaged" in find_fault(store, NAME, move, images)


def test_a_file_that_is_no_model_has_one(store, images):
    move = promote(store, b"no model")
    assert "not a model that ONNX Runtime can load" in find_fault(store, NAME, move, images)


def test_a_model_that_answers_other_classes_than_it_names_has_one(store, images):
    move = promote(store, colour_model(["two", "names"]))
    assert "ValueError('zip() argument 2 is longer" in find_fault(store, NAME, move, images)


def test_probabilities_that_are_no_numbers_are_a_fault(store, images, monkeypatch):
    move = promote(store, colour_model())
    true = Model.probabilities
    monkeypatch.setattr(Model, "probabilities", lambda *a, **k: true(*a, **k) * float("nan"))
    assert find_fault(store, NAME, move, images) == "probabilities that sum up to nan, expected 1"


def test_where_no_sample_can_be_classified_nothing_is_proven(store, images):
    move = promote(store, colour_model())
    assert find_fault(store, NAME, move, []) == "none of 0 sample images was classified"
    images[0].write_bytes(b"")
    told = find_fault(store, NAME, move, images[:1])
    assert told == "none of 1 sample images was classified, the first since it is empty file"
    assert find_fault(store, NAME, move, images) == ""


@pytest.mark.parametrize(("num", "expected"), [(3, [0, 1, 2]), (80, list(range(0, 80, 10)))])
def test_samples_are_spread_over_the_exam(tmp_path, num, expected):
    sides = [("train", 0), *(("test", n) for n in range(num)), ("validation", 0)]
    rows = [LabelledImage(f"{side}{n}", "x", "", side, f"{n}", n) for side, n in sides]
    write_split(tmp_path / "split.csv", rows)
    found = samples(replace(PATHS, split=tmp_path / "split.csv", images=tmp_path))
    assert found == [tmp_path / f"test{n}" for n in expected]
    assert len(found) <= live_check.NUM_SAMPLES


def test_the_former_version_is_put_back_with_the_fault_as_reason(store):
    first, second = promote(store, colour_model()), promote(store, colour_model(["a", "b", "c"]))
    move = put_back(store, NAME, second, "it is blind", **CLERK)
    assert (move.version, move.former) == (first.version, second.version)
    assert move.why == f"{second.version} failed the live check: it is blind"


def test_nothing_is_put_back_where_there_is_none_or_others_have_moved_since(store):
    first = promote(store, colour_model())
    assert put_back(store, NAME, first, "", **CLERK) is None
    second = promote(store, colour_model(["a", "b", "c"]))
    third = promote(store, colour_model(["d", "e", "f"]))
    assert put_back(store, NAME, second, "", **CLERK) is None
    assert versions.read_production(store, NAME).move == third


def test_where_the_former_version_is_damaged_too_both_faults_are_told(store, tmp_path):
    first, second = promote(store, colour_model()), promote(store, colour_model(["a", "b", "c"]))
    damage(tmp_path, first.version)
    with pytest.raises(
        RegistryError, match=r"failed the live check: dim\. .* be put back: model\.onnx"
    ):
        put_back(store, NAME, second, "dim", **CLERK)
    assert versions.read_production(store, NAME).move == second
