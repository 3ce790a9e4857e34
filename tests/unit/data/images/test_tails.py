"""A file whose end was never written is found, whatever its format; a black border is not."""

import numpy as np
import pytest
from odd_files import photo, png_of_16_bits, saved, tiff_of_16_bits
from PIL import Image

from lradapt.data.images.decode import decode_with_storage
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.tails import tail_of

SIZE = (201, 133)
DEEP = np.asarray(photo(*SIZE).convert("L")).astype(np.uint16) * 200
FILES = {
    "jpeg": saved(photo(*SIZE), "JPEG"),
    "progressive jpeg": saved(photo(*SIZE), "JPEG", progressive=True),
    "webp": saved(photo(*SIZE), "WEBP"),
    "lossless webp": saved(photo(*SIZE), "WEBP", lossless=True),
    "avif": saved(photo(*SIZE), "AVIF"),
    "png": saved(photo(*SIZE), "PNG"),
    "gif": saved(photo(*SIZE).quantize(64), "GIF"),
    "jpeg 2000": saved(photo(*SIZE), "JPEG2000"),
    "tiff": saved(photo(*SIZE), "TIFF"),
    "grey tiff": saved(photo(*SIZE).convert("L"), "TIFF"),
    "16-bit tiff": tiff_of_16_bits(DEEP),
    "deflate tiff": tiff_of_16_bits(DEEP, deflate=True),
    "lzw tiff": saved(photo(*SIZE), "TIFF", compression="tiff_lzw"),
    "jpeg tiff": saved(photo(*SIZE), "TIFF", compression="jpeg"),
    "bmp": saved(photo(*SIZE), "BMP"),
    "grey bmp": saved(photo(*SIZE).convert("L"), "BMP"),
    "ppm": saved(photo(*SIZE), "PPM"),
    "pgm": saved(photo(*SIZE).convert("L"), "PPM"),
    "16-bit pgm": b"P5 201 133 65535\n" + DEEP.astype(">u2").tobytes(),
    "tga": saved(photo(*SIZE), "TGA"),
    "rle tga": saved(photo(*SIZE), "TGA", compression="tga_rle"),
}


@pytest.mark.parametrize("share", [0.9, 0.75, 0.5])
@pytest.mark.parametrize("name", FILES)
def test_zeros_in_place_of_the_end_are_found(name, share):
    whole = FILES[name]
    kept = int(len(whole) * share)
    content = whole[:kept] + bytes(len(whole) - kept)
    try:
        decode_with_storage(content, max_megapixels=1)
    except DecodeError:
        return  # reported as damaged or truncated
    assert tail_of(content) == "cut"


@pytest.mark.parametrize("name", FILES)
def test_a_whole_file_has_no_such_tail(name):
    assert tail_of(FILES[name]) == ""


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff", "bmp"])
def test_zeros_behind_a_whole_file_do_no_harm(name):
    content = FILES[name] + bytes(4096)
    decode_with_storage(content, max_megapixels=1)
    assert tail_of(content) == ""


KINDS = [
    ("PNG", {}),
    ("JPEG", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("AVIF", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "packbits"}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("BMP", {}),
    ("PPM", {}),
    ("TGA", {}),
    ("TGA", {"compression": "tga_rle"}),
]


@pytest.mark.parametrize("colour", ["black", "white"])
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_an_image_of_one_colour_is_no_cut_file(kind, options, colour):
    assert tail_of(saved(Image.new("RGB", (600, 450), colour), kind, **options)) == ""


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_a_black_border_is_no_cut(kind, options):
    letterbox = Image.new("RGB", (600, 450))
    letterbox.paste(photo(600, 300), (0, 75))
    assert tail_of(saved(letterbox, kind, **options)) in ("", "row")


def test_a_round_picture_on_black_is_no_cut():
    y, x = np.mgrid[:200, :200]
    inside = (x - 100) ** 2 + (y - 100) ** 2 < 90**2
    picture = Image.fromarray(np.asarray(photo(200, 200)) * inside[..., None].astype(np.uint8))
    assert {tail_of(saved(picture, kind)) for kind in ("TIFF", "BMP", "PPM", "TGA")} == {""}


def test_values_of_one_byte_in_16_bits_are_no_zeros():
    assert tail_of(tiff_of_16_bits(DEEP >> 8)) == ""
    assert tail_of(png_of_16_bits(DEEP >> 8)) == ""


def test_a_file_that_ends_in_a_few_zeros_is_not_opened_a_second_time(monkeypatch):
    def refuse(content):
        raise AssertionError("opened")

    monkeypatch.setattr("lradapt.data.images.tails.open_image", refuse)
    assert tail_of(b"\1" + bytes(15)) == ""
    with pytest.raises(AssertionError, match="opened"):
        tail_of(b"\1" + bytes(16))
