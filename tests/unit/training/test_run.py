import math
import os
import shutil
import signal
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest
import torch
from safetensors import SafetensorError
from torch import nn

from lradapt.errors import DiskFullError, TrainingError
from lradapt.networks.architectures import LayerGroup
from lradapt.runtime.termination import Terminated
from lradapt.training.checkpoint import CheckpointFolder, read_checkpoint
from lradapt.training.finetune import FinetuneRecipe, finetune
from lradapt.training.head import HeadRecipe, new_head, train_head
from lradapt.training.run import TrainingRun, resumable

LAYERS = (LayerGroup(name="all", pattern=""),)
FINETUNE = FinetuneRecipe(
    batch_size=16, momentum=0.9, l2=1e-4, num_cycles=2, first_cycle_epochs=1, cycle_growth=2
)
HEAD = HeadRecipe(
    batch_size=16, momentum=0.9, l2=1e-4, max_epochs=5, patience_epochs=2, min_gain=0.002
)
NUM_STEPS = 9  # 48 points in batches of 16: three epochs of three steps
KEY = "a" * 64


class PowerCut(BaseException):
    """Stands for kill -9: no code handles it."""


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Unflatten(1, (2, 2, 2)),
            nn.Conv2d(2, 6, 2),
            nn.BatchNorm2d(6),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(6, 3),
        )


@pytest.fixture
def folder(tmp_path):
    return CheckpointFolder(tmp_path / "checkpoints", KEY)


@pytest.fixture
def run(blobs, engine):
    """A function: fine-tune a new network; its weights and cycles."""

    def call(state=None, validation=9, then=None, seed=0, **changes):
        model, recipe = network(), replace(FINETUNE, **changes)
        words = (model, blobs(48), blobs(validation, seed=1), engine, recipe)
        cycles = list(finetune(*words, layers=LAYERS, max_lrs=[0.1], seed=seed, run=state))
        if then:
            then()
        return model.state_dict(), cycles

    return call


def test_after_the_last_cycle_that_is_asked_for_no_checkpoint_takes_other_weights(
    folder, blobs, engine
):
    model, state = network(), TrainingRun(folder, every_seconds=math.inf)
    words = (model, blobs(48), blobs(9, seed=1), engine, FINETUNE)
    cycles = finetune(*words, layers=LAYERS, max_lrs=[0.1], seed=0, run=state)
    next(cycles)
    cycles.close()
    model.load_state_dict(network().state_dict())  # as the choice of the final weights does
    assert state.stop() == "there is no checkpoint yet"
    assert read_checkpoint(folder) is None


def same_weights(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def same(one, other):
    (weights, cycles), (other_weights, other_cycles) = one, other
    assert [cycle.epochs for cycle in cycles] == [cycle.epochs for cycle in other_cycles]
    pairs = zip(cycles, other_cycles, strict=True)
    ends = all(same_weights(cycle.weights, other.weights) for cycle, other in pairs)
    return ends and same_weights(weights, other_weights)


@contextmanager
def before_step(number, act):
    """A block whose training calls `act` in the step of that number, before the weights change."""
    numbers = count()

    def acting(own):
        def step(self, *words):
            if next(numbers) == number:
                act()
            return own(self, *words)

        return step

    with pytest.MonkeyPatch.context() as patch:
        for optimizer in (torch.optim.SGD, torch.optim.AdamW):
            patch.setattr(optimizer, "step", acting(optimizer.step))
        yield


def cut_power():
    raise PowerCut


def cut(run, folder, step, **settings):
    """Train with a checkpoint after each step, and die in the step of that number."""
    with before_step(step, cut_power), pytest.raises(PowerCut):
        run(TrainingRun(folder, every_seconds=0.0), **settings)


@pytest.mark.parametrize("step", range(1, NUM_STEPS))
def test_cut_in_a_training_by_adamw_it_ends_like_an_undisturbed_one(run, folder, step):
    settings = {"optimizer": "adamw", "batchnorm": "frozen"}
    cut(run, folder, step, **settings)
    assert same(run(TrainingRun(folder), **settings), run(**settings))


@pytest.mark.parametrize("validation", [9, 0])
@pytest.mark.parametrize("step", range(1, NUM_STEPS))
def test_cut_after_any_step_it_ends_like_an_undisturbed_one(run, folder, step, validation):
    cut(run, folder, step, validation=validation)
    state = TrainingRun(folder)
    assert same(run(state, validation=validation), run(validation=validation))
    assert state.first_step == NUM_STEPS


def test_a_step_that_broke_off_leaves_no_checkpoint(run, folder):
    """Its forward pass has moved BatchNorm already."""
    state = TrainingRun(folder)
    with before_step(2, cut_power), pytest.raises(PowerCut):
        run(state)
    assert state.stop() == "there is no checkpoint yet"
    assert read_checkpoint(folder) is None


def test_a_run_that_goes_on_takes_no_step_twice(run, folder, monkeypatch):
    cut(run, folder, 4)
    taken, own = [], torch.optim.SGD.step
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self: taken.append(1) or own(self))
    run(TrainingRun(folder))
    assert len(taken) == NUM_STEPS - 4


