from itertools import islice

import pytest
import torch

from lradapt.training.inputs.batches import clean_batches, steps_per_epoch, training_batches
from lradapt.training.inputs.examples import ActivationExamples


def numbered(count):
    return ActivationExamples(torch.arange(count).float()[:, None], torch.arange(count))


def test_every_image_comes_once_an_epoch_in_a_new_order():
    batches = training_batches(numbered(10), batch_size=4, seed=0)
    first, second = (torch.cat([y for _, y in islice(batches, 3)]).tolist() for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


@pytest.mark.parametrize(
    ("count", "sizes"), [(10, [4, 3, 3]), (9, [3, 3, 3]), (4, [4]), (3, [3]), (129, [65, 64])]
)
def test_batches_of_an_epoch_differ_by_one_image_at_most(count, sizes):
    batch_size = 4 if count < 20 else 128
    num_steps = steps_per_epoch(count, batch_size)
    batches = training_batches(numbered(count), batch_size=batch_size, seed=0)
    assert [len(labels) for _, labels in islice(batches, num_steps)] == sizes


def test_a_run_can_begin_at_any_step():
    whole = islice(training_batches(numbered(10), batch_size=4, seed=1), 8)
    late = islice(training_batches(numbered(10), batch_size=4, seed=1, first_step=5), 3)
    assert [y.tolist() for _, y in whole][5:] == [y.tolist() for _, y in late]


def test_another_seed_is_another_order():
    orders = [
        next(training_batches(numbered(50), batch_size=50, seed=seed))[1].tolist()
        for seed in (0, 1)
    ]
    assert orders[0] != orders[1]


def test_clean_batches_keep_the_order():
    assert [y.tolist() for _, y in clean_batches(numbered(5), batch_size=2)] == [
        [0, 1],
        [2, 3],
        [4],
    ]
