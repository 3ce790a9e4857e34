"""Real files with each fault, as ingest sees them, and the finding that each becomes."""

import struct
import zlib

import numpy as np
import pytest
from odd_files import photo, saved
from PIL import Image

from lradapt.data.checks.image_checks import find_image_faults
from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.image_table import read_table
from lradapt.data.images.ingest import ingest

HOW = Preprocessing(input_size=8, max_megapixels=0.01)


@pytest.fixture
def folder(tmp_path, random_image):
    """A folder with one good image."""
    folder = tmp_path / "images"
    folder.mkdir()
    random_image(0).save(folder / "z.png")
    return folder


@pytest.fixture
def found(folder, tmp_path):
    """A function: (kind, image, detail) of all that is found in the folder."""

    def find():
        table = tmp_path / "images.csv"
        ingest(folder, pixels=tmp_path / "pixels.npy", table=table, how=HOW, num_workers=1)
        findings = find_image_faults(read_table(table), min_side=8)
        assert all(finding.images in ((finding.subject,), ()) for finding in findings)
        return [(finding.kind, finding.subject, finding.detail) for finding in findings]

    return find


def test_a_good_image_is_no_finding(found):
    assert found() == []


def test_a_text_is_undecodable(folder, found):
    (folder / "a.jpg").write_text("no picture")
    ((kind, name, detail),) = found()
    assert (kind, name) == ("undecodable", "a.jpg")
    assert detail.startswith("not an image")


@pytest.mark.parametrize("kind", ["jpg", "png", "gif", "bmp", "tif", "webp"])
def test_a_file_without_its_end_is_truncated(folder, found, random_image, kind):
    random_image(1, (64, 64)).save(folder / f"a.{kind}")
    content = (folder / f"a.{kind}").read_bytes()
    (folder / f"a.{kind}").write_bytes(content[: len(content) * 2 // 3])
    assert [(kind, name) for kind, name, _ in found()] == [("truncated", f"a.{kind}")]


def test_a_damaged_file_of_full_length_is_undecodable_and_not_truncated(
    folder, found, random_image
):
    random_image(1).save(folder / "a.png")
    content = bytearray((folder / "a.png").read_bytes())
    content[60:80] = bytes(20)
    (folder / "a.png").write_bytes(content)
    assert [(kind, name) for kind, name, _ in found()] == [("undecodable", "a.png")]


def test_a_git_lfs_pointer_has_its_own_kind_and_names_the_command(folder, found):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
    (folder / "a.jpg").write_text(pointer)
    ((kind, _, detail),) = found()
    assert (kind, detail) == (
        "lfs_pointer",
        "a Git LFS pointer, not an image: run `git lfs pull`",
    )


def png(side, bits, lines):
    """A PNG of RGB, made without Pillow, from the bytes of its lines."""

    def chunk(name, data):
        crc = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + crc

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, bits, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(lines))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [101, 60_000])
def test_a_picture_over_the_limit_is_a_bomb(folder, found, side):
    (folder / "a.png").write_bytes(png(side, 8, b""))
    ((kind, _, detail),) = found()
    assert kind == "bomb"
    assert "megapixels (data.max_megapixels)" in detail


def test_hidden_files_and_files_in_hidden_folders_are_found(folder, found, random_image):
    for name in (".ipynb_checkpoints/a-checkpoint.png", "cat/.DS_Store.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        random_image(1).save(folder / name)
    assert found() == [
        ("hidden", ".ipynb_checkpoints/a-checkpoint.png", "hidden file"),
        ("hidden", "cat/.DS_Store.png", "hidden file"),
    ]


def test_a_name_of_another_format_is_found_and_a_name_of_none_is_not(folder, found, random_image):
    for name, kind in (
        ("a.jpg", "PNG"),
        ("b.PNG", "JPEG"),
        ("c.JPEG", "JPEG"),
        ("d.jpe", "JPEG"),
        ("e", "PNG"),
        ("f.txt", "PNG"),
    ):
        random_image(1).save(folder / name, kind)
    assert found() == [
        ("wrong_extension", "a.jpg", "the content is PNG"),
        ("wrong_extension", "b.PNG", "the content is JPEG"),
    ]


def test_a_jpeg_that_holds_a_second_picture_is_a_jpeg(folder, found, random_image):
    random_image(1).save(folder / "a.jpg", "MPO", save_all=True, append_images=[random_image(2)])
    assert found() == []


def test_a_side_below_the_least_is_tiny(folder, found, random_image):
    random_image(1, (7, 10)).save(folder / "a.png")
    random_image(2, (8, 8)).save(folder / "b.png")
    assert found() == [("tiny", "a.png", "7 x 10 pixels")]


def test_unusual_colours_are_named(folder, found, random_image):
    image = random_image(1)
    palette = image.convert("P")
    wide = np.asarray(image.convert("L")).astype(np.uint16) * 257
    image.convert("CMYK").save(folder / "a.jpg")
    image.convert("L").save(folder / "b.png")
    Image.fromarray(wide).save(folder / "c.png")
    palette.save(folder / "d.png")
    palette.save(folder / "e.png", transparency=3)
    image.convert("RGBA").save(folder / "f.png")
    image.save(folder / "g.png", transparency=(1, 2, 3))
    image.convert("1").save(folder / "h.png")
    image.convert("LA").save(folder / "i.png")
    assert [(kind, name[0], detail) for kind, name, detail in found()] == [
        ("odd_mode", "a", "CMYK"),
        ("odd_mode", "b", "greyscale"),
        ("odd_mode", "c", "16-bit greyscale"),
        ("odd_mode", "d", "palette"),
        ("odd_mode", "e", "palette with transparency"),
        ("odd_mode", "f", "transparency"),
        ("odd_mode", "g", "RGB with transparency"),
        ("odd_mode", "h", "black and white"),
        ("odd_mode", "i", "greyscale with transparency"),
    ]


def test_sixteen_bits_per_channel_are_found_though_pillow_hides_them(folder, found):
    (folder / "a.png").write_bytes(png(8, 16, (b"\0" + bytes(8 * 6)) * 8))
    assert found() == [("odd_mode", "a.png", "16-bit RGB")]


def test_a_set_that_is_grey_throughout_has_no_unusual_colours(folder, found, random_image):
    for name in ("a.png", "b.png", "z.png"):
        random_image(1).convert("L").save(folder / name)
    assert found() == []


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "tif"])
def test_an_image_that_exif_rotates_is_found(folder, found, random_image, kind):
    for orientation in (1, 6):
        exif = Image.Exif()
        exif[0x0112] = orientation
        random_image(1).save(folder / f"{orientation}.{kind}", exif=exif)
    assert found() == [("rotated", f"6.{kind}", "EXIF orientation 6")]


