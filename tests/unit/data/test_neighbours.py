"""The images nearest to an image, on points that a reader can place."""

import numpy as np
import pytest

from lradapt.data.neighbours import Neighbour, Neighbours

ANGLES = np.radians([0, 10, 30, 90, 180])
POINTS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)
IMAGES = ["a", "b", "c", "d", "e"]
NEIGHBOURS = Neighbours(POINTS * [[1], [5], [2], [3], [4]], IMAGES, ["x", "y", "x", "y", "x"])


def names(found):
    return [one.image for one in found]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_the_nearest_come_first_whatever_their_length_and_never_the_image_itself(count):
    assert names(NEIGHBOURS.nearest("a", count)) == ["b", "c", "d", "e"][:count]


def test_a_label_limits_the_neighbours():
    assert names(NEIGHBOURS.nearest("a", 3, "x")) == ["c", "e"]
    assert names(NEIGHBOURS.nearest("a", 1, "y")) == ["b"]
    assert NEIGHBOURS.nearest("a", 3, "z") == []


def test_the_similarity_is_the_cosine_of_the_angle():
    found = NEIGHBOURS.nearest("b", 1)
    assert found == [Neighbour("a", "x", pytest.approx(np.cos(np.radians(10)), abs=1e-6))]


def test_a_row_of_zeros_is_like_no_other():
    flat = Neighbours(np.zeros((2, 2), np.float32), ["a", "b"], ["x", "y"])
    assert flat.nearest("a", 1) == [Neighbour("b", "y", 0.0)]


def test_an_image_without_a_label_has_neighbours_and_is_none():
    some = Neighbours(POINTS, IMAGES, ["", "", "x", "y", "x"])
    assert names(some.nearest("a", 2)) == ["c", "d"]


def test_activations_of_another_image_have_neighbours_too():
    found = NEIGHBOURS.nearest_to(np.array([0, 7], np.float32), 2)
    assert [(one.image, round(one.similarity, 3)) for one in found] == [("d", 1.0), ("c", 0.5)]
