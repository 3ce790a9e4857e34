"""The training images of `lradapt serve --nearest`, in a project and outside."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from colour_model import paint
from explained_project import ROOT, pooled_model, write_explained_project
from PIL import Image
from releases import promote, release

from lradapt.cli.extras import MODULES
from lradapt.cli.nearest import nearest_in
from lradapt.config.paths import PROJECT_FILE
from lradapt.data.images.decode import preprocess
from lradapt.errors import DataError
from lradapt.inference.metadata import ModelError
from lradapt.registry import open_registry
from lradapt.registry.manifest import TRAINED_ON
from lradapt.serving.live_model import LiveModel

FILTER = ROOT / "tests" / "unit" / "cli" / "without_extras"


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


def test_outside_a_project_the_server_does_not_start_and_names_what_it_needs(paths, lradapt):
    Path(PROJECT_FILE).unlink()
    done = lradapt("serve", "--nearest")
    assert done.code == 1
    (line,) = done.err.splitlines()
    assert line.startswith("error: --nearest shows training images, which a registry does not have")
    assert "expected the project that trained the model, found no dvc.yaml in " in line


def test_a_model_without_features_says_what_to_do(paths):
    model = onnx.load_model_from_string(pooled_model())
    del model.graph.output[1:]
    registry = open_registry("registry", "classifier")
    before = registry.read_file(registry.require_production().version, TRAINED_ON)
    files = {"model.onnx": model.SerializeToString(), TRAINED_ON: before}
    promote(registry, registry.publish(files, {}))
    with pytest.raises(ModelError, match=r"gives no features.*Train and promote it again"):
        prepared()


def test_the_nearest_need_no_package_that_only_trains(paths):
    program = (
        "from lradapt.cli.nearest import nearest_in\n"
        "from lradapt.registry import open_registry\n"
        "from lradapt.serving.live_model import LiveModel\n"
        "import numpy as np\n"
        "registry = open_registry('registry', 'classifier')\n"
        "compare = nearest_in(registry)(LiveModel(registry, threads=1).current())\n"
        "print(compare(np.full((8, 8, 3), (0, 200, 0), np.uint8))[0].image)"
    )
    blocked = ",".join(MODULES["train"] + MODULES["data"])
    variables = {"PYTHONPATH": f"{FILTER}:{ROOT}", "BLOCKED": blocked}
    done = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True)
    assert done.stdout == b"green.png\n", done.stderr.decode()


def test_a_version_of_another_project_has_no_training_images_here(paths):
    release(open_registry("registry", "classifier"), pooled_model())
    with pytest.raises(DataError, match="are not on this machine"):
        prepared()
