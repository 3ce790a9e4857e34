"""Pictures that look alike are paired, whatever was done to the file; others are not."""

import io
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from lradapt.data.images.near_duplicates import FLAT, near_pairs, perceptual_hashes, proposed_pairs


def picture(seed, size=64):
    """Soft clouds of colour: as a photograph, strongest in its low frequencies."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)


def as_jpeg(image):
    content = io.BytesIO()
    image.save(content, "JPEG", quality=60)
    return Image.open(io.BytesIO(content.getvalue())).convert("RGB")


CHANGES = {
    "compressed": as_jpeg,
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "softer": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "smaller": lambda image: image.resize((40, 40)).resize((64, 64)),
}


def stacked(*images):
    return np.stack([np.asarray(image) for image in images])


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_paired_with_its_original_and_no_other_is(change):
    others = [picture(seed) for seed in range(1, 30)]
    pixels = stacked(picture(0), *others, CHANGES[change](picture(0)))
    assert near_pairs(pixels, min_correlation=0.96).tolist() == [[0, 30]]


def test_a_mirrored_picture_is_another_picture():
    pixels = stacked(picture(0), picture(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    assert near_pairs(pixels, min_correlation=0.96).tolist() == []


def test_the_correlation_tells_what_the_hash_proposes():
    fine = 60 * (-1.0) ** np.indices((64, 64)).sum(axis=0)[..., None]  # a chessboard
    coarse = np.asarray(picture(0)).astype(float) / 2 + 64
    pixels = np.clip(np.stack([coarse, coarse + fine]), 0, 255).astype(np.uint8)
    assert proposed_pairs(perceptual_hashes(pixels), 6).tolist() == [[0, 1]]
    assert near_pairs(pixels, min_correlation=0.96).tolist() == []
    assert near_pairs(pixels, min_correlation=0.3).tolist() == [[0, 1]]


def test_pictures_without_contrast_look_like_nothing():
    pixels = stacked(*(Image.new("RGB", (16, 16), (shade,) * 3) for shade in (0, 0, 128, 255)))
    assert perceptual_hashes(pixels).tolist() == [FLAT] * 4
    assert near_pairs(pixels, min_correlation=0.96).tolist() == []


def test_no_picture_at_all_has_no_pairs():
    assert near_pairs(np.empty((0, 8, 8, 3), np.uint8), min_correlation=0.9).shape == (0, 2)


def test_the_hash_is_that_of_the_definition():
    from scipy.fft import dctn

    pixels = stacked(picture(3, size=32))
    grey = pixels[0] @ np.array([0.299, 0.587, 0.114])
    low = dctn(grey)[:8, :8]
    bits = "".join("01"[value] for value in (low > np.median(low)).ravel().astype(int))
    assert f"{int(perceptual_hashes(pixels)[0]):064b}" == bits


def test_batches_change_nothing(monkeypatch):
    pixels = stacked(*(picture(seed, size=16) for seed in [*range(9), *range(5)]))
    whole = perceptual_hashes(pixels), near_pairs(pixels, min_correlation=0.9)
    monkeypatch.setattr("lradapt.data.images.near_duplicates._PIXELS_PER_BATCH", 16 * 16 * 4)
    np.testing.assert_array_equal(perceptual_hashes(pixels), whole[0])
    np.testing.assert_array_equal(near_pairs(pixels, min_correlation=0.9), whole[1])
    assert whole[1].tolist() == [[n, n + 9] for n in range(5)]


@given(
    st.lists(st.integers(1, 2**64 - 1), max_size=12, unique=True),
    st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=8)), max_size=12),
    st.integers(0, 8),
)
@settings(deadline=None)
def test_every_pair_of_near_hashes_is_proposed_and_no_other(seeds, changes, max_bits):
    near = [
        seeds[which % len(seeds)] ^ sum(1 << bit for bit in bits)
        for which, bits in changes
        if seeds
    ]
    hashes = list(dict.fromkeys(h for h in seeds + near if h != FLAT))
    expected = [
        [one, other]
        for one, other in itertools.combinations(range(len(hashes)), 2)
        if (hashes[one] ^ hashes[other]).bit_count() <= max_bits
    ]
    assert proposed_pairs(np.array(hashes, dtype=np.uint64), max_bits).tolist() == expected


def test_of_equal_hashes_the_first_stands_for_all():
    hashes = np.array([8, 7, 7, 6, 7], dtype=np.uint64)
    assert proposed_pairs(hashes, 1).tolist() == [[1, 2], [1, 3], [1, 4]]


def test_ten_thousand_equal_hashes_make_no_flood():
    assert len(proposed_pairs(np.full(10_000, 7, dtype=np.uint64), 6)) == 9_999
