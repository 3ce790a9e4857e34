import os
import signal
import sys
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import pytest
import torch
from torch import nn

from lradapt.compute.distributed.launch import distribute
from lradapt.compute.engine import Engine, start_engine
from lradapt.errors import TrainingError
from lradapt.networks.architectures import LayerGroup
from lradapt.networks.normalisation import Normalisation
from lradapt.runtime import process_rank
from lradapt.runtime.termination import Terminated
from lradapt.training.checkpoint import CheckpointFolder, read_checkpoint
from lradapt.training.finetune import FinetuneRecipe, finetune
from lradapt.training.imbalance import make_balance
from lradapt.training.inputs.augment import Augmentation
from lradapt.training.inputs.examples import PixelExamples, Preparation, RandomViews
from lradapt.training.model_choice import choose_final
from lradapt.training.records import snapshot
from lradapt.training.run import resumable
from tests.unit.side_by_side import both

CPU = torch.device("cpu")
NORMALISE = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
VIEWS = RandomViews(Augmentation(0.1, 1.2, True, False), seed=0)
MECHANISMS = ["none", "class_weights", "balanced_sampling", "logit_adjustment"]
LAYERS = (LayerGroup(name="late", pattern=r"^[34]"), LayerGroup(name="rest", pattern=""))
RECIPE = FinetuneRecipe(
    batch_size=16, momentum=0.9, l2=1e-3, num_cycles=2, first_cycle_epochs=1, cycle_growth=2
)
NUM_STEPS = 9  # 47 images in batches of 16, 16 and 15, three epochs
KEY = "a" * 64


@dataclass(frozen=True, slots=True)
class Doubles:
    """Examples in double precision."""

    single: PixelExamples

    @property
    def labels(self):
        return self.single.labels

    @property
    def at_once(self):
        return self.single.at_once

    def batches(self, wanted):
        return ((images.double(), labels) for images, labels in self.single.batches(wanted))


def images(count, seed, views=None):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    labels = torch.arange(count).square() % 3  # unbalanced
    pixels[np.arange(count), 2:6, 2:6, labels.numpy()] |= 192
    return PixelExamples(torch.from_numpy(pixels), labels, Preparation(NORMALISE, views))


def network(dropout=0.0):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, stride=2),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3),
        nn.BatchNorm2d(8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(8, 3),
    )


def joint(num):
    return distribute(start_engine(device="cpu", precision="fp32", threads=1), num)


def train(engine, *, mechanism="none", double=False, run=None, max_lrs=(0.02, 0.05), **changes):
    """Fine-tune, and choose the final weights; return the results."""
    training, validation = images(47, 0, VIEWS), images(9, 1)
    model = network()
    if double:
        model, training, validation = model.double(), Doubles(training), Doubles(validation)
    balance = make_balance(mechanism, training.labels, 3)
    before = snapshot(model)
    words = (model, training, validation, engine, replace(RECIPE, **changes))
    settings = {"layers": LAYERS, "max_lrs": max_lrs, "seed": 0}
    cycles = [*finetune(*words, balance=balance, run=run, **settings)]
    last = snapshot(model)
    chosen = choose_final(model, cycles, training, validation, engine, batch_size=16, before=before)
    epochs = [epoch for cycle in cycles for epoch in cycle.epochs]
    return last, epochs, chosen, snapshot(model)


def train_all(num, double):
    engine = joint(num)
    torch.set_default_dtype(torch.float64 if double else torch.float32)  # what Fabric passes on
    try:
        return [train(engine, mechanism=name, double=double) for name in mechanisms(double)]
    finally:
        torch.set_default_dtype(torch.float32)


def mechanisms(double):
    """The weights of the classes are in single precision."""
    return [name for name in MECHANISMS if not (double and name == "class_weights")]


@pytest.fixture(scope="module")
def pairs():
    """A function: for each mechanism what one process, and the two of a pair find."""
    kept = {}

    def get(double):
        if double not in kept:
            found = zip(train_all(1, double), *both(train_all, 2, double), strict=True)
            kept[double] = dict(zip(mechanisms(double), found, strict=True))
        return kept[double]

    return get


def assert_close(weights, others, tolerance):
    for name, value in weights.items():
        torch.testing.assert_close(others[name], value, atol=tolerance, rtol=tolerance)


def losses(epochs):
    return [step.loss for epoch in epochs for step in epoch.steps]


# In double precision nothing but rounding is left: another sum, weight or view would show by far.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("double", "mechanism", "tolerance"),
    [
        *(pytest.param(0, name, 1e-5, marks=pytest.mark.long) for name in mechanisms(0)),
        *((1, name, 1e-12) for name in mechanisms(1)),
    ],
)
def test_two_processes_train_what_one_trains(pairs, double, mechanism, tolerance):
    alone, first, _ = pairs(double)[mechanism]
    last, epochs, chosen, final = first
    assert [len(epoch.steps) for epoch in epochs] == [3, 3, 3]
    assert losses(epochs) == pytest.approx(losses(alone[1]), rel=tolerance)
    assert [step.rates for step in epochs[2].steps] == [step.rates for step in alone[1][2].steps]
    assert_close(alone[0], last, tolerance)
    assert chosen.name == alone[2].name
    assert {name: score.loss for name, score in chosen.scores.items()} == pytest.approx(
        {name: score.loss for name, score in alone[2].scores.items()}, rel=max(tolerance, 1e-6)
    )
    assert_close(alone[3], final, tolerance)


