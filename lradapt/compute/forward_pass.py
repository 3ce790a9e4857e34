"""How many images a forward pass without gradients takes at once, so that its memory is bounded."""

_PIXELS = 2**22
"""Of all images of a pass. EfficientNet-Lite0 needs about 1 GB for it in fp32."""


def images_at_once(side: int, most: int) -> int:
    """Return how many squares of `side` pixels fit into one pass: a power of two, at most `most`.

    More of them are hardly faster, and take the memory that a training needs: EfficientNet-Lite0
    took 14 GB for 512 squares of 224 pixels (docs/log.md, 2026-11-30).
    """
    fitting = max(1, _PIXELS // side**2)
    return min(most, 1 << (fitting.bit_length() - 1))
