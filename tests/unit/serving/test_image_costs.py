import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lradapt.serving.image_costs import cost_of
from lradapt.serving.turns import LONG_SECONDS

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG2000", "PPM", "TGA", "AVIF")


def saved(file_format, size=(50, 40), **options):
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, file_format, **options)
    return file.getvalue()


def tiled_tiff(width, height, across, down):
    """A TIFF whose one tile is larger than the image."""
    tile = zlib.compress(bytes(across * down))
    tags = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1}
    tags |= {322: across, 323: down, 324: 10 + 12 * 10 + 4, 325: len(tile)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + tile


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_cost_of_an_ordinary_file_is_its_pixels(file_format):
    assert cost_of(saved(file_format)).megapixels == pytest.approx(0.002)


def test_an_avif_always_counts_as_long_because_its_header_may_lie():
    assert cost_of(saved("AVIF")).seconds > LONG_SECONDS
    assert cost_of(saved("JPEG")).seconds < LONG_SECONDS


def test_a_small_file_of_80_megapixels_costs_80():
    file = io.BytesIO()
    Image.new("RGB", (8944, 8944)).save(file, "WEBP", lossless=True, quality=0, method=0)
    assert len(file.getvalue()) < 100
    assert cost_of(file.getvalue()).megapixels == pytest.approx(80, rel=0.01)


def test_a_tiff_costs_the_tiles_that_a_decoder_reads():
    assert cost_of(tiled_tiff(10, 10, 4000, 4000)).megapixels == 16
    assert cost_of(tiled_tiff(100, 100, 64, 64)).megapixels == pytest.approx(0.0164, rel=0.01)


@pytest.mark.parametrize(("repeated", "expected"), [(0, 0.002), (15, 0.002), (990, 0.08)])
def test_a_jpeg_costs_its_scans_where_they_are_too_many(repeated, expected):
    jpeg = saved("JPEG", progressive=True, quality=50)
    last = jpeg.rindex(b"\xff\xda")
    many = jpeg[:-2] + jpeg[last:-2] * repeated + jpeg[-2:]
    assert many.count(b"\xff\xda") == 10 + repeated
    assert cost_of(many).megapixels == pytest.approx(expected)


def test_what_stands_behind_a_jpeg_or_in_its_segments_is_no_scan():
    jpeg = saved("JPEG", quality=50)
    note = b"\xff\xfe" + (2 + 2000).to_bytes(2) + b"\xff\xda" * 1000
    assert cost_of(jpeg[:2] + note + jpeg[2:] + b"\xff\xda" * 1000).megapixels == 0.002


@pytest.mark.parametrize("content", [b"", b"not an image", saved("PNG")[:20]])
def test_what_is_no_image_costs_nothing(content):
    assert cost_of(content).megapixels == 0


def test_an_image_beyond_what_pillow_opens_costs_more_than_any_limit():
    ppm = b"P6 20000 20000 255\n"
    assert cost_of(ppm).megapixels == float("inf")