@pytest.mark.slow
def test_both_processes_hold_the_same_to_the_bit(pairs):
    for _, first, second in pairs(0).values():
        assert first[1:3] == second[1:3]
        for place in (0, 3):
            pairs_of_weights = zip(first[place].values(), second[place].values(), strict=True)
            assert all(torch.equal(one, other) for one, other in pairs_of_weights)


def act_before(number, act, rank):
    """From here on, `rank` calls `act` before the step of that number."""
    own, numbers = torch.optim.SGD.zero_grad, count()

    def acting(self, *words, **settings):
        if process_rank.rank() == rank and next(numbers) == number:
            act()
        return own(self, *words, **settings)

    torch.optim.SGD.zero_grad = acting


def ask_to_end():
    os.kill(os.getpid(), signal.SIGTERM)


def fail():
    raise ZeroDivisionError


def train_along(folder, act=None, number=0, rank=0, every_seconds=1000.0):
    """Train with checkpoints; return the results, or the error."""
    engine = joint(2)
    if act:
        act_before(number, act, rank)
    try:
        with resumable(folder, KEY, every_seconds=every_seconds, processes=engine.processes) as run:
            return train(engine, run=run)
    except (Terminated, TrainingError, ZeroDivisionError) as error:
        return error


def kept_step(folder):
    found = read_checkpoint(CheckpointFolder(folder, KEY))
    return found and found.step


@pytest.mark.slow
@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.long), 1])
def test_sigterm_to_one_ends_both_after_the_same_step_and_both_go_on_from_there(
    tmp_path, pairs, rank
):
    first, second = both(train_along, tmp_path, ask_to_end, 4, rank)
    assert str(first) == "ended by SIGTERM; the next run resumes after step 5"
    assert isinstance(second, Terminated)
    assert kept_step(tmp_path) == 5
    undisturbed = pairs(0)["none"][1]
    for last, epochs, chosen, _ in both(train_along, tmp_path):
        assert (epochs, chosen) == undisturbed[1:3]
        assert all(torch.equal(value, undisturbed[0][name]) for name, value in last.items())


@pytest.mark.slow
def test_where_one_fails_the_other_says_so_and_leaves_no_half_step(tmp_path):
    first, second = both(train_along, tmp_path, fail, 4, 1, 0.0)
    assert isinstance(second, ZeroDivisionError)
    assert isinstance(first, TrainingError)
    assert str(first).startswith("another process of this training has ended, so the training")
    assert kept_step(tmp_path) == 4


def test_one_process_trains_without_fabric(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)  # an import of it fails
    engine = joint(1)
    assert engine == Engine(CPU, "fp32")
    assert losses(train(engine, num_cycles=1)[1])


def test_without_the_extra_the_message_has_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["lradapt", "stage", "finetune"])
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TrainingError, match=r"is not installed; `pip install 'lradapt\[gpus\]'`"):
        joint(2)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(TrainingError, match=r"processes is 3, but torch finds 2 GPU\(s\)"):
        distribute(Engine(torch.device("cuda"), "bf16"), 3)


@pytest.mark.parametrize(("started", "asked"), [(2, 1), (2, 3), (3, 2)])
def test_another_number_of_processes_than_the_params_say_is_refused(monkeypatch, started, asked):
    monkeypatch.setenv("WORLD_SIZE", str(started))
    with pytest.raises(TrainingError) as caught:
        joint(asked)
    assert f"{started} processes were started, but finetune.processes is {asked}" in str(
        caught.value
    )


def test_a_program_that_calls_the_stage_is_not_started_again(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["benchmark.py"])
    with pytest.raises(TrainingError, match="was not started by `lradapt stage`"):
        joint(2)


def threads_asked_for():
    os.environ.pop("OMP_NUM_THREADS", None)
    distribute(start_engine(device="cpu", precision="fp32", threads=3), 2)
    return torch.get_num_threads()


@pytest.mark.slow
def test_each_has_the_threads_of_the_params():
    assert both(threads_asked_for) == [3, 3]


def train_frozen(num):
    last, epochs, *_ = train(joint(num), max_lrs=(0, 0.05))
    return last, losses(epochs)


@pytest.mark.slow
def test_frozen_layers_stay_in_each_process():
    (weights, found), (_, expected) = both(train_frozen, 2)[0], train_frozen(1)
    assert found == pytest.approx(expected, abs=1e-5)
    start = snapshot(network())
    same = {name[0] for name, value in weights.items() if torch.equal(value, start[name])}
    assert same == {"3", "4"}


def train_in_bf16():
    engine = distribute(start_engine(device="cpu", precision="bf16", threads=1), 2)
    return losses(train(engine, num_cycles=1)[1])


@pytest.mark.slow
@pytest.mark.long
def test_bf16_is_distributed_too():
    alone = losses(train(Engine(CPU, "bf16"), num_cycles=1)[1])
    for found in both(train_in_bf16):
        assert found == pytest.approx(alone, rel=0.02)