def test_dropout_depends_on_seed_and_step_alone(run):
    torch.manual_seed(1)
    one = run()
    torch.manual_seed(2)
    assert same(run(), one)
    assert not same_weights(run(seed=1)[0], one[0])


def test_without_momentum_and_in_many_pieces_it_ends_alike(run, folder):
    for _ in range(1, NUM_STEPS):
        cut(run, folder, 1, momentum=0.0)
    assert same(run(TrainingRun(folder), momentum=0.0), run(momentum=0.0))


def test_the_target_that_was_reached_before_ends_it_again(run, folder):
    _, cycles = run()
    target = cycles[1].epochs[0].validation.accuracy
    assert target > cycles[0].epochs[0].validation.accuracy, "this seed shows nothing"
    undisturbed = run(target_accuracy=target)
    run(TrainingRun(folder, every_seconds=0.0), target_accuracy=target)
    again = TrainingRun(folder)
    assert same(run(again, target_accuracy=target), undisturbed)
    assert again.first_step == 6


@pytest.mark.parametrize("step", [1, 4, 8])
def test_a_head_settles_as_it_would_have(blobs, engine, folder, step):
    def train(state=None):
        head = new_head(8, 3, seed=0)
        words = (head, blobs(48), blobs(30, seed=1), engine, HEAD)
        return train_head(*words, max_lr=0.1, seed=0, run=state), head.weight

    undisturbed, weight = train()
    assert 3 <= len(undisturbed) < 5, "it does not settle"
    cut(train, folder, step)
    epochs, again = train(TrainingRun(folder))
    assert epochs == undisturbed
    assert torch.equal(again, weight)


def test_weights_keep_their_memory_format(blobs, engine, folder, run):
    cut(run, folder, 4)
    model = network()
    words = (model, blobs(48), blobs(9, seed=1), engine, FINETUNE)
    cycles = finetune(*words, layers=LAYERS, max_lrs=[0.1], seed=0, run=TrainingRun(folder))
    ends = [cycle.weights["1.weight"] for cycle in cycles]
    for weight in (model[1].weight, *ends):
        assert weight.is_contiguous(memory_format=torch.channels_last)


def test_no_more_is_lost_than_the_seconds_between_two_checkpoints_and_a_step(run, folder):
    """Each look at the clock takes a second, so each step two: one after it, and one in writing."""
    seen = []
    for step in range(1, NUM_STEPS):
        seconds = count()
        state = TrainingRun(folder, every_seconds=3.0, clock=lambda seconds=seconds: next(seconds))
        with before_step(step, cut_power), pytest.raises(PowerCut):
            run(state)
        found = read_checkpoint(folder)
        seen.append(found.step if found else 0)
        shutil.rmtree(folder.own, ignore_errors=True)
    assert seen == [0, 0, 3, 3, 3, 6, 6, 6]


