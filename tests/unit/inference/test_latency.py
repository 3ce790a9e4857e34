import time
from pathlib import Path

import pytest

from lradapt.inference.latency import image_seconds


class Slow:
    """A model that takes so many milliseconds for each image, one after the other."""

    def __init__(self, *milliseconds):
        self._left = list(milliseconds)
        self.asked = []

    def classify(self, paths):
        for path in paths:
            self.asked.append(path.name)
            time.sleep(self._left.pop(0) / 1000)
            yield path


PATHS = [Path(name) for name in "abc"]


def test_the_median_of_each_model_without_the_first_image_that_warms_it_up():
    slow, fast = Slow(200, 60, 200, 60), Slow(0, 5, 5, 5)
    measured = image_seconds([slow, fast], PATHS)
    assert measured[0] == pytest.approx(0.06, abs=0.04)
    assert 0.005 <= measured[1] < measured[0]
    assert slow.asked == fast.asked == ["a", "a", "b", "c"]


def test_no_more_images_are_asked_than_wanted():
    model = Slow(0, 0, 0)
    image_seconds([model], PATHS, num_images=2)
    assert model.asked == ["a", "a", "b"]
