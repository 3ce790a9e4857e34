"""Why a file cannot be decoded: the fault of its content, or of this machine."""

import struct
import zlib
from typing import Literal

import numpy as np

from lradapt.data.images.open_image import FORMATS
from lradapt.data.images.other_formats import name_of_other_format
from lradapt.errors import LradaptError, UnreadableError

OF_DAMAGE = (  # what Pillow raises for files with a few changed bytes, its own bugs included
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    TypeError,
    AttributeError,
    struct.error,
    zlib.error,
)
_BYTES_PER_PIXEL, _LEAST_BYTES = 8, 2**24  # that a decoder may need

Fault = Literal["undecodable", "truncated", "lfs_pointer", "bomb", "hidden"]
"""Why a file cannot be decoded; `lradapt.data.checks.problem_kinds` has the remedies."""


class DecodeError(LradaptError):
    """A file that cannot be decoded; the text is the reason, `fault` its kind."""

    def __init__(self, reason: str, fault: Fault = "undecodable") -> None:
        super().__init__(reason, fault)
        self.fault: Fault = fault

    def __str__(self) -> str:
        return str(self.args[0])


def fault_of_damage(error: Exception, content: bytes) -> DecodeError:
    """Return the error for a file whose content Pillow cannot decode."""
    fault: Fault = "truncated" if _is_cut_off(error, content) else "undecodable"
    return DecodeError(f"damaged: {error}", fault)


def refuse_bomb(size: tuple[int, int], max_megapixels: float) -> None:
    """Check that an image is not too large.

    Raises:
        DecodeError: it is.
    """
    width, height = size
    if width * height > max_megapixels * 1e6:
        raise DecodeError(
            f"{width} x {height} pixels, over {max_megapixels:g} megapixels (data.max_megapixels)",
            "bomb",
        )


def not_an_image(content: bytes) -> DecodeError:
    """Return the error for a file of a format that is not decoded here."""
    if not content:
        return DecodeError("empty file")
    if content.startswith(b"version https://git-lfs"):
        return DecodeError("a Git LFS pointer, not an image: run `git lfs pull`", "lfs_pointer")
    other = name_of_other_format(content)
    if other:
        return DecodeError(f"{other}; expected {', '.join(FORMATS)}")
    return DecodeError(f"not an image; expected {', '.join(FORMATS)}")


def require_memory(size: tuple[int, int], max_megapixels: float, error: Exception) -> None:
    """Check that a failure to decode is the fault of the content, and not of this machine.

    Raises:
        UnreadableError: the system refused something, or an image of this size has no room.
    """
    if isinstance(error, OSError) and error.errno is not None:
        raise UnreadableError(f"{error.strerror}; nothing is wrong with the file") from error
    pixels = size[0] * size[1] or int(max_megapixels * 1e6)  # of a file that was not even opened
    try:
        np.empty(_BYTES_PER_PIXEL * pixels + _LEAST_BYTES, np.uint8)  # reserved, and not touched
    except MemoryError:
        raise no_memory(size) from error


def no_memory(size: tuple[int, int]) -> UnreadableError:
    """Return the error for an image of width and height that did not fit into the memory."""
    pixels = f" {size[0]} x {size[1]} pixels" if any(size) else " it"
    return UnreadableError(
        f"the memory did not suffice to decode{pixels}; free some, or lower data.max_megapixels"
    )


def _is_cut_off(error: Exception, content: bytes) -> bool:
    if content[:4] == b"RIFF":  # a WebP contains its length, and Pillow gives no reason
        return len(content) < 8 + int.from_bytes(content[4:8], "little")
    return isinstance(error, EOFError) or "truncated" in str(error).lower()
