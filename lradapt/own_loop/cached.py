"""What the body of somebody's own network makes of each image, computed once."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from lradapt.errors import LayersError
from lradapt.training.inputs.batches import Batch


@torch.no_grad()
def cached_activations(
    model: nn.Module, head: nn.Module, batches: Iterable[Batch]
) -> TensorDataset:
    """What `head` gets from the layers before it, `[N, ...]` in fp32, and the labels; on the CPU.

    A head that is trained on them costs seconds, since the frozen layers are not run again. The
    model runs in eval mode, and is left as it was.

    Args:
        model: the network.
        head: its last layer or layers, such as `network.fc`; called once in a forward pass.
        batches: inputs and labels, once through.

    Raises:
        LayersError: the head is not called once for each batch: it is no part of the model, or
            shared.
    """
    device = next(model.parameters()).device
    activations: list[Tensor] = []
    labels: list[Tensor] = []
    with _evaluating(model), _heard(head, activations):
        for inputs, these in batches:
            model(inputs.to(device))
            labels.append(these.cpu())
    if len(activations) != len(labels) or not labels:
        raise LayersError(
            f"the head was called {len(activations)} times in {len(labels)} forward passes; "
            "expected once in each, and at least one: is it a part of this model?"
        )
    return TensorDataset(torch.cat(activations), torch.cat(labels))


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """A block in eval mode; each layer's own mode is put back after it."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _heard(head: nn.Module, into: list[Tensor]) -> Iterator[None]:
    """A block in which the inputs of `head` are noted."""

    def note(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        into.append(inputs[0].float().cpu())

    handle = head.register_forward_pre_hook(note)
    try:
        yield
    finally:
        handle.remove()
