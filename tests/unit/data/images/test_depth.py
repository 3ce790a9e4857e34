"""16-bit values are read in full depth, and a set has one range for them."""

import io

import numpy as np
import pytest
from odd_files import png_of_16_bits, saved, tiff_of_16_bits
from PIL import Image

from lradapt.data.images.decode import decode_with_storage
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.depth import FULL, range_of_set, reduced, turn, used_range
from lradapt.data.images.exif import TO_UPRIGHT

GREY = np.random.default_rng(0).integers(0, 65536, (5, 7)).astype(np.uint16)
COLOURS = np.random.default_rng(1).integers(0, 65536, (5, 7, 3)).astype(np.uint16)
WITH_ALPHA = np.concatenate([COLOURS, np.full((5, 7, 1), 65535, np.uint16)], axis=2)
FILES = {
    "png, grey": (png_of_16_bits(GREY), GREY),
    "png, colours": (png_of_16_bits(COLOURS), COLOURS),
    "png, colours and opacity": (png_of_16_bits(WITH_ALPHA), COLOURS),
    "png, grey and opacity": (
        png_of_16_bits(np.stack([GREY, np.full_like(GREY, 65535)], axis=2)),
        GREY,
    ),
    "tiff, colours": (tiff_of_16_bits(COLOURS), COLOURS),
    "tiff, colours, big-endian": (tiff_of_16_bits(COLOURS, order=">"), COLOURS),
    "tiff, colours, deflate": (tiff_of_16_bits(COLOURS, deflate=True), COLOURS),
    "tiff, colours, deflate, big-endian": (
        tiff_of_16_bits(COLOURS, deflate=True, order=">"),
        COLOURS,
    ),
    "tiff, planes": (tiff_of_16_bits(COLOURS, planes=True), COLOURS),
    "tiff, planes, big-endian": (tiff_of_16_bits(COLOURS, planes=True, order=">"), COLOURS),
    "tiff, planes, deflate: the upper bytes": (
        tiff_of_16_bits(COLOURS, planes=True, deflate=True),
        COLOURS & 0xFF00,
    ),
    **{
        f"tiff, white is zero, {order}, {deflate}": (
            tiff_of_16_bits(GREY, photometric=0, order=order, deflate=deflate),
            65535 - GREY,
        )
        for order in "<>"
        for deflate in (False, True)
    },
    "pgm": (b"P5 7 5 65535\n" + GREY.astype(">u2").tobytes(), GREY),
    "ppm": (b"P6 7 5 65535\n" + COLOURS.astype(">u2").tobytes(), COLOURS),
}


@pytest.mark.parametrize("name", FILES)
def test_values_of_16_bits_are_read_in_full(name):
    content, values = FILES[name]
    decoded = decode_with_storage(content, max_megapixels=1)
    np.testing.assert_array_equal(decoded.values, values)
    upper = np.asarray(decoded.image)
    expected = (values >> 8).astype(np.uint8)
    np.testing.assert_array_equal(upper if values.ndim == 3 else upper[..., 0], expected)


def test_a_pgm_of_12_bits_is_on_the_scale_of_16():
    content = b"P5 3 1 4095\n" + np.array([0, 2048, 4095], ">u2").tobytes()
    values = decode_with_storage(content, max_megapixels=1).values
    assert values.tolist() == [[0, 32776, 65535]]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "PPM"])
def test_a_file_of_8_bits_has_no_values_of_16(kind, random_image):
    assert decode_with_storage(saved(random_image(0), kind), max_megapixels=1).values is None


def test_white_is_zero_in_8_bits_is_turned_too():
    values = np.array([[0, 255, 200]], np.uint8)
    content = saved(Image.fromarray(values), "TIFF", tiffinfo={262: 0})
    image = Image.open(io.BytesIO(content))
    assert image.tag_v2[262] == 0
    decoded = decode_with_storage(content, max_megapixels=1)
    np.testing.assert_array_equal(np.asarray(decoded.image)[..., 0], values)


