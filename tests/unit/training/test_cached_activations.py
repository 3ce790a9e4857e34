import pytest
import torch
from torch import nn

from lradapt.errors import LayersError
from lradapt.training.activations import cached_activations


@pytest.fixture
def model():
    """A body with BatchNorm and dropout, in training but for one frozen layer, and a head."""
    body = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5))
    whole = nn.Sequential(body, nn.Linear(6, 3)).train()
    whole[0][1].eval()
    return whole


@pytest.fixture
def batches():
    numbers = torch.Generator().manual_seed(0)
    return [(torch.randn(n, 4, generator=numbers), torch.arange(n)) for n in (5, 3)]


def test_they_are_what_the_head_is_given_in_eval_mode(model, batches):
    features, labels = cached_activations(model, model[1], batches).tensors
    assert labels.tolist() == [0, 1, 2, 3, 4, 0, 1, 2]
    model.eval()
    with torch.no_grad():
        expected = torch.cat([model[0](inputs) for inputs, _ in batches])
    assert torch.equal(features, expected)
    assert not features.requires_grad


def test_the_model_is_left_as_it_was(model, batches):
    modes = [module.training for module in model.modules()]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    cached_activations(model, model[1], batches)
    assert [module.training for module in model.modules()] == modes
    assert len(set(modes)) == 2
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not model[1]._forward_pre_hooks


def test_the_model_is_left_as_it_was_where_a_batch_does_not_fit(model):
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        cached_activations(model, model[1], [(torch.zeros(2, 9), torch.zeros(2))])
    assert model.training
    assert not model[1]._forward_pre_hooks


def test_a_head_that_is_not_part_of_the_model_or_called_twice_is_refused(model, batches):
    with pytest.raises(LayersError, match="called 0 times in a forward pass, expected once"):
        cached_activations(model, nn.Linear(6, 3), batches)
    twice = nn.Linear(4, 4)
    with pytest.raises(LayersError, match="called 2 times in a forward pass, expected once"):
        cached_activations(nn.Sequential(twice, twice), twice, batches)
    with pytest.raises(LayersError, match="there are no batches"):
        cached_activations(model, model[1], [])
