"""Seconds that models take for an image, file to answer, measured side by side."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from lradapt.inference.predict import Model


def image_seconds(
    models: Sequence[Model], paths: Sequence[Path], *, num_images: int = 20
) -> list[float]:
    """Median seconds an image of each model; they take turns, so that both meet the same machine.

    Args:
        models: to measure.
        paths: image files; the first is also the one that warms the models up.
        num_images: that are classified at most, one at a time.
    """
    for model in models:
        _seconds(model, paths[0])
    rounds = [[_seconds(model, path) for model in models] for path in paths[:num_images]]
    return [median(seconds) for seconds in zip(*rounds, strict=True)]


def _seconds(model: Model, path: Path) -> float:
    start = time.perf_counter()
    list(model.classify([path]))
    return time.perf_counter() - start
