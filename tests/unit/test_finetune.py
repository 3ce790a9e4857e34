import pytest
import torch
from torch import nn

from lradapt.architectures import LayerGroup
from lradapt.finetune import finetune

GROUPS = (LayerGroup(name="body", pattern=r"^0\."), LayerGroup(name="head", pattern=r"^1\."))
SETTINGS = {
    "groups": GROUPS,
    "max_lrs": [0.01, 0.1],
    "batch_size": 16,
    "momentum": 0.9,
    "l2": 1e-4,
    "num_cycles": 3,
    "first_cycle_epochs": 1,
    "cycle_growth": 2,
    "seed": 0,
}


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3))


def test_cycles_of_one_two_and_four_epochs_make_seven(model, blobs, engine):
    epochs = finetune(model, blobs(32), blobs(9, seed=1), engine, **SETTINGS)
    assert [epoch.number for epoch in epochs] == [0, 1, 2, 3, 4, 5, 6]
    assert all(epoch.tune for epoch in epochs)
    heads = [round(step.rates[1] / 0.1, 4) for epoch in epochs for step in epoch.steps]
    assert heads[:6] == [1.0, 0.5, 1.0, 0.8536, 0.5, 0.1464]
    assert heads[6:] == [1.0, 0.9619, 0.8536, 0.6913, 0.5, 0.3087, 0.1464, 0.0381]


def test_the_groups_fall_together_in_their_ratio(model, blobs, engine):
    epochs = finetune(model, blobs(48), blobs(0), engine, **SETTINGS)
    ratios = {round(s.rates[1] / s.rates[0], 6) for epoch in epochs for s in epoch.steps}
    assert ratios == {10.0}


def test_every_layer_learns(model, blobs, engine):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    finetune(model, blobs(48), blobs(0), engine, **SETTINGS)
    moved = [name for name, value in model.state_dict().items() if not value.equal(before[name])]
    assert moved == list(before)


def test_the_same_seed_gives_the_same_weights(blobs, engine):
    def run(seed):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3))
        finetune(model, blobs(48), blobs(0), engine, **{**SETTINGS, "seed": seed})
        return model[0].weight

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
