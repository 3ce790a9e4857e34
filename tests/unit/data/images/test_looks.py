"""Brightness and sharpness of squares, from a few rows and columns of each."""

import numpy as np
import pytest

from lradapt.data.images import looks
from lradapt.data.images.looks import measure_looks


def squares(*greys, size=48):
    """Grey squares, uint8 `[N, size, size, 3]`."""
    values = np.stack([np.broadcast_to(grey, (size, size)) for grey in greys])
    return np.repeat(values[..., None], 3, axis=-1).astype(np.uint8)


STRIPES = np.arange(48)[None, :] % 2 * 100


def test_an_even_square_has_its_grey_value_and_no_sharpness():
    found = measure_looks(squares(0, 100, 255))
    for values in (found.brightness, found.lightest, found.darkest):
        assert values == pytest.approx([0, 100, 255], abs=1e-3)
    assert found.sharpness == pytest.approx([0, 0, 0], abs=1e-3)


def test_colours_count_as_the_eye_sees_them():
    colours = np.zeros((3, 48, 48, 3), np.uint8)
    for channel in range(3):
        colours[channel, ..., channel] = 255
    assert measure_looks(colours).brightness == pytest.approx([76.2, 149.7, 29.1], abs=0.1)


def test_sharpness_is_the_same_along_rows_and_columns_and_falls_with_blur():
    smooth = np.linspace(0, 255, 48)[None, :]
    found = measure_looks(squares(STRIPES, STRIPES.T, smooth)).sharpness
    assert found[:2] == pytest.approx([100, 100])  # 200 in one direction, 0 in the other
    assert found[2] < 1


def test_a_hundredth_of_light_pixels_and_a_twentieth_of_dark_ones_do_not_count():
    light, dark = np.full((48, 48), 100), np.full((48, 48), 100)
    light[0, 0], dark[:2] = 255, 0
    more = np.where(np.arange(48)[None, :] < 8, 255, 0)
    found = measure_looks(squares(light, dark, more))
    assert found.lightest == pytest.approx([100, 100, 255], abs=1e-3)
    assert found.darkest == pytest.approx([100, 100, 0], abs=1e-3)


@pytest.mark.parametrize("size", [1, 2, 3, 24, 25, 224])
def test_squares_of_every_size_are_measured(size):
    assert measure_looks(squares(7, size=size)).brightness == pytest.approx([7])


def test_batches_change_nothing_and_no_image_gives_no_value(monkeypatch):
    many = squares(*range(0, 250, 10), STRIPES)
    whole = measure_looks(many)
    monkeypatch.setattr(looks, "_PIXELS_PER_BATCH", 1)
    parts = measure_looks(many)
    assert parts.sharpness == pytest.approx(whole.sharpness)
    assert parts.brightness == pytest.approx(whole.brightness)
    assert measure_looks(many[:0]).brightness.shape == (0,)
