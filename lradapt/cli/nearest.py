"""The training images that the page of `lradapt serve --nearest` compares with."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.config.paths import PROJECT_FILE, Paths, read_paths
from lradapt.errors import DataError

if TYPE_CHECKING:
    from lradapt.data.images.decode import Pixels, Preprocessing
    from lradapt.data.neighbours import Features, Neighbours
    from lradapt.registry.registry import Registry
    from lradapt.serving.live_model import Loaded
    from lradapt.serving.nearest import Compare, NearImage

_NUM_NEIGHBOURS = 3
_SMALL = 64  # pixels; JPEG would blur a smaller picture


def nearest_in(registry: "Registry") -> "Callable[[Loaded], Compare]":
    """Return a function that reads the training images of a version of a registry.

    It raises `DataError` where they are not on this machine, and `ModelError` where the model gives
    no features.

    Raises:
        DataError: the current folder is no project, so no version has its training images here.
    """
    if not PROJECT_FILE.exists():
        raise DataError(
            "--nearest shows training images, which a registry does not have: expected the "
            f"project that trained the model, found no {PROJECT_FILE} in {Path.cwd()}. Start "
            "the server in the project's folder; of a container, mount it and make it the working "
            "directory"
        )
    paths = read_paths()

    def prepare(loaded: "Loaded") -> "Compare":
        model = loaded.model
        known = _training_images(registry, loaded, paths)

        def compare(square_SS3: "Pixels") -> "Sequence[NearImage]":
            features_D = model.features(square_SS3[None])[0]
            return _nearest(known, features_D, paths.images, model.preprocessing)

        return compare

    return prepare


def _training_images(registry: "Registry", loaded: "Loaded", paths: Paths) -> "Neighbours":
    from lradapt.production.training_features import find_training_images, training_neighbours

    name, model = loaded.promotion.version, loaded.model
    images = find_training_images(registry.open(name, loaded.promotion), paths)
    if not images:
        raise DataError(
            f"The training images of version {name} are not on this machine: another project has "
            "trained it, or their files are gone."
        )
    return training_neighbours(
        images,
        model,
        model.preprocessing,
        model_sha256=loaded.promotion.model_sha256,
        store=paths.store,
    )


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

    from lradapt.data.images.decode import preprocess
    from lradapt.data.images.decode_errors import DecodeError

    try:
        square_SS3 = preprocess(path.read_bytes(), how)
    except (OSError, DecodeError):  # the next run reports it
        return b"", ""
    kind = "PNG" if len(square_SS3) <= _SMALL else "JPEG"
    content = io.BytesIO()
    Image.fromarray(square_SS3).save(content, kind)
    return content.getvalue(), f"image/{kind.lower()}"
