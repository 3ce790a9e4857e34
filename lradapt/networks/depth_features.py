"""Features of several depths for the head: maps of earlier stages, pooled over the image.

Forward hooks on the stages keep their pooled maps until the head is reached, which puts them before
its own input. The state dict is that of the network itself: the head stays one linear layer, only
wider. Letters: N images, C channels, D features, K classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

_LEAST_VARIANCE = 1e-6  # so that the slope at a map without any deviation is finite


def mean_and_deviation(map_NCHW: Tensor) -> Tensor:
    """Return the mean of each channel over the image, and then its deviation, fp32 `[N, 2C]`.

    The deviation s is computed as the mean of (x - mean)^2 / s. So each feature is the mean of a
    map, and the class maps of an exported network are exact (`lradapt.inference.activation_maps`).
    """
    map_NCHW = map_NCHW.float()
    squares_NCHW = (map_NCHW - map_NCHW.mean(dim=(2, 3), keepdim=True)).square()
    deviation_NC11 = (squares_NCHW.mean(dim=(2, 3), keepdim=True) + _LEAST_VARIANCE).sqrt()
    both = (map_NCHW, squares_NCHW / deviation_NC11)
    return torch.cat([each.mean(dim=(2, 3)) for each in both], dim=1)


class _Pooled:
    """The pooled maps of one forward pass, until the head takes them."""

    def __init__(self, num_taps: int) -> None:
        self.num_taps = num_taps
        self.by_tap: dict[int, Tensor] = {}

    def before(self, last_ND: Tensor) -> Tensor:
        """Return the maps, in the order of the taps, and then the body's own output, in fp32."""
        assert len(self.by_tap) == self.num_taps, "a stage was not computed before the head"
        stages_NC = [self.by_tap.pop(number) for number in range(self.num_taps)]
        return torch.cat([*stages_NC, last_ND.float()], dim=1)


class _Tap:
    """The forward hook of one stage; an object, so that a copied network has its own."""

    def __init__(self, pooled: _Pooled, number: int, *, deviations: bool) -> None:
        self.pooled = pooled
        self.number = number
        self.deviations = deviations

    def __call__(self, module: nn.Module, inputs: object, map_NCHW: Tensor) -> None:
        self.pooled.by_tap[self.number] = (
            mean_and_deviation(map_NCHW)
            if self.deviations
            else map_NCHW.mean(dim=(2, 3), dtype=torch.float32)
        )


class DepthHead(nn.Linear):
    """A linear head that reads the stages and the body's own output."""

    def __init__(self, num_features: int, num_classes: int, num_taps: int) -> None:
        super().__init__(num_features, num_classes)
        self.pooled = _Pooled(num_taps)

    def forward(self, input: Tensor) -> Tensor:
        """Return the logits `[N, K]`."""
        return super().forward(self.pooled.before(input))


class DepthOutput(nn.Module):
    """The end of a body without a head: the features of all depths, `[N, D]`."""

    def __init__(self, num_taps: int) -> None:
        super().__init__()
        self.pooled = _Pooled(num_taps)

    def forward(self, input: Tensor) -> Tensor:
        """Return the features."""
        return self.pooled.before(input)


def tap(
    model: nn.Module, taps: Sequence[str], end: DepthHead | DepthOutput, *, deviations: bool
) -> None:
    """Let the modules that `taps` names give their pooled maps to the network's end."""
    for number, name in enumerate(taps):
        hook = _Tap(end.pooled, number, deviations=deviations)
        model.get_submodule(name).register_forward_hook(hook)


def pooled_widths(model: nn.Module, taps: Sequence[str], input_size: int) -> list[int]:
    """Return the channels C of each tap.

    Args:
        model: on the meta device.
        taps: names of modules.
        input_size: side of the images in pixels.
    """
    shapes: dict[str, torch.Size] = {}
    hooks = [
        model.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: shapes.__setitem__(name, output.shape)
        )
        for name in taps
    ]
    with torch.no_grad():
        model.eval()(torch.empty(2, 3, input_size, input_size, device="meta"))
    for hook in hooks:
        hook.remove()
    assert all(len(shapes[name]) == 4 for name in taps), "a tap must give a map [N, C, H, W]"
    return [shapes[name][1] for name in taps]
