import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lradapt.data.labelled_image import LabelledImage
from lradapt.data.split_table import write_split
from lradapt.reporting.mistakes import surest_mistakes

SAID = [
    ("right.png", "owl", "owl", 0.99),
    ("unsure.png", "owl", "cat", 0.6),
    ("sure.png", "cat", "owl", 0.9),
    ("b.png", "owl", "NA", 0.7),
    ("a.png", "cat", "NA", 0.7),
]


@pytest.fixture
def exam(tmp_path):
    """A function that writes an exam with squares of that side, and finds its surest mistakes."""

    def find(most, size=8):
        predictions, split, pixels = (tmp_path / name for name in ("p.csv", "s.csv", "x.npy"))
        columns = ["image", "label", "predicted"]
        table = pd.DataFrame([row[:3] for row in SAID], columns=columns)
        for name in ("NA", "cat", "owl"):
            table[f"p_{name}"] = [sure if said == name else 0.05 for *_, said, sure in SAID]
        table.to_csv(predictions, index=False)
        order = [3, 4, 0, 2, 1]  # of the rows of pixels
        rows = [
            LabelledImage(image, label, "", "test", f"{k}", order[k])
            for k, (image, label, *_) in enumerate(SAID)
        ]
        write_split(split, rows)
        if size:
            shades = np.arange(5, dtype=np.uint8)[:, None, None, None] * 10
            np.save(pixels, np.broadcast_to(shades, (5, size, size, 3)))
        return surest_mistakes(predictions, split, pixels, most=most)

    return find


def picture_of(mistake):
    return Image.open(io.BytesIO(base64.b64decode(mistake.picture.partition(",")[2])))


def test_the_surest_mistakes_come_first_and_equals_by_name(exam):
    assert [(each.image, each.label, each.predicted, each.confidence) for each in exam(3)] == [
        ("sure.png", "cat", "owl", 0.9),
        ("a.png", "cat", "NA", 0.7),
        ("b.png", "owl", "NA", 0.7),
    ]
    assert [each.image for each in exam(9)][3:] == ["unsure.png"]


def test_a_small_picture_is_that_of_its_row_to_the_bit(exam):
    first, second, _ = exam(3)
    assert np.array_equal(np.asarray(picture_of(first)), np.zeros((8, 8, 3)))
    assert np.array_equal(np.asarray(picture_of(second)), np.full((8, 8, 3), 10))


def test_a_large_picture_becomes_a_small_jpeg(exam):
    found = picture_of(exam(1, size=500)[0])
    assert (found.format, found.size) == ("JPEG", (224, 224))


def test_none_is_looked_for_where_none_is_wanted(tmp_path):
    nowhere = tmp_path / "none"
    assert surest_mistakes(nowhere, nowhere, nowhere, most=0) == []


def test_where_the_pixels_are_on_another_machine_there_is_no_picture(exam):
    (found,) = exam(1, size=0)
    assert (found.image, found.picture) == ("sure.png", "")
