import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lradapt.config.paths import read_paths
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.reporting.mistakes import most_confident_mistakes
from lradapt.reporting.pictured_images import PicturedImages

PATHS = read_paths(Path(__file__).parents[3] / "dvc.yaml")
PREDICTED = [
    ("right.png", "owl", "owl", 0.99),
    ("unsure.png", "owl", "cat", 0.6),
    ("sure.png", "cat", "owl", 0.9),
    ("b.png", "owl", "NA", 0.7),
    ("a.png", "cat", "NA", 0.7),
]


@pytest.fixture
def paths(tmp_path):
    """The paths of a project in an empty folder."""
    paths = PATHS.below(tmp_path)
    for path in (paths.predictions, paths.training_split, paths.pixels, paths.activations):
        path.parent.mkdir(parents=True, exist_ok=True)
    return paths


@pytest.fixture
def mistakes(paths):
    """A function that writes test images of this size and returns the most confident mistakes."""

    def find(most, size=8):
        columns = ["image", "label", "predicted"]
        table = pd.DataFrame([row[:3] for row in PREDICTED], columns=columns)
        for name in ("NA", "cat", "owl"):
            table[f"p_{name}"] = [
                sure if predicted == name else 0.05 for *_, predicted, sure in PREDICTED
            ]
        table.to_csv(paths.predictions, index=False)
        order = [3, 4, 0, 2, 1]  # of the rows of pixels
        rows = [
            LabelledImage(image, label, "", "test", f"{k}", order[k])
            for k, (image, label, *_) in enumerate(PREDICTED)
        ]
        write_split(paths.training_split, rows)
        if size:
            shades = np.arange(5, dtype=np.uint8)[:, None, None, None] * 10
            np.save(paths.pixels, np.broadcast_to(shades, (5, size, size, 3)))
        return most_confident_mistakes(paths.predictions, PicturedImages(paths), most=most)

    return find


def picture_of(mistake):
    return Image.open(io.BytesIO(base64.b64decode(mistake.picture.partition(",")[2])))


def test_mistakes_are_in_order_of_confidence_and_then_of_name(mistakes):
    assert [(each.image, each.label, each.predicted, each.confidence) for each in mistakes(3)] == [
        ("sure.png", "cat", "owl", 0.9),
        ("a.png", "cat", "NA", 0.7),
        ("b.png", "owl", "NA", 0.7),
    ]
    assert [each.image for each in mistakes(9)][3:] == ["unsure.png"]


def test_a_small_picture_has_the_exact_pixels_of_its_row(mistakes):
    first, second, _ = mistakes(3)
    assert np.array_equal(np.asarray(picture_of(first)), np.zeros((8, 8, 3)))
    assert np.array_equal(np.asarray(picture_of(second)), np.full((8, 8, 3), 10))


def test_a_large_picture_becomes_a_small_jpeg(mistakes):
    found = picture_of(mistakes(1, size=500)[0])
    assert (found.format, found.size) == ("JPEG", (224, 224))


def test_with_no_mistakes_to_show_no_file_is_read(paths):
    assert most_confident_mistakes(paths.predictions, PicturedImages(paths), most=0) == []


def test_without_pixels_there_is_no_picture(mistakes):
    (found,) = mistakes(1, size=0)
    assert (found.image, found.picture) == ("sure.png", "")
