"""The reader of docs/onnx.md, which needs no lradapt, gives the same answers."""

import ast
import json
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from colour_model import colour_model, doubting_model
from odd_files import ONLY_OURS, files_of_every_kind

from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.description import described
from lradapt.inference.predict import Model
from tests.docs.documents import ROOT, blocks

SIZE = 8
PARTLY = ("deep_rgb.png", "deep_rgba.png", "deep_la.png", "deep_rgb.tif", "deep_rgb_deflate.tif")
"""Colours of 16 bits, which Pillow reads with 8: only with the whole range are they the same."""


def _programs():
    """The lines that tell the doubt in an answer, and the reader."""
    doubt, program = [block.text for block in blocks("docs/onnx.md") if block.kind == "python"]
    return doubt, program


@pytest.fixture(scope="module")
def reader():
    return _programs()[1]


@pytest.fixture
def model(tmp_path):
    """A function: a model file with this preprocessing in its metadata."""

    def make(how):
        proto = onnx.load_model_from_string(colour_model(size=SIZE))
        for note in proto.metadata_props:
            if note.key == "lradapt.preprocessing":
                note.value = json.dumps(described(how))
        path = tmp_path / "model.onnx"
        path.write_bytes(proto.SerializeToString())
        return path

    return make


@pytest.mark.parametrize(
    ("fit", "scale"),
    [("crop", (0, 65535)), ("crop", (7000, 9040)), ("pad", (0, 4095)), ("squash", (0, 255))],
)
def test_the_reader_answers_as_lradapt_does_on_every_kind_of_file(
    reader, model, tmp_path, fit, scale
):
    path = model(Preprocessing(SIZE, 80, fit, scale))
    left = ONLY_OURS if scale == (0, 65535) else (*ONLY_OURS, *PARTLY)
    files = {n: c for n, c in files_of_every_kind(scale).items() if n not in left}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "read_model.py").write_text(reader)
    words = [sys.executable, "-I", "read_model.py", "model.onnx", *files]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    output = [json.loads(line) for line in done.stdout.splitlines()]
    ours = Model(path.read_bytes(), threads=1).classify([tmp_path / name for name in files])
    for theirs, own in zip(output, ours, strict=True):
        assert theirs.pop("image") == own.path.name
        assert theirs == pytest.approx(own.probabilities, abs=1e-6), own.path.name


@pytest.mark.parametrize("colour", [(230, 20, 20), (250, 250, 250), (90, 80, 70)])
def test_the_lines_about_doubt_say_what_lradapt_says(colour):
    session = onnxruntime.InferenceSession(doubting_model([0.35, 0.35, 0.02]))
    model = Model(doubting_model([0.35, 0.35, 0.02]), threads=1)
    square = np.full((1, 8, 8, 3), colour, np.uint8)
    (probabilities,), (unlike,) = session.run(["probabilities", "unlike"], {"pixels": square})
    values = {
        "json": json,
        "notes": session.get_modelmeta().custom_metadata_map,
        "names": model.class_names,
        "probabilities": probabilities,
        "unlike": unlike,
    }
    exec(_programs()[0], values)
    (doubt,) = model.doubts(model.answers(square))
    assert bool(values["unlike_training"]) is doubt.unlike_training
    assert sorted(values["unsure"]) == sorted(doubt.unsure)


def test_the_reader_is_short_and_needs_three_packages(reader):
    tree = ast.parse(reader)
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert function.end_lineno - function.lineno <= 15
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else name.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert imported - set(sys.stdlib_module_names) == {"numpy", "onnxruntime", "PIL"}


def test_the_page_explains_every_key_of_the_metadata():
    page = (ROOT / "docs/onnx.md").read_text()
    notes = onnx.load_model_from_string(doubting_model([0.1] * 3)).metadata_props
    assert [note.key for note in notes if f"`{note.key}`" not in page] == []
    for how in (Preprocessing(8, 80), Preprocessing(8, 80, "pad")):
        missing = [key for key in described(how) if f"`{key}`" not in page]
        assert missing == []
