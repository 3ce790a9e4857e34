"""Formats that are not read here, by the first bytes of their files, with the remedy."""

_AS_IMAGE = "convert it to JPEG or PNG"
_AT = (  # offset, bytes, what it is and what to do
    (4, b"ftypcrx ", "a camera's raw file (CR3)", _AS_IMAGE),
    (0, b"FUJIFILMCCD-RAW", "a camera's raw file (RAF)", _AS_IMAGE),
    (4, b"ftyp", "a video, or a container like one", "save its pictures as JPEG or PNG"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL image", _AS_IMAGE),
    (0, b"\xff\x0a", "a JPEG XL image", _AS_IMAGE),
    (0, b"%PDF-", "a PDF document", "save its pages as PNG"),
    (0, b"8BPS", "a Photoshop file", _AS_IMAGE),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR image", "save it with 8 or 16 bits per channel"),
    (0, b"#?RADIANCE", "a Radiance HDR image", "save it with 8 or 16 bits per channel"),
    (0, b"SIMPLE  =", "a FITS image", "save it as 16-bit PNG or TIFF"),
    (344, b"n+1\0", "a NIfTI volume", "save its slices as 16-bit PNG"),
    (0, b"\x93NUMPY", "a NumPy array", "save its images as PNG"),
    (0, b"\x89HDF", "an HDF5 file", "save its images as PNG"),
    (0, b"PK\x03\x04", "a ZIP archive", "unpack it"),
    (0, b"\x1f\x8b", "a gzip archive", "unpack it"),
)
_PAGES = (b"<!doctype html", b"<html")


def name_of_other_format(content: bytes) -> str:
    """Return what a file is that no decoder here reads, and what to do; empty if it is unknown."""
    for offset, magic, what, remedy in _AT:
        if content.startswith(magic, offset):
            return f"{what}, which is not read here: {remedy}"
    start = content[:512].lstrip().lower()
    if start.startswith(_PAGES):
        return "a web page, not an image: download the image again"
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in start):
        return "an SVG drawing, which is not read here: save it as PNG"
    return ""
