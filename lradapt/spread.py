"""One training in several processes on one machine, a GPU or some cores for each.

The first process starts the others with its own command line, or all of them were started by
`torchrun`. Lightning Fabric, over torch.distributed, does the rest; it is imported only here, and
only where there is more than one process.
"""

import atexit
import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lradapt import ranks
from lradapt.engine import Engine, threads_kept
from lradapt.errors import TrainingError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

log = logging.getLogger(__name__)
T = TypeVar("T")

_MEETING = "LRADAPT_MEETING"  # a file by which the processes that this one has started find it
_POLL_SECONDS, _LEAVE_SECONDS, _GRACE_SECONDS = 0.1, 2.0, 5.0
Others = Sequence["subprocess.Popen[bytes]"]


def spread(engine: Engine, num: int) -> Engine:
    """The engine of this one of `num` processes that compute together, once all of them are there.

    Where nobody has started the others, this process does, and they end with it.

    Args:
        engine: of a process alone.
        num: of the processes, all on this machine.

    Raises:
        TrainingError: another number of processes was started, there are fewer GPUs, or Fabric is
            not installed.
    """
    if _MEETING in os.environ:  # the first process has read how many, and it counts
        num = ranks.num_ranks()
    _require_startable(engine, num)
    if num == 1:
        return engine
    _require_fabric()
    others = _start_others(num) if ranks.num_ranks() == 1 else ()
    return _joint(engine, num, others)


def _require_startable(engine: Engine, num: int) -> None:
    started = ranks.num_ranks()
    if started not in (1, num):
        raise TrainingError(
            f"{started} processes were started, but finetune.processes is {num}; set it to "
            f"{started}, or start {num} (torchrun --nproc-per-node {num})"
        )
    if num > 1 and engine.device.type == "cuda" and torch.cuda.device_count() < num:
        raise TrainingError(
            f"finetune.processes is {num}, but torch finds {torch.cuda.device_count()} GPU(s), and "
            "each process needs one; lower it, or set engine.device to cpu"
        )
    if num > 1 and started == 1 and sys.argv[1:2] != ["stage"]:
        raise TrainingError(
            f"finetune.processes is {num}, but the stage was not started by `lradapt stage`, whose "
            f"command could be repeated; set it to 1, or start {num} with torchrun"
        )


def _require_fabric() -> None:
    if importlib.util.find_spec("lightning_fabric") is None:
        raise TrainingError(
            "finetune.processes is more than 1, and Lightning Fabric, by which they work together, "
            "is not installed; `pip install '.[gpus]'`, or set finetune.processes to 1"
        )


def _start_others(num: int) -> Others:
    """Processes 2 to `num`, which run the command of this one, the first."""
    folder = tempfile.mkdtemp(prefix="lradapt-")
    # By a file and the local network alone: nothing listens to other machines.
    local = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo", **os.environ}
    common = {**local, _MEETING: str(Path(folder) / "meeting"), "WORLD_SIZE": str(num)}
    others = [_start({**common, **_numbers(rank)}) for rank in range(1, num)]
    os.environ.update({**common, **_numbers(0)})
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(_end, others)
    threading.Thread(target=_watch, args=(others,), daemon=True).start()
    return others


def _start(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, *sys.orig_argv[1:]], env=environment)


def _numbers(rank: int) -> dict[str, str]:
    return {"RANK": str(rank), "LOCAL_RANK": str(rank)}


def _end(others: Others) -> None:
    """Wait a moment for those that have done their part like this process; end the rest."""
    _await(others, _LEAVE_SECONDS)
    for other in others:
        other.kill()  # it waits for this one, hears no SIGTERM, and has nothing to save
    _await(others, _LEAVE_SECONDS)


def _await(others: Others, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(other.poll() is None for other in others) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _watch(others: Others) -> None:
    """End this process where it does not end by itself soon after another.

    One that waits for another's GPU does not hear that it is gone.
    """
    while not any(other.poll() for other in others):
        if all(other.poll() == 0 for other in others):
            return
        time.sleep(_POLL_SECONDS)
    time.sleep(_GRACE_SECONDS)
    log.error("%s", _why(others))
    for other in others:
        other.kill()
    os._exit(1)


def _joint(engine: Engine, num: int, others: Others) -> Engine:
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.strategies import DDPStrategy

    for name in ("lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if _MEETING in os.environ:
        dist.init_process_group(
            "nccl" if engine.device.type == "cuda" else "gloo",
            init_method=f"file://{os.environ[_MEETING]}",
            rank=ranks.rank(),
            world_size=num,
        )
    strategy = DDPStrategy(cluster_environment=LightningEnvironment())
    fabric = Fabric(accelerator=engine.device.type, devices=num, strategy=strategy)
    with threads_kept():  # without OMP_NUM_THREADS Fabric sets a number of its own
        fabric.launch()
    threads = torch.get_num_threads()
    log.info("%d processes share each batch, a GPU or %d CPU thread(s) each", num, threads)
    return replace(engine, device=fabric.device, processes=FabricProcesses(fabric, others))


def _why(others: Others) -> str:
    """What became of the others, as far as this process can know."""
    _await(others, _LEAVE_SECONDS)
    ended = [
        f"{ranks.told(rank, len(others) + 1)} {_end_of(other.returncode)}"
        for rank, other in enumerate(others, start=1)
        if other.returncode
    ]
    return "; ".join(ended or ["another process of this training has ended"]) + (
        ", so the training cannot go on; started again, it goes on from its last checkpoint"
    )


def _end_of(code: int) -> str:
    if code > 0:
        return f"ended with exit code {code} (what it said stands above)"
    memory = ", as the system does when memory runs out" if -code == signal.SIGKILL else ""
    return f"was ended by {signal.Signals(-code).name}{memory}"


@dataclass(frozen=True, slots=True)
class FabricProcesses:
    """Several processes; see `lradapt.processes.Processes`."""

    fabric: "Fabric"
    others: Others = ()

    @property
    def rank(self) -> int:
        """The number of this one, from 0."""
        return int(self.fabric.global_rank)

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self.fabric.world_size)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of each process's `value`."""
        # Fabric would write the result into what it is given.
        found: Tensor = self.fabric.all_reduce(value.detach().clone(), reduce_op="mean")
        return found

    def joined(self, rows: Tensor, places: Tensor, total: int) -> Tensor:
        """All rows, each from the one process that has it."""
        every = rows.new_zeros(total, *rows.shape[1:])
        every[places] = rows
        found: Tensor = self.fabric.all_reduce(every.to(self.fabric.device), reduce_op="sum")
        return found.cpu()

    def any(self, flag: bool) -> bool:
        """Whether the flag of any process is set."""
        return bool(self.mean(torch.tensor(float(flag), device=self.fabric.device)) > 0)

    def from_first(self, value: T) -> T:
        """What the first process gives."""
        found: T = self.fabric.broadcast(value)
        return found

    def raise_if_lost(self, error: RuntimeError) -> None:
        """Say why the others do not answer, if that is the error.

        Raises:
            TrainingError: it is.
        """
        if isinstance(error, dist.DistError) or "gloo/transport" in str(error):
            raise TrainingError(_why(self.others)) from None

    def spread(self, model: nn.Module) -> nn.Module:
        """`model` in DistributedDataParallel, its BatchNorm over all processes from here on."""
        if self.fabric.device.type == "cuda":
            nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        else:
            from lradapt.global_batchnorm import share_batchnorm

            share_batchnorm(model)
        spread: nn.Module = self.fabric.setup_module(model, move_to_device=False)
        return spread
