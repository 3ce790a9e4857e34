"""The frozen body's output for each image, computed once (paper, section 2.3).

It depends on pixels and backbone alone, on no label: after a relabelling it is simply still there.
Letters: N images, V views of each, D features, B images of a portion.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from lradapt.batches import Normalisation, RandomViews, pixels_on
from lradapt.engine import Engine
from lradapt.files import reserve, whole_file


@torch.no_grad()
def write_activations(
    into: Path,
    body: nn.Module,
    pixels: npt.NDArray[np.uint8],
    rows: Sequence[int],
    engine: Engine,
    *,
    normalise: Normalisation,
    num_features: int,
    views: RandomViews,
    num_views: int,
    batch_size: int = 256,
) -> None:
    """Write the body's output, fp32 `[N, V, D]`, one row for each row of pixels.

    Args:
        into: the `.npy` file.
        body: images `[B, 3, S, S]` -> `[B, D]`, frozen and in eval mode.
        pixels: `[N, S, S, 3]`, may be memory-mapped.
        rows: those that hold an image; the others stay NaN, so that a use of one shows.
        engine: where to compute.
        normalise: as the body was trained.
        num_features: D.
        views: how the random views are drawn.
        num_views: V; the first view is the clean image, so 1 draws none.
        batch_size: images of one forward pass.
    """
    body = body.to(engine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    with whole_file(into) as partial:
        shape = (len(pixels), num_views, num_features)
        features_NVD = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
        reserve(partial)
        features_NVD[:] = np.nan
        for start in range(0, len(rows), batch_size):
            part = list(rows[start : start + batch_size])
            images = normalise(pixels_on(engine.device, pixels, part))
            for view in range(num_views):
                shown = views(images, start * num_views + view) if view else images
                with engine.autocast():
                    output = body(shown.contiguous(memory_format=torch.channels_last))
                features_NVD[part, view] = output.float().cpu().numpy()
        assert np.isfinite(features_NVD[list(rows)]).all(), "an activation is missing or not finite"
        features_NVD.flush()
