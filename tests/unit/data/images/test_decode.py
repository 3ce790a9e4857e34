"""Every kind of file becomes the RGB pixels a person sees, or a reason that says what to do."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lradapt.data.images.decode import Preprocessing, decode, preprocess
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.fit import fit_square
from lradapt.data.images.open_image import quiet

RED, WHITE = (255, 0, 0), (255, 255, 255)


def bytes_of(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def decoded(content):
    with quiet():
        return decode(content, max_megapixels=80)


def pixels_of(content):
    image = decoded(content)
    assert image.mode == "RGB"
    return [[tuple(pixel) for pixel in line] for line in np.asarray(image).tolist()]


def reason(content, max_megapixels=80):
    with pytest.raises(DecodeError) as caught, quiet():
        decode(content, max_megapixels=max_megapixels)
    return str(caught.value)


def png_header(width, height):
    """A PNG that ends where its pixels begin."""
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", size) + png_chunk(b"IDAT", b"")


def png_chunk(kind, body):
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


def rotated(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def test_rgb_pixels_pass_unchanged(random_image):
    image = random_image(0)
    np.testing.assert_array_equal(np.asarray(decoded(bytes_of(image))), np.asarray(image))


def test_grey_becomes_three_equal_channels():
    image = Image.fromarray(np.array([[0, 128, 255]], dtype=np.uint8))
    assert pixels_of(bytes_of(image)) == [[(0, 0, 0), (128, 128, 128), WHITE]]


def test_black_and_white_becomes_0_and_255():
    image = Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).convert("1")
    assert pixels_of(bytes_of(image)) == [[(0, 0, 0), WHITE]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_keeps_its_upper_8_bits(kind):
    image = Image.fromarray(np.array([[0, 255, 256, 0x80FF, 65535]], dtype=np.uint16))
    assert image.mode == "I;16"
    assert pixels_of(bytes_of(image, kind)) == [[(v, v, v) for v in (0, 0, 1, 128, 255)]]


def test_16_bit_grey_of_the_other_byte_order_is_the_same():
    image = Image.frombytes("I;16B", (2, 1), b"\x01\x00\xff\xff")
    assert pixels_of(bytes_of(image, "TIFF")) == [[(1, 1, 1), WHITE]]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_transparency_is_laid_over_white(kind):
    image = Image.new("RGBA", (3, 1), (*RED, 255))
    image.putpixel((1, 0), (*RED, 0))
    image.putpixel((2, 0), (*RED, 102))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert pixels_of(bytes_of(image, kind, **options)) == [[RED, WHITE, (255, 153, 153)]]


def test_grey_with_alpha_is_laid_over_white():
    image = Image.new("LA", (2, 1), (10, 255))
    image.putpixel((1, 0), (10, 0))
    assert pixels_of(bytes_of(image)) == [[(10, 10, 10), WHITE]]


def palette_image():
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, 0, 0, 255])
    image.putpixel((1, 0), 1)
    return image


def test_palette_becomes_its_colours():
    assert pixels_of(bytes_of(palette_image())) == [[RED, (0, 0, 255)]]


@pytest.mark.parametrize("transparency", [1, bytes([255, 0])])
def test_a_palettes_transparent_colour_is_white(transparency):
    content = bytes_of(palette_image(), transparency=transparency)
    assert pixels_of(content) == [[RED, WHITE]]


def test_a_transparent_colour_of_rgb_is_white():
    image = Image.new("RGB", (2, 1), RED)
    image.putpixel((1, 0), (0, 0, 255))
    assert pixels_of(bytes_of(image, transparency=(0, 0, 255))) == [[RED, WHITE]]


def test_cmyk_becomes_rgb():
    image = Image.new("CMYK", (2, 1), (0, 255, 255, 0))
    image.putpixel((1, 0), (0, 0, 0, 255))
    assert pixels_of(bytes_of(image, "TIFF")) == [[RED, (0, 0, 0)]]


def test_cmyk_jpeg_is_not_inverted():
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    red, green, blue = pixels_of(bytes_of(image, "JPEG"))[8][8]
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.parametrize(("mode", "word"), [("F", "floating-point"), ("I", "32-bit integer")])
def test_pixels_without_a_clear_range_are_refused(mode, word):
    text = reason(bytes_of(Image.new(mode, (2, 2)), "TIFF"))
    assert text == f"{word} pixels; save it with 8 or 16 bits per channel"


CORNERS = {  # which corner of the stored image is seen at the top left, and at the top right
    1: "AB",
    2: "BA",
    3: "DC",
    4: "CD",
    5: "AC",
    6: "CA",
    7: "DB",
    8: "BD",
}
COLOURS = {"A": RED, "B": (0, 255, 0), "C": (0, 0, 255), "D": (255, 255, 0)}


def four_corners():
    """A above-left, B above-right, C below-left, D below-right; 24 wide, 16 high."""
    image = Image.new("RGB", (24, 16))
    for letter, place in {"A": (0, 0), "B": (12, 0), "C": (0, 8), "D": (12, 8)}.items():
        image.paste(COLOURS[letter], (*place, place[0] + 12, place[1] + 8))
    return image


def corner(image, *, right):
    seen = np.asarray(image, dtype=int)[4, -4 if right else 4]
    return min(COLOURS, key=lambda letter: np.abs(seen - COLOURS[letter]).sum())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", CORNERS)
def test_exif_orientation_is_applied(kind, orientation):
    image = decoded(bytes_of(four_corners(), kind, exif=rotated(orientation)))
    assert corner(image, right=False) + corner(image, right=True) == CORNERS[orientation]
    assert image.size == ((24, 16) if orientation < 5 else (16, 24))


def test_exif_after_the_pixels_of_a_png_is_applied():
    content = bytes_of(four_corners())
    chunk = png_chunk(b"eXIf", rotated(6).tobytes().removeprefix(b"Exif\0\0"))
    end = content.index(b"IEND") - 4
    assert decoded(content[:end] + chunk + content[end:]).size == (16, 24)


def test_exif_as_imagemagick_writes_it_into_a_png_is_applied():
    exif = rotated(6).tobytes()
    text = PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(exif):8d}\n{exif.hex()}\n")
    assert decoded(bytes_of(four_corners(), pnginfo=text)).size == (16, 24)


def test_rotated_16_bit_grey_is_turned():
    image = Image.fromarray(np.array([[0x0100, 0x0200]], dtype=np.uint16))
    assert pixels_of(bytes_of(image, exif=rotated(6))) == [[(1, 1, 1)], [(2, 2, 2)]]


def test_an_odd_exif_tag_of_a_good_image_does_not_matter():
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0"
    exif += struct.pack("<HHI4s", 0x0112, 3, 1, b"\x06\0\0\0")
    exif += struct.pack("<HHII", 0x829A, 5, 1, 60_000)  # an exposure time far outside the file
    exif += bytes(4)
    content = bytes_of(four_corners(), "JPEG", exif=exif)
    assert decoded(content).size == (16, 24)


def test_the_first_frame_of_an_animation_is_taken():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    content = bytes_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixels_of(content) == [[RED] * 4] * 4


@pytest.mark.parametrize(
    ("size", "limit", "text"),
    [
        ((3000, 2000), 5, "3000 x 2000 pixels, over 5 megapixels (data.max_megapixels)"),
        ((10_000, 10_000), 80, "10000 x 10000 pixels, over 80 megapixels (data.max_megapixels)"),
        ((20_000, 20_000), 80, "over 80 megapixels (data.max_megapixels)"),  # Pillow refuses it
    ],
)
def test_an_image_over_the_limit_is_refused_before_it_is_decoded(size, limit, text):
    assert reason(png_header(*size), max_megapixels=limit) == text


def test_an_image_at_the_limit_is_decoded():
    assert decode(bytes_of(Image.new("L", (1000, 1000))), max_megapixels=1).size == (1000, 1000)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "GIF", "BMP", "BLP"])
def test_whatever_bytes_change_only_decode_errors_arise(kind, random_image):
    image = random_image(0, (8, 6))
    image = image.quantize() if kind == "BLP" else image
    intact = bytes_of(image, kind, **({} if kind == "BLP" else {"exif": rotated(6)}))
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        content = bytearray(intact)
        for place in random.integers(0, len(content), 6):
            content[place] = random.integers(256)
        try:
            decoded(bytes(content))
        except DecodeError:
            refused += 1
    assert refused > 0


def test_quiet_leaves_the_callers_warning_filters_alone(random_image):
    before = list(warnings.filters)
    with quiet():
        assert warnings.filters != before
    assert list(warnings.filters) == before


def test_the_shorter_side_fills_the_square_and_the_centre_is_kept():
    image = Image.new("RGB", (40, 10), "blue")
    image.paste("red", (15, 0, 25, 10))
    assert np.asarray(fit_square(image, 10)).reshape(-1, 3).tolist() == [[255, 0, 0]] * 100


@pytest.mark.parametrize("size", [(7, 31), (31, 7), (1, 500), (500, 1), (8, 8), (3, 3)])
def test_the_square_has_the_size_asked_for(size, random_image):
    assert fit_square(random_image(0, size), 8).size == (8, 8)


def test_an_image_of_the_right_size_is_not_resampled(random_image):
    image = random_image(0, (8, 8))
    assert fit_square(image, 8) is image


def test_shrinking_averages_instead_of_skipping_pixels():
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    middle = np.asarray(fit_square(Image.fromarray(stripes), 8))[2:6, 2:6]
    assert middle.min() > 120
    assert middle.max() < 136


def test_preprocess_is_decode_and_fit(random_image):
    content = bytes_of(random_image(0), "JPEG")
    pixels = preprocess(content, Preprocessing(8, 80))
    assert (pixels.shape, pixels.dtype) == ((8, 8, 3), np.uint8)
    np.testing.assert_array_equal(pixels, np.asarray(fit_square(decoded(content), 8)))


def test_a_page_of_postscript_is_refused_and_no_program_started(monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)  # Pillow would start Ghostscript
    page = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    assert reason(page).startswith("not an image; expected JPEG")
