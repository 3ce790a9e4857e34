from pathlib import Path
from types import SimpleNamespace

import pytest

from lradapt.inference import latency
from lradapt.inference.latency import image_seconds


class Slow:
    """A model that takes so many milliseconds for each image, one after the other."""

    def __init__(self, clock, *milliseconds):
        self._clock, self._left = clock, list(milliseconds)
        self.asked = []

    def classify(self, paths):
        for path in paths:
            self.asked.append(path.name)
            self._clock.now += self._left.pop(0) / 1000
            yield path


@pytest.fixture
def clock(monkeypatch):
    """A clock that only the models move on."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    return clock


PATHS = [Path(name) for name in "abc"]


def test_the_median_of_each_model_without_the_first_image_that_warms_it_up(clock):
    slow, fast = Slow(clock, 200, 60, 200, 60), Slow(clock, 0, 5, 5, 5)
    assert image_seconds([slow, fast], PATHS) == pytest.approx([0.06, 0.005])
    assert slow.asked == fast.asked == ["a", "a", "b", "c"]


def test_no_more_images_are_asked_than_wanted(clock):
    model = Slow(clock, 0, 0, 0)
    image_seconds([model], PATHS, num_images=2)
    assert model.asked == ["a", "a", "b"]
