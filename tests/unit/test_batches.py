from itertools import islice

import numpy as np
import pytest
import torch

from lradapt.batches import (
    ActivationExamples,
    Normalisation,
    RandomViews,
    activation_examples,
    clean_batches,
    label_numbers,
    pixel_examples,
    steps_per_epoch,
    training_batches,
)
from lradapt.data.augment import Augmentation
from lradapt.data.split_table import SplitRow

NORMALISE = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SHAKE = Augmentation(0.1, 1.2, True, True)


def numbered(count):
    return ActivationExamples(torch.arange(count).float()[:, None], torch.arange(count))


def rows(labels):
    return [SplitRow(n, f"{n}.png", label, "", str(n), "train") for n, label in enumerate(labels)]


def pictures(count=6, size=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def examples(pixels, augmentation=SHAKE):
    return pixel_examples(
        pixels,
        rows(["a"] * len(pixels)),
        ["a"],
        torch.device("cpu"),
        normalise=NORMALISE,
        views=RandomViews(augmentation, seed=0),
    )


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


def test_normalised_pixels_are_those_of_torchvision():
    from torchvision.transforms.v2 import functional as reference

    pixels = torch.from_numpy(pictures()).permute(0, 3, 1, 2)
    expected = reference.normalize(
        reference.to_dtype(pixels, torch.float32, scale=True),
        list(NORMALISE.mean),
        list(NORMALISE.deviation),
    )
    torch.testing.assert_close(NORMALISE(pixels), expected)


def test_a_clean_batch_is_the_normalised_pixels():
    pixels = pictures()
    inputs, _ = examples(pixels).batch(torch.tensor([2, 0]), None)
    expected = NORMALISE(torch.from_numpy(pixels[[2, 0]]).permute(0, 3, 1, 2))
    assert torch.equal(inputs, expected)


def test_views_depend_on_the_step_alone():
    some = examples(pictures())
    indices = torch.tensor([0, 1, 2])
    assert torch.equal(some.batch(indices, 7)[0], some.batch(indices, 7)[0])
    assert not torch.equal(some.batch(indices, 7)[0], some.batch(indices, 8)[0])


def test_labels_are_numbered_by_their_place_among_the_names():
    assert label_numbers(rows(["b", "a", "b"]), ["a", "b"]).tolist() == [1, 0, 1]


def test_activations_that_were_never_written_are_refused():
    features = np.array([[[1.0]], [[np.nan]]], dtype=np.float32)
    with pytest.raises(AssertionError, match="never written"):
        activation_examples(features, rows(["a", "b"]), ["a", "b"], torch.device("cpu"))


def test_of_several_cached_views_each_image_draws_its_own_at_each_step():
    views = torch.arange(6.0).repeat(200, 1)[:, :, None]  # view v of every image is v
    some = ActivationExamples(views, torch.zeros(200, dtype=torch.int64), seed=1)
    indices = torch.arange(200)
    drawn = some.batch(indices, 3)[0].flatten()
    assert set(drawn.tolist()) == {0, 1, 2, 3, 4, 5}
    assert torch.equal(drawn, some.batch(indices, 3)[0].flatten())
    assert not torch.equal(drawn, some.batch(indices, 4)[0].flatten())
    assert some.batch(indices, None)[0].unique().tolist() == [0]
