"""BatchNorm over the batch of all processes, on the CPU: what SyncBatchNorm is on CUDA alone.

Mean and variance of all images, and in the backward pass the two sums that the gradient of the
statistics needs (Ioffe and Szegedy 2015, arXiv:1502.03167), are summed over the processes. Letters:
C channels, R processes.
"""

from typing import Any, cast

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_backward = torch.ops.aten.native_batch_norm_backward


def share_batchnorm(model: nn.Module) -> None:
    """Replace each BatchNorm within `model` by one over all processes.

    Parameters and statistics stay the same tensors under the same names.
    """
    for name, module in list(model.named_modules()):
        if isinstance(module, _BatchNorm):
            model.set_submodule(name, _shared(module))


def _shared(own: _BatchNorm) -> "GlobalBatchNorm":
    assert own.affine, "a BatchNorm without weights"
    assert own.track_running_stats, "a BatchNorm without running statistics"
    new = GlobalBatchNorm(own.num_features, own.eps, own.momentum)
    new.weight, new.bias = own.weight, own.bias
    new.running_mean, new.running_var = own.running_mean, own.running_var
    new.num_batches_tracked = own.num_batches_tracked
    for part in ("drop", "act"):  # what timm's BatchNorm does after it
        if hasattr(own, part):
            setattr(new, part, getattr(own, part))
    return new.train(own.training)


class GlobalBatchNorm(_BatchNorm):
    """A BatchNorm of any number of dimensions, `[B, C, *]`; B may be 0 in one process.

    Like timm's, it may have a dropout and an activation.
    """

    def __init__(self, num_features: int, eps: float, momentum: float | None) -> None:
        super().__init__(num_features, eps, momentum)
        self.drop: nn.Module = nn.Identity()
        self.act: nn.Module = nn.Identity()

    def _check_input_dim(self, input: Tensor) -> None:
        assert input.dim() >= 2, "expected images or vectors"

    def forward(self, input: Tensor) -> Tensor:
        """Normalise by the statistics of all processes' images, in eval mode the running ones."""
        return cast(Tensor, self.act(self.drop(self._normalised(input))))

    def _normalised(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        self._check_input_dim(input)
        mean_C, var_C, count = _statistics(input.detach())
        self._track(mean_C, var_C, count)
        words = (input, self.weight, self.bias, mean_C, var_C, count, self.eps)
        return cast(Tensor, _Normalise.apply(*words))

    @torch.no_grad()
    def _track(self, mean_C: Tensor, var_C: Tensor, count: float) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean_C.to(self.running_mean), share)
        unbiased_C = var_C * (count / (count - 1))
        self.running_var.lerp_(unbiased_C.to(self.running_var), share)


def _statistics(input: Tensor) -> tuple[Tensor, Tensor, float]:
    """Return mean and biased variance of each channel and the count, over all processes."""
    channels, own = input.shape[1], input.numel() // input.shape[1]
    wide = torch.promote_types(input.dtype, torch.float32)
    rows = torch.zeros(dist.get_world_size(), 2 * channels + 1, dtype=wide)
    if own:
        # Twenty times as fast as var_mean; statistics as wide as the running ones that it is given.
        unused_C = torch.zeros(channels, dtype=wide)
        mean_C, var_C = torch.batch_norm_update_stats(input, unused_C, unused_C.clone(), 0.0)
        rows[dist.get_rank()] = torch.cat([mean_C, var_C, torch.tensor([own], dtype=wide)])
    dist.all_reduce(rows)  # each process fills its row, so the sum gives every row to all
    means_RC, vars_RC = rows[:, :channels], rows[:, channels:-1]
    counts_R1 = rows[:, -1:]
    count = counts_R1.sum()
    if count < 2:
        raise ValueError(f"more than one value per channel is needed, got {list(input.shape)}")
    mean_C = (means_RC * counts_R1).sum(0) / count
    var_C = ((vars_RC + (means_RC - mean_C).square()) * counts_R1).sum(0) / count
    return mean_C, var_C, count.item()


class _Normalise(torch.autograd.Function):
    """Normalisation by statistics that themselves follow from the inputs of all processes."""

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        weight: Tensor,
        bias: Tensor,
        mean_C: Tensor,
        var_C: Tensor,
        count: float,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(input, weight, mean_C, var_C)
        ctx.count, ctx.eps = count, eps
        return F.batch_norm(input, mean_C, var_C, weight, bias, training=False, eps=eps)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        input, weight, mean_C, var_C = ctx.saved_tensors
        assert input.numel(), "a process without images: the library would divide by their number"
        layout = torch.channels_last if input.dim() == 4 else torch.contiguous_format
        grad = grads[0].contiguous(memory_format=layout)
        # As if the statistics were constants: the gradients of input, weight and bias.
        asked = [True, True, True]
        own = (grad, input, weight, mean_C, var_C, None, None, False, ctx.eps, asked)
        through, of_weight_C, of_bias_C = _backward(*own)
        sums_2C = torch.stack([of_weight_C, of_bias_C])
        dist.all_reduce(sums_2C)
        # The remaining part goes through the statistics: it is linear in the input.
        scale_C = (var_C + ctx.eps).rsqrt()
        share_C = scale_C / ctx.count * weight
        slope_C = -share_C * scale_C * sums_2C[0]
        level_C = -share_C * sums_2C[1] - slope_C * mean_C
        shape = (1, -1) + (1,) * (input.dim() - 2)
        missing = torch.addcmul(level_C.view(shape), input, slope_C.view(shape))
        return (through + missing).to(input.dtype), of_weight_C, of_bias_C, None, None, None, None
