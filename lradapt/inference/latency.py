"""The seconds that models need for an image, from file to prediction, measured side by side."""

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from lradapt.inference.predict import Model


def image_seconds(
    models: Sequence[Model], paths: Sequence[Path], *, num_images: int = 20
) -> list[float]:
    """Measure the median seconds per image of each model, in turn under the same conditions.

    Args:
        models: to measure.
        paths: image files; the first is also used to warm the models up.
        num_images: the most that are classified, one at a time.
    """
    for model in models:
        _seconds(model, paths[0])
    rounds = [[_seconds(model, path) for model in models] for path in paths[:num_images]]
    return [median(seconds) for seconds in zip(*rounds, strict=True)]


def _seconds(model: Model, path: Path) -> float:
    start = time.perf_counter()
    list(model.classify([path]))
    return time.perf_counter() - start
