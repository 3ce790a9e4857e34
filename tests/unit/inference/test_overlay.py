import numpy as np
import pytest

from lradapt.inference.overlay import overlay


@pytest.mark.parametrize(("side", "expected"), [(24, 240), (300, 300)])
def test_a_small_image_is_enlarged_by_a_whole_number(side, expected):
    found = overlay(np.zeros((side, side, 3), np.uint8), np.eye(3, dtype=np.float32))
    assert found.size == (expected, expected)


def test_the_place_that_adds_most_is_red_and_the_one_that_adds_least_blue():
    grey_SS3 = np.full((240, 240, 3), 100, np.uint8)
    found_SS3 = np.asarray(overlay(grey_SS3, np.array([[9, 5], [5, 1]], np.float32)), int)
    more, less, mean = found_SS3[20, 20], found_SS3[220, 220], found_SS3[120, 120]
    assert more[0] > more[2] + 50
    assert less[2] > less[0] + 50
    assert abs(mean - mean.mean()).max() <= 2


def test_a_map_of_one_value_leaves_the_image_grey():
    found_SS3 = np.asarray(overlay(np.zeros((24, 24, 3), np.uint8), np.full((1, 1), 3, np.float32)))
    assert np.unique(found_SS3).size == 1
