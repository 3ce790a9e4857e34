"""Class activation maps on numbers that a reader can add up."""

import numpy as np
import pytest

from lradapt.inference.activation_maps import activation_map, enlarged

FINE_2HW = np.array([[[1, 2], [3, 6]], [[0, 4], [0, 0]]], np.float32)  # means 3 and 1
COARSE_1HW = np.array([[[5]]], np.float32)


def test_the_map_is_the_weighted_sum_of_the_channels_of_all_depths():
    found_HW = activation_map([COARSE_1HW, FINE_2HW], np.array([2, 1, -1], np.float32))
    assert found_HW.tolist() == [[10 + 1, 10 + 2 - 4], [10 + 3, 10 + 6]]
    assert found_HW.mean() == 2 * 5 + 1 * 3 - 1 * 1


@pytest.mark.parametrize("size", [(4, 4), (5, 7), (56, 56), (3, 90)])
def test_a_map_keeps_its_mean_at_any_other_size(size):
    values_HW = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    found_HW = enlarged(values_HW, *size)
    assert found_HW.shape == size
    assert found_HW.mean() == pytest.approx(values_HW.mean(), abs=1e-6)


def test_a_map_is_enlarged_without_a_shift():
    found_HW = enlarged(np.array([[0, 1, 0]], np.float32), 1, 9)
    assert np.argmax(found_HW) == 4
    np.testing.assert_allclose(found_HW, found_HW[:, ::-1], atol=1e-6)
