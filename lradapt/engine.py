"""The one place that decides how a machine computes: device, threads, precision, random draws."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import torch

from lradapt.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Engine:
    """Where and how tensors are computed.

    Attributes:
        device: of model and batches.
        precision: "fp32", or "bf16" for autocast to bfloat16.
    """

    device: torch.device
    precision: str

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which forward passes run."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


def start_engine(*, device: str, precision: str, threads: int) -> Engine:
    """Set torch's threads and deterministic kernels for this process, and choose the device.

    Args:
        device: "auto" (a GPU where there is one), "cpu" or "cuda".
        precision: "fp32" or "bf16".
        threads: of the CPU; part of the params, since their number changes the last bits.

    Raises:
        TrainingError: "cuda" is asked for and there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise TrainingError("engine.device is cuda, but torch finds no GPU; set it to auto or cpu")
    torch.set_num_threads(threads)
    name = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    if name == "cuda":  # on the CPU a fixed number of threads is enough, and this takes 2.5 s
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by the next line
        torch.use_deterministic_algorithms(True, warn_only=True)
    return Engine(torch.device(name), precision)


def generator(*key: int) -> torch.Generator:
    """Random numbers that depend on `key` alone, such as (seed, purpose, step).

    They are drawn on the CPU whatever the device, so that a GPU sees the same draws.
    """
    seed = 0
    for part in key:
        seed = (seed * 1_000_003 + part + 1) % (2**63)
    return torch.Generator().manual_seed(seed)


@contextmanager
def seeded(*key: int) -> Iterator[None]:
    """A block whose global random numbers depend on `key` alone; the state is put back after it."""
    with torch.random.fork_rng():
        torch.manual_seed(generator(*key).initial_seed())
        yield