def test_a_training_shorter_than_that_leaves_none(run, folder):
    run(TrainingRun(folder, every_seconds=1000.0))
    assert read_checkpoint(folder) is None


def test_a_longer_one_leaves_its_end(run, folder):
    cut(run, folder, 2)
    run(TrainingRun(folder, every_seconds=1000.0))
    assert read_checkpoint(folder).step == NUM_STEPS


@pytest.mark.parametrize(
    ("error", "reason"),
    [(DiskFullError("of no interest"), "the disk is full"), (OSError("no right"), "no right")],
)
def test_what_cannot_be_written_is_logged_once_and_training_goes_on(
    run, folder, monkeypatch, caplog, error, reason
):
    def fails(*words):
        raise error

    monkeypatch.setattr("lradapt.training.run.write_checkpoint", fails)
    assert same(run(TrainingRun(folder, every_seconds=0.0)), run())
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        f"no checkpoint of step 1 in {folder.own} ({reason}); the previous checkpoint is kept, and "
        "the training continues"
    ]


def test_a_fault_of_the_disk_that_safetensors_reports_does_not_end_the_training(
    run, folder, monkeypatch, caplog
):
    def fails(*_):
        raise SafetensorError("I/O error: Input/output error (os error 5)")

    monkeypatch.setattr("lradapt.training.checkpoint.save_file", fails)
    assert same(run(TrainingRun(folder, every_seconds=0.0)), run())
    assert "os error 5" in caplog.text
    assert "the training continues" in caplog.text


def send():
    os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_in_a_step_ends_it_after_the_step(run, folder):
    expected = "^ended by SIGTERM; the next run resumes after step 5$"
    with (
        before_step(4, send),
        pytest.raises(Terminated, match=expected),
        resumable(folder.folder, KEY, every_seconds=math.inf) as state,
    ):
        run(state)
    assert read_checkpoint(folder).step == 5
    assert same(run(TrainingRun(folder)), run())


def test_sigterm_while_the_epoch_is_scored_ends_it_at_once(run, folder, monkeypatch):
    scored = count()

    def validate(*words, **settings):
        if next(scored) == 1:
            send()
            raise AssertionError("it went on")
        return own(*words, **settings)

    from lradapt.training import loop

    own = loop.validate
    monkeypatch.setattr(loop, "validate", validate)
    with (
        pytest.raises(Terminated, match="resumes after step 6"),
        resumable(folder.folder, KEY, every_seconds=math.inf) as state,
    ):
        run(state)
    monkeypatch.undo()
    assert same(run(TrainingRun(folder)), run())


def test_sigterm_after_the_training_keeps_no_weights_of_something_else(run, folder):
    """What chooses the final model loads other weights into the network."""
    with (
        pytest.raises(Terminated, match=r"^ended by SIGTERM; there is no checkpoint yet$"),
        resumable(folder.folder, KEY, every_seconds=math.inf) as state,
    ):
        run(state, then=send)
    assert read_checkpoint(folder) is None


def test_sigterm_again_does_not_disturb_the_last_checkpoint(run, folder, monkeypatch):
    from lradapt.training import run as module

    own = module.write_checkpoint

    def write(*words):
        send()
        own(*words)

    monkeypatch.setattr(module, "write_checkpoint", write)
    with (
        before_step(4, send),
        pytest.raises(Terminated),
        resumable(folder.folder, KEY, every_seconds=math.inf) as state,
    ):
        run(state)
    assert read_checkpoint(folder).step == 5


def test_success_removes_what_other_keys_left_and_failure_does_not(folder):
    other = folder.folder / "other"
    other.mkdir(parents=True)
    with pytest.raises(TrainingError), resumable(folder.folder, KEY, every_seconds=1.0):
        raise TrainingError("a loss")
    assert other.exists()
    with resumable(folder.folder, KEY, every_seconds=1.0):
        pass
    assert not other.exists()


def test_a_run_without_a_folder_changes_nothing(run):
    assert same(run(TrainingRun()), run())
