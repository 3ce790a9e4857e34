"""The nearest training images of an image, on activations that a reader can place."""

import base64
import io
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lradapt.config.paths import read_paths
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.reporting.pictured_images import PicturedImages

PATHS = read_paths(Path(__file__).parents[3] / "dvc.yaml")
DECOMPOSED = unicodedata.normalize("NFD", "caf\u00e9.png")
IMAGES = [  # angle of the activations in degrees
    ("=asked.png", "owl", "test", 0),
    ("near.png", "cat", "train", 10),
    ("nearest_but_test.png", "cat", "test", 1),
    ("nearer_but_validation.png", "cat", "validation", 2),
    (DECOMPOSED, "owl", "train", 60),
    ("far.png", "owl", "train", 120),
]


@pytest.fixture
def paths(tmp_path):
    """A project of six images, whose rows are in another order than the splits."""
    paths = PATHS.below(tmp_path)
    for path in (paths.training_split, paths.pixels, paths.activations):
        path.parent.mkdir(parents=True, exist_ok=True)
    order = [5, 3, 1, 0, 2, 4]
    write_split(
        paths.training_split,
        [
            LabelledImage(image, label, "", split, f"{row}", row)
            for row, (image, label, split, _) in zip(order, IMAGES, strict=True)
        ],
    )
    features_NVD = np.full((6, 2, 2), 7, np.float32)  # the second view is not looked at
    for row, (*_, degrees) in zip(order, IMAGES, strict=True):
        angle = np.radians(degrees)
        features_NVD[row, 0] = np.cos(angle), np.sin(angle)
    np.save(paths.activations, features_NVD)
    shades = np.arange(6, dtype=np.uint8)[:, None, None, None] * 10
    np.save(paths.pixels, np.broadcast_to(shades, (6, 8, 8, 3)))
    return paths


def test_the_nearest_are_training_images_alone_with_label_similarity_and_picture(paths):
    found = PicturedImages(paths).nearest("'=asked.png", 2)
    names = [unicodedata.normalize("NFC", each.image) for each in found]
    assert names == ["near.png", "caf\u00e9.png"]
    assert [each.label for each in found] == ["cat", "owl"]
    expected = np.cos(np.radians([10, 60]))
    assert [each.similarity for each in found] == pytest.approx(expected, abs=1e-6)
    shades = [np.asarray(_opened(each.picture)).max() for each in found]
    assert shades == [30, 20]  # rows 3 and 2


def test_the_name_of_a_table_and_of_labels_csv_give_the_same_picture(paths):
    images = PicturedImages(paths)
    assert images.picture("'=asked.png") == images.picture("=asked.png") != ""


def test_without_pixels_and_activations_there_are_no_pictures_and_no_neighbours(paths):
    paths.pixels.unlink()
    assert [each.picture for each in PicturedImages(paths).nearest("=asked.png", 1)] == [""]
    paths.activations.unlink()
    assert PicturedImages(paths).nearest("=asked.png", 1) == []


def _opened(uri):
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
