import math
import os
import signal
from itertools import count

import pytest
import torch
from torch import nn

from lradapt.errors import DiskFullError, TrainingError
from lradapt.networks.architectures import LayerGroup
from lradapt.runtime.termination import Terminated
from lradapt.training.checkpoint import Place, read_checkpoint
from lradapt.training.finetune import finetune
from lradapt.training.head import new_head, train_head
from lradapt.training.resume import Course, underway

GROUPS = (LayerGroup(name="all", pattern=""),)
FINETUNE = {
    "groups": GROUPS,
    "max_lrs": [0.1],
    "batch_size": 16,
    "momentum": 0.9,
    "l2": 1e-4,
    "num_cycles": 2,
    "first_cycle_epochs": 1,
    "cycle_growth": 2,
    "seed": 0,
}
HEAD = {
    "max_lr": 0.1,
    "batch_size": 16,
    "momentum": 0.9,
    "l2": 1e-4,
    "max_epochs": 5,
    "patience_epochs": 2,
    "min_gain": 0.002,
    "seed": 0,
}
NUM_STEPS = 9  # 48 points in batches of 16: three epochs of three steps
KEY = "a" * 64


class PowerCut(BaseException):
    """Stands for kill -9: nobody handles it."""


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
def place(tmp_path):
    return Place(tmp_path / "checkpoints", KEY)


@pytest.fixture
def run(blobs, engine):
    """A function: fine-tune a new network along a course; its weights and cycles."""

    def call(course=None, validation=9, then=None, **settings):
        model = network()
        training, judging = blobs(48), blobs(validation, seed=1)
        settings = {**FINETUNE, **settings}
        cycles = list(finetune(model, training, judging, engine, course=course, **settings))
        if then:
            then()
        return model.state_dict(), cycles

    return call


def same_weights(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def same(one, other):
    (weights, cycles), (other_weights, other_cycles) = one, other
    assert [cycle.epochs for cycle in cycles] == [cycle.epochs for cycle in other_cycles]
    pairs = zip(cycles, other_cycles, strict=True)
    ends = all(same_weights(cycle.weights, other.weights) for cycle, other in pairs)
    return ends and same_weights(weights, other_weights)


def cut(run, place, step, **settings):
    """Train with a checkpoint after each step, and die in the step of that number."""
    own = torch.optim.SGD.step
    numbers = count()

    def dies(self, *words):
        if next(numbers) == step:
            raise PowerCut
        return own(self, *words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim.SGD, "step", dies)
        with pytest.raises(PowerCut):
            run(Course(place, every_seconds=0.0), **settings)


@pytest.mark.parametrize("validation", [9, 0])
@pytest.mark.parametrize("step", range(1, NUM_STEPS))
def test_cut_after_any_step_it_ends_like_an_undisturbed_one(run, place, step, validation):
    cut(run, place, step, validation=validation)
    course = Course(place)
    assert same(run(course, validation=validation), run(validation=validation))
    assert course.first_step == NUM_STEPS


def test_a_step_that_broke_off_leaves_no_checkpoint(run, place, monkeypatch):
    """Its forward pass has moved BatchNorm already."""
    own, numbers = torch.optim.SGD.step, count()

    def breaks_off(self):
        if next(numbers) == 2:
            raise ZeroDivisionError
        return own(self)

    course = Course(place)
    monkeypatch.setattr(torch.optim.SGD, "step", breaks_off)
    with pytest.raises(ZeroDivisionError):
        run(course)
    assert course.stop() == "there is no checkpoint yet"
    assert read_checkpoint(place) is None


def test_a_run_that_goes_on_takes_no_step_twice(run, place, monkeypatch):
    cut(run, place, 4)
    taken, own = [], torch.optim.SGD.step
    monkeypatch.setattr(torch.optim.SGD, "step", lambda self: taken.append(1) or own(self))
    run(Course(place))
    assert len(taken) == NUM_STEPS - 4


def test_dropout_depends_on_seed_and_step_alone(run):
    torch.manual_seed(1)
    one = run()
    torch.manual_seed(2)
    assert same(run(), one)
    assert not same_weights(run(seed=1)[0], one[0])


def test_without_momentum_and_in_many_pieces_it_ends_alike(run, place):
    for _ in range(1, NUM_STEPS):
        cut(run, place, 1, momentum=0.0)
    assert same(run(Course(place), momentum=0.0), run(momentum=0.0))


def test_the_target_that_was_reached_before_ends_it_again(run, place):
    _, cycles = run()
    target = cycles[1].epochs[0].validation.accuracy
    assert target > cycles[0].epochs[0].validation.accuracy, "this seed shows nothing"
    undisturbed = run(target_accuracy=target)
    run(Course(place, every_seconds=0.0), target_accuracy=target)
    again = Course(place)
    assert same(run(again, target_accuracy=target), undisturbed)
    assert again.first_step == 6


@pytest.mark.parametrize("step", [1, 4, 8])
def test_a_head_settles_as_it_would_have(blobs, engine, place, step):
    def train(course=None):
        head = new_head(8, 3, seed=0)
        validation = blobs(30, seed=1)
        return train_head(head, blobs(48), validation, engine, course=course, **HEAD), head.weight

    undisturbed, weight = train()
    assert 3 <= len(undisturbed) < 5, "it does not settle"
    cut(train, place, step)
    epochs, again = train(Course(place))
    assert epochs == undisturbed
    assert torch.equal(again, weight)


def test_weights_keep_their_memory_format(blobs, engine, place, run):
    cut(run, place, 4)
    model = network()
    cycles = finetune(model, blobs(48), blobs(9, seed=1), engine, course=Course(place), **FINETUNE)
    ends = [cycle.weights["1.weight"] for cycle in cycles]
    for weight in (model[1].weight, *ends):
        assert weight.is_contiguous(memory_format=torch.channels_last)


def test_no_more_is_lost_than_the_seconds_between_two_checkpoints_and_a_step(run, place):
    """Each look at the clock takes a second, so each step two: one after it, and one in writing."""
    seen = []
    for step in range(1, NUM_STEPS):
        seconds = count()
        course = Course(place, every_seconds=3.0, clock=lambda seconds=seconds: next(seconds))
        own, numbers = torch.optim.SGD.step, count()

        def dies(self, *words, own=own, numbers=numbers, step=step):
            if next(numbers) == step:
                raise PowerCut
            return own(self, *words)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(torch.optim.SGD, "step", dies)
            with pytest.raises(PowerCut):
                run(course)
        found = read_checkpoint(place)
        seen.append(found.step if found else 0)
        for path in place.own.glob("*"):
            path.unlink()
        if place.own.exists():
            place.own.rmdir()
    assert seen == [0, 0, 3, 3, 3, 6, 6, 6]


def test_a_training_shorter_than_that_leaves_none(run, place):
    run(Course(place, every_seconds=1000.0))
    assert read_checkpoint(place) is None


def test_a_longer_one_leaves_its_end(run, place):
    cut(run, place, 2)
    run(Course(place, every_seconds=1000.0))
    assert read_checkpoint(place).step == NUM_STEPS


@pytest.mark.parametrize(
    ("error", "why"),
    [(DiskFullError("of no interest"), "the disk is full"), (OSError("no right"), "no right")],
)
def test_what_cannot_be_written_is_told_once_and_training_goes_on(
    run, place, monkeypatch, caplog, error, why
):
    def fails(*words):
        raise error

    monkeypatch.setattr("lradapt.training.resume.write_checkpoint", fails)
    assert same(run(Course(place, every_seconds=0.0)), run())
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        f"no checkpoint of step 1 in {place.own} ({why}); the one before stays, and the training "
        "goes on"
    ]


