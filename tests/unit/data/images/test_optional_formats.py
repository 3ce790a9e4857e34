"""HEIC photos, and DICOM files: as a viewer shows them, without any data of a patient."""

import io
import sys
import warnings

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing, compress
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGLosslessSV1, RLELossless

from lradapt.data.images.decode import Preprocessing, decode, decode_with_storage
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.ingest import ingest
from lradapt.serving.image_costs import cost_of

STORED = np.arange(48, dtype=np.uint16).reshape(6, 8) * 80  # of 12 bits, 0 to 3760
PATIENT = "Mustermann^Erika"


def dicom_file(stored=STORED, *, syntax=ExplicitVRLittleEndian, compressed=None, **elements):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    dataset.PatientName, dataset.PatientID = PATIENT, "4711"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 1 if stored.ndim == 2 else 3
    dataset.PhotometricInterpretation = "MONOCHROME2" if stored.ndim == 2 else "RGB"
    if stored.ndim == 3:
        dataset.PlanarConfiguration = 0
    bits = 8 * stored.dtype.itemsize
    dataset.BitsAllocated, dataset.BitsStored = bits, min(bits, 12)
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    dataset.PixelData = stored.tobytes()
    for name, value in elements.items():
        setattr(dataset, name, value)
    if compressed:
        compress(dataset, compressed, encoding_plugin="pydicom")
    if syntax != ExplicitVRLittleEndian:
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.PixelData = pydicom.encaps.encapsulate([dataset.PixelData])
        dataset["PixelData"].VR = "OB"
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def values_of(content):
    return decode_with_storage(content, max_megapixels=1).values


def scaled(values, low, high):
    return np.rint((values.astype(float) - low) / (high - low) * 65535)


@pytest.fixture(scope="module")
def heic():
    from pillow_heif import from_pillow

    picture = Image.new("RGB", (64, 32), (200, 30, 30))
    buffer = io.BytesIO()
    from_pillow(picture).save(buffer, quality=90)
    return buffer.getvalue()


def test_an_heic_photo_is_decoded_as_it_looks(heic):
    decoded = decode_with_storage(heic, max_megapixels=1)
    assert (decoded.format, decoded.image.size, decoded.orientation) == ("HEIF", (64, 32), 1)
    assert np.abs(np.asarray(decoded.image).mean((0, 1)) - (200, 30, 30)).max() < 4


def test_without_window_the_stored_values_are_kept():
    assert np.array_equal(values_of(dicom_file()), STORED)


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_a_window_is_applied_after_rescaling_as_pydicom_does(function):
    elements = {
        "RescaleSlope": 2,
        "RescaleIntercept": -1024,
        "WindowCenter": [900, 40],
        "WindowWidth": [2500, 400],
        "VOILUTFunction": function,
    }
    content = dicom_file(**elements)
    dataset = pydicom.dcmread(io.BytesIO(content))
    shown = apply_windowing(apply_modality_lut(STORED, dataset), dataset)
    expected = scaled(shown, -1024, 2 * 4095 - 1024)
    assert np.abs(values_of(content) - expected).max() <= 1


def test_white_is_zero_is_inverted_with_and_without_window():
    content = dicom_file(PhotometricInterpretation="MONOCHROME1")
    assert np.array_equal(values_of(content), 4095 - STORED)
    window = {"WindowCenter": 2000, "WindowWidth": 1000}
    plain = values_of(dicom_file(**window))
    inverted = values_of(dicom_file(PhotometricInterpretation="MONOCHROME1", **window))
    assert np.abs(65535 - plain.astype(int) - inverted).max() <= 1


