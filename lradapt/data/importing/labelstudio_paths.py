"""The paths that Label Studio has of its images, as paths below a folder of images.

| in the export | of | is read as |
|---|---|---|
| `/data/local-files/?d=photos/a%20b.jpg` | local storage | `photos/a b.jpg` |
| `/data/upload/3/1a2b3c4d-a.jpg` | an upload | `upload/3/1a2b3c4d-a.jpg`, else `a.jpg` |
| `http://server/data/upload/...` | one of these two, with its server | the same |
| `https://...`, `s3://bucket/photos/a.jpg` | elsewhere | `photos/a.jpg`, if a folder is given |

An upload gets eight digits before its name; the images may have been kept under either name.
"""

import re
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

_LOCAL, _UPLOAD = "/data/local-files/", "/data/upload/"
_ENDINGS = frozenset(
    [
        "avif",
        "bmp",
        "gif",
        "heic",
        "heif",
        "jfif",
        "jp2",
        "jpe",
        "jpeg",
        "jpg",
        "pbm",
        "pgm",
        "png",
        "ppm",
        "tga",
        "tif",
        "tiff",
        "webp",
    ]
)
_DIGITS = re.compile(r"[0-9a-f]{8}-")


def image_names(image: str, *, folder_is_given: bool) -> tuple[str, ...]:
    """Return the names under which an image may be below the folder, the likeliest first.

    Args:
        image: as the export has it.
        folder_is_given: a person has said where the images are, also those of URLs; if not, a URL
            stays one.
    """
    try:
        address = urlsplit(image)
    except ValueError:  # such as an unclosed bracket in what would be a server
        return (image,)
    if address.path.startswith(_LOCAL):
        return ("".join(parse_qs(address.query).get("d", [])),)
    if address.path.startswith(_UPLOAD):
        path = unquote(address.path).removeprefix("/data/")
        stored = path.rpartition("/")[2]
        return tuple(dict.fromkeys((path, stored, _DIGITS.sub("", stored, count=1))))
    is_url = len(address.scheme) > 1 and address.scheme != "file"  # one letter is a drive
    if is_url and folder_is_given:
        return (unquote(address.path).lstrip("/"),)
    return (image,)


def names_image(value: object) -> bool:
    """Return whether a value of a task is the path or the URL of an image."""
    if not isinstance(value, str):
        return False
    path = value.partition("?")[0]
    ending = PurePosixPath(path).suffix.lower().removeprefix(".")
    return path.endswith(_LOCAL) or _UPLOAD in path or ending in _ENDINGS
