"""Several processes that train one model, over Lightning Fabric and torch.distributed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lradapt.compute.distributed.children import Others, loss_reason
from lradapt.errors import TrainingError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FabricProcesses:
    """Several processes; see `lradapt.compute.processes.Processes`."""

    fabric: "Fabric"
    others: Others = ()

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        return int(self.fabric.global_rank)

    @property
    def size(self) -> int:
        """The number of processes."""
        return int(self.fabric.world_size)

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of each process's `value`."""
        # Fabric would overwrite its argument with the result.
        found: Tensor = self.fabric.all_reduce(value.detach().clone(), reduce_op="mean")
        return found

    def mean_loss(self, loss: Tensor) -> float:
        """Return the mean of each process's `loss`, summed in fp64."""
        return self.mean(loss.double()).item()

    def joined(self, rows: Tensor, places: Tensor, total: int) -> Tensor:
        """Return all rows, each from the one process that has it."""
        every = rows.new_zeros(total, *rows.shape[1:])
        every[places] = rows
        found: Tensor = self.fabric.all_reduce(every.to(self.fabric.device), reduce_op="sum")
        return found.cpu()

    def any(self, flag: bool) -> bool:
        """Return whether the flag of any process is set."""
        return bool(self.mean(torch.tensor(float(flag), device=self.fabric.device)) > 0)

    def from_first(self, value: T) -> T:
        """Return the first process's `value`."""
        found: T = self.fabric.broadcast(value)
        return found

    def raise_if_lost(self, error: RuntimeError) -> None:
        """Raise an explanation if `error` means that another process does not answer.

        Raises:
            TrainingError: another process has ended; says why.
        """
        if isinstance(error, dist.DistError) or "gloo/transport" in str(error):
            raise TrainingError(loss_reason(self.others)) from error

    def distribute(self, model: nn.Module) -> nn.Module:
        """Return `model` in DistributedDataParallel, its BatchNorm over all processes."""
        if self.fabric.device.type == "cuda":
            _sync_batchnorm(model)
        else:
            from lradapt.compute.distributed.batchnorm import share_batchnorm

            share_batchnorm(model)
        distributed: nn.Module = self.fabric.setup_module(model, move_to_device=False)
        return distributed


def _sync_batchnorm(model: nn.Module) -> None:
    """Let each BatchNorm use the batch of all GPUs; timm's have an activation of their own."""
    if any(type(module).__name__ == "BatchNormAct2d" for module in model.modules()):
        from timm.layers import convert_sync_batchnorm

        convert_sync_batchnorm(model)
    else:
        nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
