"""The one place that decides how a machine computes: device, threads, precision, random draws."""

import contextlib
import logging
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from lradapt.compute.processes import ALONE, Processes
from lradapt.errors import TrainingError
from lradapt.runtime.system import memory
from lradapt.runtime.system.freed_memory import keep_freed_memory

log = logging.getLogger(__name__)
Model = TypeVar("Model", bound=nn.Module)

LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
"""How images and the weights of convolutions lie in memory, by the names that params.yaml uses."""


@dataclass(frozen=True, slots=True)
class Engine:
    """Where and how tensors are computed.

    Attributes:
        device: of model and batches.
        precision: "fp32", or "bf16" for autocast to bfloat16.
        memory_format: a key of `LAYOUTS`.
        processes: that compute together; only stage `finetune` knows more than one.
    """

    device: torch.device
    precision: str
    memory_format: str = "channels_last"
    processes: Processes = ALONE

    @property
    def layout(self) -> torch.memory_format:
        """Of images and convolutions."""
        return LAYOUTS[self.memory_format]

    def place(self, model: Model) -> Model:
        """Move `model` itself to the device and the layout, and return it."""
        placed: Model = model.to(self.device, memory_format=self.layout)  # type: ignore[call-overload]
        return placed

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which forward passes run."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


def start_engine(
    *, device: str, precision: str, threads: int, memory_format: str = "channels_last"
) -> Engine:
    """Set torch's threads and deterministic kernels for this process; choose and log the device.

    Args:
        device: "auto" (the first that is there of "cuda", "mps", "cpu"), or one of them; "mps" is
            the GPU of an Apple computer.
        precision: "fp32" or "bf16".
        threads: of the CPU; part of the params, since their number changes the last bits.
        memory_format: "channels_last" or "contiguous"; changes the last bits too.

    Raises:
        TrainingError: the device is "cuda" or "mps", and torch finds none.
    """
    engine = set_engine(
        device=device, precision=precision, threads=threads, memory_format=memory_format
    )
    log.info(
        "computing on %s in %s, %s, %d CPU thread(s)",
        engine.device,
        precision,
        memory_format,
        threads,
    )
    return engine


def set_engine(*, device: str, precision: str, threads: int, memory_format: str) -> Engine:
    """Do the same as `start_engine`, without logging."""
    name = _available_device(device)
    torch.set_num_threads(threads)
    if name == "cpu":
        keep_freed_memory(os.environ)
    if name == "cuda":  # on the CPU a fixed number of threads is enough, and this takes 2.5 s
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # the next line needs it
        torch.use_deterministic_algorithms(True, warn_only=True)
    return Engine(torch.device(name), precision, memory_format)


def _available_device(device: str) -> str:
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if device == "auto":
        return next(name for name in there if there[name])
    if not there[device]:
        found = "GPU" if device == "cuda" else "GPU of an Apple computer (macOS 14 or later)"
        raise TrainingError(
            f"engine.device is {device}, but torch finds no {found}; set it to auto or cpu"
        )
    return device


@contextmanager
def threads_kept() -> Iterator[None]:
    """Restore torch's number of threads after a block, whatever a library sets in it."""
    threads = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute a block on one thread; more are slower for small matrices, and change last bits."""
    with threads_kept():
        torch.set_num_threads(1)
        yield


def free_memory(device: torch.device) -> int:
    """Return the free bytes of the device; of the CPU, what this process can still get."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":  # it shares the memory of the machine
        own = torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
        return max(0, min(own, memory.free_memory()))
    return memory.free_memory()


def generator(*key: int) -> torch.Generator:
    """Return random numbers that depend on `key` alone, such as (seed, purpose, step).

    They are drawn on the CPU whatever the device, so that a GPU sees the same draws.
    """
    seed = 0
    for part in key:
        seed = (seed * 1_000_003 + part + 1) % (2**63)
    return torch.Generator().manual_seed(seed)


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """Let the global random numbers of a block depend on `key` alone; restore the state after."""
    with torch.random.fork_rng():
        torch.manual_seed(generator(*key).initial_seed())
        yield


def seed_layers(seed: int, device: torch.device) -> None:
    """Seed the numbers that layers draw.

    `torch.manual_seed` would also keep a stack trace for CUDA at each step: that costs more than a
    step of the head, and the traces stay until CUDA is first used.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
