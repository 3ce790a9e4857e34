"""One training in several processes on one machine, a GPU or some cores for each.

The first process starts the others with its own command line, or all of them were started by
`torchrun`. Lightning Fabric, over torch.distributed, does the rest; it is imported only here, and
only where there is more than one process.
"""

import importlib.util
import logging
import os
import sys
from dataclasses import replace

import torch
import torch.distributed as dist

from lradapt.compute.distributed.children import MEETING, Others, start_others
from lradapt.compute.distributed.fabric import FabricProcesses
from lradapt.compute.engine import Engine, threads_kept
from lradapt.errors import TrainingError
from lradapt.runtime import process_rank

log = logging.getLogger(__name__)


def distribute(engine: Engine, num: int) -> Engine:
    """Return the engine of this one of `num` processes, once all of them have started.

    Starts the others, unless `torchrun` has; they end with this process.

    Raises:
        TrainingError: another number of processes was started, there are fewer GPUs, or Fabric is
            not installed.
    """
    if MEETING in os.environ:  # the first process has read the number from the params
        num = process_rank.num_processes()
    _require_startable(engine, num)
    if num == 1:
        return engine
    _require_fabric()
    others = start_others(num) if process_rank.num_processes() == 1 else ()
    return _joint(engine, num, others)


def _require_startable(engine: Engine, num: int) -> None:
    started = process_rank.num_processes()
    if started not in (1, num):
        raise TrainingError(
            f"{started} processes were started, but finetune.processes is {num}; set it to "
            f"{started}, or start {num} (torchrun --nproc-per-node {num})"
        )
    if num > 1 and engine.device.type == "mps":
        raise TrainingError(
            f"finetune.processes is {num}, but the GPU of an Apple computer (engine.device mps) "
            "trains with one process; set it to 1, or engine.device to cpu"
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
            "is not installed; `pip install 'lradapt[gpus]'`, or set finetune.processes to 1"
        )


def _joint(engine: Engine, num: int, others: Others) -> Engine:
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment
    from lightning_fabric.strategies import DDPStrategy

    for name in ("lightning_fabric", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if MEETING in os.environ:
        dist.init_process_group(
            "nccl" if engine.device.type == "cuda" else "gloo",
            init_method=f"file://{os.environ[MEETING]}",
            rank=process_rank.rank(),
            world_size=num,
        )
    strategy = DDPStrategy(cluster_environment=LightningEnvironment())
    fabric = Fabric(accelerator=engine.device.type, devices=num, strategy=strategy)
    with threads_kept():  # without OMP_NUM_THREADS Fabric sets a number of its own
        fabric.launch()
    threads = torch.get_num_threads()
    log.info("%d processes share each batch, a GPU or %d CPU thread(s) each", num, threads)
    return replace(engine, device=fabric.device, processes=FabricProcesses(fabric, others))
