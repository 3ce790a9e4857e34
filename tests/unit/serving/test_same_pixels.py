"""Training, evaluation, `predict`, the server and the gate see the same pixels of every file."""

import asyncio
import json
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from colour_model import colour_model
from fastapi import HTTPException
from odd_files import files_of_every_kind

from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.description import described
from lradapt.data.images.image_table import OK, depth_range_of, read_table
from lradapt.data.images.ingest import ingest
from lradapt.inference.predict import Model
from lradapt.serving.answers import answer_to
from lradapt.serving.live_model import Loaded
from lradapt.serving.settings import Settings
from lradapt.serving.turns import Turns
from lradapt.serving.uploads import Upload

SIZE = 8
SCALES = {"16 bits": (0, 65535), "12 bits": (0, 4095), "8 bits": (0, 255), "thermal": (7000, 9040)}
FILES = files_of_every_kind()


def model_with(how):
    """A model whose metadata are those of an export."""
    proto = onnx.load_model_from_string(colour_model(size=SIZE))
    for note in proto.metadata_props:
        if note.key == "lradapt.preprocessing":
            note.value = json.dumps(described(how))
    return Model(proto.SerializeToString(), threads=1)


def answer_of_server(loaded, name, content):
    """The status and the answer of the server to one image."""
    settings = Settings(max_bytes=10**8, refresh_seconds=5, num_threads=1)
    return asyncio.run(answer_to(loaded, [Upload(name, content)], settings, Turns(1, 9)))


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    """A function: the rows, the pixels and the preprocessing of a set of every kind of file."""
    made = {}

    def make(scale, fit):
        if (scale, fit) not in made:
            folder = tmp_path_factory.mktemp("set")
            (folder / "images").mkdir()
            for name, content in files_of_every_kind(SCALES[scale]).items():
                (folder / "images" / name).write_bytes(content)
            table, how = folder / "images.csv", Preprocessing(SIZE, 80, fit)
            ingest(folder / "images", pixels=folder / "pixels.npy", table=table, how=how)
            rows = read_table(table)
            how = Preprocessing(SIZE, 80, fit, depth_range_of(rows))
            made[scale, fit] = folder, rows, np.load(folder / "pixels.npy"), model_with(how)
        return made[scale, fit]

    return make


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("scale", "fit"),
    [*((scale, "crop") for scale in SCALES), ("thermal", "pad"), ("thermal", "squash")],
)
def test_every_file_is_the_same_pixels_in_training_evaluation_predict_and_serve(
    ingested, scale, fit, name
):
    folder, rows, pixels, model = ingested(scale, fit)
    (row,) = [number for number, row in enumerate(rows) if row.image == name]
    assert rows[row].verdict == OK
    trained_on = model.probabilities(pixels[row][None])[0]  # as stage evaluate computes them
    (output,) = model.classify([folder / "images" / name])
    assert [output.probabilities[label] for label in model.class_names] == trained_on.tolist()
    content = (folder / "images" / name).read_bytes()
    loaded = Loaded(SimpleNamespace(version="v"), model)
    status, answer = answer_of_server(loaded, name, content)
    assert (status, answer["predictions"][0]["probabilities"]) == (200, output.probabilities)


def test_too_little_memory_is_no_fault_of_an_image(monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr("lradapt.data.images.decode.read_values", full)
    loaded = Loaded(SimpleNamespace(version="v"), model_with(Preprocessing(SIZE, 80)))
    with pytest.raises(HTTPException) as caught:
        answer_of_server(loaded, "a", FILES["rgb.png"])
    assert caught.value.status_code == 503


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("deep")])
@pytest.mark.parametrize("scale", SCALES)
def test_an_image_looks_the_same_however_many_of_its_16_bits_are_used(ingested, scale, name):
    _, rows, pixels, _ = ingested(scale, "crop")
    of_name = {row.image: square for row, square in zip(rows, pixels, strict=True)}
    upright = of_name[name]
    if "turned" in name:
        upright = np.rot90(upright, 1)[:, ::-1]
    expected = of_name["rgb.png" if "rgb" in name else "grey.png"].astype(int)
    gain = 1.15 if scale == "thermal" else 1.1  # the range of the set ends beside its values
    difference = np.abs(upright.astype(int) - expected)
    assert difference.max() <= 255 * (gain - 1) + 12
    assert np.corrcoef(upright.ravel(), expected.ravel())[0, 1] > 0.99