def at_step(step, act, monkeypatch):
    own, numbers = torch.optim.SGD.step, count()

    def does(self, *words):
        if next(numbers) == step:
            act()
        return own(self, *words)

    monkeypatch.setattr(torch.optim.SGD, "step", does)


def send():
    os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_in_a_step_ends_it_after_the_step(run, place, monkeypatch):
    at_step(4, send, monkeypatch)
    expected = "^ended by SIGTERM; the next run goes on after step 5$"
    with (
        pytest.raises(Terminated, match=expected),
        underway(place.folder, KEY, every_seconds=math.inf) as course,
    ):
        run(course)
    monkeypatch.undo()
    assert read_checkpoint(place).step == 5
    assert same(run(Course(place)), run())


def test_sigterm_while_the_epoch_is_scored_ends_it_at_once(run, place, monkeypatch):
    scored = count()

    def score(*words, **settings):
        if next(scored) == 1:
            send()
            raise AssertionError("it went on")
        return judge(*words, **settings)

    from lradapt.training import loop as train

    judge = train.score
    monkeypatch.setattr(train, "score", score)
    with (
        pytest.raises(Terminated, match="goes on after step 6"),
        underway(place.folder, KEY, every_seconds=math.inf) as course,
    ):
        run(course)
    monkeypatch.undo()
    assert same(run(Course(place)), run())


def test_sigterm_after_the_training_keeps_no_weights_of_something_else(run, place):
    """What chooses the final model loads other weights into the network."""
    with (
        pytest.raises(Terminated, match=r"^ended by SIGTERM; there is no checkpoint yet$"),
        underway(place.folder, KEY, every_seconds=math.inf) as course,
    ):
        run(course, then=send)
    assert read_checkpoint(place) is None


def test_sigterm_again_does_not_disturb_the_last_checkpoint(run, place, monkeypatch):
    from lradapt.training import resume as module

    own = module.write_checkpoint

    def write(*words):
        send()
        own(*words)

    at_step(4, send, monkeypatch)
    monkeypatch.setattr(module, "write_checkpoint", write)
    with (
        pytest.raises(Terminated),
        underway(place.folder, KEY, every_seconds=math.inf) as course,
    ):
        run(course)
    assert read_checkpoint(place).step == 5


def test_success_removes_what_other_keys_left_and_failure_does_not(place):
    other = place.folder / "other"
    other.mkdir(parents=True)
    with pytest.raises(TrainingError), underway(place.folder, KEY, every_seconds=1.0):
        raise TrainingError("a loss")
    assert other.exists()
    with underway(place.folder, KEY, every_seconds=1.0):
        pass
    assert not other.exists()


def test_a_course_without_a_place_changes_nothing(run):
    assert same(run(Course()), run())
