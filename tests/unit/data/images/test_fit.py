"""An image that is not square: cropped, padded or squashed; and which of them a set needs."""

import numpy as np
import pytest
from odd_files import photo, saved, turned
from PIL import Image, ImageOps

from lradapt.data.images.fit import choose_fit, fit_square
from lradapt.data.images.shapes import sample_shapes

BILINEAR = Image.Resampling.BILINEAR


def tall():
    """Red above, white in the middle, blue below; 20 x 60."""
    image = Image.new("RGB", (20, 60), "white")
    image.paste("red", (0, 0, 20, 20))
    image.paste("blue", (0, 40, 20, 60))
    return image


def test_crop_shows_the_centre_alone():
    assert np.asarray(fit_square(tall(), 8, "crop")).min() > 220


def test_squash_shows_all_of_it():
    square = np.asarray(fit_square(tall(), 9, "squash"))
    assert square[0, 4].tolist() == [255, 0, 0]
    assert square[4, 4].tolist() == [255, 255, 255]
    assert square[8, 4].tolist() == [0, 0, 255]


def test_pad_keeps_the_shape_with_black_on_both_sides():
    square = np.asarray(fit_square(tall(), 12, "pad"))
    assert square.shape == (12, 12, 3)
    assert not square[:, :4].any()
    assert not square[:, 8:].any()
    assert square[1, 5].tolist() == [255, 0, 0]
    assert square[10, 5].tolist() == [0, 0, 255]


@pytest.mark.parametrize("size", [(48, 160), (160, 48), (31, 30), (601, 450), (7, 200)])
def test_pad_is_that_of_pillow(size):
    expected = ImageOps.pad(photo(*size), (24, 24), BILINEAR)
    np.testing.assert_array_equal(fit_square(photo(*size), 24, "pad"), expected)


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
@pytest.mark.parametrize("size", [(1, 500), (500, 1), (8, 8), (3, 3)])
def test_each_fit_has_the_size_asked_for(size, fit):
    assert fit_square(photo(*size), 8, fit).size == (8, 8)


@pytest.mark.parametrize(
    ("sizes", "fit"),
    [
        ([(8, 8)] * 50, "crop"),
        ([(600, 450)] * 50, "crop"),
        ([(600, 450)] * 46 + [(48, 160)] * 4, "crop"),  # few, which are found one by one
        ([(48, 160)] * 50, "squash"),
        ([(60, 90)] * 50, "squash"),
        ([(300, 450), (450, 300)] * 25, "pad"),
        ([(48, 160)] * 20 + [(100, 100)] * 30, "pad"),
        ([], "crop"),
    ],
)
def test_the_choice_follows_from_the_shapes(sizes, fit):
    assert choose_fit(sizes).fit == fit


def test_the_reason_has_the_figures():
    assert choose_fit([(48, 160)] * 9 + [(50, 50)]).reason.startswith(
        "90% of the images have an aspect ratio of 1.5 or more (median 3.3), of which the centre "
        "square shows a part only"
    )


def test_shapes_are_those_of_the_upright_images_of_a_folder(tmp_path):
    for name, content in {
        "a.png": saved(photo(48, 160)),
        "b.jpg": saved(photo(160, 48), "JPEG", exif=turned(6)),
        "c.tif": saved(photo(160, 48), "TIFF", exif=turned(6)),
        "d.txt": b"text",
        "e.png": saved(photo(48, 160))[:20],
    }.items():
        (tmp_path / name).write_bytes(content)
    assert sample_shapes(tmp_path) == [(48, 160)] * 3
    assert len(sample_shapes(tmp_path, at_most=2)) <= 2
