import math
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn

from lradapt.errors import TrainingError
from lradapt.training.head import HEAD, new_head
from lradapt.training.imbalance import Balance
from lradapt.training.inputs.batches import training_batches
from lradapt.training.inputs.examples import ActivationExamples
from lradapt.training.loop import sgd
from lradapt.training.param_groups import build_param_groups
from lradapt.training.range_test.suggestion import suggest
from lradapt.training.range_test.sweeps import measure, measure_sweeps


def run(model, examples, engine, *, end_lr=100.0, num_steps=60, seed=0):
    def optimizer(trial):
        return sgd(build_param_groups(trial, HEAD, [end_lr]), momentum=0.9, l2=0.0)

    return measure(
        model,
        training_batches(examples, batch_size=32, seed=seed),
        optimizer,
        engine,
        start_lr=1e-5,
        end_lr=end_lr,
        num_steps=num_steps,
    )


def test_rates_rise_in_equal_ratios(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300), engine, end_lr=0.01, num_steps=30)
    lengths = [len(part) for part in (sweep.losses, sweep.untouched, sweep.smoothed)]
    assert lengths == [30, 30, 30]
    assert sweep.rates == pytest.approx(np.geomspace(1e-5, 0.01, 30))


def test_model_and_random_state_are_bit_for_bit_as_before(blobs, engine):
    model = nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 3)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_state = torch.get_rng_state()
    run(model, blobs(300), engine)
    assert model.training
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_diverging_sweep_ends_early(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300, spread=3.0), engine, end_lr=1e4)
    assert len(sweep.rates) < 60
    assert all(math.isfinite(loss) for loss in sweep.losses)


def test_a_rate_of_nothing_leaves_the_ratio_at_one_however_the_batches_differ(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300, spread=3.0), engine, end_lr=2e-5, num_steps=30)
    assert max(sweep.losses) > 1.2 * min(sweep.losses)
    assert sweep.smoothed == pytest.approx([1.0] * 30, rel=0.01)


def test_the_first_loss_of_a_sweep_is_the_untouched_models(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300), engine)
    assert sweep.losses[0] == sweep.untouched[0]
    assert sweep.losses[20] < sweep.untouched[20]


def test_labels_that_are_not_in_the_inputs_are_refused(blobs, engine):
    examples = blobs(300)
    mixed = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    untrained = new_head(8, 3, seed=0)
    with torch.no_grad():
        untrained.weight.zero_()  # knows as little as can be learnt
        untrained.bias.zero_()
    shuffled = ActivationExamples(examples.activations, examples.labels[mixed])
    with pytest.raises(TrainingError, match=r"the range test is (flat|noisy)"):
        suggest([run(untrained, shuffled, engine)], "minimum")


def test_a_sweep_ends_where_the_untouched_models_loss_is_not_finite(blobs, engine):
    head = new_head(8, 3, seed=0)
    calls = []

    def loss(logits, labels):
        calls.append(labels)
        value = torch.nn.functional.cross_entropy(logits, labels)
        return value * torch.nan if len(calls) == 12 else value  # the untouched model's sixth

    (sweep,) = several(lambda _: head, blobs(300), engine, num_sweeps=1, balance=Balance(loss))
    assert len(sweep.rates) == 5


def several(model_of, examples, engine, **settings):
    def optimizer(trial):
        return sgd(build_param_groups(trial, HEAD, [100.0]), momentum=0.9, l2=0.0)

    how = {"seed": 5, "num_sweeps": 3, "batch_size": 32, "num_steps": 60, **settings}
    return measure_sweeps(model_of, examples, optimizer, engine, start_lr=1e-5, end_lr=100.0, **how)


def test_several_sweeps_have_a_model_and_an_order_of_images_by_seeds_that_follow(blobs, engine):
    examples = blobs(300)
    sweeps = several(lambda seed: new_head(8, 3, seed=seed), examples, engine)
    assert sweeps == [run(new_head(8, 3, seed=n), examples, engine, seed=n) for n in (5, 6, 7)]
    assert len(set(sweeps)) == 3


def test_sweeps_use_the_loss_and_the_order_of_the_balance(blobs, engine):
    seen = []

    def order(labels, numbers):
        return torch.zeros(len(labels), dtype=torch.int64)

    def loss(logits, labels):
        seen.append(labels.tolist())
        return logits.square().mean()

    balance = Balance(loss, order)
    head = new_head(8, 3, seed=0)
    several(lambda _: head, blobs(64), engine, num_sweeps=1, num_steps=4, balance=balance)
    assert seen == [[0] * 32] * 8  # the copy's and the untouched model's


def test_the_progress_of_a_sweep_knows_the_steps_of_those_to_come(blobs, engine, monkeypatch):
    following = []

    @contextmanager
    def tracked(items, what, **settings):
        following.append(settings["following"])
        yield iter(items)

    monkeypatch.setattr("lradapt.training.range_test.sweeps.tracked", tracked)
    several(lambda seed: new_head(8, 3, seed=seed), blobs(64), engine, num_steps=4)
    assert following == [8, 4, 0]
