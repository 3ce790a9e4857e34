"""DICOM files of real devices, which pydicom brings along for its own tests."""

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_modality_lut, apply_windowing

from lradapt.data.images.decode import decode, decode_with_storage
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.jpeg_header import jpeg_header


def content_of(name):
    path = get_testdata_file(name, download=False)
    assert path is not None, name
    with open(path, "rb") as file:
        return file.read()


def refused(name):
    with pytest.raises(DecodeError) as caught:
        decode(content_of(name), max_megapixels=1)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "size", "mode", "device"),
    [
        ("CT_small.dcm", (128, 128), "I;16", "GE MEDICAL SYSTEMS RHAPSODE"),
        ("MR_small_bigendian.dcm", (64, 64), "I;16", "TOSHIBA_MEC MRT50H1"),
        ("MR_small_jp2klossless.dcm", (64, 64), "I;16", "TOSHIBA_MEC MRT50H1"),
        ("J2K_pixelrep_mismatch.dcm", (512, 512), "I;16", "Supria"),
        ("examples_overlay.dcm", (484, 300), "I;16", "SIEMENS Avanto"),
        ("examples_palette.dcm", (800, 350), "RGB", "Philips Medical Systems CX50"),
        ("examples_jpeg2k.dcm", (640, 480), "RGB", "G.E. Medical Systems LOGIQ 700"),
    ],
)
def test_an_image_of_a_device_is_read(name, size, mode, device):
    decoded = decode_with_storage(content_of(name), max_megapixels=1)
    assert (decoded.image.size, decoded.mode, decoded.camera) == (size, mode, device)


@pytest.mark.parametrize("kind", ["RLE", "bigendian", "implicit", "expb", "jp2klossless"])
def test_one_image_stored_in_several_ways_is_the_same(kind):
    def values_of(name):
        return decode_with_storage(content_of(name), max_megapixels=1).values

    assert np.array_equal(values_of(f"MR_small_{kind}.dcm"), values_of("MR_small.dcm"))


def test_the_window_of_a_device_is_applied_as_pydicom_does():
    dataset = pydicom.dcmread(get_testdata_file("MR_small.dcm", download=False))
    shown = apply_windowing(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    low, high = apply_windowing(np.array([-1e6, 1e6]), dataset)
    expected = np.rint((shown - low) / (high - low) * 65535)
    values = decode_with_storage(content_of("MR_small.dcm"), max_megapixels=1).values
    assert np.abs(values - expected).max() <= 1


def test_one_colour_picture_compressed_in_two_ways_looks_the_same():
    plain, packed = (
        np.asarray(decode(content_of(name), max_megapixels=1)).astype(int)
        for name in ("SC_rgb_rle.dcm", "SC_rgb_dcmtk_+eb+cy+s4.dcm")
    )
    assert np.abs(plain - packed).mean() < 2


@pytest.mark.parametrize("name", ["JPEG-lossy.dcm", "JPGExtended.dcm"])
def test_a_jpeg_of_12_bits_lacks_a_decoder_and_is_not_called_damaged(name):
    message = refused(name)
    assert "with 12 bits, for which a decoder is missing" in message
    assert "pylibjpeg-libjpeg" in message


def test_a_number_that_is_none_is_not_quoted():
    assert refused("badVR.dcm") == "damaged: no valid DICOM file (ValueError)"


def test_the_header_of_a_jpeg_without_a_frame_is_refused():
    with pytest.raises(ValueError, match="without a frame header"):
        jpeg_header(b"\xff\xd8\xff\xe0\x00\x04ab\xff\xda\x00\x02")


def test_a_table_of_codes_before_the_frame_is_no_frame():
    table = b"\xff\xc4\x00\x0b" + bytes(9)
    frame = b"\xff\xc1\x00\x0b\x0c\x00\x07\x00\x09\x01\x01\x11\x00"
    assert jpeg_header(b"\xff\xd8" + table + frame) == (9, 7, 12)
