"""The training images of `lradapt serve --nearest`, in a project and outside."""

import io
from pathlib import Path

import numpy as np
import pytest
from colour_model import paint
from explained_project import pooled_model, write_explained_project
from PIL import Image
from releases import release

from lradapt.cli.nearest import nearest_in
from lradapt.config.paths import PROJECT_FILE
from lradapt.data.images.decode import preprocess
from lradapt.errors import DataError
from lradapt.registry import open_registry
from lradapt.serving.live_model import LiveModel


@pytest.fixture
def paths(tmp_path, monkeypatch):
    """The paths of a project as the current folder."""
    monkeypatch.chdir(tmp_path)
    return write_explained_project()


def prepared():
    """The comparison for the version in production, and the square of a green image."""
    registry = open_registry("registry", "classifier")
    loaded = LiveModel(registry, threads=1).current()
    content = paint(Path("a.png"), "green", seed=5).read_bytes()
    return nearest_in(registry)(loaded), preprocess(content, loaded.model.preprocessing)


def test_the_nearest_training_images_come_with_label_and_picture(paths):
    compare, square = prepared()
    near = compare(square)
    assert [(each.image, each.label) for each in near][:1] == [("green.png", "green")]
    assert len(near) == 3
    similarities = [each.similarity for each in near]
    assert similarities == sorted(similarities, reverse=True)
    with Image.open(io.BytesIO(near[0].picture)) as picture:
        assert (near[0].media_type, picture.size) == ("image/png", (8, 8))
        assert np.asarray(picture).mean(axis=(0, 1)).argmax() == 1


def test_a_training_image_that_has_gone_since_has_no_picture(paths):
    compare, square = prepared()
    (paths.images / "green.png").unlink()
    (paths.images / "blue.png").write_bytes(b"damaged")
    pictures = {each.image: bool(each.picture) for each in compare(square)}
    assert pictures == {"green.png": False, "blue.png": False, "red.png": True}


def test_outside_a_project_the_reason_is_an_error(paths):
    Path(PROJECT_FILE).unlink()
    with pytest.raises(DataError, match="are not on this machine: the server does not run in"):
        prepared()


def test_a_version_of_another_project_has_no_training_images_here(paths):
    release(open_registry("registry", "classifier"), pooled_model())
    with pytest.raises(DataError, match="are not on this machine"):
        prepared()
