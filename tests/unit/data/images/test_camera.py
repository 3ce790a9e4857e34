"""The camera of an image in one clean line, and nothing else of a file's metadata."""

import csv
import io

import pytest
from PIL import ExifTags, Image, TiffImagePlugin

from lradapt.data.images.camera import camera_name
from lradapt.data.images.decode import Preprocessing, decode_with_storage
from lradapt.data.images.image_table import read_table
from lradapt.data.images.ingest import ingest

BASE = ExifTags.Base


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("CANON\0\0", " Canon  EOS 5D \0", "Canon EOS 5D"),
        ("Apple", "iPhone 12", "Apple iPhone 12"),
        ("Apple", None, "Apple"),
        (None, "iPhone 12", "iPhone 12"),
        (None, None, ""),
        ("", " \n", ""),
        (b"Apple", 7, ""),
        ('A\r\nB,"C"\x1b[31m\u202e', "m", 'A B,"C"\\x1b[31m\\u202e m'),
    ],
)
def test_maker_and_model_are_one_line(make, model, name):
    assert camera_name(make, model) == name


def test_a_long_name_is_shortened_in_its_middle():
    name = camera_name("maker " * 9, "model " * 9)
    assert len(name) == 60
    assert name.startswith("maker maker")
    assert name.endswith("model model")


def exif(make, model):
    tags = Image.Exif()
    tags[BASE.Make], tags[BASE.Model] = make, model
    tags[BASE.Artist], tags[BASE.Copyright] = "Erika Mustermann", "Erika Mustermann"
    tags[BASE.CameraOwnerName] = tags[BASE.BodySerialNumber] = "owner 4711"
    tags.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAreaInformation] = "at home"
    return tags


def content_of(format, **options):
    buffer = io.BytesIO()
    Image.new("RGB", (16, 8), (10, 200, 90)).save(buffer, format, **options)
    return buffer.getvalue()


def camera_of(content):
    return decode_with_storage(content, max_megapixels=1).camera


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_camera_is_read_from_exif(format):
    content = content_of(format, exif=exif("Canon", "EOS 5D\nforged,line"))
    assert camera_of(content) == "Canon EOS 5D forged,line"
    assert camera_of(content_of(format)) == ""


def test_the_camera_is_read_from_an_heic_photo():
    from pillow_heif import from_pillow

    buffer = io.BytesIO()
    tags = exif("Apple", "iPhone 12").tobytes()
    from_pillow(Image.new("RGB", (64, 32))).save(buffer, exif=tags)
    assert camera_of(buffer.getvalue()) == "Apple iPhone 12"


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_the_camera_is_read_from_the_tags_of_a_tiff_which_is_turned(compression):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[BASE.Make], tags[BASE.Model], tags[BASE.Orientation] = "Zeiss", "Axio", 6
    content = content_of("TIFF", tiffinfo=tags, compression=compression)
    decoded = decode_with_storage(content, max_megapixels=1)
    assert (decoded.camera, decoded.orientation, decoded.image.size) == ("Zeiss Axio", 6, (8, 16))


def test_a_damaged_camera_is_none_and_the_image_stays_good(monkeypatch):
    content = content_of("JPEG", exif=exif("Canon", "EOS 5D"))

    def damaged(tags, tag, default=None):
        if tag == BASE.Make:
            raise SyntaxError("not a TIFF file")
        return default

    monkeypatch.setattr(Image.Exif, "get", damaged)
    assert camera_of(content) == ""


def test_the_table_has_camera_and_bytes_and_nothing_of_the_owner(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    photo = content_of("JPEG", exif=exif("Canon", "=1+1\n\x1b[31m"))
    (images / "a.jpg").write_bytes(photo)
    (images / "b.png").write_bytes(content_of("PNG"))
    (images / "c.png").write_bytes(b"no image")
    pixels, table = tmp_path / "pixels.npy", tmp_path / "images.csv"
    ingest(images, pixels=pixels, table=table, how=Preprocessing(8, 1))
    rows = read_table(table)
    assert [(row.camera, row.num_bytes) for row in rows] == [
        (r"Canon =1+1 \x1b[31m", len(photo)),
        ("", len(content_of("PNG"))),
        ("", 8),
    ]
    with table.open(newline="") as file:
        assert len(list(csv.reader(file))) == 4
    text = table.read_text()
    assert all(word not in text for word in ("Mustermann", "owner", "4711", "at home"))
