"""Near duplicates: different pixels that show nearly the same image.

A perceptual hash proposes pairs, and the correlation of their grey squares confirms them. The hash
is the pHash of the library imagehash: the 8 x 8 lowest frequencies of the cosine transform, each
above the median or not. Alone it would take any two blobs of equal position and size for near
duplicates: nine in ten of the pairs that it proposes on HAM10000 show different lesions
(docs/log.md). All is computed in batches from `pixels.npy`, so that no file is read again.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lradapt.data.images.decode import Pixels
from lradapt.runtime.progress import tracked

Hashes = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.intp]
_Grey = npt.NDArray[np.float32]

FLAT = np.uint64(0)
"""The hash of an image without contrast, which is a near duplicate of none."""
_GREY_OF_RGB = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow's
_FREQUENCIES = 8
_MAX_BITS = 6  # of 64, in which the hashes of a pair differ
_MIN_DEVIATION = 2.0  # of 255; below it the hash would be that of noise
_PIXELS_PER_BATCH = 2**22  # 50 MB as float32


def near_pairs(pixels: Pixels, *, min_correlation: float) -> Pairs:
    """Find pairs of rows of `pixels` that look alike: `[P, 2]`, sorted, each pair too.

    Memory does not grow with the pixels, so they may be a memory-mapped file.

    Args:
        pixels: squares, uint8 `[N, size, size, 3]`; equal ones are a pair too.
        min_correlation: of the grey values of a pair, in (0, 1]; brightness and contrast do not
            count.
    """
    pairs = proposed_pairs(perceptual_hashes(pixels), _MAX_BITS)
    step = _batch_size(pixels)
    batches = [pairs[start : start + step] for start in range(0, len(pairs), step)]
    with tracked(batches, "near duplicates", total=len(pairs), unit="pairs", size=len) as shown:
        alike = [batch[_correlations(pixels, batch) >= min_correlation] for batch in shown]
    return np.concatenate([pairs[:0], *alike])


def perceptual_hashes(pixels: Pixels) -> Hashes:
    """Return the hash of each image of `pixels`, uint8 `[N, size, size, 3]`, or `FLAT`."""
    step = _batch_size(pixels)
    batches = [pixels[start : start + step] for start in range(0, len(pixels), step)]
    with tracked(batches, "hashes", total=len(pixels), unit="images", size=len) as shown:
        hashes = [_hashes_of_batch(batch) for batch in shown]
    return np.concatenate([np.empty(0, dtype=np.uint64), *hashes])


def proposed_pairs(hashes: Hashes, max_bits: int) -> Pairs:
    """Find pairs of positions whose hashes differ in at most `max_bits` bits: `[P, 2]`, sorted.

    Equal hashes are each paired with the first of them only, and the first alone is paired with
    others, so that many equal hashes do not make a quadratic number of pairs. Hashes that
    differ in so few bits agree in one of `max_bits + 1` parts, so only such pairs are compared.
    """
    places = np.flatnonzero(hashes != FLAT)
    different, first, which = np.unique(hashes[places], return_index=True, return_inverse=True)
    equal = np.stack([first[which], np.arange(len(places))], axis=1)
    found = [equal[equal[:, 0] != equal[:, 1]]]
    for candidates in _sharing_a_part(different, max_bits + 1):
        distance = np.bitwise_count(different[candidates[:, 0]] ^ different[candidates[:, 1]])
        found.append(np.sort(first[candidates[distance <= max_bits]], axis=1))
    pairs: Pairs = places[np.unique(np.concatenate(found), axis=0)]
    return pairs


def _batch_size(pixels: Pixels) -> int:
    return max(1, int(_PIXELS_PER_BATCH // pixels.shape[1] ** 2))


def _grey(pixels: Pixels) -> _Grey:
    grey: _Grey = pixels.astype(np.float32) @ _GREY_OF_RGB
    return grey


def _hashes_of_batch(pixels: Pixels) -> Hashes:
    from scipy.fft import dct

    grey = _grey(pixels)
    cosines = dct(np.eye(pixels.shape[1], dtype=np.float32), axis=0)[:_FREQUENCIES]
    low = (cosines @ grey @ cosines.T).reshape(len(pixels), -1)
    bits = low > np.median(low, axis=1, keepdims=True)
    hashes = np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)
    return np.where(grey.std(axis=(1, 2)) < _MIN_DEVIATION, FLAT, hashes)


def _sharing_a_part(hashes: Hashes, num_parts: int) -> Iterator[Pairs]:
    width = 64 // num_parts
    for part in range(num_parts):
        shift, mask = np.uint64(part * width), np.uint64(2**width - 1)
        yield from _equal_pairs((hashes >> shift) & mask)


def _equal_pairs(keys: Hashes) -> Iterator[Pairs]:
    order = np.argsort(keys, kind="stable")
    ranked = keys[order]
    places = np.arange(len(keys))
    for step in range(1, len(keys)):
        places = places[places < len(keys) - step]
        places = places[ranked[places] == ranked[places + step]]
        if not len(places):
            return
        yield np.stack([order[places], order[places + step]], axis=1)


def _correlations(pixels: Pixels, pairs: Pairs) -> _Grey:
    one, other = (_standardised(_grey(pixels[pairs[:, side]])) for side in (0, 1))
    correlations: _Grey = np.einsum("np,np->n", one, other)
    return correlations


def _standardised(grey: _Grey) -> _Grey:
    flat = grey.reshape(len(grey), -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    standardised: _Grey = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return standardised
