import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from lradapt.compute.engine import seeded
from lradapt.data.images.decode import Preprocessing
from lradapt.inference.predict import Model
from lradapt.networks.classifier import body_weights, build, build_body, num_features
from lradapt.networks.depth_features import mean_and_deviation
from lradapt.networks.known import architecture_of
from lradapt.networks.normalisation import Normalisation
from lradapt.networks.onnx_export import Deployed, export_onnx, probabilities
from lradapt.networks.onnx_head import with_head

MOMENTS = replace(architecture_of("timm/test_efficientnet"), deviations=True)
SIZE = 32
NORMALISE = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def network(name, num_classes):
    with seeded(0):
        return build(architecture_of(name), num_classes)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "timm/test_efficientnet",
        "timm/test_resnet",
        pytest.param("densenet121", marks=pytest.mark.long),
    ],
)
def test_the_exported_network_gets_another_head_and_answers_as_torch_does(name, tmp_path):
    model, path = network(name, 2).eval(), tmp_path / "model.onnx"
    export_onnx(
        Deployed(model, NORMALISE, 2.0),
        path,
        class_names=["0", "1"],
        architecture=name,
        preprocessing=Preprocessing(SIZE, 89),
    )
    random = np.random.default_rng(0)
    weight_KD = random.normal(size=(3, num_features(architecture_of(name)))).astype(np.float32)
    bias_K = np.arange(3, dtype=np.float32)
    whole = network(name, 3).eval()
    whole.load_state_dict(
        model.state_dict()
        | {f"{architecture_of(name).head}.weight": torch.from_numpy(weight_KD)}
        | {f"{architecture_of(name).head}.bias": torch.from_numpy(bias_K)}
    )
    pixels = random.integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)
    made = Model(with_head(path.read_bytes(), weight_KD, bias_K, 0.7, "abc"))
    expected = probabilities(Deployed(whole, NORMALISE, 0.7), pixels)
    np.testing.assert_allclose(made.probabilities(pixels), expected, atol=2e-4)


def test_the_deviation_of_a_map_is_numpys():
    with seeded(0):
        map_NCHW = torch.rand(3, 4, 5, 6) * torch.tensor([1, 10, 100, 1000]).view(4, 1, 1)
    values = map_NCHW.numpy()
    expected_NC = np.concatenate([values.mean((2, 3)), values.std((2, 3))], axis=1)
    np.testing.assert_allclose(mean_and_deviation(map_NCHW), expected_NC, rtol=1e-4)


def test_a_map_without_deviation_has_a_finite_slope():
    map_NCHW = torch.ones(1, 2, 3, 3, requires_grad=True)
    features_ND = mean_and_deviation(map_NCHW)
    features_ND.sum().backward()
    assert features_ND.tolist() == [[1, 1, 0, 0]]
    assert map_NCHW.grad.isfinite().all()


def test_moments_are_the_means_and_deviations_of_each_stage_and_then_the_last_features():
    with seeded(0):
        model = build(MOMENTS, num_classes=3).eval()
    maps = []
    for name in MOMENTS.taps:
        model.get_submodule(name).register_forward_hook(lambda *args: maps.append(args[2]))
    images, weights = torch.rand(2, 3, SIZE, SIZE), model.state_dict()
    features_ND = build_body(MOMENTS, body_weights(MOMENTS, weights))(images)
    expected = features_ND @ weights["classifier.weight"].T + weights["classifier.bias"]
    torch.testing.assert_close(model(images), expected)
    assert features_ND.shape[1] == num_features(MOMENTS)
    pooled = torch.cat([mean_and_deviation(each) for each in maps], dim=1)
    torch.testing.assert_close(features_ND[:, : pooled.shape[1]], pooled)


def test_a_step_of_training_under_bf16_reaches_every_depth():
    model = network("timm/test_efficientnet", 3).train().to(memory_format=torch.channels_last)
    images = torch.rand(4, 3, SIZE, SIZE).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(images).float().square().sum()
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert not model.classifier.pooled.by_tap  # nothing of the step stays in memory
    copied = copy.deepcopy(model).eval()
    assert copied(images).shape == (4, 3)
