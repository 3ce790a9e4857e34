"""The frozen body's output for each image, computed once (paper, section 2.3).

It depends on pixels and backbone alone, on no label: after a relabelling it is simply still there.
On nothing else either: each row is computed in a batch of one constant size, and its random views
are drawn from its own pixels, so that neither its place nor its neighbours change a bit of it
(measured on the CPU: docs/log.md). So a later run computes only the rows that are new.
Letters: N images, V views of each, D features, B images of a batch, S side in pixels.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from lradapt.compute.engine import Engine, generator
from lradapt.runtime.files import reserve, whole_file
from lradapt.runtime.progress import tracked
from lradapt.runtime.row_cache import NOTHING, Kept
from lradapt.training.inputs.augment import Augmentation, show, views_of
from lradapt.training.inputs.examples import Normalisation

log = logging.getLogger(__name__)

ACTIVATIONS = "activations.npy"
"""What a later run needs of this one, by name in the store; the keys are `square_keys`."""
BATCH_SIZE = 256
_VIEWS_SEED = 0  # not the run's: another seed of the training does not make these anew
_NUM_WITNESSES = 16

Pixels = npt.NDArray[np.uint8]
Features = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class FrozenBody:
    """Pixels in, activations out.

    Attributes:
        body: images `[B, 3, S, S]` -> `[B, D]`, frozen and in eval mode, on the engine's device.
        engine: where to compute.
        normalise: as the body was trained.
        augmentation: bounds of the random views.
        num_views: V; the first view is the clean image, so 1 draws none.
        batch_size: B, of every forward pass: a smaller part is filled up.
    """

    body: nn.Module
    engine: Engine
    normalise: Normalisation
    augmentation: Augmentation
    num_views: int
    batch_size: int = BATCH_SIZE

    @torch.no_grad()
    def __call__(self, pixels: Pixels, keys: Sequence[str]) -> Features:
        """Activations `[n, V, D]` of at most B squares `[n, S, S, 3]` and their keys."""
        full = np.zeros((self.batch_size, *pixels.shape[1:]), dtype=np.uint8)
        full[: len(pixels)] = pixels
        squares = torch.from_numpy(full).to(self.engine.device)
        images = self.normalise(squares.permute(0, 3, 1, 2))
        filled = [*keys, *("0" for _ in range(self.batch_size - len(keys)))]
        views = [self._forward(images)]
        for view in range(1, self.num_views):
            views.append(self._forward(show(images, _own_views(filled, view, self.augmentation))))
        return np.stack(views, axis=1)[: len(pixels)]

    def _forward(self, images: Tensor) -> Features:
        with self.engine.autocast():
            output = self.body(images.contiguous(memory_format=self.engine.layout))
        features: Features = output.float().cpu().numpy()
        return features


def write_activations(
    into: Path,
    frozen: FrozenBody,
    pixels: Pixels,
    keys: Sequence[str],
    *,
    num_features: int,
    kept: Kept = NOTHING,
) -> None:
    """Write the body's output, fp32 `[N, V, D]`, one row for each row of pixels.

    Args:
        into: the `.npy` file.
        frozen: the body.
        pixels: `[N, S, S, 3]`, may be memory-mapped.
        keys: see `square_keys`; rows without one stay NaN, so that a use of one shows.
        num_features: D.
        kept: of a former run with the same `frozen`; rows that it knows are not computed.
    """
    known = {row: kept.row_of[key] for row, key in enumerate(keys) if key in kept.row_of}
    new = [row for row, key in enumerate(keys) if key and row not in known]
    with whole_file(into) as partial:
        shape = (len(pixels), frozen.num_views, num_features)
        features_NVD = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
        reserve(partial)
        features_NVD[:] = np.nan
        if known:
            _fill_known(features_NVD, frozen, pixels, keys, new, known, kept.files[ACTIVATIONS])
        else:
            _fill(features_NVD, frozen, pixels, keys, new)
        assert np.isfinite(features_NVD[[bool(key) for key in keys]]).all(), (
            "an activation is missing or not finite"
        )
        features_NVD.flush()


def square_keys(pixels: Pixels, rows: Sequence[int]) -> list[str]:
    """The hash of each of `rows`, those that hold an image; empty for the others."""
    keys = [""] * len(pixels)
    for row in rows:
        keys[row] = hashlib.sha256(pixels[row].tobytes()).hexdigest()
    return keys


def _fill(
    features_NVD: Features,
    frozen: FrozenBody,
    pixels: Pixels,
    keys: Sequence[str],
    rows: Sequence[int],
) -> None:
    size = frozen.batch_size
    parts = [list(rows[start : start + size]) for start in range(0, len(rows), size)]
    with tracked(parts, "activations", total=len(rows), unit="images", size=len) as shown:
        for part in shown:
            features_NVD[part] = frozen(pixels[part], [keys[row] for row in part])


def _fill_known(
    features_NVD: Features,
    frozen: FrozenBody,
    pixels: Pixels,
    keys: Sequence[str],
    new: Sequence[int],
    known: Mapping[int, int],
    former: Path,
) -> None:
    """Compute what is new, and a few that are known: the rest is taken over where those agree.

    So a former run on a processor that rounds otherwise is found out.
    """
    former_NVD = np.load(former, mmap_mode="r")
    witnesses = list(known)[:: -(-len(known) // _NUM_WITNESSES)]
    _fill(features_NVD, frozen, pixels, keys, [*new, *witnesses])
    rest = list(known.keys() - witnesses)
    if np.array_equal(features_NVD[witnesses], former_NVD[[known[row] for row in witnesses]]):
        features_NVD[rest] = former_NVD[[known[row] for row in rest]]
        total = len(known) + len(new)
        log.info("%s of %s images are known from the run before", f"{len(known):,}", f"{total:,}")
    else:
        log.warning(
            "this machine computes other activations than the run before; all are made anew"
        )
        _fill(features_NVD, frozen, pixels, keys, rest)


def _own_views(keys: Sequence[str], view: int, how: Augmentation) -> Tensor:
    """A view `[2, 3]` of each image that depends on its key and on the number of the view alone."""
    draws = [
        torch.rand(5, generator=generator(_VIEWS_SEED, view, int(key[:15], 16))) for key in keys
    ]
    return views_of(torch.stack(draws, dim=1), how)
