"""How good the found rates of an unfrozen, pre-trained backbone are: beside a grid of 8 rates.

    python -m benchmarks.rate_grid prepare FOLDER --project cifar10=PATH --project ham10000=PATH
    python -m benchmarks.rate_grid measure FOLDER --weights resnet18=FILE
    python -m benchmarks.rate_grid table FOLDER

A cell is a set of images, a backbone and a seed. With the values that an import of photographs
writes, the head is solved, the range test finds a rate, and the late layers are trained for one
short cycle at that rate and at each rate of the grid. The same grid serves every cell. An
interrupted measurement goes on where it was.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.program import run
from benchmarks.range_tests.arrays import save
from benchmarks.rate_grid.cells import Cell, params_of
from benchmarks.rate_grid.figures import summary
from benchmarks.rate_grid.figures import table as as_table
from benchmarks.rate_grid.head_cell import HeadCell
from benchmarks.rate_grid.images import of_digits, of_project
from benchmarks.rate_grid.measure import Measurement
from benchmarks.rate_grid.rows import row_of

BACKBONES = ("timm/tf_efficientnet_lite0", "timm/tf_efficientnet_lite1", "resnet18")
NO_FLIPS = ("digits",)
"""Sets whose images mean something else when they are mirrored."""


def prepare(
    folder: Annotated[Path, typer.Argument(help="For the images and the figures.")],
    project: Annotated[
        list[str], typer.Option(help="NAME=FOLDER of a project with ingest and split.")
    ],
    size: Annotated[int, typer.Option(help="Side of the squares, in pixels.")] = 64,
    num_train: Annotated[int, typer.Option(help="Training images of each set.")] = 480,
    num_test: Annotated[int, typer.Option(help="Test images, at most.")] = 1200,
) -> None:
    """Take some images of each project, and of the handwritten digits."""
    folder.mkdir(parents=True, exist_ok=True)
    how = {"size": size, "num_train": num_train, "num_test": num_test}
    for name, path in (each.split("=", 1) for each in project):
        save(folder / f"{name}.npz", of_project(Path(path), **how))
    save(folder / "digits.npz", of_digits(**how))


def measure(
    folder: Annotated[Path, typer.Argument(help="Of `prepare`.")],
    weights: Annotated[
        list[str] | None, typer.Option(help="BACKBONE=FILE; ImageNet's without.")
    ] = None,
    seeds: Annotated[str, typer.Option(help="With commas.")] = "0,1,2",
    epochs: Annotated[int, typer.Option(help="Of the cycle.")] = 3,
    part: Annotated[str, typer.Option(help="late layers, or head.")] = Cell.name,
    rule: Annotated[str, typer.Option(help="By which a rate is read off the sweeps.")] = "edge",
    num_sweeps: Annotated[int, typer.Option(help="Of a range test of the late layers.")] = 2,
    sweeps_alone: Annotated[bool, typer.Option(help="No trainings.")] = False,
) -> None:
    """Measure every cell: first all range tests, then the trainings, seed by seed."""
    files = dict(each.split("=", 1) for each in weights or [])
    cells = _measurements(folder, files, part, rule, epochs=epochs, num_sweeps=num_sweeps)
    numbers = [int(seed) for seed in seeds.split(",")]
    for seed in numbers:
        for _, _, cell in cells:
            cell.sweeps(seed)
    for seed in numbers if not sweeps_alone else []:
        for _, _, cell in cells:
            cell.train(seed)


def table(
    folder: Annotated[Path, typer.Argument(help="Of `measure`.")],
    seeds: Annotated[str, typer.Option(help="With commas.")] = "0,1,2",
    part: Annotated[str, typer.Option(help="late layers, or head.")] = Cell.name,
    rule: Annotated[str, typer.Option(help="By which a rate is read off the sweeps.")] = "edge",
) -> None:
    """Print what is measured so far."""
    numbers = [int(seed) for seed in seeds.split(",")]
    rows = [row_of(*each, numbers) for each in _measurements(folder, {}, part, rule)]
    measured = [row for row in rows if row]
    typer.echo(f"{as_table(measured)}\n\n{summary(measured)}")


def _measurements(
    folder: Path,
    weights: Mapping[str, str],
    part: str,
    rule: str,
    *,
    epochs: int = 1,
    num_sweeps: int = 2,
) -> list[tuple[str, str, Measurement]]:
    found = []
    for path in sorted(folder.glob("*.npz")):
        arrays = dict(np.load(path))
        for backbone in BACKBONES:
            params = params_of(
                backbone,
                epochs=epochs,
                num_images=len(arrays["train"]),
                input_size=arrays["train"].shape[1],
                rule=rule,
                num_sweeps=num_sweeps,
            )
            cell = Cell(
                arrays=arrays,
                params=params,
                weights=weights.get(backbone, "imagenet"),
                folder=folder / f"{path.stem}-{backbone.rpartition('/')[2]}",
                flip=path.stem not in NO_FLIPS,
            )
            one = HeadCell(cell) if part == HeadCell.name else cell
            measurement = Measurement(one, cell.folder, arrays["test_labels"])
            found.append((path.stem, backbone, measurement))
    return found


if __name__ == "__main__":
    run(prepare, measure, table, about=__doc__)
