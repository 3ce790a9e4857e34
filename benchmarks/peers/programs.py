"""Which programs do which work: a module of this package and a function in it.

A function takes what is `Given` and a `Lap`, and returns how many optimiser steps it has taken, or
images it has classified, while the clock ran. A program whose package is not installed is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from benchmarks.peers.inputs import Given
from benchmarks.peers.measurement import Lap
from benchmarks.peers.work import Kind, Work

Doing = Callable[[Given, Lap], int]
OURS, BARE = "lradapt", "bare loop, ready-made tensors"


@dataclass(frozen=True, slots=True)
class Program:
    """Where a program is.

    Attributes:
        module: of this package.
        function: in it.
        package: that it needs.
    """

    module: str
    function: str
    package: str = "torch"


_FASTAI, _LIGHTNING, _TIMM = "with_fastai", "with_lightning", "with_timm"

PROGRAMS: Mapping[Kind, Mapping[str, Program]] = {
    "head": {
        OURS: Program("with_lradapt", "head"),
        "fastai": Program(_FASTAI, "head", "fastai"),
        "fastai, BatchNorm frozen": Program(_FASTAI, "head_frozen", "fastai"),
        "Lightning BackboneFinetuning": Program(_LIGHTNING, "head", "lightning"),
    },
    "steps": {
        OURS: Program("with_lradapt", "steps"),
        "lradapt, contiguous": Program("with_lradapt", "steps_contiguous"),
        BARE: Program("with_pytorch", "steps"),
        "fastai": Program(_FASTAI, "steps", "fastai"),
        "fastai, channels last": Program(_FASTAI, "steps_best", "fastai"),
        "timm": Program(_TIMM, "steps", "timm"),
        "timm, channels last": Program(_TIMM, "steps_best", "timm"),
        "Lightning": Program(_LIGHTNING, "steps", "lightning"),
        "Lightning barebones, channels last": Program(_LIGHTNING, "steps_best", "lightning"),
    },
    "sweep": {
        OURS: Program("with_lradapt", "sweep"),
        "lradapt, activations made first": Program("with_lradapt", "sweep_from_pixels"),
        "fastai": Program(_FASTAI, "sweep", "fastai"),
        "fastai, BatchNorm frozen": Program(_FASTAI, "sweep_frozen", "fastai"),
        "Lightning, BatchNorm frozen by hand": Program(_LIGHTNING, "sweep", "lightning"),
        "torch-lr-finder, BatchNorm frozen by hand": Program(
            "with_lr_finder", "sweep", "torch_lr_finder"
        ),
    },
    "classify": {
        "lradapt, exported model": Program("with_lradapt", "classify", "onnxruntime"),
        "PyTorch model": Program("with_pytorch", "classify"),
        "PyTorch model, channels last": Program("with_pytorch", "classify_best"),
    },
}


def programs_of(work: Work) -> list[str]:
    """The names of the programs that can do it here, ours first."""
    return [name for name, program in PROGRAMS[work.kind].items() if find_spec(program.package)]


def left_out() -> list[str]:
    """The packages of programs that are not installed."""
    packages = {program.package for group in PROGRAMS.values() for program in group.values()}
    return sorted(package for package in packages if not find_spec(package))


def doing(work: Work, name: str) -> Doing:
    """The function of a program."""
    program = PROGRAMS[work.kind][name]
    module = import_module(f"benchmarks.peers.{program.module}")
    return cast(Doing, getattr(module, program.function))
