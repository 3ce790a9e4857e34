"""The mistakes of an exam of which the model is surest, with the small pictures that it saw."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from lradapt.data.split_table import read_split
from lradapt.reporting.pages import png_uri

_SIDE = 224  # pixels of a picture at most
_EXACT_SIDE = 64  # pixels up to which it is kept to the bit

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Mistake:
    """An image of the exam that the model names wrongly.

    Attributes:
        image: its name.
        label: its true class.
        predicted: the class that the model says.
        confidence: in that class, in [0, 1].
        picture: as an address that holds it; empty where the pixels lie on another machine.
    """

    image: str
    label: str
    predicted: str
    confidence: float
    picture: str


def surest_mistakes(predictions: Path, split: Path, pixels: Path, *, most: int) -> list[Mistake]:
    """The mistakes with the highest confidence, the surest first.

    Args:
        predictions: as `evaluate.write_predictions` writes them.
        split: `split.csv`, which has the row of each image.
        pixels: `pixels.npy`.
        most: how many at most; with 0 no file is read.
    """
    if not most:
        return []
    found = _surest(pd.read_csv(predictions, keep_default_na=False, dtype=_TEXT), most)
    row_of = {row.image: row.row for row in read_split(split)}
    squares = np.load(pixels, mmap_mode="r") if pixels.exists() else None
    return [
        Mistake(*mistake, "" if squares is None else _picture(squares[row_of[mistake[0]]]))
        for mistake in found
    ]


_TEXT = {"image": str, "label": str, "predicted": str}


def _surest(table: pd.DataFrame, most: int) -> list[tuple[str, str, str, float]]:
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
