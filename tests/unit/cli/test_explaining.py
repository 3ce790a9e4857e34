"""`lradapt predict --explain` in an empty folder and in a project."""

import json
from pathlib import Path

import numpy as np
import pytest
from colour_model import COLOURS, colour_model, paint
from explained_project import write_explained_project
from PIL import Image
from releases import promote

from lradapt.config.paths import PROJECT_FILE
from lradapt.data.labelled_image import LabelledImage
from lradapt.gate.held_out import write_trained_on
from lradapt.registry import open_registry


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a run of three training images, and a version in production."""
    monkeypatch.chdir(tmp_path)
    return write_explained_project()


def test_an_explanation_has_neighbours_a_picture_and_the_exact_map(lradapt, project):
    paint(Path("one/a.png"), "green", seed=5)
    paint(Path("two/a.png"), "blue", seed=6)
    done = lradapt("predict", "--explain", "--json", "one", "two", "--into", "why")
    assert done.code == 0, done.err
    first, second = json.loads(done.out)
    assert first["neighbours"][0]["image"] == "green.png"
    assert set(first["neighbours"][0]) == {"image", "label", "similarity"}
    assert (first["explanation"], first["picture"]) == ("why/a.json", "why/a.png")
    assert (second["explanation"], second["picture"]) == ("why/a-2.json", "why/a-2.png")
    written = json.loads(Path("why/a.json").read_text())
    assert (written["image"], written["class"]) == ("one/a.png", "green")
    assert written["class_map"]["kind"] == "activation"
    found = written["class_map"]
    assert np.shape(found["values"]) == (8, 8)
    assert np.mean(found["values"]) == pytest.approx(found["logit"] - found["bias"], abs=1e-6)
    with Image.open("why/a-2.png") as picture:
        assert picture.size == (224, 224)


def test_the_table_names_the_nearest_training_images(lradapt, project, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    paint(Path("a.png"), "red", seed=5)
    Path("b.png").write_bytes(b"damaged")
    done = lradapt("predict", "--explain", "a.png", "b.png")
    assert done.code == 3
    assert "nearest training images" in done.out
    assert "red.png (red " in done.out


def test_outside_a_project_no_image_is_compared_and_the_map_is_written(lradapt, project, caplog):
    Path(PROJECT_FILE).unlink()
    paint(Path("a.png"), "red", seed=5)
    (found,) = json.loads(lradapt("predict", "--explain", "--json", "a.png").out)
    assert found["neighbours"] == []
    assert Path(found["picture"]).exists()
    assert "are not here, so none is compared" in caplog.text


def test_a_model_without_pooled_maps_is_named_once_and_has_maps_by_occlusion(
    lradapt, project, caplog
):
    registry = open_registry("registry", "classifier")
    trained_on = write_trained_on([LabelledImage("", "", "", "train", c) for c in COLOURS])
    files = {"model.onnx": colour_model(), "trained_on.csv": trained_on}
    promote(registry, registry.publish(files, {}))
    for name in ("a", "b"):
        paint(Path(f"{name}.png"), "red", seed=5)
    done = lradapt("predict", "--explain", "--json", "a.png", "b.png")
    first, _ = json.loads(done.out)
    assert Path(first["picture"]).exists()
    assert first["neighbours"][0]["image"] == "red.png"
    assert caplog.text.count("colours has no exact class map") == 1
    found = json.loads(Path("build/explained/a.json").read_text())["class_map"]
    assert (found["kind"], np.shape(found["values"])) == ("occlusion", (8, 8))


def test_without_explain_nothing_is_written(lradapt, project):
    paint(Path("a.png"), "red", seed=5)
    (found,) = json.loads(lradapt("predict", "--json", "a.png").out)
    doubt = {"unlike", "unlike_training", "unsure"}
    assert set(found) == {"image", "class", "probabilities", "fault"} | doubt
    assert not Path("build/explained").exists()


def test_csv_has_no_explanation(lradapt, project):
    paint(Path("a.png"), "red", seed=5)
    done = lradapt("predict", "--explain", "--csv", "a.png")
    assert done.code == 2
    assert "--explain and --csv exclude each other" in done.err
