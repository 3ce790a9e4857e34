"""`lradapt predict --explain`: the nearest training images, and a map of the class."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.config.paths import PROJECT_FILE, read_paths
from lradapt.registry.manifest import MODEL
from lradapt.runtime.files import whole_file, write_text

if TYPE_CHECKING:
    from lradapt.data.neighbours import Neighbour, Neighbours
    from lradapt.inference.explaining_model import ClassMap, ExplainingModel
    from lradapt.inference.predict import Model, Prediction
    from lradapt.registry.published_version import PublishedVersion

log = logging.getLogger(__name__)

_NUM_NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an image got its class.

    Attributes:
        neighbours: the nearest training images.
        class_map: of the predicted class.
        file: with all of it, in JSON.
        picture: the image with the map over it.
    """

    neighbours: "Sequence[Neighbour]"
    class_map: "ClassMap"
    file: Path
    picture: Path


def explain(
    predictions: "Sequence[Prediction]", model: "Model", version: "PublishedVersion", into: Path
) -> dict[Path, Explanation]:
    """Return an explanation for each image that was classified, and write it into a folder.

    Raises:
        NoLinearHeadError: the last layer of the model is not linear.
    """
    from lradapt.inference.explaining_model import ExplainingModel

    content = version.read(MODEL)
    inside = ExplainingModel(content)
    if not inside.has_maps:
        log.warning(
            "%s has no exact class map: its last layer reads something else than maps averaged "
            "over the image; its maps show how much the logit falls where a part is covered",
            model.architecture,
        )
    known = _neighbours(inside, model, version, sha256(content).hexdigest())
    classified = [each for each in predictions if not each.fault]
    files = _file_names([each.path for each in classified], into)
    found = {
        each.path: _explain(each, model, inside, known, files[each.path]) for each in classified
    }
    if any(each.class_map.values.size == 1 for each in found.values()):
        log.warning("the maps of the model have one cell at its input size: they show no place")
    for prediction in classified:
        _write(prediction, found[prediction.path])
    return found


def as_json(explanation: Explanation) -> dict[str, object]:
    """Return the keys that an explanation adds to a prediction in JSON."""
    return {
        "neighbours": [asdict(near) for near in explanation.neighbours],
        "explanation": str(explanation.file),
        "picture": str(explanation.picture),
    }


def nearest_in_words(neighbours: "Iterable[Neighbour]") -> str:
    """Return near images for a table."""
    return ", ".join(f"{each.image} ({each.label} {each.similarity:.2f})" for each in neighbours)


def _write(prediction: "Prediction", explanation: Explanation) -> None:
    """Write the JSON file of an image: the map has the values of each row, from the top."""
    found = explanation.class_map
    value = {
        "image": str(prediction.path),
        "class": prediction.label,
        "neighbours": [asdict(near) for near in explanation.neighbours],
        "class_map": {**asdict(found), "values": found.values.tolist()},
    }
    write_text(explanation.file, json.dumps(value, ensure_ascii=False) + "\n")


def _explain(
    prediction: "Prediction",
    model: "Model",
    inside: "ExplainingModel",
    known: "Neighbours | None",
    file: Path,
) -> Explanation:
    from lradapt.data.images.decode import preprocess
    from lradapt.inference.overlay import overlay

    square_SS3 = preprocess(prediction.path.read_bytes(), model.preprocessing)
    found = inside.look_inside(square_SS3, model.class_names.index(prediction.label))
    near = known.nearest_to(found.features, _NUM_NEIGHBOURS) if known else []
    picture = file.with_suffix(".png")
    with whole_file(picture) as partial:
        overlay(square_SS3, found.class_map.values).save(partial, "PNG")
    return Explanation(near, found.class_map, file, picture)


def _neighbours(
    inside: "ExplainingModel", model: "Model", version: "PublishedVersion", model_sha256: str
) -> "Neighbours | None":
    """Return the training images of a version; None where they are not here, which is logged."""
    from lradapt.production.training_features import find_training_images, training_neighbours

    paths = read_paths() if PROJECT_FILE.exists() else None
    images = find_training_images(version, paths) if paths else []
    if paths is None or not images:
        log.warning(
            "the training images of version %s are not here, so none is compared",
            version.manifest["version"],
        )
        return None
    return training_neighbours(
        images, inside, model.preprocessing, model_sha256=model_sha256, store=paths.store
    )


def _file_names(paths: Sequence[Path], into: Path) -> Mapping[Path, Path]:
    """Return the JSON file of each image: its name, numbered where several have it."""
    taken: set[str] = set()
    names: dict[Path, Path] = {}
    for path in paths:
        name, number = path.stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{path.stem}-{number}"
        taken.add(name.casefold())
        names[path] = into / f"{name}.json"
    return names
