"""What an exported model computes before its probabilities, compared with PyTorch."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from colour_model import COLOURS, NORMALISATION, colour_model
from torch import nn

from lradapt.compute.engine import seeded
from lradapt.data.images.decode import Preprocessing
from lradapt.inference.explaining_model import ExplainingModel
from lradapt.inference.metadata import ModelError
from lradapt.networks.classifier import build
from lradapt.networks.known import architecture_of
from lradapt.networks.onnx_export import Deployed, export_onnx

SIZE = 12


def exported(network, path, size=SIZE, temperature=1.7):
    deployed = Deployed(network, NORMALISATION, temperature)
    how = Preprocessing(size, 89)
    export_onnx(deployed, path, class_names=COLOURS, architecture="a", preprocessing=how)
    return path.read_bytes()


def square(size=SIZE):
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)


def normalised(square_SS3):
    images = torch.from_numpy(square_SS3[None]).permute(0, 3, 1, 2)
    return NORMALISATION(images)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU())
    return nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3)).eval()


@pytest.fixture(scope="module", params=[1.7, 1.0])  # by 1 there is no division in the file
def content(request, network, tmp_path_factory):
    path = tmp_path_factory.mktemp("explained") / "model.onnx"
    return exported(network, path, temperature=request.param)


def test_the_map_of_a_class_is_that_of_pytorch_and_its_mean_the_logit_without_bias(
    network, content
):
    model = ExplainingModel(content, threads=1)
    assert model.has_maps
    with torch.no_grad():
        map_CHW = network[0](normalised(square()))[0]
        logits_K = network(normalised(square()))[0]
    for number in range(3):
        found = model.look_inside(square(), number).class_map
        expected_HW = torch.tensordot(network[-1].weight[number], map_CHW, dims=1)
        np.testing.assert_allclose(found.values, expected_HW.detach().numpy(), atol=1e-5)
        assert found.logit == pytest.approx(float(logits_K[number]), abs=1e-5)
        assert found.bias == float(network[-1].bias.detach()[number])
        assert found.values.mean() == pytest.approx(found.logit - found.bias, abs=1e-6)


def test_the_features_are_what_the_last_layer_reads(network, content):
    model, squares = ExplainingModel(content), np.stack([square(), square() // 2])
    with torch.no_grad():
        expected_ND = network[:-1](torch.cat([normalised(each) for each in squares])).numpy()
    np.testing.assert_allclose(model.features(squares), expected_ND, atol=1e-5)
    np.testing.assert_allclose(model.look_inside(squares[1], 0).features, expected_ND[1], atol=1e-5)
    assert model.num_features == 5


def test_a_last_layer_that_reads_pixels_has_features_and_a_map_by_occlusion():
    model = ExplainingModel(colour_model())
    assert not model.has_maps
    found = model.look_inside(square(8), 1)
    assert found.class_map.kind == "occlusion"
    assert found.features.shape == (3 * 8 * 8,)
    covered = square(8)
    covered[2, 5] = square(8).reshape(-1, 3).mean(axis=0).round()
    fall = found.class_map.logit - model.look_inside(covered, 1).class_map.logit
    assert found.class_map.values[2, 5] == pytest.approx(fall, abs=1e-5)


def test_features_that_are_not_the_means_of_the_maps_are_refused(content):
    """A last layer that reads the means in another order, which its operators do not tell."""
    proto = onnx.load_model_from_string(content)
    layer = next(node for node in proto.graph.node if node.op_type == "Gemm")
    before = onnx.helper.make_node("Gather", [layer.input[0], "order"], ["reordered"], axis=1)
    order = onnx.numpy_helper.from_array(np.array([1, 0, 2, 3, 4]), "order")
    proto.graph.initializer.append(order)
    proto.graph.node.insert(list(proto.graph.node).index(layer), before)
    layer.input[0] = "reordered"
    model = ExplainingModel(proto.SerializeToString())
    with pytest.raises(ModelError, match="not the means of its maps"):
        model.look_inside(square(), 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "deviations", "is_pooled"),
    [
        ("resnet18", False, True),
        pytest.param("densenet121", True, True, marks=pytest.mark.long),
        ("timm/test_efficientnet", False, True),
        ("timm/test_efficientnet", True, True),
        ("timm/test_convnext", False, False),
        pytest.param("timm/test_vit", False, False, marks=pytest.mark.long),
    ],
)
def test_the_map_of_a_head_that_reads_several_depths_is_exact(
    name, deviations, is_pooled, tmp_path
):
    with seeded(0):
        network = build(replace(architecture_of(name), deviations=deviations), 3).eval()
    size = 160 if name == "timm/test_vit" else 64
    content = exported(network, tmp_path / "model.onnx", size)
    model = ExplainingModel(content)
    assert model.has_maps == is_pooled
    found = model.look_inside(square(size), 2)
    with torch.no_grad():
        logit = float(network(normalised(square(size)))[0, 2])
    values_HW = found.class_map.values
    assert found.class_map.logit == pytest.approx(logit, abs=1e-4)
    assert found.class_map.kind == ("activation" if is_pooled else "occlusion")
    assert values_HW.shape[0] >= 8
    if is_pooled:
        assert values_HW.mean() == pytest.approx(logit - found.class_map.bias, abs=1e-4)
