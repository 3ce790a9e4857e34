"""Image files that Pillow cannot write, and a set of files of every kind."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

_ORIENTATION = 0x0112
_FORM = {3: "H", 4: "I"}  # TIFF's types


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png_of_16_bits(values):
    """A PNG of `[H, W]` or `[H, W, C]`: grey, grey and alpha, RGB, RGBA."""
    values = np.asarray(values, dtype=">u2")
    height, width = values.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[values[0, 0].size]
    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    lines = b"".join(b"\0" + line.tobytes() for line in values)
    parts = {b"IHDR": header, b"IDAT": zlib.compress(lines), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts.items())


def _chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def tiff_of_16_bits(values, *, photometric=None, order="<", deflate=False, planes=False):
    """A TIFF of `[H, W]` or `[H, W, 3]`; its directory comes before the pixels."""
    values = np.asarray(values, dtype=order + "u2")
    height, width = values.shape[:2]
    samples = values[0, 0].size
    photometric = (2 if samples == 3 else 1) if photometric is None else photometric
    strips = [values[..., i] for i in range(samples)] if planes else [values]
    strips = [zlib.compress(s.tobytes()) if deflate else s.tobytes() for s in strips]
    tags = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [16] * samples),
        (259, 3, [8 if deflate else 1]),
        (262, 3, [photometric]),
        (277, 3, [samples]),
        (278, 4, [height]),
        (284, 3, [2 if planes else 1]),
    ]
    start, blob = 8 + 2 + 12 * (len(tags) + 2) + 4, b""

    def put(content):
        nonlocal blob
        place = start + len(blob)
        blob += content + bytes(len(content) % 2)
        return place

    tags += [(273, 4, [put(strip) for strip in strips]), (279, 4, [len(s) for s in strips])]
    entries = b""
    for tag, kind, numbers in sorted(tags):
        content = struct.pack(order + _FORM[kind] * len(numbers), *numbers)
        if len(content) > 4:
            content = struct.pack(order + "I", put(content))
        entries += struct.pack(order + "HHI", tag, kind, len(numbers)) + content.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    return head + entries + bytes(4) + blob


def photo(width, height, seed=0):
    """A picture without a black pixel."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 216, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8)
    fine = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    return Image.fromarray(
        np.clip(fine.astype(int) + random.integers(-9, 9, fine.shape), 1, 255).astype(np.uint8)
    )


def turned(orientation):
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif


def with_alpha(image, alpha):
    layer = image.convert("RGBA")
    layer.putalpha(alpha)
    return layer


def files_of_every_kind(scale=(0, 65535)):
    """Name -> content of files of every kind; those of 16 bits have values in `scale`."""
    image = photo(40, 28)
    grey = np.asarray(image.convert("L")).astype(int)
    colours = np.asarray(image).astype(int)
    low, high = scale
    deep, deep_colours = (low + v * (high - low) // 255 for v in (grey, colours))
    alpha = Image.linear_gradient("L").resize(image.size)
    opaque = np.full((*grey.shape, 1), 65535)
    frames = {"save_all": True, "append_images": [photo(40, 28, 1)]}
    return {
        "rgb.png": saved(image),
        "grey.png": saved(image.convert("L")),
        "bits.png": saved(image.convert("1")),
        "palette.png": saved(image.quantize(16)),
        "palette_transparent.png": saved(image.quantize(16), transparency=3),
        "rgba.png": saved(with_alpha(image, alpha)),
        "la.png": saved(with_alpha(image, alpha).convert("LA")),
        "photo.jpg": saved(image, "JPEG"),
        "turned.jpg": saved(image, "JPEG", exif=turned(6)),
        "cmyk.jpg": saved(image.convert("CMYK"), "JPEG"),
        "lossy.webp": saved(image, "WEBP"),
        "alpha.webp": saved(with_alpha(image, alpha), "WEBP"),
        "photo.avif": saved(image, "AVIF"),
        "photo.jp2": saved(image, "JPEG2000"),
        "photo.bmp": saved(image, "BMP"),
        "photo.tga": saved(image, "TGA"),
        "photo.ppm": saved(image, "PPM"),
        "photo.tif": saved(image, "TIFF"),
        "turned.tif": saved(image, "TIFF", exif=turned(8)),
        "frames.gif": saved(image.quantize(16), "GIF"),
        "animated.gif": saved(image, "GIF", **frames),
        "animated.webp": saved(image, "WEBP", **frames),
        "stack.tif": saved(image, "TIFF", **frames),
        "tall.png": saved(photo(16, 60, 2)),
        "wide.jpg": saved(photo(75, 20, 3), "JPEG"),
        "square.png": saved(photo(8, 8, 4)),
        "deep.png": png_of_16_bits(deep),
        "deep_turned.png": saved(Image.fromarray(deep.astype(np.uint16)), exif=turned(7)),
        "deep.tif": tiff_of_16_bits(deep),
        "deep_big_endian.tif": tiff_of_16_bits(deep, order=">"),
        "deep_deflate.tif": tiff_of_16_bits(deep, deflate=True),
        "deep_white_is_zero.tif": tiff_of_16_bits(65535 - deep, photometric=0),
        "deep.jp2": saved(Image.fromarray(deep.astype(np.uint16)), "JPEG2000"),
        "deep_white_is_zero_big_endian.tif": tiff_of_16_bits(
            65535 - deep, photometric=0, order=">"
        ),
        "deep.pgm": b"P5 40 28 65535\n" + deep.astype(">u2").tobytes(),
        "deep_rgb.ppm": b"P6 40 28 65535\n" + deep_colours.astype(">u2").tobytes(),
        "deep_rgb.png": png_of_16_bits(deep_colours),
        "deep_rgba.png": png_of_16_bits(np.concatenate([deep_colours, opaque], axis=2)),
        "deep_la.png": png_of_16_bits(np.concatenate([deep[..., None], opaque], axis=2)),
        "deep_rgb.tif": tiff_of_16_bits(deep_colours),
        "deep_rgb_deflate.tif": tiff_of_16_bits(deep_colours, deflate=True, order=">"),
        "deep_rgb_planes.tif": tiff_of_16_bits(deep_colours, planes=True),
    }


ONLY_OURS = (
    "deep_white_is_zero_big_endian.tif",
    "deep.pgm",
    "deep_rgb.ppm",
    "deep_rgb_planes.tif",
)
"""Files that Pillow alone does not read, or reads with other colours."""
