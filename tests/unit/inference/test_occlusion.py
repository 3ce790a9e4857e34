"""Occlusion maps of functions whose value is known."""

import numpy as np
import pytest

from lradapt.inference.occlusion import occlusion_map


def brightness(rows, columns):
    """A logit that is the sum of the red values in one place."""
    return lambda images: images[:, rows, columns, 0].astype(np.float32).sum(axis=(1, 2))


@pytest.fixture
def square():
    image = np.zeros((32, 32, 3), np.uint8)
    image[8:12, 20:24] = 160
    return image


def test_the_logit_falls_where_the_class_is_seen_and_nowhere_else(square):
    falls = occlusion_map(brightness(slice(8, 12), slice(20, 24)), square)
    mean = round(160 * 16 / 32**2)
    assert falls.shape == (8, 8)
    assert falls[2, 5] == 16 * (160 - mean)
    falls[2, 5] = 0
    assert not falls.any()


def test_a_side_that_the_grid_does_not_divide_is_covered_to_its_last_pixel(square):
    seen = []

    def logits(images):
        seen.extend(images)
        return np.zeros(len(images), np.float32)

    occlusion_map(logits, square[:30, :30] + 1, grid=8)
    whole, *covered = seen
    changed = sum((each != whole).any(axis=2).astype(int) for each in covered)
    assert (len(covered), changed.min(), changed.max()) == (64, 1, 1)


def test_an_image_smaller_than_the_grid_has_a_cell_for_each_pixel(square):
    assert occlusion_map(brightness(slice(0, 5), slice(0, 5)), square[:5, :5]).shape == (5, 5)


def test_the_image_itself_stays_as_it_is(square):
    before = square.copy()
    occlusion_map(brightness(slice(8, 12), slice(20, 24)), square)
    assert (square == before).all()
