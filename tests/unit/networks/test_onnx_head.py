import json

import numpy as np
import onnx
import pytest
import torch
from colour_model import NORMALISATION
from torch import nn

from lradapt.data.images.decode import Preprocessing
from lradapt.errors import LradaptError
from lradapt.inference.predict import Model
from lradapt.networks.onnx_export import Deployed, export_onnx, probabilities
from lradapt.networks.onnx_head import with_head

SIZE, WIDTH = 8, 144


def network(num_classes):
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(*body, nn.Linear(WIDTH, num_classes))


def exported(model, temperature, class_names, path):
    export_onnx(
        Deployed(model, NORMALISATION, temperature),
        path,
        class_names=class_names,
        architecture="resnet18",
        preprocessing=Preprocessing(SIZE, 89),
    )
    return path.read_bytes()


@pytest.fixture(scope="module")
def body(tmp_path_factory):
    return exported(network(2), 2.0, "ab", tmp_path_factory.mktemp("body") / "model.onnx")


@pytest.fixture
def head():
    """Of five classes; weight and bias."""
    random = np.random.default_rng(0)
    return random.normal(size=(5, WIDTH)).astype(np.float32), np.arange(5, dtype=np.float32)


def test_the_file_answers_as_the_whole_network_with_that_head_does(body, head, tmp_path):
    model = network(5)
    model[-1].load_state_dict(
        {
            name: torch.from_numpy(values)
            for name, values in zip(("weight", "bias"), head, strict=True)
        }
    )
    pixels = np.random.default_rng(1).integers(0, 256, (6, SIZE, SIZE, 3), dtype=np.uint8)
    made = Model(with_head(body, *head, 0.7, "vwxyz"))
    expected = probabilities(Deployed(model, NORMALISATION, 0.7), pixels)
    np.testing.assert_allclose(made.probabilities(pixels), expected, atol=1e-5)
    whole = Model(exported(model, 0.7, "vwxyz", tmp_path / "whole.onnx"))
    np.testing.assert_allclose(made.probabilities(pixels), whole.probabilities(pixels), atol=1e-6)
    assert made.class_names == whole.class_names == list("vwxyz")


def test_the_file_is_valid_and_says_its_classes_and_its_temperature(body, head):
    model = onnx.load_from_string(with_head(body, *head, 0.7, "vwxyz"))
    onnx.checker.check_model(model, full_check=True)
    notes = {entry.key: entry.value for entry in model.metadata_props}
    assert notes["lradapt.temperature"] == "0.7"
    assert json.loads(notes["lradapt.preprocessing"])["input_size"] == 8


def test_the_same_head_gives_the_same_bytes(body, head):
    assert with_head(body, *head, 1.0, "vwxyz") == with_head(body, *head, 1.0, "vwxyz")


def test_a_head_of_another_width_is_refused(body, head):
    with pytest.raises(LradaptError, match="the head has 100 inputs, the body 144 outputs"):
        with_head(body, head[0][:, :100], head[1], 1.0, "vwxyz")


def test_a_network_without_a_head_is_refused(tmp_path):
    headless = exported(network(2)[:-1], 2.0, "ab", tmp_path / "model.onnx")
    with pytest.raises(LradaptError, match="does not end with a linear layer"):
        with_head(headless, np.zeros((2, WIDTH), np.float32), np.zeros(2, np.float32), 1.0, "ab")
