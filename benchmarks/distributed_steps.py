"""Fine-tuning steps in one process against several that share each batch: images a second.

    python -m benchmarks.distributed_steps --threads 2
    torchrun --standalone --nproc-per-node 2 -m benchmarks.distributed_steps --threads 1

The batch is that of all processes together; random pixels lie on the device. The first process
prints a line of JSON: the median of the epochs but the first, the least and the most.
"""

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Annotated

import torch
import typer

from lradapt.compute.distributed.launch import distribute
from lradapt.compute.engine import Engine, seeded, start_engine
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.classifier import build
from lradapt.networks.normalisation import Normalisation
from lradapt.runtime import process_rank
from lradapt.training.finetune import FinetuneRecipe, finetune
from lradapt.training.inputs.augment import Augmentation
from lradapt.training.inputs.examples import PixelExamples, Preparation, RandomViews
from lradapt.training.records import Cycle

_VIEWS = RandomViews(Augmentation(0.1, 1.1, True, False), 0)
_PREPARE = Preparation(Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), _VIEWS)


@dataclass(frozen=True, slots=True)
class Found:
    """The speed of the epochs.

    Attributes:
        processes: that shared each batch.
        images_per_second: the median of the epochs but the first.
        least, most: of them.
        cpu_seconds: of all processes for 1,000 images, the median.
        load: of the machine at the end, over its last minute.
    """

    processes: int
    images_per_second: float
    least: float
    most: float
    cpu_seconds: float
    load: float


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
    """Images a second of the fine-tuning loop, and seconds of the CPU for 1,000 images."""
    alone = start_engine(device=device, precision=precision, threads=threads)
    engine = distribute(alone, process_rank.num_processes())
    training = _images(batch_size * num_steps, size, engine)
    with seeded(0):
        network = build(ARCHITECTURES[architecture], 10)
    cycles = finetune(
        network,
        training,
        _images(0, size, engine),
        engine,
        FinetuneRecipe(
            batch_size=batch_size,
            momentum=0.9,
            l2=1e-4,
            num_cycles=num_epochs,
            first_cycle_epochs=1,
            cycle_growth=1,
        ),
        layers=ARCHITECTURES[architecture].groups,
        max_lrs=[1e-4, 3e-4, 1e-3],
        seed=0,
    )
    found = measure(cycles, len(training.labels), engine)
    if engine.processes.rank == 0:
        typer.echo(json.dumps(asdict(found)))


def _images(count: int, size: int, engine: Engine) -> PixelExamples:
    with seeded(1):
        pixels = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8)
    labels = torch.arange(count, device=engine.device) % 10
    return PixelExamples(pixels.to(engine.device), labels, _PREPARE)


def measure(cycles: Iterable[Cycle], num_images: int, engine: Engine) -> Found:
    """Measure the speed of cycles of one epoch, each of so many images."""
    walls, cpus = [], []
    start = time.perf_counter(), time.process_time()
    for _ in cycles:
        end = time.perf_counter(), time.process_time()
        walls.append(end[0] - start[0])
        cpus.append(_of_all(end[1] - start[1], engine))
        start = time.perf_counter(), time.process_time()
    rates = [num_images / wall for wall in walls[1:]]
    return Found(
        processes=engine.processes.size,
        images_per_second=round(median(rates), 1),
        least=round(min(rates), 1),
        most=round(max(rates), 1),
        cpu_seconds=round(median(cpus[1:]) / num_images * 1000, 2),
        load=round(os.getloadavg()[0], 1),
    )


def _of_all(seconds: float, engine: Engine) -> float:
    """Return the sum over the processes."""
    mean = engine.processes.mean(torch.tensor(seconds, device=engine.device))
    return mean.item() * engine.processes.size


if __name__ == "__main__":
    typer.run(main)