def test_planes_with_opacity_are_refused_by_name():
    content = tiff_of_16_bits(WITH_ALPHA, photometric=2, planes=True)
    with pytest.raises(DecodeError):
        decode_with_storage(content, max_megapixels=1)


def test_a_transparent_value_of_16_bit_grey_is_white():
    image = Image.fromarray(np.array([[0x0100, 0x0200]], np.uint16))
    decoded = decode_with_storage(saved(image, transparency=0x0200), max_megapixels=1)
    assert np.asarray(decoded.image)[..., 0].tolist() == [[1, 255]]


@pytest.mark.parametrize("orientation", TO_UPRIGHT)
def test_values_are_turned_as_pillow_turns_pictures(orientation):
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    expected = np.asarray(Image.fromarray(picture).transpose(TO_UPRIGHT[orientation]))
    np.testing.assert_array_equal(turn(picture, orientation), expected)


@pytest.mark.parametrize(
    ("depth_range", "expected"),
    [
        (FULL, lambda v: v >> 8),
        ((0, 4095), lambda v: np.minimum(v, 4095) >> 4),
        ((0, 255), lambda v: np.minimum(v, 255)),
    ],
)
def test_a_range_of_whole_bits_is_a_shift(depth_range, expected):
    values = np.arange(65536, dtype=np.uint16).reshape(512, 128)
    np.testing.assert_array_equal(reduced(values, depth_range), expected(values))


def test_a_narrow_range_far_from_zero_uses_all_256_values():
    values = np.arange(6000, 11000, dtype=np.uint16)[None]
    eight = reduced(values, (6912, 9215))
    assert set(eight.ravel().tolist()) == set(range(256))
    assert eight[0, 0] == 0
    assert eight[0, -1] == 255
    assert (np.diff(eight.astype(int)) >= 0).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, 5, 5], (5, 5)),
        ([3, 9], (3, 9)),
        ([*range(100, 200)] * 100 + [0, 65535], (100, 199)),  # a dead and a hot pixel
        ([0] * 9999 + [7], (0, 7)),  # all that there is to see
        ([], (0, 0)),
    ],
)
def test_the_range_of_an_image_leaves_out_outliers(values, expected):
    assert used_range(np.array([values], np.uint16)) == expected


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([], FULL),
        ([(7, 7)], FULL),  # blank images have none
        ([(0, 65535)], FULL),
        ([(3, 4090)], (0, 4095)),
        ([(0, 255)], (0, 255)),
        ([(7123, 9210)], (6912, 9215)),
        ([(7100, 8000), (8000, 9210)], (6912, 9215)),
        ([(7123, 9210)] * 30 + [(0, 65535)], (6912, 9215)),  # one of another kind
        ([(7123, 9210)] * 15 + [(0, 65535)] * 15, FULL),
        ([(0, 1)], (0, 1)),
    ],
)
def test_the_range_of_a_set(ranges, expected):
    assert range_of_set(ranges) == expected


def test_few_new_images_do_not_change_the_range():
    ranges = [(7000 + i, 9000 + i) for i in range(100)]
    assert range_of_set(ranges) == range_of_set([*ranges, (6990, 9150)])


@pytest.mark.parametrize("channels", [1, 3])
def test_invisible_values_do_not_widen_the_range(channels):
    values = np.random.default_rng(0).integers(7000, 9000, (6, 6, channels))
    opacity = np.full((6, 6, 1), 65535)
    values[0], opacity[0] = 0, 0
    content = png_of_16_bits(np.concatenate([values, opacity], axis=2))
    low, high = used_range(decode_with_storage(content, max_megapixels=1).values)
    assert low >= 7000
    assert high < 9000


def test_an_invisible_image_of_16_bits_has_one_value_and_no_opacity():
    content = png_of_16_bits(np.concatenate([COLOURS, np.zeros((5, 7, 1))], axis=2))
    decoded = decode_with_storage(content, max_megapixels=1)
    assert (decoded.opacity, used_range(decoded.values)) == (0, (0, 0))
