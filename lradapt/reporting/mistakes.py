"""The most confident mistakes on the test set, with the pictures that the model received."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lradapt.reporting.pictured_images import PicturedImages

_TEXT = {"image": str, "label": str, "predicted": str}


@dataclass(frozen=True, slots=True)
class Mistake:
    """A test image that the model predicts wrongly.

    Attributes:
        image: its name.
        label: its true class.
        predicted: the predicted class.
        confidence: probability of the predicted class, in [0, 1].
        picture: as a data URI; empty if the pixels are on another machine.
    """

    image: str
    label: str
    predicted: str
    confidence: float
    picture: str


def most_confident_mistakes(
    predictions: Path, images: PicturedImages, *, most: int
) -> list[Mistake]:
    """Return the mistakes with the highest confidence, in descending order.

    With `most` 0 no file is read.
    """
    if not most:
        return []
    found = _most_confident(pd.read_csv(predictions, keep_default_na=False, dtype=_TEXT), most)
    return [Mistake(*mistake, images.picture(mistake[0])) for mistake in found]


def _most_confident(table: pd.DataFrame, most: int) -> list[tuple[str, str, str, float]]:
    wrong = table[table["label"] != table["predicted"]]
    rows = [
        (row["image"], row["label"], row["predicted"], float(row[f"p_{row['predicted']}"]))
        for row in wrong.to_dict("records")
    ]
    return sorted(rows, key=lambda row: (-row[3], row[0]))[:most]
