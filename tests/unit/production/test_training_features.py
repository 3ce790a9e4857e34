"""The training images of a version, and their features by its model."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from colour_model import COLOURS, colour_model, paint

from lradapt.config.paths import read_paths
from lradapt.data.images.decode import preprocess
from lradapt.data.images.image_table import ImageRow
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.gate.held_out import write_trained_on
from lradapt.inference.explaining_model import ExplainingModel
from lradapt.inference.predict import Model
from lradapt.production import training_features
from lradapt.production.training_features import find_training_images, training_neighbours
from lradapt.registry import open_registry

PATHS = read_paths(Path(__file__).parents[3] / "dvc.yaml")
NAMES = ["r.png", "g.png", "b.png", "new.png", "checked.png", "tested.png"]
SPLITS = ["train", "train", "train", "train", "validation", "test"]


@pytest.fixture
def paths(tmp_path):
    """A project of three colours with two images each, of which one is not in the version."""
    paths = PATHS.below(tmp_path)
    rows, images = [], []
    for number, (name, split) in enumerate(zip(NAMES, SPLITS, strict=True)):
        colour = COLOURS[number % 3]
        paint(paths.images / name, colour, seed=number)
        rows.append(
            ImageRow(name, f"file {number}", f"p{number}", 10, 10, "ok", "", "PNG", "RGB", 1)
        )
        images.append(LabelledImage(name, colour, "", split, f"p{number}", number))
    paths.training_split.parent.mkdir(parents=True)
    write_split(paths.training_split, images)
    paths.table.parent.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(paths.table, index=False)
    return paths


@pytest.fixture
def version(tmp_path, paths):
    """A version that has learnt from all but `new.png`."""
    registry = open_registry(str(tmp_path / "registry"), "classifier")
    images = [LabelledImage("", "", "", "train", f"p{number}") for number in (0, 1, 2, 4)]
    files = {"model.onnx": colour_model(), "trained_on.csv": write_trained_on(images)}
    return registry.open(registry.publish(files, {}))


def neighbours(version, paths, model=None):
    return training_neighbours(
        find_training_images(version, paths),
        model or ExplainingModel(colour_model()),
        Model(colour_model()).preprocessing,
        model_sha256="0",
        store=paths.store,
    )


def test_only_images_of_the_training_that_the_version_has_learnt_from_are_compared(version, paths):
    found = find_training_images(version, paths)
    assert [each.image.image for each in found] == ["r.png", "g.png", "b.png"]
    (paths.images / "g.png").unlink()
    assert [each.image.image for each in find_training_images(version, paths)] == ["r.png", "b.png"]


def test_without_a_run_there_is_no_training_image(version, paths):
    paths.training_split.unlink()
    assert find_training_images(version, paths) == []


def test_a_training_image_is_nearest_to_itself_and_a_colour_to_its_own(version, paths):
    model, how = ExplainingModel(colour_model()), Model(colour_model()).preprocessing
    near = neighbours(version, paths)
    for name in ("g.png", "checked.png"):
        square = preprocess((paths.images / name).read_bytes(), how)
        (found, *_) = near.nearest_to(model.features(square[None])[0], 3)
        assert (found.image, found.label) == ("g.png", "green")
        assert (found.similarity == pytest.approx(1, abs=1e-6)) == (name == "g.png")


def test_features_are_computed_once_for_a_model_and_then_only_of_new_files(
    version, paths, monkeypatch
):
    squares = []
    monkeypatch.setattr(
        training_features,
        "preprocess",
        lambda content, how: squares.append(1) or preprocess(content, how),
    )
    first = neighbours(version, paths)
    again = neighbours(version, paths)
    assert len(squares) == 3
    query = np.ones(3 * 8 * 8, np.float32)
    assert again.nearest_to(query, 3) == first.nearest_to(query, 3)
    rows = paths.table.read_text().replace("file 2", "another file 2")
    paths.table.write_text(rows)
    paint(paths.images / "b.png", "red", seed=9)
    assert neighbours(version, paths).nearest_to(query, 3) != first.nearest_to(query, 3)
    assert len(squares) == 4


def test_a_file_that_is_damaged_by_now_is_left_out(version, paths):
    (paths.images / "r.png").write_bytes(b"damaged")
    found = neighbours(version, paths).nearest_to(np.ones(3 * 8 * 8, np.float32), 5)
    assert {each.image for each in found} == {"g.png", "b.png"}


def test_a_read_only_project_keeps_nothing_and_has_neighbours_all_the_same(version, paths, caplog):
    paths.store.parent.mkdir(parents=True, exist_ok=True)
    paths.store.write_text("a file in the place of the folder, since root may write everywhere")
    with caplog.at_level(logging.WARNING):
        found = neighbours(version, paths).nearest_to(np.ones(3 * 8 * 8, np.float32), 5)
    assert len(found) == 3
    assert "the features are not kept" in caplog.text
