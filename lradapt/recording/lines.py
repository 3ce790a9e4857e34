"""The lines of a segment: a header, then one answered image each; written and read back.

Letters of shapes: K classes, D features.
"""

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FORMAT = 1
_HALF = np.dtype("<f2")
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_LARGEST = float(np.finfo(_HALF).max)


class LineError(ValueError):
    """A line that is not what a recorder writes; its text says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """What holds for all answers of a segment.

    Attributes:
        version: of the model that gave them.
        classes: in the order of the probabilities.
        num_features: D; 0 where the model gives none.
    """

    version: str
    classes: tuple[str, ...]
    num_features: int


@dataclass(frozen=True, slots=True)
class Answered:
    """One image, and what the model answered.

    Attributes:
        time: of the answer, with a time zone; milliseconds are kept.
        sha256: of the file of the image.
        probabilities: `[K]`.
        features: `[D]`; kept as float16, values out of its range as the largest.
        brightness: see `lradapt.data.images.looks`.
        sharpness: likewise.
        unlike: how unlike the training images; None where the model does not say.
        unsure: classes among which the model cannot decide; None where it does not say.
        group: a pseudonym of what several images belong to, such as a patient; "" without one.
    """

    time: datetime
    sha256: str
    probabilities: Floats
    features: Floats
    brightness: float
    sharpness: float
    unlike: float | None = None
    unsure: tuple[str, ...] | None = None
    group: str = ""


def header_line(header: Header) -> bytes:
    """Return the first line of a segment."""
    return _line(
        {
            "format": FORMAT,
            "version": header.version,
            "classes": list(header.classes),
            "num_features": header.num_features,
        }
    )


def answer_line(answered: Answered) -> bytes:
    """Return the line of an answered image."""
    values: dict[str, Any] = {
        "time": answered.time.astimezone(UTC).isoformat(timespec="milliseconds"),
        "sha256": answered.sha256,
        # As text first: the shortest number that gives the same float32.
        "probabilities": [float(str(value)) for value in answered.probabilities],
    }
    if len(answered.features):
        half = np.clip(answered.features, -_LARGEST, _LARGEST).astype(_HALF)
        values["features"] = base64.b64encode(half.tobytes()).decode()
    values |= {
        "brightness": round(float(answered.brightness), 2),
        "sharpness": round(float(answered.sharpness), 3),
    }
    if answered.unlike is not None:
        values["unlike"] = float(str(np.float32(answered.unlike)))
    if answered.unsure is not None:
        values["unsure"] = list(answered.unsure)
    if answered.group:
        values["group"] = answered.group
    return _line(values)


def read_header(line: bytes) -> Header:
    """Return what the first line of a segment says.

    Raises:
        LineError: it is not one of this format.
    """
    values = _values(line)
    if values.get("format") != FORMAT:
        raise LineError(f"format {values.get('format')!r}, expected {FORMAT}")
    version, classes = values.get("version"), values.get("classes")
    num_features = values.get("num_features")
    if not (isinstance(version, str) and version and _are_texts(classes) and classes):
        raise LineError("no version or no classes")
    if not isinstance(num_features, int) or isinstance(num_features, bool) or num_features < 0:
        raise LineError(f"num_features {num_features!r}, expected 0 or more")
    return Header(version, tuple(classes), num_features)


def read_answer(line: bytes, header: Header) -> Answered:
    """Return the answered image of a line.

    Raises:
        LineError: it does not fit the header, or is not what a recorder writes.
    """
    values = _values(line)
    try:
        unsure = values.get("unsure")
        if unsure is not None and not _are_texts(unsure):
            raise LineError("unsure is not a list of classes")
        answered = Answered(
            _time(values["time"]),
            str(values["sha256"]),
            np.array(values["probabilities"], np.float32),
            _features(values.get("features", "")),
            float(values["brightness"]),
            float(values["sharpness"]),
            None if values.get("unlike") is None else float(values["unlike"]),
            None if unsure is None else tuple(unsure),
            str(values.get("group", "")),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise LineError(f"not an answer: {error!r}") from error
    _require_fit(answered, header)
    return answered


def _line(values: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode(values).encode() + b"\n"


def _values(line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LineError("not JSON") from error
    if not isinstance(values, dict):
        raise LineError("not an object")
    return values


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _time(text: Any) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise LineError(f"time {text!r} has no time zone")
    return time


def _features(text: Any) -> Floats:
    return np.frombuffer(base64.b64decode(text, validate=True), _HALF).astype(np.float32)


def _require_fit(answered: Answered, header: Header) -> None:
    expected = [(len(header.classes),), (header.num_features,)]
    found = [answered.probabilities.shape, answered.features.shape]
    if found != expected:
        raise LineError(f"shapes {found} of probabilities and features, expected {expected}")
    if not math.isfinite(answered.brightness + answered.sharpness):
        raise LineError("brightness or sharpness is not a number")
