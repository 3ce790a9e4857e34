"""The training images that the page of `lradapt serve --nearest` compares with."""

import io
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.config.paths import PROJECT_FILE, Paths, read_paths
from lradapt.errors import DataError
from lradapt.registry.manifest import MODEL

if TYPE_CHECKING:
    from lradapt.data.images.decode import Pixels, Preprocessing
    from lradapt.data.neighbours import Features, Neighbours
    from lradapt.inference.explaining_model import ExplainingModel
    from lradapt.registry.published_version import PublishedVersion
    from lradapt.registry.registry import Registry
    from lradapt.serving.live_model import Loaded
    from lradapt.serving.nearest import Compare, NearImage

_NUM_NEIGHBOURS = 3
_SMALL = 64  # pixels; JPEG would blur a smaller picture


def nearest_in(registry: "Registry") -> "Callable[[Loaded], Compare]":
    """Return a function that reads the training images of a version of a registry.

    It raises `DataError` where they are not on this machine.
    """

    def prepare(loaded: "Loaded") -> "Compare":
        from lradapt.inference.explaining_model import ExplainingModel

        version = registry.open(loaded.promotion.version, loaded.promotion)
        content = version.read(MODEL)
        inside = ExplainingModel(content, threads=1)
        how, model_sha256 = loaded.model.preprocessing, sha256(content).hexdigest()
        paths, known = _training_images(version, inside, how, model_sha256)

        def compare(square_SS3: "Pixels") -> "Sequence[NearImage]":
            return _nearest(known, inside.features(square_SS3[None])[0], paths.images, how)

        return compare

    return prepare


def _training_images(
    version: "PublishedVersion", inside: "ExplainingModel", how: "Preprocessing", model_sha256: str
) -> "tuple[Paths, Neighbours]":
    from lradapt.production.training_features import find_training_images, training_neighbours

    paths = read_paths() if PROJECT_FILE.exists() else None
    images = find_training_images(version, paths) if paths else []
    if paths is None or not images:
        raise DataError(
            f"The training images of version {version.manifest['version']} are not on this "
            "machine: the server does not run in the project that has trained it, or their files "
            "are gone."
        )
    store = paths.store
    return paths, training_neighbours(images, inside, how, model_sha256=model_sha256, store=store)


def _nearest(
    known: "Neighbours", features_D: "Features", folder: Path, how: "Preprocessing"
) -> "list[NearImage]":
    from lradapt.serving.nearest import NearImage

    return [
        NearImage(each.image, each.label, each.similarity, *_picture(folder / each.image, how))
        for each in known.nearest_to(features_D, _NUM_NEIGHBOURS)
    ]


def _picture(path: Path, how: "Preprocessing") -> tuple[bytes, str]:
    """Return the square that the model gets of an image, as a file; empty if it is gone."""
    from PIL import Image

    from lradapt.data.images.decode import DecodeError, preprocess

    try:
        square_SS3 = preprocess(path.read_bytes(), how)
    except (OSError, DecodeError):  # the next run reports it
        return b"", ""
    kind = "PNG" if len(square_SS3) <= _SMALL else "JPEG"
    content = io.BytesIO()
    Image.fromarray(square_SS3).save(content, kind)
    return content.getvalue(), f"image/{kind.lower()}"
