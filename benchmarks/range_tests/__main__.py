"""How steady and how good the rate is that a range test suggests: our rules beside the peers'.

    python -m benchmarks.range_tests prepare ARRAYS --cifar10 FOLDER --ham10000 FOLDER
    python -m benchmarks.range_tests measure ARRAYS RESULTS --weights resnet18=FILE
    python -m benchmarks.range_tests table RESULTS

A cell is a data set, an architecture, and a part: the head on cached activations, or the whole
network. In each, every rule suggests a rate from 8 seeds, and the network is trained at 8 rates of
a grid and at the median suggestion of each rule. The peers' own code reads the rates off curves
that one loop has measured by their settings; a peer that cannot be imported is left out.
"""

import csv
import json
from dataclasses import asdict
from dataclasses import fields as fields_of
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from benchmarks.range_tests.arrays import digits, folders, lesions, save, some
from benchmarks.range_tests.cells import (
    Settings,
    activations,
    body_weights_of,
    head_cell,
    whole_network,
)
from benchmarks.range_tests.figures import Line, examine, markdown
from benchmarks.range_tests.results import Results
from benchmarks.range_tests.suggestions import PEERS
from lradapt.compute.engine import start_engine
from lradapt.runtime.files import write_json

app = typer.Typer(help=__doc__)
console = Console(highlight=False)


@app.command()
def prepare(
    arrays: Annotated[Path, typer.Argument(help="Folder for the arrays.")],
    cifar10: Annotated[Path | None, typer.Option(help="train/CLASS/*, test/CLASS/*.")] = None,
    ham10000: Annotated[Path | None, typer.Option(help="metadata.csv and images/.")] = None,
) -> None:
    """Decode the images once: digits, and what is given of CIFAR-10 and HAM10000."""
    arrays.mkdir(parents=True, exist_ok=True)
    save(arrays / "digits.npz", digits())
    if cifar10:
        save(arrays / "cifar10.npz", folders(cifar10, size=32, num_train=300, num_test=200))
    if ham10000:
        save(arrays / "ham10000.npz", lesions(ham10000, size=48, num_train=3000))


@app.command()
def measure(
    arrays: Annotated[Path, typer.Argument(help="What `prepare` has written.")],
    results: Annotated[Path, typer.Argument(help="Folder for the figures; a second run goes on.")],
    data: Annotated[str, typer.Option(help="A data set: digits, cifar10, ham10000.")],
    architecture: Annotated[str, typer.Option(help="resnet18, ...")] = "resnet18",
    weights: Annotated[Path | None, typer.Option(help="Of the body; random without.")] = None,
    part: Annotated[str, typer.Option(help="head, or all layers.")] = "head",
    num_train: Annotated[int, typer.Option(help="At most so many training images.")] = 3000,
    num_seeds: Annotated[int, typer.Option(help="Suggestions of each of our rules.")] = 8,
    peer_seeds: Annotated[int, typer.Option(help="Suggestions of each rule of a peer.")] = 8,
    train_seeds: Annotated[int, typer.Option(help="Trainings at each rate.")] = 3,
    num_sweeps: Annotated[int, typer.Option(help="Of one suggestion of ours.")] = 9,
    num_steps: Annotated[int, typer.Option(help="Of one sweep of ours.")] = 200,
    threads: Annotated[int, typer.Option(help="Of torch.")] = 1,
) -> None:
    """One cell: what each rule suggests, and what training at that rate reaches."""
    results.mkdir(parents=True, exist_ok=True)
    pixels = some(dict(np.load(arrays / f"{data}.npz")), num_train)
    body = body_weights_of(architecture, weights)
    origin = weights.stem.partition("-")[2] if weights else "random"
    name = f"{data} {architecture} ({origin}) {part}"
    engine = start_engine(device="cpu", precision="fp32", threads=threads)
    features = activations(architecture, body, pixels)
    settings = Settings(1e-4 if part == "head" else 1e-3, 10.0, num_steps, num_sweeps)
    cell, trained = head_cell(name, features, engine, settings)
    if part == "all":
        head = trained(0.03, 0).state_dict()
        cell = whole_network(name, data, architecture, pixels, body, head, settings)
    for absent in (package for package in PEERS if not find_spec(package)):
        console.print(f"{absent} is not installed, and left out")
    figures = Results(results / f"{name.replace(' ', '-')}.json")
    lines = examine(
        cell, figures, num_seeds=num_seeds, peer_seeds=peer_seeds, train_seeds=train_seeds
    )
    write_json(results / f"{name.replace(' ', '-')}.lines.json", [asdict(line) for line in lines])
    console.print(markdown(lines), soft_wrap=True)


@app.command()
def table(results: Annotated[Path, typer.Argument(help="What `measure` has written.")]) -> None:
    """Every cell measured so far, as a table, and in RESULTS/range_tests.csv."""
    lines = [
        Line(**fields)
        for path in sorted(results.glob("*.lines.json"))
        for fields in json.loads(path.read_text())
    ]
    with (results / "range_tests.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields_of(Line)])
        writer.writeheader()
        writer.writerows(asdict(line) for line in lines)
    console.print(markdown(lines), soft_wrap=True)


if __name__ == "__main__":
    app()
