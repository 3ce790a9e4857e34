"""What EXIF, or the tags of a TIFF, say of an image: its orientation and its camera."""

from PIL import ExifTags, Image

from lradapt.data.images.camera import camera_name
from lradapt.data.images.decode_errors import OF_DAMAGE

TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def exif_orientation(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8; 1 where there is none."""
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1) if _has_exif(image) else 1
    return orientation if orientation in TO_UPRIGHT else 1


def tiff_orientation(image: Image.Image) -> int:
    """Return the orientation of a TIFF before load() turns it; 0 for other formats."""
    return exif_orientation(image) if image.format == "TIFF" else 0


def camera_of(image: Image.Image) -> str:
    """Return the camera by EXIF or by the tags of a TIFF; "" where there is none, or damaged."""
    if not _has_exif(image):
        return ""
    try:
        tags = image.getexif()
        return camera_name(tags.get(ExifTags.Base.Make), tags.get(ExifTags.Base.Model))
    except OF_DAMAGE:  # of these tags alone; the pixels are good
        return ""


def _has_exif(image: Image.Image) -> bool:
    # Reading EXIF is a third of the time of a small JPEG; most files have none.
    return "exif" in image.info or image.format not in ("JPEG", "WEBP", "GIF", "BMP")
