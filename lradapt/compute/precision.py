"""Where bf16 on a CPU trains wrongly: convolutions whose map is narrower than their stride.

There oneDNN returns a weight gradient with some entries from memory that was never written
(measured with torch 2.14.1 and oneDNN 3.12.0 on a CPU with AVX512: docs/log.md). The losses do not
show it; the weights grow, and equal runs end differently.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lradapt.compute.engine import Engine
from lradapt.errors import TrainingError, listed


def require_exact_gradients(model: nn.Module, images: Tensor, engine: Engine) -> None:
    """Raise if a convolution of `model` is affected for images of this size.

    Raises:
        TrainingError: bf16 on a CPU, and convolutions are affected; names all of them.
    """
    if engine.device.type != "cpu" or engine.precision != "bf16":
        return
    narrow = _narrow_convolutions(model, images[:1])
    if narrow:
        size = images.shape[-1]
        raise TrainingError(
            f"bf16 on a CPU gives wrong gradients for {len(narrow)} convolution(s) at {size} "
            "pixels, whose maps are narrower than their stride; set engine.precision to fp32, or "
            "raise data.input_size (17 is enough for a ResNet):\n" + listed(narrow)
        )


@torch.no_grad()
def _narrow_convolutions(model: nn.Module, images: Tensor) -> list[str]:
    trial = copy.deepcopy(model).eval()
    found: list[str] = []
    for name, module in trial.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(_noting(name, found))
    trial(torch.zeros_like(images))
    return found


def _noting(name: str, found: list[str]) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        padded = module.padding != (0, 0)
        if padded and inputs[0].shape[-1] < module.stride[1] and output.shape[-1] == 1:
            found.append(name)

    return note
