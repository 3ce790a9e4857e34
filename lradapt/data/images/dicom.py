"""DICOM files, by pydicom: the pixels as a viewer shows them, and the name of the device.

Only the elements that describe pixels and device are read. No message quotes a value of the file,
and what pydicom says while it reads is not passed on, since both may contain data of a patient.
"""

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from lradapt.data.images.camera import camera_name
from lradapt.data.images.depth import Values
from lradapt.data.images.jpeg_header import jpeg_header
from lradapt.data.images.optional_formats import OptionalFormatError

_LUT = [
    f"{part}{colour}PaletteColorLookupTable{what}"
    for colour in ("Red", "Green", "Blue")
    for part, what in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
]
_ELEMENTS = [
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData"),
    *("PhotometricInterpretation", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence"),
    *_LUT,
    *("Manufacturer", "ManufacturerModelName"),
]
_GREY = ("MONOCHROME1", "MONOCHROME2")
_COLOURS = ("RGB", "PALETTE COLOR")  # and all that begin with YBR
_JPEG = b"\xff\xd8"
_JPEG_2000 = (b"\xff\x4f", b"\0\0")
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_TOP = 65535
_LEAST_LEVELS = 256


class DicomPixels(NamedTuple):
    """The pixels of a DICOM file; `values` are of 16 bits, where `image` is None."""

    image: Image.Image | None
    values: Values | None
    mode: str


class DicomFile:
    """A DICOM file of one frame whose pixels have not been read yet.

    Attributes:
        size: width and height by its header.
        camera: the device, see `camera.camera_name`; empty where there is none.
    """

    def __init__(self, content: bytes) -> None:
        """Read the header.

        Raises:
            OptionalFormatError: pydicom is missing, or the file has no pixels, several frames, or
                a form that needs another decoder.
            ValueError: it is damaged.
        """
        _require_pydicom()
        if _DEFLATED in content:  # it may expand a thousandfold before any size is known
            raise OptionalFormatError("a deflated DICOM file; save it uncompressed (dcmconv)")
        self._dataset = _without_details(_read, content)
        _without_details(_require_one_image, self._dataset)
        self.size: tuple[int, int] = _without_details(_size, self._dataset)
        self.camera = _device(self._dataset)

    def pixels(self) -> DicomPixels:
        """Return the pixels: rescaled, with their window, white on black where that is inverted.

        Raises:
            OptionalFormatError: a decoder is missing, or a window is and there are too many values.
            ValueError: the pixels are damaged.
        """
        _require_decoder(self._dataset)
        shown: DicomPixels = _without_details(_pixels, self._dataset)
        return shown


def _require_pydicom() -> None:
    try:
        import pydicom  # noqa: F401
    except ImportError as error:
        raise OptionalFormatError(
            "a DICOM file, for which pydicom is missing: pip install 'lradapt[dicom]', "
            "or export it as 16-bit PNG or TIFF, with the window you want"
        ) from error


def _without_details(work: Callable[[Any], Any], given: Any) -> Any:
    """Do something with pydicom; of its errors only the kind is passed on, and no warning."""
    try:
        with _silent():
            return work(given)
    except (OptionalFormatError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001  # of a damaged file, whatever pydicom raises
        kind = type(error).__name__
    raise ValueError(f"no valid DICOM file ({kind})")  # without a chain: it may quote the file


@contextmanager
def _silent() -> Iterator[None]:
    logging.getLogger("pydicom").addFilter(_nothing)  # for good: other threads read, too
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _nothing(_: logging.LogRecord) -> bool:
    return False


def _read(content: bytes) -> Any:
    from pydicom import dcmread

    return dcmread(io.BytesIO(content), specific_tags=_ELEMENTS, force=True)


def _device(dataset: Any) -> str:
    """Return maker and model of the device; "" where there is none, or damaged."""

    def name(dataset: Any) -> str:
        return camera_name(dataset.get("Manufacturer"), dataset.get("ManufacturerModelName"))

    try:
        return str(_without_details(name, dataset))
    except ValueError:  # of these elements alone; the pixels may be good
        return ""


def _require_one_image(dataset: Any) -> None:
    if "PixelData" not in dataset:
        raise OptionalFormatError("a DICOM file without an image of whole numbers")
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        raise OptionalFormatError(
            f"a DICOM file of {frames} frames; expected one: export each frame that you need as a "
            "file of its own"
        )
    colours = str(dataset.get("PhotometricInterpretation", ""))
    if colours not in _GREY + _COLOURS and not colours.startswith("YBR"):
        raise OptionalFormatError("a DICOM file with unknown colours (PhotometricInterpretation)")


def _size(dataset: Any) -> tuple[int, int]:
    return int(dataset.Columns), int(dataset.Rows)


def _require_decoder(dataset: Any) -> None:
    """Check that the compression can be read, and that what is compressed has the header's size."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_encapsulated:
        return
    decoders = _decoders(syntax)
    if not decoders:
        raise _without_decoder(syntax.name)
    _without_details(lambda dataset: _require_readable(dataset, syntax.name, decoders), dataset)


def _decoders(syntax: Any) -> tuple[str, ...]:
    from pydicom.pixels import get_decoder

    try:
        return tuple(get_decoder(syntax).available_plugins)
    except NotImplementedError:
        return ()


def _without_decoder(compression: str) -> OptionalFormatError:
    return OptionalFormatError(
        f"a DICOM file compressed as {compression}, for which a decoder is missing: save it "
        "uncompressed (dcmdjpeg, gdcmconv --raw), or pip install pylibjpeg "
        "pylibjpeg-libjpeg pylibjpeg-openjpeg"
    )


def _require_readable(dataset: Any, compression: str, decoders: tuple[str, ...]) -> None:
    from pydicom.encaps import get_frame

    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    if frame[:2] == _JPEG:
        width, height, bits = jpeg_header(frame)
        if bits > 8 and decoders == ("pillow",):  # which reads 8 bits alone
            raise _without_decoder(f"{compression} with {bits} bits")
    elif frame[:2] in _JPEG_2000:
        with Image.open(io.BytesIO(frame), formats=("JPEG2000",)) as inner:
            width, height = inner.size
    else:  # RLE, JPEG-LS
        return
    if (width, height) != _size(dataset):
        raise ValueError("the compressed image has another size than the header")


def _pixels(dataset: Any) -> DicomPixels:
    if dataset.PhotometricInterpretation not in _GREY:
        return _colours(dataset)
    mode = "L" if dataset.BitsStored <= 8 else "I;16"
    inverted = dataset.PhotometricInterpretation == "MONOCHROME1"
    shown_HW, top = _grey(dataset)
    if inverted:
        shown_HW = top - shown_HW
    if mode == "L":
        grey = np.rint(shown_HW * (255 / top)).astype(np.uint8)
        return DicomPixels(Image.fromarray(grey), None, mode)
    return DicomPixels(None, np.clip(np.rint(shown_HW), 0, _TOP).astype(np.uint16), mode)


def _colours(dataset: Any) -> DicomPixels:
    from pydicom.pixels import apply_color_lut

    shown_HW3 = dataset.pixel_array
    bits = int(dataset.BitsStored)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        shown_HW3 = apply_color_lut(shown_HW3, dataset)[..., :3]
        bits = 8 * shown_HW3.dtype.itemsize
    shift = max(0, bits - 8)
    return DicomPixels(Image.fromarray((shown_HW3 >> shift).astype(np.uint8)), None, "RGB")


def _grey(dataset: Any) -> tuple[npt.NDArray[np.float64], float]:
    """Return the grey values after rescaling and window, and the greatest that they can have."""
    from pydicom.pixels import apply_modality_lut, apply_voi

    stored_HW = dataset.pixel_array
    rescaled_HW = apply_modality_lut(stored_HW, dataset)
    if dataset.get("VOILUTSequence"):
        bits = int(dataset.VOILUTSequence[0].LUTDescriptor[2])
        shown = apply_voi(np.rint(rescaled_HW).astype(np.int64), dataset).astype(np.float64)
        return shown * (_TOP / (2**bits - 1)), _TOP
    if dataset.get("WindowCenter") is not None and dataset.get("WindowWidth"):
        return _windowed(rescaled_HW.astype(np.float64), dataset), _TOP
    return _without_window(rescaled_HW.astype(np.float64), dataset)


def _windowed(values_HW: npt.NDArray[np.float64], dataset: Any) -> npt.NDArray[np.float64]:
    """Apply the first window, 0 to 65535 (DICOM PS3.3, C.11.2.1.2 and C.11.2.1.3)."""
    centre, width = _first(dataset.WindowCenter), _first(dataset.WindowWidth)
    function = dataset.get("VOILUTFunction") or "LINEAR"
    if function == "SIGMOID":
        return _TOP / (1 + np.exp(np.clip(-4 * (values_HW - centre) / width, -60, 60)))
    if function == "LINEAR":
        centre, width = centre - 0.5, max(width - 1, 1e-6)
    return np.clip((values_HW - centre) / width + 0.5, 0, 1) * _TOP


def _first(value: Any) -> float:
    """Return the first of the values of an element."""
    return float(value if isinstance(value, (str, int, float)) else value[0])


def _without_window(
    values_HW: npt.NDArray[np.float64], dataset: Any
) -> tuple[npt.NDArray[np.float64], float]:
    """Return values from 0 on; the same value of two files with one header stays the same."""
    low, high = _possible(dataset)
    if not _LEAST_LEVELS <= high - low + 1 <= _TOP + 1 and dataset.BitsStored > 8:
        raise OptionalFormatError(
            f"a DICOM file whose values could be {low:g} to {high:g} and that has no window; set "
            "WindowCenter and WindowWidth, or export it as 16-bit PNG or TIFF"
        )
    return values_HW - low, max(high - low, 1)


def _possible(dataset: Any) -> tuple[float, float]:
    """Return the least and the greatest value that the header allows, after rescaling."""
    if dataset.get("ModalityLUTSequence"):
        return 0.0, float(2 ** int(dataset.ModalityLUTSequence[0].LUTDescriptor[2]) - 1)
    bits, signed = int(dataset.BitsStored), bool(dataset.PixelRepresentation)
    least, greatest = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    slope = 1.0 if slope is None else float(slope)
    ends = [end * slope + float(intercept or 0) for end in (least, greatest)]
    return min(ends), max(ends)
