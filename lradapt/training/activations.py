"""The frozen body's output for each image, computed once (paper, section 2.3).

`cached_activations` keeps them in memory, for any network and any batches. `write_activations`
writes a file, in which each row depends on its pixels and the backbone alone: on no label, and on
no other row, since each batch has the same size and random views are drawn from the image's own
pixels (measured on the CPU: docs/log.md). So a later run computes only the rows that are new.
Letters: N images, V views of each, D features, B images of a batch, S side in pixels.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from lradapt.compute.engine import Engine, generator
from lradapt.errors import LayersError
from lradapt.networks.normalisation import Normalisation
from lradapt.runtime.files import reserve, whole_file
from lradapt.runtime.progress import tracked
from lradapt.runtime.row_cache import NOTHING, Kept
from lradapt.training.inputs.augment import NUM_DRAWS, Augmentation, show, views_of
from lradapt.training.inputs.batches import Batch
from lradapt.training.modes import eval_mode

log = logging.getLogger(__name__)

ACTIVATIONS = "activations.npy"
"""The file in the row cache that a later run reuses; the keys are `square_keys`."""
MOST_AT_ONCE = 256
"""Squares of a forward pass; larger ones are fewer: `lradapt.compute.forward_pass`."""
_VIEWS_SEED = 0  # not the run's: another seed of the training leaves the activations valid
_NUM_WITNESSES = 16

Pixels = npt.NDArray[np.uint8]
Features = npt.NDArray[np.float32]


def cached_activations(
    model: nn.Module, head: nn.Module, batches: Iterable[Batch], *, engine: Engine | None = None
) -> TensorDataset:
    """Return the input of `head` for each image, `[N, ...]` in fp32, and the labels; on the CPU.

    Training a head on them takes seconds, since the frozen layers are not run again. The model runs
    in eval mode, and is left as it was.

    Args:
        model: the network.
        head: its last layer or layers, such as `network.fc`; called once in a forward pass.
        batches: inputs and labels, once through.
        engine: device and precision; by default the device of the model, in fp32.

    Raises:
        LayersError: there are no batches, or the head is not called once for each: it is not part
            of the model, or is shared.
    """
    engine = engine or Engine(next(model.parameters()).device, "fp32")
    activations: list[Tensor] = []
    labels: list[Tensor] = []
    with eval_mode(model), _head_inputs(model, head) as body:
        for inputs, labels_B in batches:
            activations.append(frozen_forward(body, inputs.to(engine.device), engine))
            labels.append(labels_B.cpu())
    if not labels:
        raise LayersError("there are no batches to compute activations of; expected at least one")
    return TensorDataset(torch.cat(activations), torch.cat(labels))


@torch.no_grad()
def frozen_forward(body: Callable[[Tensor], Tensor], inputs: Tensor, engine: Engine) -> Tensor:
    """Return the output of a frozen body for a batch, in fp32 on the CPU."""
    with engine.autocast():
        output = body(inputs)
    return output.float().cpu()


@contextmanager
def _head_inputs(model: nn.Module, head: nn.Module) -> Iterator[Callable[[Tensor], Tensor]]:
    """Yield a function that runs `model` and returns the input of `head`."""
    seen: list[Tensor] = []
    handle = head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    def body(inputs: Tensor) -> Tensor:
        seen.clear()
        model(inputs)
        if len(seen) != 1:
            raise LayersError(
                f"the head was called {len(seen)} times in a forward pass, expected once: is it a "
                "part of this model?"
            )
        return seen[0]

    try:
        yield body
    finally:
        handle.remove()


@dataclass(frozen=True, slots=True)
class FrozenBody:
    """Pixels in, activations out.

    Attributes:
        body: images `[B, 3, S, S]` -> `[B, D]`, frozen and in eval mode, on the engine's device.
        engine: where to compute.
        normalise: as the body was trained.
        augmentation: bounds of the random views.
        num_views: V; the first view is the clean image, so 1 draws none.
        batch_size: B, of every forward pass: a smaller batch is padded.
    """

    body: nn.Module
    engine: Engine
    normalise: Normalisation
    augmentation: Augmentation
    num_views: int
    batch_size: int = MOST_AT_ONCE

    def __call__(self, pixels: Pixels, keys: Sequence[str]) -> Features:
        """Return activations `[n, V, D]` of at most B squares `[n, S, S, 3]` and their keys."""
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
        placed = images.contiguous(memory_format=self.engine.layout)
        features: Features = frozen_forward(self.body, placed, self.engine).numpy()
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
        keys: see `square_keys`; rows without a key stay NaN, so that using one is noticed.
        num_features: D.
        kept: of a previous run with the same `frozen`; its rows are not computed again.
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
        del features_NVD  # Windows renames no file that is mapped


def square_keys(pixels: Pixels, rows: Sequence[int]) -> list[str]:
    """Return the hash of each of `rows`, those that hold an image; empty for the others."""
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
    previous: Path,
) -> None:
    """Compute the new rows and a few known ones; copy the other known rows where those agree.

    This detects a previous run on a processor that rounds differently.
    """
    previous_NVD = np.load(previous, mmap_mode="r")
    witnesses = list(known)[:: -(-len(known) // _NUM_WITNESSES)]
    _fill(features_NVD, frozen, pixels, keys, [*new, *witnesses])
    rest = list(known.keys() - witnesses)
    if np.array_equal(features_NVD[witnesses], previous_NVD[[known[row] for row in witnesses]]):
        features_NVD[rest] = previous_NVD[[known[row] for row in rest]]
        total = len(known) + len(new)
        log.info("%s of %s images are known from the previous run", f"{len(known):,}", f"{total:,}")
    else:
        log.warning(
            "this machine computes other activations than the previous run; all are computed again"
        )
        _fill(features_NVD, frozen, pixels, keys, rest)


def _own_views(keys: Sequence[str], view: int, how: Augmentation) -> Tensor:
    """Return a view `[2, 3]` of each image, which depends on its key and the view number alone."""
    draws = [
        torch.rand(NUM_DRAWS, generator=generator(_VIEWS_SEED, view, int(key[:15], 16)))
        for key in keys
    ]
    return views_of(torch.stack(draws, dim=1), how)
