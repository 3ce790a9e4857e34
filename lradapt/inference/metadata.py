"""What an exported model says of itself, compared with what it takes and gives."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.depth import FULL
from lradapt.data.images.description import from_description
from lradapt.data.images.fit import Fit
from lradapt.errors import LradaptError, listed
from lradapt.networks.answer_limits import (
    UNLIKE_NOTE,
    UNSURE_NOTE,
    AnswerLimits,
    read_sets,
    read_unlike,
)
from lradapt.networks.onnx_graph import FEATURES
from lradapt.networks.onnx_unlike import UNLIKE

SUPPORTED_FORMATS = ("1", "2", "3", "4")
_FURTHER_OUTPUTS = (FEATURES, UNLIKE)  # since format 3, and since format 4

_Value = TypeVar("_Value")


class ModelError(LradaptError):
    """A file that is not a model of lradapt."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of a model, see `lradapt.inference.predict.Model`."""

    class_names: list[str]
    preprocessing: Preprocessing
    architecture: str
    limits: AnswerLimits


def read_metadata(session: Any) -> Metadata:
    """Return the metadata of a model that ONNX Runtime has loaded.

    Args:
        session: an `onnxruntime.InferenceSession`.

    Raises:
        ModelError: made by another program or version, or it contradicts what the model takes and
            gives; all faults are named at once.
    """
    notes = session.get_modelmeta().custom_metadata_map
    if notes.get("lradapt.format") not in SUPPORTED_FORMATS:
        raise ModelError(
            f"model format {notes.get('lradapt.format')!r}, expected "
            f"{', '.join(map(repr, SUPPORTED_FORMATS[:-1]))} or {SUPPORTED_FORMATS[-1]!r}: "
            "made by another version of lradapt, or by another program"
        )
    faults: list[str] = []
    names = _read(notes, "lradapt.class_names", _class_names, faults)
    preprocessing = _read(notes, "lradapt.preprocessing", _preprocessing, faults)
    architecture = _read(notes, "lradapt.architecture", _text, faults)
    side = preprocessing.input_size if preprocessing else None
    faults += _shape_faults("takes", session.get_inputs(), "uint8", [None, side, side, 3])
    num_classes = len(names) if names else None
    outputs = [each for each in session.get_outputs() if each.name not in _FURTHER_OUTPUTS]
    faults += _shape_faults("gives", outputs, "float", [None, num_classes])
    limits = _limits(session, notes, names or [], faults)
    if faults or names is None or preprocessing is None or architecture is None:
        raise ModelError(
            "the model cannot be used: it was not made by `lradapt`, or was changed since. "
            f"{len(faults)} fault(s):\n" + listed(faults)
        )
    return Metadata(names, preprocessing, architecture, limits)


def _limits(
    session: Any, notes: Mapping[str, str], names: Sequence[str], faults: list[str]
) -> AnswerLimits:
    """Return the limits of doubtful answers; a model without validation images has none."""
    unlike, sets = None, None
    if UNLIKE_NOTE in notes:
        unlike = _read(notes, UNLIKE_NOTE, read_unlike, faults)
        if UNLIKE not in {each.name for each in session.get_outputs()}:
            faults.append(f"metadata {UNLIKE_NOTE}: the model has no output {UNLIKE}")
    if UNSURE_NOTE in notes and names:
        sets = _read(notes, UNSURE_NOTE, lambda text: read_sets(text, names), faults)
    return AnswerLimits(unlike, sets)


def _read(
    notes: Mapping[str, str], key: str, read: Callable[[str], _Value], faults: list[str]
) -> _Value | None:
    """Return what a note says, or None, with a fault more."""
    if key not in notes:
        faults.append(f"metadata {key}: missing")
        return None
    try:
        return read(notes[key])
    except (ValueError, TypeError, KeyError, RecursionError, LradaptError) as error:
        faults.append(f"metadata {key}: {error}")
        return None


def _class_names(text: str) -> list[str]:
    names = json.loads(text)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("expected a list of names")
    if not names or len(set(names)) < len(names) or not all(names):
        raise ValueError("expected one name or more, each once")
    return names


def _preprocessing(text: str) -> Preprocessing:
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError("expected an object with keys and values")
    how = from_description(values)
    if isinstance(how.input_size, bool) or not isinstance(how.input_size, int):
        raise ValueError(f"input_size {how.input_size!r}, expected a number of pixels")
    if how.input_size < 1:
        raise ValueError(f"input_size {how.input_size}, expected 1 or more")
    megapixels: Any = how.max_megapixels
    if isinstance(megapixels, bool) or not isinstance(megapixels, int | float):
        raise ValueError(f"max_megapixels {megapixels!r}, expected a number")
    if not megapixels > 0:
        raise ValueError(f"max_megapixels {megapixels}, expected above 0")
    if how.fit not in get_args(Fit):
        raise ValueError(f"fit {how.fit!r}, expected {', '.join(get_args(Fit))}")
    low, high = how.depth_range
    if not (isinstance(low, int) and isinstance(high, int) and 0 <= low < high <= FULL[1]):
        raise ValueError(f"depth_range {[low, high]}, expected 0 <= low < high <= {FULL[1]}")
    return how


def _text(text: str) -> str:
    return text


def _shape_faults(
    verb: str, found: Sequence[Any], kind: str, expected: Sequence[int | None]
) -> list[str]:
    """Return how inputs or outputs differ from one tensor of this type and shape; None is any."""
    if len(found) != 1:
        return [f"it {verb} {len(found)} tensors, expected 1"]
    (one,) = found
    fits = len(one.shape) == len(expected) and all(
        wanted is None or not isinstance(size, int) or size == wanted
        for size, wanted in zip(one.shape, expected, strict=True)
    )
    if fits and one.type == f"tensor({kind})":
        return []
    shape = ["any" if size is None else size for size in expected]
    return [f"it {verb} {one.type} {one.shape}, expected tensor({kind}) {shape}"]
