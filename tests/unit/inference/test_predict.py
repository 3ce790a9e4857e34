import errno
import json
import subprocess
import sys

import numpy as np
import onnx
import pytest
from colour_model import COLOURS, colour_model, paint

from lradapt.data.images.decode import Preprocessing, preprocess
from lradapt.errors import LradaptError, UnreadableError
from lradapt.inference.metadata import ModelError
from lradapt.inference.predict import Model, find_images


@pytest.fixture(scope="module")
def model():
    return Model(colour_model(), threads=1)


def with_notes(**notes):
    """The model with other metadata; None removes an entry."""
    proto = onnx.load_model_from_string(colour_model())
    kept = {note.key: note.value for note in proto.metadata_props} | notes
    del proto.metadata_props[:]
    onnx.helper.set_model_props(proto, {key: text for key, text in kept.items() if text})
    return proto.SerializeToString()


def test_each_image_gets_its_class_and_probabilities_in_falling_order(model, tmp_path):
    paths = [paint(tmp_path / f"{colour}.png", colour) for colour in ("blue", "red")]
    blue, red = model.classify(paths)
    assert (blue.path, blue.label, blue.fault) == (paths[0], "blue", "")
    assert (red.path, red.label) == (paths[1], "red")
    assert next(iter(blue.probabilities)) == "blue"
    falling = list(blue.probabilities.values())
    assert falling == sorted(falling, reverse=True)
    assert set(blue.probabilities) == set(COLOURS)
    assert sum(falling) == pytest.approx(1, abs=1e-6)


def test_probabilities_are_those_of_the_image_as_its_own_preprocessing_gives_it(model, tmp_path):
    path = paint(tmp_path / "a.png", "green", size=30)
    square = preprocess(path.read_bytes(), model.preprocessing)
    expected = dict(zip(COLOURS, model.probabilities(square[None])[0], strict=True))
    (output,) = model.classify([path])
    assert output.probabilities == pytest.approx(expected)


def test_a_damaged_file_keeps_its_place_and_its_fault(model, tmp_path):
    paths = [paint(tmp_path / f"{c}.png", c) for c in COLOURS]
    paths[1].write_bytes(b"not an image")
    output = list(model.classify(paths))
    assert [one.label for one in output] == ["red", "", "blue"]
    assert output[1].fault.startswith("not an image; expected JPEG, PNG")
    assert output[1].probabilities == {}


def test_an_image_too_large_for_the_model_is_a_fault(model, tmp_path):
    small = Model(with_notes(**{"lradapt.preprocessing": '{"input_size":8,"max_megapixels":1e-5}'}))
    (output,) = small.classify([paint(tmp_path / "a.png", "red")])
    assert "over 1e-05 megapixels" in output.fault


def test_portions_of_any_size_say_the_same_in_the_same_order(model, tmp_path):
    paths = [paint(tmp_path / f"{n}.png", COLOURS[n % 3], n) for n in range(7)]
    paths[3].write_bytes(b"")
    labels = [output.label for output in model.classify(paths)]
    assert labels == ["red", "green", "blue", "", "green", "blue", "red"]
    assert [output.label for output in model.classify(paths, batch_size=2)] == labels
    pixels = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), dtype=np.uint8)
    at_once = model.probabilities(pixels)
    np.testing.assert_allclose(model.probabilities(pixels, batch_size=3), at_once, atol=1e-6)


def test_no_image_gives_no_prediction(model):
    assert list(model.classify([])) == []


@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_a_file_that_is_no_onnx_is_refused(content):
    with pytest.raises(ModelError, match="not a model that ONNX Runtime can load"):
        Model(content)


def test_a_model_without_the_output_of_features_is_read_too(model):
    proto = onnx.load_model_from_string(with_notes(**{"lradapt.format": "2"}))
    del proto.graph.output[1:]
    square = np.zeros((1, 8, 8, 3), np.uint8)
    found = Model(proto.SerializeToString()).probabilities(square)
    np.testing.assert_array_equal(found, model.probabilities(square))


