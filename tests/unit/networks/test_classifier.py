import pytest
import torch

from lradapt.compute.engine import seeded
from lradapt.errors import LradaptError, WeightsError
from lradapt.networks.architectures import ARCHITECTURES, Architecture
from lradapt.networks.classifier import (
    body_weights,
    build,
    build_body,
    build_classifier,
    load_classifier,
    num_features,
)
from lradapt.training.layers import layer_groups

RESNET18 = ARCHITECTURES["resnet18"]


def random_weights(num_classes=5):
    with seeded(0):
        return build(RESNET18, num_classes).state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_parameter_of_every_architecture_lies_at_one_depth(architecture):
    with torch.device("meta"):
        model = build(ARCHITECTURES[architecture], num_classes=3)
    groups = layer_groups(model, [1, 2, 3], layers=ARCHITECTURES[architecture].groups)
    placed = sum(len(group["params"]) for group in groups)
    assert placed == len(list(model.parameters()))
    assert [group["name"] for group in groups] == ["early", "late", "head"]
    assert len(groups[-1]["params"]) == 2


@pytest.mark.parametrize(
    ("architecture", "first_late"),
    [("resnet50", "layer3.0.conv1.weight"), ("densenet161", "features.denseblock3")],
)
def test_depths_are_cut_where_the_course_cut_them(architecture, first_late):
    with torch.device("meta"):
        model = build(ARCHITECTURES[architecture], num_classes=3)
    early, late, _ = layer_groups(model, [1, 2, 3], layers=ARCHITECTURES[architecture].groups)
    name_of = {id(p): name for name, p in model.named_parameters()}
    order = list(name_of.values())
    late_names = [name_of[id(p)] for p in late["params"]]
    early_names = [name_of[id(p)] for p in early["params"]]
    assert min(late_names, key=order.index).startswith(first_late) or (
        first_late in "".join(late_names)
    )
    assert max(map(order.index, early_names)) < max(map(order.index, late_names))


@pytest.mark.parametrize(
    ("architecture", "width"), [("resnet18", 512), ("resnet50", 2048), ("densenet161", 2208)]
)
def test_num_features_is_the_width_before_the_head(architecture, width):
    assert num_features(ARCHITECTURES[architecture]) == width


def test_the_body_is_frozen_batchnorm_included():
    body = build_body(RESNET18, body_weights(RESNET18, random_weights()))
    assert not body.training
    assert not any(parameter.requires_grad for parameter in body.parameters())


def test_body_and_head_make_the_whole_network():
    weights = random_weights()
    head = {"weight": weights["fc.weight"], "bias": weights["fc.bias"]}
    whole = build_classifier(RESNET18, body_weights(RESNET18, weights), head)
    assert all(torch.equal(weights[name], value) for name, value in whole.state_dict().items())


def test_half_precision_weights_become_single():
    half = {name: value.half() for name, value in random_weights().items()}
    assert {v.dtype for n, v in body_weights(RESNET18, half).items() if "running" in n} == {
        torch.float32
    }


def test_weights_of_another_architecture_name_their_faults():
    body = body_weights(RESNET18, random_weights())
    with pytest.raises(WeightsError, match=r"not those of resnet34.*lradapt import weights") as e:
        build_body(ARCHITECTURES["resnet34"], body)
    assert "layer1.2.conv1.weight: missing" in str(e.value)


def test_weights_for_other_classes_are_refused():
    with pytest.raises(WeightsError, match=r"fc\.weight: shape \(5, 512\), expected \(7, 512\)"):
        load_classifier(RESNET18, random_weights(), num_classes=7)


CONVNEXT = Architecture(
    name="convnext_tiny",
    head="classifier.2",
    early=r"^features\.[0-3]\.",
    late=r"^(features\.[4-7]|classifier\.0)\.",
)


@pytest.mark.slow
def test_any_network_of_torchvision_can_be_given_by_the_names_of_its_layers():
    with seeded(0):
        weights = build(CONVNEXT, num_classes=5).state_dict()
    images = torch.rand(2, 3, 32, 32)
    body = build_body(CONVNEXT, body_weights(CONVNEXT, weights))
    head = {part: weights[f"classifier.2.{part}"] for part in ("weight", "bias")}
    whole = build_classifier(CONVNEXT, body_weights(CONVNEXT, weights), head)
    expected = body(images) @ head["weight"].T + head["bias"]
    torch.testing.assert_close(whole.eval()(images), expected)
    assert num_features(CONVNEXT) == 768
    placed = layer_groups(whole, [1, 2, 3], layers=CONVNEXT.groups)
    assert sum(len(group["params"]) for group in placed) == len(list(whole.parameters()))


@pytest.mark.parametrize(
    ("name", "head", "message"),
    [
        ("resnet19", "fc", "model.architecture resnet19: Unknown model resnet19"),
        ("resnet18", "classifier", "resnet18: ResNet has no attribute `classifier`"),
        ("resnet18", "conv1", "conv1 of resnet18 is a Conv2d, expected the last layer, a Linear"),
    ],
)
def test_a_network_that_is_not_as_described_is_refused(name, head, message):
    wrong = Architecture(name=name, head=head, early="", late="")
    with pytest.raises(LradaptError, match=message):
        build(wrong, num_classes=3)