def test_hounsfield_units_below_zero_keep_their_order():
    stored = (STORED // 2).astype(np.int16) - 1000
    content = dicom_file(stored, RescaleSlope=1, RescaleIntercept=0)
    assert np.array_equal(values_of(content), stored.astype(int) + 2048)


def test_a_table_of_values_of_interest_is_used_before_a_window():
    table = Dataset()
    table.LUTDescriptor = [4096, 0, 16]
    table.LUTData = (np.linspace(0, 65535, 4096) ** 0.5 * 255).astype("<u2").tobytes()
    content = dicom_file(VOILUTSequence=[table], WindowCenter=5, WindowWidth=2)
    dataset = pydicom.dcmread(io.BytesIO(content))
    assert np.array_equal(values_of(content), apply_voi(STORED, dataset))


def test_colours_and_8_bits_are_kept():
    colours = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    picture = decode(dicom_file(colours, BitsStored=8, HighBit=7), max_megapixels=1)
    assert np.array_equal(np.asarray(picture), colours)
    grey = decode(dicom_file(colours[..., 0], BitsStored=8, HighBit=7), max_megapixels=1)
    assert np.array_equal(np.asarray(grey)[..., 0], colours[..., 0])


def test_run_length_encoding_is_read():
    assert np.array_equal(values_of(dicom_file(compressed=RLELossless)), STORED)


def refused(content, max_megapixels=1.0):
    with pytest.raises(DecodeError) as caught:
        decode(content, max_megapixels=max_megapixels)
    assert PATIENT not in str(caught.value)
    assert "4711" not in str(caught.value)
    return str(caught.value)


def test_several_frames_are_refused():
    content = dicom_file(np.tile(STORED, (3, 1)), Rows=6, NumberOfFrames=3)
    assert "3 frames" in refused(content)


def test_a_compression_without_its_decoder_is_named_with_the_remedy():
    message = refused(dicom_file(syntax=JPEGLosslessSV1))
    assert "JPEG Lossless" in message
    assert "pip install pylibjpeg" in message


def test_a_compressed_image_larger_than_its_header_is_refused():
    large = io.BytesIO()
    Image.new("L", (300, 300)).save(large, "JPEG")
    small = np.frombuffer(large.getvalue()[: len(large.getvalue()) // 2 * 2], np.uint8)
    content = dicom_file(
        small.reshape(1, -1),
        syntax=UID("1.2.840.10008.1.2.4.50"),
        Rows=6,
        Columns=8,
        BitsStored=8,
        HighBit=7,
    )
    assert "no valid DICOM" in refused(content)


def test_a_deflated_file_is_refused_before_it_expands():
    assert "deflated" in refused(
        dicom_file().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    )


def test_too_many_pixels_are_refused_before_they_are_read(heic):
    for content in (heic, dicom_file(Rows=60000, Columns=60000)):
        assert "megapixels" in refused(content, max_megapixels=0.001)
    assert cost_of(dicom_file(Rows=60000, Columns=60000)).megapixels == 3600
    assert cost_of(heic).megapixels == 64 * 32 / 1e6


def test_values_that_do_not_fit_need_a_window():
    wide = {"RescaleSlope": 100, "RescaleIntercept": 0}
    assert "WindowCenter" in refused(dicom_file(**wide))
    assert values_of(dicom_file(**wide, WindowCenter=1e5, WindowWidth=2e5)) is not None


@pytest.mark.parametrize("length", [140, 300, 400, -60, -2])
def test_a_cut_dicom_file_is_a_finding_without_a_name(length, caplog, recwarn):
    refused(dicom_file()[:length])
    assert PATIENT not in caplog.text + "".join(str(each.message) for each in recwarn)


@pytest.mark.parametrize(("package", "extra"), [("pillow_heif", "heic"), ("pydicom", "dicom")])
def test_without_the_extra_its_remedy_is_named(monkeypatch, heic, package, extra):
    content = heic if extra == "heic" else dicom_file()
    monkeypatch.setitem(sys.modules, package, None)
    assert f"pip install 'lradapt[{extra}]'" in refused(content)
    assert cost_of(content).megapixels == 0


def test_a_table_of_images_has_nothing_of_a_patient(tmp_path, heic):
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.dcm").write_bytes(dicom_file())
    (images / "b.heic").write_bytes(heic)
    (images / "c.dcm").write_bytes(dicom_file(NumberOfFrames=2))
    pixels, table = tmp_path / "pixels.npy", tmp_path / "images.csv"
    ingest(images, pixels=pixels, table=table, how=Preprocessing(16, 1))
    text = table.read_text()
    assert [line.split(",")[5] for line in text.splitlines()[1:3]] == ["ok", "ok"]
    assert PATIENT not in text
    assert PATIENT.encode() not in pixels.read_bytes()


def test_the_camera_of_a_dicom_file_is_its_device():
    def camera_of(**elements):
        return decode_with_storage(dicom_file(**elements), max_megapixels=1).camera

    device = {
        "Manufacturer": "GE",
        "ManufacturerModelName": "Optima\x1b",
        "DeviceSerialNumber": "9",
    }
    assert camera_of(**device) == r"GE Optima\x1b"
    assert camera_of(StationName="room 4", InstitutionName="St. Erika") == ""
    assert camera_of(Manufacturer=["GE", "X"]) == ""


def test_a_value_that_pydicom_would_quote_is_not_quoted():
    number = "1234567890123456"
    content = dicom_file(WindowCenter=number, WindowWidth=1)
    refused(content.replace(number.encode(), PATIENT.encode()))
