import pytest
import torch
from torch import nn

from lradapt.errors import LayersError
from lradapt.networks.architectures import LayerGroup
from lradapt.training.param_groups import build_param_groups, set_height

BODY = LayerGroup(name="body", pattern=r"^body\.")
HEAD = LayerGroup(name="head", pattern=r"^head\.")


@pytest.fixture
def model():
    return nn.ModuleDict({"body": nn.Linear(3, 3), "head": nn.Linear(3, 2)})


def test_every_trainable_parameter_lands_in_exactly_one_group(model):
    groups = build_param_groups(model, [BODY, HEAD], [0.1, 1.0])
    placed = [id(p) for group in groups for p in group["params"]]
    assert sorted(placed) == sorted(id(p) for p in model.parameters())


def test_the_first_matching_pattern_wins(model):
    everything = LayerGroup(name="all", pattern="")
    groups = build_param_groups(model, [HEAD, everything], [1.0, 0.1])
    assert [len(group["params"]) for group in groups] == [2, 2]
    assert groups[0]["params"][0] is model["head"].weight


def test_frozen_parameters_are_left_out(model):
    model["body"].requires_grad_(False)
    with pytest.raises(
        LayersError, match=r"group body: the pattern '\^body\\\\.' matches no trainable"
    ):
        build_param_groups(model, [BODY, HEAD], [0.1, 1.0])
    assert len(build_param_groups(model, [HEAD], [1.0])) == 1


def test_an_uncovered_parameter_is_named(model):
    with pytest.raises(LayersError, match=r"2 parameter.*\n.*head\.weight\n.*head\.bias"):
        build_param_groups(model, [BODY], [0.1])


def test_a_rate_for_each_group_is_asked_for(model):
    with pytest.raises(LayersError, match="2 layer groups but 1 rates"):
        build_param_groups(model, [BODY, HEAD], [0.1])


def test_groups_keep_their_ratio_at_every_height(model):
    optimizer = torch.optim.SGD(build_param_groups(model, [BODY, HEAD], [0.01, 0.1]))
    for height in (1.0, 0.3, 0.001):
        rates = set_height(optimizer, height)
        assert rates == pytest.approx((0.01 * height, 0.1 * height))
        assert [group["lr"] for group in optimizer.param_groups] == list(rates)


def test_height_zero_stops_every_group(model):
    optimizer = torch.optim.SGD(build_param_groups(model, [BODY, HEAD], [0.01, 0.1]))
    assert set_height(optimizer, 0.0) == (0.0, 0.0)
