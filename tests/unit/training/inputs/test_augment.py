import pytest
import torch

from lradapt.training.inputs.augment import Augmentation, augment, draw_views

STILL = Augmentation(0.0, 1.0, False, False)


def numbers(seed=0):
    return torch.Generator().manual_seed(seed)


def images(count=4, size=8, seed=0):
    return torch.rand(count, 3, size, size, generator=numbers(seed))


def test_without_bounds_images_stay_as_they_are():
    torch.testing.assert_close(augment(images(), STILL, numbers()), images(), atol=1e-5, rtol=0)


def test_a_flip_mirrors_exactly_the_images_that_drew_one():
    how = Augmentation(0.0, 1.0, True, False)
    flipped = draw_views(64, how, numbers(3))[:, 0, 0] < 0
    assert 16 < flipped.sum() < 48
    originals = images(64)
    views = augment(originals, how, numbers(3))
    torch.testing.assert_close(views[flipped], originals[flipped].flip(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(views[~flipped], originals[~flipped], atol=1e-5, rtol=0)


def test_a_vertical_flip_turns_upside_down():
    how = Augmentation(0.0, 1.0, False, True)
    flipped = draw_views(16, how, numbers(1))[:, 1, 1] < 0
    views = augment(images(16), how, numbers(1))
    torch.testing.assert_close(views[flipped], images(16)[flipped].flip(2), atol=1e-5, rtol=0)


def test_each_image_has_its_own_draw():
    views = draw_views(32, Augmentation(0.2, 1.5, True, True), numbers())
    assert len({tuple(view.flatten().tolist()) for view in views}) == 32


def test_draws_stay_within_their_bounds():
    views = draw_views(5000, Augmentation(0.1, 1.25, False, False), numbers())
    scale, shift = views[:, 0, 0], views[:, :, 2]
    assert torch.equal(scale, views[:, 1, 1])
    assert scale.min() == pytest.approx(1 / 1.25, abs=1e-3)
    assert scale.max() == pytest.approx(1, abs=1e-3)
    assert shift.abs().max() == pytest.approx(0.2, abs=1e-3)  # a tenth of a side of length 2


def test_a_shift_by_a_quarter_moves_the_pixels_by_a_quarter():
    how = Augmentation(0.25, 1.0, False, False)
    view = draw_views(1, how, numbers())[0]
    moved = augment(images(1, size=64), how, numbers())[0]
    down = round((view[1, 2] * 32).item())
    right = round((view[0, 2] * 32).item())
    assert (down, right) != (0, 0)
    inner = slice(20, 44)
    source = images(1, size=64)[0][:, 20 + down : 44 + down, 20 + right : 44 + right]
    correlation = torch.corrcoef(torch.stack([moved[:, inner, inner].flatten(), source.flatten()]))
    assert correlation[0, 1] > 0.5
