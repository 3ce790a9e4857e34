import hashlib

import numpy as np
import pytest
import torch
from torch import nn

from lradapt.compute.engine import seeded, start_engine
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.classifier import body_weights, build, build_body
from lradapt.networks.normalisation import Normalisation
from lradapt.runtime.row_cache import Kept
from lradapt.training.activations import MOST_AT_ONCE, FrozenBody, square_keys, write_activations
from lradapt.training.inputs.augment import Augmentation

RESNET18 = ARCHITECTURES["resnet18"]
NORMALISE = Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (7, 16, 16, 3), dtype=np.uint8)


class Means(nn.Module):
    def forward(self, images):
        return images.mean(dim=(2, 3))


SHAKE = Augmentation(0.2, 1.2, True, True)


def frozen(engine, body=None, num_views=1, batch_size=3, augmentation=SHAKE):
    return FrozenBody(body or Means(), engine, NORMALISE, augmentation, num_views, batch_size)


def write(path, pixels, rows, engine, body=None, num_views=1):
    keys = square_keys(pixels, rows)
    how = frozen(engine, body, num_views)
    write_activations(path, how, pixels, keys, num_features=3)
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
    rows = square_keys(pixels, range(7))
    write_activations(tmp_path / "a.npy", frozen(engine, body, 2), pixels, rows, num_features=512)
    assert digest(body) == before
    assert torch.is_grad_enabled()


def test_a_key_is_of_the_square_alone_and_rows_without_an_image_have_none(pixels):
    keys = square_keys(pixels, [1, 2, 5])
    assert [bool(key) for key in keys] == [False, True, True, False, False, True, False]
    moved = square_keys(pixels[[5, 5, 1]], range(3))
    assert moved == [keys[5], keys[5], keys[1]]


class Counting(Means):
    """Counts its batches, and the images in them that are not filling."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def forward(self, images):
        self.sizes.append(len(images))
        return super().forward(images)


class Kernel(nn.Module):
    """A body whose every number depends on the place in its batch, as a kernel's rounding might."""

    def forward(self, images):
        return images.mean(dim=(2, 3)) + torch.arange(len(images))[:, None]


def test_every_batch_has_the_same_size(tmp_path, pixels, engine):
    body = Counting()
    write(tmp_path / "a.npy", pixels, range(7), engine, body)
    assert body.sizes == [3, 3, 3]


@pytest.fixture
def known(tmp_path, pixels, engine):
    """A function: what is kept of a run on the first `num` squares."""

    def of(num, body=None, num_views=1):
        keys = square_keys(pixels[:num], range(num))
        path = tmp_path / "former.npy"
        how = frozen(engine, body, num_views)
        write_activations(path, how, pixels[:num], keys, num_features=3)
        return Kept({key: row for row, key in enumerate(keys)}, {"activations.npy": path})

    return of


@pytest.mark.parametrize("num_views", [1, 3])
def test_rows_that_are_known_are_not_computed_and_are_the_same(
    tmp_path, pixels, engine, known, num_views, monkeypatch
):
    monkeypatch.setattr("lradapt.training.activations._NUM_WITNESSES", 2)
    kept = known(5, num_views=num_views)
    moved = pixels[[6, 4, 3, 2, 1, 0, 5]]
    keys = square_keys(moved, range(7))
    body = Counting()
    how = frozen(engine, body, num_views)
    write_activations(tmp_path / "b.npy", how, moved, keys, num_features=3, kept=kept)
    assert len(body.sizes) == 2 * num_views  # two new images and two witnesses, three a batch
    write_activations(tmp_path / "c.npy", how, moved, keys, num_features=3)
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "c.npy").read_bytes()


def test_a_run_that_computes_other_bits_is_found_out(tmp_path, pixels, engine, known, caplog):
    kept = known(5)
    off = np.load(kept.files["activations.npy"], mmap_mode="r+")
    off[...] = np.nextafter(off, np.float32(9))
    keys = square_keys(pixels, range(7))
    how = frozen(engine)
    write_activations(tmp_path / "b.npy", how, pixels, keys, num_features=3, kept=kept)
    write_activations(tmp_path / "c.npy", how, pixels, keys, num_features=3)
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "c.npy").read_bytes()
    assert "computes other activations than the previous run" in caplog.text


def test_a_body_whose_output_depends_on_the_place_is_found_out(
    tmp_path, pixels, engine, known, caplog
):
    kept = known(5, Kernel())
    moved = pixels[::-1]
    keys = square_keys(moved, range(7))
    how = frozen(engine, Kernel())
    write_activations(tmp_path / "b.npy", how, moved, keys, num_features=3, kept=kept)
    assert "all are computed again" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "size"),
    [
        ("fp32", 32),
        pytest.param("fp32", 64, marks=pytest.mark.long),
        pytest.param("bf16", 32, marks=pytest.mark.long),  # slow where the CPU has no bf16
        pytest.param("bf16", 64, marks=pytest.mark.long),
    ],
)
def test_a_row_depends_on_neither_its_place_nor_its_neighbours_to_the_last_bit(precision, size):
    engine = start_engine(device="cpu", precision=precision, threads=1)
    with seeded(0):
        weights = body_weights(RESNET18, build(RESNET18, 1).state_dict())
    body = build_body(RESNET18, weights).to(memory_format=torch.channels_last)
    how = frozen(engine, body, batch_size=MOST_AT_ONCE)
    shape = (MOST_AT_ONCE, size, size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    keys = square_keys(pixels, range(MOST_AT_ONCE))
    whole = how(pixels, keys)
    order = np.random.default_rng(1).permutation(MOST_AT_ONCE)
    assert np.array_equal(how(pixels[order], [keys[row] for row in order]), whole[order])
    for few in ([200], list(range(100, 200))):
        assert np.array_equal(how(pixels[few], [keys[row] for row in few]), whole[few])


def test_a_random_view_depends_on_the_pixels_and_not_on_the_place(pixels, engine):
    how = frozen(engine, num_views=3, batch_size=7)
    keys = square_keys(pixels, range(7))
    whole = how(pixels, keys)
    assert np.array_equal(how(pixels[::-1], keys[::-1]), whole[::-1])
    other = how(pixels, ["f" * 64, *keys[1:]])
    assert np.array_equal(other[0, 0], whole[0, 0])
    assert not np.array_equal(other[0, 1:], whole[0, 1:])
    assert np.array_equal(other[1:], whole[1:])
