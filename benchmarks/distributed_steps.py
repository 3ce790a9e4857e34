"""Fine-tuning steps in one process against several that share each batch: images a second.

    python -m benchmarks.distributed_steps --threads 2
    torchrun --standalone --nproc-per-node 2 -m benchmarks.distributed_steps --threads 1

The batch is that of all processes together; random pixels lie on the device. The first process
prints the medians of the epochs but the first, with minimum and maximum.
"""

import os
from collections.abc import Iterator
from typing import Annotated

import torch
import typer

from benchmarks.measuring import Elapsed, median_range, now
from benchmarks.program import run
from lradapt.compute.distributed.launch import distribute
from lradapt.compute.engine import Engine, seeded, start_engine
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.classifier import build
from lradapt.networks.normalisation import Normalisation
from lradapt.runtime import process_rank
from lradapt.training.finetune import FinetuneRecipe, finetune
from lradapt.training.inputs.augment import Augmentation
from lradapt.training.inputs.examples import PixelExamples, Preparation, RandomViews

_VIEWS = RandomViews(Augmentation(0.1, 1.1, True, False), 0)
_PREPARE = Preparation(Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), _VIEWS)


def main(
    architecture: Annotated[str, typer.Option(help="Of the network.")] = "resnet18",
    size: Annotated[int, typer.Option(help="Side of the images, in pixels.")] = 32,
    batch_size: Annotated[int, typer.Option(help="Of all processes together.")] = 128,
    num_steps: Annotated[int, typer.Option(help="Of an epoch.")] = 10,
    num_epochs: Annotated[int, typer.Option(help="The first is not counted.")] = 6,
    threads: Annotated[int, typer.Option(help="Of each process.")] = 1,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu",
    precision: Annotated[str, typer.Option(help="fp32 or bf16.")] = "fp32",
) -> None:
    """Measure the fine-tuning loop: images a second, and CPU seconds for 1,000 images."""
    alone = start_engine(device=device, precision=precision, threads=threads)
    engine = distribute(alone, process_rank.num_processes())
    recipe = FinetuneRecipe(
        batch_size=batch_size,
        momentum=0.9,
        l2=1e-4,
        num_cycles=num_epochs,
        first_cycle_epochs=1,
        cycle_growth=1,
    )
    num_images = batch_size * num_steps
    _, *epochs = _epochs(architecture, _images(num_images, size, engine), engine, recipe)
    if engine.processes.rank == 0:
        rates = median_range((num_images / each.seconds for each in epochs), ",.1f")
        cpu = median_range((each.cpu_seconds / num_images * 1000 for each in epochs), ".2f")
        typer.echo(
            f"{engine.processes.size} process(es): {rates} images/s; {cpu} CPU s for 1,000 images; "
            f"load {os.getloadavg()[0]:.1f}"
        )


def _epochs(
    architecture: str, training: PixelExamples, engine: Engine, recipe: FinetuneRecipe
) -> Iterator[Elapsed]:
    """Yield the wall seconds of each epoch, with the CPU seconds of all processes."""
    with seeded(0):
        network = build(ARCHITECTURES[architecture], 10)
    cycles = finetune(
        network,
        training,
        PixelExamples(training.pixels[:0], training.labels[:0], _PREPARE),
        engine,
        recipe,
        layers=ARCHITECTURES[architecture].groups,
        max_lrs=[1e-4, 3e-4, 1e-3],
        seed=0,
    )
    start = now()
    for _ in cycles:
        spent = now() - start
        cpu = torch.tensor(spent.cpu_seconds, device=engine.device)
        yield Elapsed(spent.seconds, engine.processes.mean(cpu).item() * engine.processes.size)
        start = now()


def _images(count: int, size: int, engine: Engine) -> PixelExamples:
    with seeded(1):
        pixels = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8)
    labels = torch.arange(count, device=engine.device) % 10
    return PixelExamples(pixels.to(engine.device), labels, _PREPARE)


if __name__ == "__main__":
    run(main)
