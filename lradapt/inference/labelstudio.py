"""Predictions as tasks of Label Studio, which shows them as pre-annotations to be corrected."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unicodedata import normalize
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from lradapt.inference.predict import Prediction

_IMAGE, _CHOICES = "image", "class"
"""The names of the controls of the labelling interface; `image` is also the key of the image."""


def make_tasks(
    predictions: Iterable[Prediction],
    groups: Mapping[str, str],
    *,
    images: Path,
    below_root: str,
    version: str,
) -> list[dict[str, Any]]:
    """Return a task for each image that could be decoded, with its class and probability.

    Args:
        predictions: for files below `images`.
        groups: image, in NFC -> patient or lesion, where it is known.
        images: the folder.
        below_root: path of that folder below the document root of Label Studio's local files.
        version: of the model.
    """
    return [
        _task(each, each.path.relative_to(images).as_posix(), groups, below_root, version)
        for each in predictions
        if not each.fault
    ]


def _task(
    prediction: Prediction, name: str, groups: Mapping[str, str], below_root: str, version: str
) -> dict[str, Any]:
    path = f"{below_root.strip('/')}/{name}".lstrip("/")
    of_image = groups.get(normalize("NFC", name), "")
    group = {"group": of_image} if of_image else {}
    choice = {
        "id": "class",
        "type": "choices",
        "from_name": _CHOICES,
        "to_name": _IMAGE,
        "value": {"choices": [prediction.label]},
    }
    score = prediction.probabilities[prediction.label]
    return {
        "data": {_IMAGE: f"/data/local-files/?d={quote(path)}", **group},
        "predictions": [{"model_version": version, "score": score, "result": [choice]}],
    }


def labelling_interface(class_names: Sequence[str]) -> str:
    """Return the labelling interface of a project for these tasks, in Label Studio's XML."""
    choices = "".join(f"    <Choice value={quoteattr(name)}/>\n" for name in class_names)
    return (
        f'<View>\n  <Image name="{_IMAGE}" value="${_IMAGE}"/>\n'
        f'  <Choices name="{_CHOICES}" toName="{_IMAGE}" choice="single" showInline="true">\n'
        f"{choices}  </Choices>\n</View>\n"
    )
