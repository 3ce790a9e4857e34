"""The most confident mistakes on the test set, with the pictures that the model received."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from lradapt.data.split_table import read_split
from lradapt.reporting.pages import png_uri
from lradapt.text import table_cell

_SIDE = 224  # largest side of a picture in pixels
_EXACT_SIDE = 64  # up to this side a picture is stored without loss

_TEXT = {"image": str, "label": str, "predicted": str}
Pixels = npt.NDArray[np.uint8]


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
    predictions: Path, split: Path, pixels: Path, *, most: int
) -> list[Mistake]:
    """Return the mistakes with the highest confidence, in descending order.

    With `most` 0 no file is read.
    """
    if not most:
        return []
    found = _most_confident(pd.read_csv(predictions, keep_default_na=False, dtype=_TEXT), most)
    row_of = {table_cell(row.image): row.row for row in read_split(split)}
    squares = np.load(pixels, mmap_mode="r") if pixels.exists() else None
    return [
        Mistake(*mistake, "" if squares is None else _picture(squares[row_of[mistake[0]]]))
        for mistake in found
    ]


def _most_confident(table: pd.DataFrame, most: int) -> list[tuple[str, str, str, float]]:
    wrong = table[table["label"] != table["predicted"]]
    rows = [
        (row["image"], row["label"], row["predicted"], float(row[f"p_{row['predicted']}"]))
        for row in wrong.to_dict("records")
    ]
    return sorted(rows, key=lambda row: (-row[3], row[0]))[:most]


def _picture(square: Pixels) -> str:
    from PIL import Image

    picture, content = Image.fromarray(np.asarray(square)), io.BytesIO()
    picture.thumbnail((_SIDE, _SIDE))
    if max(picture.size) <= _EXACT_SIDE:
        picture.save(content, "PNG")
        return png_uri(content.getvalue())
    picture.save(content, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