@pytest.mark.parametrize("form", [None, "5"])
def test_a_model_of_another_program_or_version_is_refused(form):
    with pytest.raises(ModelError, match=f"model format {form!r}, expected '1', '2', '3' or '4'"):
        Model(with_notes(**{"lradapt.format": form}))


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("class_names", None, "lradapt.class_names: missing"),
        ("class_names", "[", "lradapt.class_names: Expecting value"),
        ("class_names", '{"a": 1}', "expected a list of names"),
        ("class_names", "[1, 2, 3]", "expected a list of names"),
        ("class_names", '["a", "a", "b"]', "each once"),
        ("class_names", '["a", "b"]', r"gives .*, 3\], expected .*, 2\]"),
        ("class_names", "[" * 100_000, "lradapt.class_names: maximum recursion depth"),
        ("preprocessing", None, "lradapt.preprocessing: missing"),
        ("preprocessing", "8", "lradapt.preprocessing: expected"),
        ("preprocessing", "{}", "lradapt.preprocessing: "),
        ("preprocessing", '{"input_size": 8}', "lradapt.preprocessing: "),
        ("preprocessing", '{"input_size": "8", "max_megapixels": 9}', "'8', expected a number"),
        ("preprocessing", '{"input_size": true, "max_megapixels": 9}', "True, expected a number"),
        ("preprocessing", '{"input_size": 8, "max_megapixels": "9"}', "'9', expected a number"),
        ("preprocessing", '{"input_size": 8, "max_megapixels": -9}', "-9, expected above 0"),
        ("preprocessing", '{"input_size": 8, "max_megapixels": NaN}', "nan, expected above 0"),
        ("preprocessing", '{"input_size": 9, "max_megapixels": 9}', r"takes .*, 8, 8, 3\], exp"),
        ("preprocessing", '{"input_size": 8, "max_megapixels": 9, "fit": "x"}', "crop, pad, sq"),
        (
            "preprocessing",
            '{"input_size": 8, "max_megapixels": 9, "depth_range": [9, 0]}',
            r"\[9, 0\], expected 0 <= low",
        ),
        ("architecture", None, "lradapt.architecture: missing"),
    ],
)
def test_metadata_that_contradict_the_model_are_one_error_of_ours(key, text, says):
    with pytest.raises(ModelError, match=says):
        Model(with_notes(**{f"lradapt.{key}": text}))


def test_all_faults_of_the_metadata_are_reported_at_once():
    with pytest.raises(
        ModelError, match=r"2 fault\(s\):\n  - .*class_names.*\n  - .*preprocessing"
    ):
        Model(with_notes(**{"lradapt.class_names": "[]", "lradapt.preprocessing": None}))


def test_a_folder_stands_for_every_file_below_it_that_is_not_hidden(tmp_path):
    for name in ("b/2.png", "b/1.png", "a.png", ".hidden.png", ".git/x.png", "b/.y.png"):
        paint(tmp_path / "images" / name, "red")
    single = paint(tmp_path / ".single.png", "red")
    found = find_images([single, tmp_path / "images"])
    folder = tmp_path / "images"
    assert found == [single, folder / "a.png", folder / "b/1.png", folder / "b/2.png"]


def test_a_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LradaptError, match=r"no file or folder .*gone"):
        find_images([tmp_path / "gone"])


@pytest.mark.parametrize(("name", "says"), [(None, "is empty"), (".a.png", "only hidden files")])
def test_a_folder_with_nothing_to_classify_is_an_error(tmp_path, name, says):
    if name:
        paint(tmp_path / name, "red")
    with pytest.raises(LradaptError, match=says):
        find_images([tmp_path])


def test_classifying_imports_no_torch_and_notes_nothing_of_this_machine(tmp_path):
    (tmp_path / "model.onnx").write_bytes(colour_model())
    paint(tmp_path / "a.png", "green")
    program = """
import json, sys
from pathlib import Path
from lradapt.inference.predict import Model
(output,) = Model(Path("model.onnx").read_bytes()).classify([Path("a.png")])
loaded = sorted({name.split(".")[0] for name in sys.modules})
print(json.dumps([output.label, loaded]))
"""
    environment = {"PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    label, loaded = json.loads(done.stdout)
    assert label == "green"
    assert not {"torch", "torchvision", "sklearn", "matplotlib", "onnx"} & set(loaded)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"model.onnx", "a.png"}, "a number for this machine was noted, for telemetry"


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), MemoryError()])
def test_a_file_that_the_machine_does_not_give_is_no_fault_of_the_image(
    model, tmp_path, monkeypatch, error
):
    path = paint(tmp_path / "a.png", "red")

    def failing(self):
        raise error

    monkeypatch.setattr(type(path), "read_bytes", failing)
    with pytest.raises(UnreadableError, match=r"a.png: .*(Input/output error|memory)"):
        list(model.classify([path]))


def test_a_newline_in_a_file_name_breaks_no_line_of_an_error(model, tmp_path, monkeypatch):
    path = paint(tmp_path / "a\nerror: b.png", "red")
    monkeypatch.setattr(type(path), "read_bytes", lambda self: exec("raise OSError(5, 'EIO')"))
    with pytest.raises(UnreadableError) as refused:
        list(model.classify([path]))
    assert "a\\nerror: b.png" in str(refused.value)
    assert "\n" not in str(refused.value)
    with pytest.raises(LradaptError, match=r"^no file or folder .*a\\nerror: b\.jpg$"):
        find_images([path.with_suffix(".jpg")])


def test_a_model_made_before_is_cropped_and_has_the_whole_range():
    notes = {"lradapt.format": "1", "lradapt.preprocessing": '{"input_size":8,"max_megapixels":9}'}
    assert Model(with_notes(**notes)).preprocessing == Preprocessing(8, 9, "crop", (0, 65535))
