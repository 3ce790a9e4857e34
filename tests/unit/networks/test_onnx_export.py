import json
import os
import socket

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from colour_model import COLOURS, NORMALISATION
from torch import nn

from lradapt.data.images.decode import Preprocessing
from lradapt.inference.predict import Model
from lradapt.networks.onnx_export import Deployed, export_onnx, probabilities

SIZE, TEMPERATURE = 8, 1.7


def convolutional():
    """Untrained, with layers whose training mode differs."""
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Flatten(),
        nn.Linear(144, 3),
    ]
    return Deployed(nn.Sequential(*layers), NORMALISATION, TEMPERATURE)


@pytest.fixture(scope="module")
def deployed():
    return convolutional()


@pytest.fixture(scope="module")
def export(deployed, tmp_path_factory):
    """A function that exports into a new file."""

    def make(path=None):
        path = path or tmp_path_factory.mktemp("export") / "model.onnx"
        export_onnx(
            deployed,
            path,
            class_names=COLOURS,
            architecture="resnet18",
            preprocessing=Preprocessing(SIZE, 89),
        )
        return path

    return make


@pytest.fixture(scope="module")
def exported(export):
    return export().read_bytes()


def pixels(num):
    return np.random.default_rng(0).integers(0, 256, (num, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.parametrize("num", [1, 2, 7])
def test_the_exported_model_agrees_with_pytorch_in_batches_of_any_size(deployed, exported, num):
    expected = probabilities(deployed, pixels(num))
    found = Model(exported).probabilities(pixels(num))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_exported_model_normalises_and_divides_by_the_temperature(deployed, exported):
    mean, deviation = np.array(NORMALISATION.mean), np.array(NORMALISATION.deviation)
    normalised = ((pixels(3) / 255 - mean) / deviation).transpose(0, 3, 1, 2)
    with torch.no_grad():
        logits = deployed.model.eval()(torch.from_numpy(normalised).float()).numpy()
    powers = np.exp(logits / TEMPERATURE)
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(Model(exported).probabilities(pixels(3)), expected, atol=1e-5)


def test_pytorch_says_the_same_in_batches_and_at_once(deployed):
    at_once = probabilities(deployed, pixels(7))
    np.testing.assert_allclose(probabilities(deployed, pixels(7), batch_size=3), at_once, atol=1e-6)
    assert at_once.shape == (7, 3)


def test_the_model_takes_uint8_pixels_and_gives_float_probabilities(exported):
    session = onnxruntime.InferenceSession(exported)
    (given,), (output, _) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape[1:]) == ("pixels", "tensor(uint8)", [SIZE, SIZE, 3])
    assert (output.name, output.type) == ("probabilities", "tensor(float)")
    assert isinstance(given.shape[0], str), "the size of a batch is open"


def test_the_second_output_is_what_the_last_layer_reads(deployed, exported):
    session = onnxruntime.InferenceSession(exported)
    probabilities_2K, features_2D = session.run(None, {"pixels": pixels(2)})
    found = session.get_outputs()[1]
    assert (found.name, found.type, found.shape) == ("features", "tensor(float)", ["batch", 144])
    layer = deployed.model[-1]
    with torch.no_grad():
        logits = layer(torch.from_numpy(features_2D)) / TEMPERATURE
    np.testing.assert_allclose(probabilities_2K, logits.softmax(dim=1).numpy(), atol=1e-5)


def test_the_metadata_say_all_that_a_reader_needs(exported):
    notes = onnxruntime.InferenceSession(exported).get_modelmeta().custom_metadata_map
    assert notes == {
        "lradapt.format": "4",
        "lradapt.architecture": "resnet18",
        "lradapt.class_names": '["red", "green", "blue"]',
        "lradapt.preprocessing": notes["lradapt.preprocessing"],
        "lradapt.temperature": "1.7",
    }
    assert json.loads(notes["lradapt.preprocessing"]) == {
        "input_size": 8,
        "max_megapixels": 89,
        "fit": "crop",
        "depth_range": [0, 65535],
        "layout": "NHWC",
        "channels": "RGB",
        "type": "uint8",
        "orientation": "turned as EXIF says",
        "transparency": "over white",
        "page": "the first",
        "resize": {
            "library": "Pillow",
            "filter": "bilinear",
            "antialias": True,
            "reducing_gap": 1.0,
        },
        "normalisation": {
            "inside": True,
            "mean": list(NORMALISATION.mean),
            "deviation": list(NORMALISATION.deviation),
        },
    }


@pytest.mark.slow
def test_exporting_twice_gives_the_same_bytes(export, exported):
    assert export().read_bytes() == exported


def test_the_file_names_nothing_of_this_machine(exported):
    for word in (os.getcwd(), os.path.dirname(torch.__file__), socket.gethostname(), ".py"):
        assert word.encode() not in exported, word


def test_the_file_is_valid_and_whole_in_itself(exported):
    model = onnx.load_model_from_string(exported)
    onnx.checker.check_model(model, full_check=True)
    assert all(weight.data_location != 1 for weight in model.graph.initializer)


@pytest.mark.slow
def test_a_failed_export_leaves_the_former_file(deployed, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"former")
    with pytest.raises(torch.onnx.errors.OnnxExporterError):
        export_onnx(
            deployed,
            path,
            class_names=COLOURS,
            architecture="resnet18",
            preprocessing=Preprocessing(SIZE + 1, 89),  # does not fit the linear layer
        )
    assert [item.name for item in tmp_path.iterdir()] == ["model.onnx"]
    assert path.read_bytes() == b"former"
