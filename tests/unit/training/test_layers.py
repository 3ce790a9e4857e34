import pytest
from torch import nn
from torchvision.models import densenet121, resnet18, vgg11

from lradapt.errors import LayersError
from lradapt.networks.architectures import ARCHITECTURES, LayerGroup
from lradapt.training.layers import layer_groups


def small():
    return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 3))


@pytest.mark.parametrize("build", [resnet18, densenet121])
def test_a_network_of_torchvision_has_three_depths(build):
    model = build()
    groups = layer_groups(model, [1e-4, 1e-3, 1e-2])
    assert [group["lr"] for group in groups] == [1e-4, 1e-3, 1e-2]
    assert [group["name"] for group in groups] == ["early", "late", "head"]
    head = model.get_submodule(ARCHITECTURES[build.__name__].head)
    assert {id(p) for p in groups[-1]["params"]} == {id(p) for p in head.parameters()}
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))


def test_layers_with_names_take_a_rate_each():
    layers = [LayerGroup(name="first", pattern=r"^0\."), LayerGroup(name="rest", pattern="")]
    groups = layer_groups(small(), [0.1, 1.0], layers=layers)
    assert [(group["name"], group["lr"]) for group in groups] == [("first", 0.1), ("rest", 1.0)]


def test_custom_patterns_split_any_network_and_the_first_that_matches_wins():
    model = small()
    first, rest = layer_groups(model, {r"^0\.": 0.1, "": 1.0})
    assert [id(p) for p in first["params"]] == [id(p) for p in model[0].parameters()]
    assert (len(rest["params"]), first["lr"], rest["lr"]) == (4, 0.1, 1.0)
    placed = [id(p) for group in (first, rest) for p in group["params"]]
    assert sorted(placed) == sorted(id(p) for p in model.parameters())


def test_frozen_parameters_are_left_out():
    model = resnet18()
    model.conv1.requires_grad_(False)
    groups = layer_groups(model, [1e-4, 1e-3, 1e-2])
    assert id(model.conv1.weight) not in {id(p) for g in groups for p in g["params"]}
    model.fc.requires_grad_(False)
    with pytest.raises(LayersError, match=r"layer group head: the pattern .* matches no trainable"):
        layer_groups(model, [1e-4, 1e-3, 1e-2])


def test_a_rate_of_zero_needs_no_trainable_parameter_and_keeps_its_group():
    model = small()
    model[0].requires_grad_(False)
    first, rest = layer_groups(model, {r"^0\.": 0.0, "": 1.0})
    assert (first["params"], first["lr"], len(rest["params"])) == ([], 0.0, 4)


def test_an_unknown_network_needs_patterns():
    for model in (small(), vgg11()):
        with pytest.raises(LayersError, match="give a mapping from pattern to rate"):
            layer_groups(model, [0.1, 0.1, 0.1])


@pytest.mark.parametrize(
    ("rates", "says"),
    [
        ({r"^9\.": 0.1, "": 1.0}, r"'\^9\\\\.' matches no trainable"),
        ({r"^0\.": 0.1}, r"4 parameter\(s\) match no layer group(.*\n)+.*1\.weight\n.*1\.bias"),
    ],
)
def test_a_pattern_without_a_layer_and_a_layer_without_a_pattern_are_refused(rates, says):
    with pytest.raises(LayersError, match=says):
        layer_groups(small(), rates)


def test_another_number_of_rates_than_depths_is_refused():
    with pytest.raises(LayersError, match="3 layer groups but 2 rates"):
        layer_groups(resnet18(), [0.1, 0.2])
