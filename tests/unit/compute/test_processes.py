from itertools import islice

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_examples import examples, pictures

from lradapt.compute.processes import OneProcess, part_of
from lradapt.errors import TrainingError
from lradapt.training.imbalance import loss_of_part, make_balance
from lradapt.training.inputs.batches import training_batches
from lradapt.training.inputs.examples import ActivationExamples
from lradapt.training.loop import _require_parts

MECHANISMS = ["none", "class_weights", "balanced_sampling", "logit_adjustment"]


class OneOfTwo(OneProcess):
    """One of two processes, with a known mean over both."""

    def __init__(self, mean):
        super().__init__(0, 2)
        object.__setattr__(self, "known", mean)

    def mean(self, value):
        return self.known


@given(st.integers(0, 200), st.integers(1, 9))
def test_the_parts_of_all_processes_are_the_batch_and_differ_by_one_at_most(count, size):
    parts = [range(count)[part_of(OneProcess(rank, size), count)] for rank in range(size)]
    assert [place for part in parts for place in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("memory_share", [0.5, 0.0], ids=["kept", "streamed"])
@pytest.mark.parametrize("size", [2, 3])
def test_together_they_see_the_batches_of_one_and_each_image_in_the_same_view(size, memory_share):
    """To the last bit: 11 images in batches of 4, 4 and 3."""
    shown = examples(pictures(11), memory_share=memory_share)
    alone = islice(training_batches(shown, batch_size=4, seed=3), 6)
    shares = [
        training_batches(shown, batch_size=4, seed=3, processes=OneProcess(rank, size))
        for rank in range(size)
    ]
    for (images, labels), *parts in zip(alone, *shares, strict=False):
        assert torch.equal(torch.cat([own for own, _ in parts]), images)
        assert torch.equal(torch.cat([own for _, own in parts]), labels)


def test_cached_views_are_those_of_one_process_too():
    shown = ActivationExamples(torch.arange(33.0).view(11, 3, 1), torch.arange(11))
    alone = islice(training_batches(shown, batch_size=4, seed=3), 3)
    pair = [
        training_batches(shown, batch_size=4, seed=3, processes=OneProcess(rank, 2))
        for rank in (0, 1)
    ]
    for (views, _), (one, _), (other, _) in zip(alone, *pair, strict=False):
        assert torch.equal(torch.cat([one, other]), views)


@pytest.mark.parametrize("mechanism", MECHANISMS)
@settings(deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 12))
def test_the_mean_of_the_shared_losses_is_the_loss_of_the_whole_batch(mechanism, seed, count):
    torch.manual_seed(seed)
    labels = torch.randint(3, (count,))
    logits = torch.randn(count, 3, dtype=torch.float64)
    balance = make_balance(mechanism, torch.tensor([0] * 9 + [1] * 3 + [2]), 3)
    parts = [part_of(OneProcess(rank, 2), count) for rank in (0, 1)]
    mean = sum(balance.weight(labels[part]) for part in parts) / 2
    shared = loss_of_part(balance, OneOfTwo(mean))
    found = sum(shared(logits[part].float(), labels[part]) for part in parts) / 2
    torch.testing.assert_close(found, balance.loss(logits.float(), labels))


def test_more_processes_than_images_are_refused():
    _require_parts(3, OneProcess(0, 3))
    with pytest.raises(TrainingError, match=r"a batch of 2 image\(s\) has none for each of 3"):
        _require_parts(2, OneProcess(0, 3))
