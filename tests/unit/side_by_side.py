"""Functions that two gloo processes run side by side, as `compute.distributed` has them."""

import multiprocessing
import os
import tempfile
from pathlib import Path

import torch

NUM = 2
SECONDS = 120


def both(function, *words):
    """What the function returns in the first and in the second process.

    Args:
        function: of a module, which the processes import.
        words: its arguments.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["lradapt.training.finetune", "lradapt.compute.distributed.launch", "lightning_fabric"]
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = [(rank, Path(folder), function, words) for rank in range(NUM)]
        children = [context.Process(target=_child, args=row) for row in rows]
        for child in children:
            child.start()
        for child in children:
            child.join(SECONDS)
            child.kill()
        codes = [child.exitcode for child in children]
        assert codes == [0] * NUM, f"the processes ended with {codes}"
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(NUM)]


def _child(rank, folder, function, words):
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(NUM),
        LRADAPT_MEETING=str(folder / "meeting"),
        GLOO_SOCKET_IFNAME="lo",
    )
    torch.save(function(*words), folder / f"{rank}.pt")
