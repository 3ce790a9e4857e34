"""What lradapt costs beyond the bare libraries: the training loop, checkpoints, and ingest.

    python -m benchmarks.overhead loop
    python -m benchmarks.overhead checkpoint --architecture resnet34 --size 64
    python -m benchmarks.overhead ingest PATH_OF_IMAGES --size 64

Both sides of a ratio do the same work on the same cores, interleaved; medians with minimum and
maximum.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from os import sched_getaffinity
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer
from PIL import Image
from rich.console import Console

from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.files import list_files
from lradapt.data.images.ingest import ingest

app = typer.Typer(help=__doc__)
console = Console(highlight=False)


@app.command()
def loop(
    repeats: Annotated[int, typer.Option(help="Of each side.")] = 9,
    num_steps: Annotated[int, typer.Option(help="Of one repeat.")] = 12,
    threads: Annotated[int, typer.Option(help="Of torch.")] = 2,
) -> None:
    """Compare `lradapt.training.loop` with a bare PyTorch loop on the same ready-made batches."""
    import torch
    import torch.nn.functional as F

    from lradapt.compute.engine import start_engine
    from lradapt.networks.architectures import ARCHITECTURES
    from lradapt.networks.classifier import build
    from lradapt.training.layers import layer_groups
    from lradapt.training.loop import finite, train_steps
    from lradapt.training.schedulers import CosineCycles

    engine = start_engine(device="cpu", precision="fp32", threads=threads)
    numbers = torch.Generator().manual_seed(0)
    batches = [
        (
            torch.randn(64, 3, 32, 32, generator=numbers).contiguous(
                memory_format=torch.channels_last
            ),
            torch.randint(0, 10, (64,), generator=numbers),
        )
        for _ in range(num_steps)
    ]
    model = build(ARCHITECTURES["resnet18"], 10).to(memory_format=torch.channels_last).train()
    groups = layer_groups(model, [0.001, 0.003, 0.01])
    ours_optimizer = torch.optim.SGD(groups, momentum=0.9, weight_decay=1e-4)
    bare_optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)

    def bare() -> None:
        for inputs, labels in batches:
            loss = F.cross_entropy(model(inputs), labels)
            bare_optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            bare_optimizer.step()

    def ours() -> None:
        cycles = CosineCycles(ours_optimizer, [num_steps])
        for _ in finite(train_steps(model, batches, ours_optimizer, cycles, engine)):
            pass

    _compare("bare PyTorch loop", bare, "lradapt.training.loop", ours, repeats, 64 * num_steps)


@app.command()
def checkpoint(
    architecture: Annotated[str, typer.Option(help="Of the network.")] = "resnet34",
    size: Annotated[int, typer.Option(help="Side of the images, in pixels.")] = 64,
    every_seconds: Annotated[float, typer.Option(help="From one to the next.")] = 30.0,
    repeats: Annotated[int, typer.Option(help="Steps, each with a checkpoint.")] = 9,
    threads: Annotated[int, typer.Option(help="Of torch.")] = 2,
) -> None:
    """Seconds of a checkpoint, and its share of a training."""
    import torch

    from lradapt.compute.engine import start_engine
    from lradapt.networks.architectures import ARCHITECTURES
    from lradapt.networks.classifier import build
    from lradapt.training.checkpoint import CheckpointFolder
    from lradapt.training.layers import layer_groups
    from lradapt.training.loop import train_steps
    from lradapt.training.run import TrainingRun

    engine = start_engine(device="cpu", precision="fp32", threads=threads)
    model = build(ARCHITECTURES[architecture], 10).to(memory_format=torch.channels_last).train()
    groups = layer_groups(model, [0.001, 0.003, 0.01])
    optimizer = torch.optim.SGD(groups, momentum=0.9, weight_decay=1e-4)
    batch = (torch.randn(64, 3, size, size), torch.arange(64) % 10)
    seconds, cpu_seconds = [], []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        state = TrainingRun(CheckpointFolder(Path(folder), "0" * 64))
        steps = train_steps(model, [batch] * repeats, optimizer, None, engine)
        with state.training(model, optimizer):
            for _ in state.steps(steps):
                start, cpu_start = time.perf_counter(), time.process_time()
                state.stop()
                seconds.append(time.perf_counter() - start)
                cpu_seconds.append(time.process_time() - cpu_start)
        megabytes = sum(file.stat().st_size for file in Path(folder).rglob("*.*")) / 1e6
    wall, cpu = median(seconds), median(cpu_seconds)
    console.print(
        f"a checkpoint of {architecture}: {megabytes:.0f} MB, {wall:.2f} s ({min(seconds):.2f} to "
        f"{max(seconds):.2f}), CPU {cpu:.2f} s; one every {every_seconds:g} s takes "
        f"{wall / (wall + every_seconds):.1%} of a training"
    )


@app.command("ingest")
def ingest_rate(
    images: Annotated[Path, typer.Argument(help="A folder of images.")],
    size: Annotated[int, typer.Option(help="Side of the square, in pixels.")] = 64,
    repeats: Annotated[int, typer.Option(help="Of each side.")] = 5,
) -> None:
    """Ingest against a bare Pillow loop over the same files, on as many cores."""
    names = list_files(images)
    paths = [str(images / name) for name in names]
    cores = len(sched_getaffinity(0))
    tasks = [paths[start : start + 64] for start in range(0, len(paths), 64)]

    def bare() -> None:
        with ProcessPoolExecutor(cores, mp_context=get_context("forkserver")) as pool:
            for _ in pool.map(partial(_decode_bare, size=size), tasks):
                pass

    with tempfile.TemporaryDirectory() as folder:
        pixels, table = Path(folder, "pixels.npy"), Path(folder, "images.csv")
        how = Preprocessing(size, 80)
        _compare(
            f"bare Pillow loop, {cores} processes",
            bare,
            "ingest",
            lambda: ingest(images, pixels=pixels, table=table, how=how),
            repeats,
            len(paths),
        )


def _decode_bare(paths: Sequence[str], size: int) -> None:
    for path in paths:
        with Image.open(path) as image:
            np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR))


def _compare(
    one_name: str,
    one: Callable[[], object],
    other_name: str,
    other: Callable[[], object],
    repeats: int,
    num_images: int,
) -> None:
    one()  # warm up
    other()
    times: dict[str, list[float]] = {one_name: [], other_name: []}
    for _ in range(repeats):
        for name, run in ((one_name, one), (other_name, other)):
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    for name, seconds in times.items():
        rates = [num_images / value for value in seconds]
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        console.print(f"{name}: {median(rates):,.0f} images/s ({spread})")
    ratios = [a / b for a, b in zip(times[one_name], times[other_name], strict=True)]
    console.print(
        f"rate of {other_name} over {one_name}: {median(ratios):.3f} "
        f"({min(ratios):.3f} to {max(ratios):.3f}), {repeats} repeats, interleaved"
    )


if __name__ == "__main__":
    app()
