import hashlib
import logging
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from small_examples import NORMALISE, batch, examples, pictures, rows
from torch import nn

from lradapt.compute.engine import seeded
from lradapt.networks.architectures import LayerGroup
from lradapt.training.finetune import FinetuneRecipe, finetune
from lradapt.training.imbalance import balanced, shuffled
from lradapt.training.inputs.batches import clean_batches, steps_per_epoch, training_batches
from lradapt.training.inputs.examples import (
    ActivationExamples,
    PixelExamples,
    StreamedExamples,
    activation_examples,
    label_numbers,
    pixels_on,
)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A function: the same images of three classes, in memory and streamed."""
    path = tmp_path_factory.mktemp("pixels") / "pixels.npy"
    np.save(path, pictures(40))
    mapped = np.load(path, mmap_mode="r")

    def make(num=40, seed=0):
        labels = ["abc"[number % 3] for number in range(num)]
        kept = examples(mapped, labels, seed=seed)
        streamed = examples(mapped, labels, seed=seed, memory_share=0.0)
        assert isinstance(kept, PixelExamples)
        assert isinstance(streamed, StreamedExamples)
        return kept, streamed

    return make


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
    inputs, _ = batch(examples(pixels), torch.tensor([2, 0]), None)
    expected = NORMALISE(torch.from_numpy(pixels[[2, 0]]).permute(0, 3, 1, 2))
    assert torch.equal(inputs, expected)


def test_views_depend_on_the_step_alone():
    some = examples(pictures())
    indices = torch.tensor([0, 1, 2])
    assert torch.equal(batch(some, indices, 7)[0], batch(some, indices, 7)[0])
    assert not torch.equal(batch(some, indices, 7)[0], batch(some, indices, 8)[0])


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
    drawn = batch(some, indices, 3)[0].flatten()
    assert set(drawn.tolist()) == {0, 1, 2, 3, 4, 5}
    assert torch.equal(drawn, batch(some, indices, 3)[0].flatten())
    assert not torch.equal(drawn, batch(some, indices, 4)[0].flatten())
    assert batch(some, indices, None)[0].unique().tolist() == [0]


def same(batches, others, num):
    pairs = list(zip(islice(batches, num), islice(others, num), strict=True))
    return len(pairs) == num and all(
        torch.equal(inputs, other) and torch.equal(labels, other_labels)
        for (inputs, labels), (other, other_labels) in pairs
    )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    num=st.integers(2, 40),
    batch_size=st.integers(1, 41),
    seed=st.integers(0, 2**31 - 1),
    first_step=st.integers(0, 200),
    order=st.sampled_from([shuffled, balanced]),
)
def test_streamed_batches_are_those_from_memory_to_the_bit(
    both, num, batch_size, seed, first_step, order
):
    how = {"batch_size": batch_size, "seed": seed, "first_step": first_step, "order": order}
    kept, streamed = (training_batches(side, **how) for side in both(num, seed))
    assert same(kept, streamed, 2 * steps_per_epoch(num, batch_size) + 1)


@pytest.mark.parametrize("batch_size", [1, 7, 40, 64])
def test_streamed_clean_batches_are_those_from_memory_to_the_bit(both, batch_size):
    kept, streamed = (list(clean_batches(side, batch_size=batch_size)) for side in both())
    assert same(kept, streamed, steps_per_epoch(40, batch_size))


def test_a_training_on_streamed_pixels_ends_with_the_weights_of_one_from_memory(both, engine):
    def weights(examples, share):
        with seeded(0):
            model = nn.Sequential(
                nn.Conv2d(3, 8, 3, stride=2),
                nn.BatchNorm2d(8),
                nn.Flatten(),
                nn.Dropout(0.2),
                nn.LazyLinear(3),
            )
            model(torch.zeros(2, 3, 8, 8))
        recipe = FinetuneRecipe(
            batch_size=16, momentum=0.9, l2=1e-4, num_cycles=2, first_cycle_epochs=1, cycle_growth=2
        )
        settings = {"layers": [LayerGroup(name="all", pattern="")], "max_lrs": [0.05], "seed": 0}
        cycles = finetune(model, examples, both(9)[share], engine, recipe, **settings)
        scores = [epoch.validation for cycle in cycles for epoch in cycle.epochs]
        end = {name: value.contiguous() for name, value in model.state_dict().items()}
        return hashlib.sha256(save(end)).hexdigest(), scores

    kept, streamed = (weights(examples, share) for share, examples in enumerate(both()))
    assert kept == streamed


def test_where_the_pixels_lie_is_reported_with_the_reason(both, caplog, monkeypatch):
    monkeypatch.setattr(
        "lradapt.training.inputs.examples.free_memory", lambda device: 20_000
    )  # 7,680 of pixels
    caplog.set_level(logging.INFO, "lradapt.training.inputs.examples")
    pixels = pictures(40)
    assert isinstance(examples(pixels, memory_share=0.384), PixelExamples)
    assert isinstance(examples(pixels, memory_share=0.383), StreamedExamples)
    brought, streamed = caplog.messages
    assert brought == (
        "pixels of 40 images: loaded into memory, since all 0.0 MB of pixels are no more than "
        "38.4 % of the 0 MB that cpu has free (data.memory_share)"
    )
    assert "streamed from the disk, since all 0.0 MB of pixels are more than 38.3 %" in streamed


def test_pixels_are_brought_to_the_device_in_portions(monkeypatch):
    monkeypatch.setattr("lradapt.training.inputs.examples._PORTION", 4)
    pixels, rows = pictures(11), np.array([10, 3, 3, 0, 7, 8, 9, 1, 2])
    assert np.array_equal(pixels_on(torch.device("cpu"), pixels, rows).numpy(), pixels[rows])
