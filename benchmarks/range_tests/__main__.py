"""How much the suggestions of range tests vary, and how good they are: our rules and the peers'.

    python -m benchmarks.range_tests prepare ARRAYS --cifar10 FOLDER --ham10000 FOLDER
    python -m benchmarks.range_tests measure ARRAYS RESULTS --weights resnet18=FILE
    python -m benchmarks.range_tests table RESULTS

A cell is a data set, an architecture, and a part: the head on cached activations, or the whole
network. In each, every rule suggests a rate for each of 8 seeds, and the network is trained at 8
rates of a grid and at the median suggestion of each rule. One loop measures the peers' curves with
their settings, and their own code finds the rates; a peer that is not installed is left out.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from benchmarks.program import run
from benchmarks.range_tests.arrays import digits, folders, lesions, save, some
from benchmarks.range_tests.cells import (
    Settings,
    activations,
    body_weights_of,
    head_cell,
    network_cell,
)
from benchmarks.range_tests.figures import markdown, rate_figures
from benchmarks.range_tests.results import Results
from benchmarks.range_tests.suggestions import PEERS
from lradapt.compute.engine import start_engine
from lradapt.networks.architectures import ARCHITECTURES
from lradapt.networks.classifier import build_classifier


def prepare(
    arrays: Annotated[Path, typer.Argument(help="Folder for the arrays.")],
    cifar10: Annotated[Path | None, typer.Option(help="train/CLASS/*, test/CLASS/*.")] = None,
    ham10000: Annotated[Path | None, typer.Option(help="metadata.csv and images/.")] = None,
) -> None:
    """Decode the images once: digits, and CIFAR-10 and HAM10000 where they are given."""
    arrays.mkdir(parents=True, exist_ok=True)
    save(arrays / "digits.npz", digits())
    if cifar10:
        save(arrays / "cifar10.npz", folders(cifar10, size=32, num_train=300, num_test=200))
    if ham10000:
        save(arrays / "ham10000.npz", lesions(ham10000, size=48, num_train=3000))


def measure(
    arrays: Annotated[Path, typer.Argument(help="Folder that `prepare` has written.")],
    results: Annotated[Path, typer.Argument(help="Folder for the figures; a second run resumes.")],
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
    """Measure one cell: the suggestions of each rule, and the accuracy at their rates."""
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
        network = build_classifier(ARCHITECTURES[architecture], body, head)
        flips = (data != "digits", data == "ham10000")
        cell = network_cell(name, architecture, pixels, network, flips, settings)
    for absent in (package for package in PEERS if not find_spec(package)):
        typer.echo(f"{absent} is not installed, and left out")
    figures = Results(results / f"{name.replace(' ', '-')}.json")
    lines = rate_figures(
        cell, figures, num_seeds=num_seeds, peer_seeds=peer_seeds, train_seeds=train_seeds
    )
    lines.to_json(
        results / f"{name.replace(' ', '-')}.lines.json", orient="records", double_precision=15
    )
    typer.echo(markdown(lines))


def table(
    results: Annotated[Path, typer.Argument(help="Folder that `measure` has written.")],
) -> None:
    """Print a table of every cell measured so far, and write RESULTS/range_tests.csv."""
    lines = pd.concat([pd.read_json(path) for path in sorted(results.glob("*.lines.json"))])
    lines.to_csv(results / "range_tests.csv", index=False)
    typer.echo(markdown(lines))


if __name__ == "__main__":
    run(prepare, measure, table, about=__doc__)