def kinds(found):
    return [(kind, name) for kind, name, _ in found()]


@pytest.mark.parametrize("size", [(20, 30), (30, 20)])
def test_an_image_of_which_the_centre_leaves_out_a_third_is_found(folder, found, size):
    photo(*size).save(folder / "a.png")
    photo(20, 29).save(folder / "b.png")
    width, height = size
    detail = f"{width} x {height} pixels: the centre square shows 67% of it"
    assert found() == [("aspect", "a.png", detail)]


def test_a_stack_and_an_animation_are_found_and_a_preview_in_a_jpeg_is_not(folder, found):
    frames = {"save_all": True, "append_images": [photo(20, 16, 1), photo(20, 16, 2)]}
    for name in ("a.tif", "b.png", "c.webp", "d.gif"):
        photo(20, 16).save(folder / name, **frames)
    photo(20, 16).save(folder / "e.jpg", "MPO", **frames)
    output = {name: detail for kind, name, detail in found() if kind == "several_pages"}
    three = "3 pages, of which the first is used"
    assert output == {
        **dict.fromkeys(("a.tif", "b.png", "c.webp"), three),
        "d.gif": "an animation, of which the first is used",
    }


def test_a_file_that_ends_in_zeros_is_found(folder, found):
    content = saved(photo(80, 60), "WEBP")
    (folder / "a.webp").write_bytes(content[:-500] + bytes(500))
    assert found() == [("blank_tail", "a.webp", "ends in zeros where pixels belong")]


def test_few_grey_levels_are_found(folder, found):
    levels = np.random.default_rng(0).integers(0, 10, (16, 20), dtype=np.uint8)
    Image.fromarray(np.dstack([levels] * 3)).save(folder / "a.png")
    assert found() == [("narrow_range", "a.png", "values 0 to 9 of 255")]


def test_a_narrow_range_of_16_bits_is_found_with_the_range_of_the_set(folder, found):
    random = np.random.default_rng(0)
    for name, low, high in (("a", 7000, 9000), ("b", 7100, 8900)):
        values = random.integers(low, high, (16, 20)).astype(np.uint16)
        Image.fromarray(values).save(folder / f"{name}.png")
    ((_, detail), _) = [(name, text) for kind, name, text in found() if kind == "narrow_range"]
    assert detail.endswith("of 65535; the set's 6912 to 9087 become 8 bits")


def test_values_of_8_bits_among_16_are_found_as_lost(folder, found):
    random = np.random.default_rng(0)
    for name, high in (("a", 255), ("b", 65535)):
        values = random.integers(0, high, (16, 20)).astype(np.uint16)
        Image.fromarray(values).save(folder / f"{name}.png")
    ((name, detail),) = [(name, text) for kind, name, text in found() if kind == "narrow_range"]
    assert name == "a.png"
    assert detail.endswith("the set's 0 to 65535 become 8 bits, which leaves 0 grey levels")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
    ],
)
def test_other_formats_are_named_with_the_remedy(folder, found, content, word):
    (folder / "a.jpg").write_bytes(content)
    ((kind, name, detail),) = found()
    assert (kind, name) == ("undecodable", "a.jpg")
    assert detail.startswith(word)
    assert ": " in detail
