"""The size and the bits of a JPEG by its header, also where Pillow cannot read it (12 bits)."""

import struct

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15; not DHT, JPG, DAC


def jpeg_header(content: bytes) -> tuple[int, int, int]:
    """Return width and height in pixels, and the bits of a sample (ITU-T T.81, B.2.2).

    Raises:
        ValueError: it has no frame header.
    """
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker, length = content[place + 1], struct.unpack_from(">H", content, place + 2)[0]
        if marker in _FRAMES:
            bits, height, width = struct.unpack_from(">BHH", content, place + 4)
            return width, height, bits
        place += 2 + length
    raise ValueError("a JPEG without a frame header")
