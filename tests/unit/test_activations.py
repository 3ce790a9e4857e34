import hashlib

import numpy as np
import pytest
import torch
from torch import nn

from lradapt.activations import write_activations
from lradapt.architectures import ARCHITECTURES
from lradapt.batches import Normalisation, RandomViews
from lradapt.data.augment import Augmentation
from lradapt.engine import seeded
from lradapt.models import body_weights, build, build_body

RESNET18 = ARCHITECTURES["resnet18"]
NORMALISE = Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (7, 16, 16, 3), dtype=np.uint8)


class Means(nn.Module):
    def forward(self, images):
        return images.mean(dim=(2, 3))


VIEWS = RandomViews(Augmentation(0.2, 1.2, True, True), seed=0)


def write(path, pixels, rows, engine, body=None, num_views=1):
    write_activations(
        path,
        body or Means(),
        pixels,
        rows,
        engine,
        normalise=NORMALISE,
        num_features=3,
        views=VIEWS,
        num_views=num_views,
        batch_size=3,
    )
    found = np.load(path)
    return found[:, 0] if num_views == 1 else found


def test_each_row_is_the_body_s_output_for_its_image(tmp_path, pixels, engine):
    found = write(tmp_path / "a.npy", pixels, range(7), engine)
    expected = (pixels / 255 - 0.5).mean(axis=(1, 2)) / 0.25
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.dtype == np.float32


def test_random_views_lie_beside_the_clean_one(tmp_path, pixels, engine):
    found = write(tmp_path / "a.npy", pixels, range(7), engine, num_views=3)
    assert found.shape == (7, 3, 3)
    assert np.array_equal(found[:, 0], write(tmp_path / "b.npy", pixels, range(7), engine))
    assert len({row.tobytes() for row in found.reshape(-1, 3)}) == 21, "two views are the same"
    assert np.abs(found[:, 1:] - found[:, :1]).max() < 1, "a view is not of its image"


def test_a_row_without_an_image_stays_nan(tmp_path, pixels, engine):
    found = write(tmp_path / "a.npy", pixels, [0, 1, 2, 4, 6], engine)
    assert np.isnan(found).all(axis=1).tolist() == [False] * 3 + [True, False, True, False]


def test_activations_that_are_not_finite_leave_no_file(tmp_path, pixels, engine):
    class Broken(Means):
        def forward(self, images):
            return super().forward(images) * float("nan")

    with pytest.raises(AssertionError, match="not finite"):
        write(tmp_path / "a.npy", pixels, range(7), engine, Broken())
    assert list(tmp_path.iterdir()) == []


def digest(body):
    digest = hashlib.sha256()
    for name, value in sorted(body.state_dict().items()):
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()


def test_the_frozen_body_is_bit_identical_after_it_was_used(tmp_path, pixels, engine):
    with seeded(0):
        weights = body_weights(RESNET18, build(RESNET18, 1).state_dict())
    body = build_body(RESNET18, weights)
    before = digest(body)
    write_activations(
        tmp_path / "a.npy",
        body,
        pixels,
        range(7),
        engine,
        normalise=NORMALISE,
        num_features=512,
        views=VIEWS,
        num_views=2,
    )
    assert digest(body) == before
    assert torch.is_grad_enabled()
