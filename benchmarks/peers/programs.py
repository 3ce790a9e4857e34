"""Which programs do which work: a function of this package, with options.

A function takes what is `Given` and a `Lap`, and returns how many optimiser steps it has taken, or
images it has classified, while the clock ran. A program whose package is not installed is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec

from benchmarks.peers.inputs import Given
from benchmarks.peers.measurement import Lap
from benchmarks.peers.work import Kind, Work

OURS = "lradapt"


@dataclass(frozen=True, slots=True)
class Program:
    """A function of a module `with_PACKAGE`.

    Attributes:
        package: that the program needs.
        function: in the module.
        options: of the function.
    """

    package: str
    function: str
    options: Mapping[str, bool] = field(default_factory=dict)


_BEST = {"best": True}
_FROZEN = {"frozen": True}
_CHANNELS_LAST = {"channels_last": True}

PROGRAMS: Mapping[Kind, Mapping[str, Program]] = {
    "head": {
        OURS: Program("lradapt", "head"),
        "fastai": Program("fastai", "head"),
        "fastai, BatchNorm frozen": Program("fastai", "head", _FROZEN),
        "Lightning BackboneFinetuning": Program("lightning", "head"),
    },
    "steps": {
        OURS: Program("lradapt", "steps", _CHANNELS_LAST),
        "lradapt, contiguous": Program("lradapt", "steps"),
        "bare loop, ready-made tensors": Program("torch", "steps"),
        "fastai": Program("fastai", "steps"),
        "fastai, channels last": Program("fastai", "steps", _BEST),
        "timm": Program("timm", "steps"),
        "timm, channels last": Program("timm", "steps", _CHANNELS_LAST),
        "Lightning": Program("lightning", "steps"),
        "Lightning barebones, channels last": Program("lightning", "steps", _BEST),
    },
    "sweep": {
        OURS: Program("lradapt", "sweep"),
        "lradapt, activations made first": Program("lradapt", "sweep", {"from_pixels": True}),
        "fastai": Program("fastai", "sweep"),
        "fastai, BatchNorm frozen": Program("fastai", "sweep", _FROZEN),
        "Lightning, BatchNorm frozen by hand": Program("lightning", "sweep"),
        "torch-lr-finder, BatchNorm frozen by hand": Program("torch_lr_finder", "sweep"),
    },
    "classify": {
        "lradapt, exported model": Program("lradapt", "classify"),
        "PyTorch model": Program("torch", "classify"),
        "PyTorch model, channels last": Program("torch", "classify", _CHANNELS_LAST),
    },
}


def programs_of(work: Work) -> list[str]:
    """Return the names of the installed programs that can do the work, ours first."""
    return [name for name, program in PROGRAMS[work.kind].items() if find_spec(program.package)]


def left_out() -> list[str]:
    """Return the packages of programs that are not installed."""
    packages = {program.package for group in PROGRAMS.values() for program in group.values()}
    return sorted(package for package in packages if not find_spec(package))


def function_of(work: Work, name: str) -> Callable[[Given, Lap], int]:
    """Return the function of a program, with its options."""
    program = PROGRAMS[work.kind][name]
    module = import_module(f"benchmarks.peers.with_{program.package}")
    return partial(getattr(module, program.function), **program.options)
