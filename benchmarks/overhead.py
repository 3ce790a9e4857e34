"""What lradapt costs beyond the bare libraries: the training loop, checkpoints, and ingest.

    python -m benchmarks.overhead loop
    python -m benchmarks.overhead checkpoint --architecture resnet34 --size 64
    python -m benchmarks.overhead ingest PATH_OF_IMAGES --size 64

Both programs of a ratio do the same work on the same cores, interleaved; medians with minimum and
maximum. Torch is imported in functions, because each process of ingest imports this module.
"""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from os import sched_getaffinity
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from PIL import Image

from benchmarks.measuring import interleaved, median_range, summary, timed
from benchmarks.program import run
from lradapt.cli.number_options import MAX_SECONDS, number_option
from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.files import list_files
from lradapt.data.images.ingest import ingest as ingest_folder

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

Repeats = Annotated[int, typer.Option(help="Of each program.")]
Threads = Annotated[int, typer.Option(help="Of torch.")]


def loop(
    repeats: Repeats = 9,
    num_steps: Annotated[int, typer.Option(help="Of one repeat.")] = 12,
    threads: Threads = 2,
) -> None:
    """Compare `lradapt.training.loop` with a bare PyTorch loop on the same ready-made batches."""
    import torch
    import torch.nn.functional as F
    from torch.optim import SGD

    from lradapt.compute.engine import start_engine
    from lradapt.training.loop import finite, train_steps
    from lradapt.training.torch_scheduler import CosineCycles

    engine = start_engine(device="cpu", precision="fp32", threads=threads)
    numbers = torch.Generator().manual_seed(0)
    batches = [
        (
            torch.randn(64, 3, 32, 32, generator=numbers).to(memory_format=torch.channels_last),
            torch.randint(0, 10, (64,), generator=numbers),
        )
        for _ in range(num_steps)
    ]
    model, optimizer = _model_and_optimizer("resnet18")
    bare_optimizer = SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def bare() -> None:
        for inputs, labels in batches:
            loss = F.cross_entropy(model(inputs), labels)
            bare_optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            bare_optimizer.step()

    def ours() -> None:
        cycles = CosineCycles(optimizer, [num_steps])
        for _ in finite(train_steps(model, batches, optimizer, cycles, engine)):
            pass

    _compare("bare PyTorch loop", bare, "lradapt.training.loop", ours, repeats, 64 * num_steps)


def checkpoint(
    architecture: Annotated[str, typer.Option(help="Of the network.")] = "resnet34",
    size: Annotated[int, typer.Option(help="Side of the images, in pixels.")] = 64,
    every_seconds: Annotated[
        float, number_option(least=0, most=MAX_SECONDS, help="Between two checkpoints.")
    ] = 30.0,
    repeats: Annotated[int, typer.Option(help="Steps, each with a checkpoint.")] = 9,
    threads: Threads = 2,
) -> None:
    """Measure the seconds of a checkpoint, and its share of a training."""
    import torch

    from lradapt.compute.engine import start_engine
    from lradapt.training.checkpoint import CheckpointFolder
    from lradapt.training.loop import train_steps
    from lradapt.training.run import TrainingRun

    engine = start_engine(device="cpu", precision="fp32", threads=threads)
    model, optimizer = _model_and_optimizer(architecture)
    batch = (torch.randn(64, 3, size, size), torch.arange(64) % 10)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        state = TrainingRun(CheckpointFolder(Path(folder), "0" * 64))
        steps = train_steps(model, [batch] * repeats, optimizer, None, engine)
        with state.training(model, optimizer):
            spent = [timed(state.stop) for _ in state.steps(steps)]
        megabytes = sum(file.stat().st_size for file in Path(folder).rglob("*.*")) / 1e6
    wall = median(each.seconds for each in spent)
    typer.echo(
        f"{summary(f'a checkpoint of {architecture}, {megabytes:.0f} MB', spent)}; one every "
        f"{every_seconds:g} s takes {wall / (wall + every_seconds):.1%} of a training"
    )


def ingest(
    images: Annotated[Path, typer.Argument(help="A folder of images.")],
    size: Annotated[int, typer.Option(help="Side of the square, in pixels.")] = 64,
    repeats: Repeats = 5,
) -> None:
    """Compare ingest with a bare Pillow loop over the same files, on as many cores."""
    paths = [str(images / name) for name in list_files(images)]
    cores = len(sched_getaffinity(0))
    tasks = [paths[start : start + 64] for start in range(0, len(paths), 64)]

    def bare() -> None:
        with ProcessPoolExecutor(cores, mp_context=get_context("forkserver")) as pool:
            for _ in pool.map(partial(_decode_bare, size=size), tasks):
                pass

    with tempfile.TemporaryDirectory() as folder:
        ours = partial(
            ingest_folder,
            images,
            pixels=Path(folder, "pixels.npy"),
            table=Path(folder, "images.csv"),
            how=Preprocessing(size, 80),
        )
        name = f"bare Pillow loop, {cores} processes"
        _compare(name, bare, "ingest", ours, repeats, len(paths))


def _model_and_optimizer(architecture: str) -> "tuple[nn.Module, Optimizer]":
    import torch

    from lradapt.networks.architectures import ARCHITECTURES
    from lradapt.networks.classifier import build
    from lradapt.training.layers import layer_groups

    model = build(ARCHITECTURES[architecture], 10).to(memory_format=torch.channels_last).train()
    groups = layer_groups(model, [0.001, 0.003, 0.01])
    return model, torch.optim.SGD(groups, momentum=0.9, weight_decay=1e-4)


def _decode_bare(paths: Sequence[str], size: int) -> None:
    for path in paths:
        with Image.open(path) as image:
            np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def _compare(
    bare_name: str,
    bare: Callable[[], object],
    our_name: str,
    ours: Callable[[], object],
    repeats: int,
    num_images: int,
) -> None:
    bare()  # warm up
    ours()
    measures = {bare_name: partial(timed, bare), our_name: partial(timed, ours)}
    found = interleaved(measures, repeats)
    for name, spent in found.items():
        rates = median_range((num_images / each.seconds for each in spent), ",.0f")
        typer.echo(f"{name}: {rates} images/s")
    pairs = zip(found[bare_name], found[our_name], strict=True)
    ratios = median_range((one.seconds / other.seconds for one, other in pairs), ".3f")
    typer.echo(f"rate of {our_name} over {bare_name}: {ratios}, {repeats} repeats, interleaved")


if __name__ == "__main__":
    run(loop, checkpoint, ingest, about=__doc__)
