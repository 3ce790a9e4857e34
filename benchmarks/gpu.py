"""The paper's tables 1 to 3 in full, on a machine with a GPU: needs neither Prefect nor DVC.

    python -m benchmarks.gpu --tiny-imagenet A.tar.xz --cifar10 B.tar.xz --ham10000 C.tar.xz \
        --work DIR --seconds 540

Bodies are pre-trained on Tiny-ImageNet; then every arm runs on CIFAR-10 at 32 and on HAM10000 (by
lesion) at 64 pixels. Each step leaves a file in the work folder, and one that is there is not made
again: where the time is up, call it again. The tables are of what is there by then.
"""

import logging
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from benchmarks.arms import run_arm
from benchmarks.inputs import Inputs
from benchmarks.pretrain import pretrain
from benchmarks.program import run as run_program
from benchmarks.settings import load_benchmark
from benchmarks.tables import figures, markdown
from lradapt.cli.number_options import MAX_SECONDS, number_option
from lradapt.compute.engine import start_engine
from lradapt.config.params import DEFAULT_PATH, Params
from lradapt.config.presets import Changes, changed
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.data.admission import consider, require_training
from lradapt.data.images.image_table import read_table
from lradapt.data.images.ingest import ingest
from lradapt.data.images.near_duplicates import near_pairs
from lradapt.data.importing.from_folder import label_folder
from lradapt.data.importing.from_table import label_table
from lradapt.data.importing.importers import import_files
from lradapt.data.importing.table_columns import GivenColumns
from lradapt.data.labels import read_labels
from lradapt.data.split_table import read_split, write_split
from lradapt.networks.backbone import import_backbone
from lradapt.networks.normalisation import Normalisation
from lradapt.runtime.files import read_json, write_bytes, write_json, write_text

console = Console(highlight=False)

ARCHITECTURES = "resnet34,resnet50,resnet101,resnet152,densenet161"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that leaves a file: `make` writes `made`."""

    made: Path
    make: Callable[[], None]


@dataclass(frozen=True, slots=True)
class DataSet:
    """A set of images, how it is brought, and what of params.yaml it changes.

    Attributes:
        name: of its folder.
        source: an archive (.tar.xz) or a folder.
        changes: to the values of params.yaml.
    """

    name: str
    source: Path
    changes: Changes


def steps(
    work: Path,
    pretraining: DataSet,
    sets: Sequence[DataSet],
    values: Changes,
    *,
    architectures: Sequence[str],
    seeds: Sequence[int],
    num_epochs: int,
    max_lr: float,
) -> Iterator[Step]:
    """Yield every step in the order in which it is needed; the seeds one after the other."""
    for data in (pretraining, *sets):
        folder = work / data.name
        of_it = changed(values, data.changes)
        yield Step(folder / "split.csv", partial(prepare, data, folder, of_it))
    for architecture in architectures:
        body = work / f"bodies/{architecture}.safetensors"
        of_it = with_architecture(changed(values, pretraining.changes), architecture, seed=0)
        made = partial(make_body, work / pretraining.name, of_it, num_epochs, max_lr, body)
        yield Step(body, made)
    for seed in seeds:
        for data in sets:
            for architecture in architectures:
                of_it = with_architecture(changed(values, data.changes), architecture, seed=seed)
                body = work / f"bodies/{architecture}.safetensors"
                for arm in load_benchmark().arms:
                    run = work / f"{data.name}/runs/{seed}-{architecture}-{arm}.json"
                    yield Step(run, partial(train, arm, of_it, work / data.name, body, run))


def with_architecture(values: Changes, architecture: str, *, seed: int) -> dict[str, Any]:
    """Return `values` for one network and one seed."""
    return changed(values, {"seed": seed, "model": {"architecture": architecture}})


def prepare(data: DataSet, folder: Path, values: Changes) -> None:
    """Import a set of images, decode it, and split it."""
    params = validate(Params, values, DEFAULT_PATH)
    source = data.source if data.source.is_dir() else _unpacked(data.source, folder / "archive")
    images, labels = folder / "images", folder / "labels.csv"
    if (source / "metadata.csv").exists():
        labelled = label_table(
            source / "metadata.csv",
            folder=source / "images",
            given=GivenColumns(image="image_id", label="dx", group="lesion_id"),
        )
    else:
        labelled = label_folder(source)
    import_files(labelled, images=images, labels=labels)
    how = params.data.preprocessing
    ingest(images, pixels=folder / "pixels.npy", table=folder / "images.csv", how=how)
    pixels = np.load(folder / "pixels.npy", mmap_mode="r")
    rules = params.check.rules
    admission = consider(
        read_table(folder / "images.csv"),
        read_labels(labels),
        near_pairs(pixels, min_correlation=rules.near_correlation),
        rules,
        **params.split.model_dump(),
    )
    require_training(admission)
    write_split(folder / "split.csv", admission.images)


def _unpacked(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    (only,) = folder.iterdir()
    return only


def make_body(folder: Path, values: Changes, num_epochs: int, max_lr: float, into: Path) -> None:
    """Pre-train a network, and keep its body."""
    params = validate(Params, values, DEFAULT_PATH)
    whole = into.with_name(f"whole-{into.name}")
    found = pretrain(
        params.model.network,
        folder / "pixels.npy",
        read_split(folder / "split.csv"),
        start_engine(**params.engine.model_dump()),
        normalise=Normalisation(params.data.mean, params.data.deviation),
        num_epochs=num_epochs,
        batch_size=256,
        max_lr=max_lr,
        into=whole,
    )
    write_json(into.with_suffix(".json"), {"epochs": num_epochs, **asdict(found)})
    import_backbone(str(whole), params.model.network, into)


def train(arm: str, values: Changes, folder: Path, body: Path, into: Path) -> None:
    """Run one arm."""
    benchmark = load_benchmark()
    settings = benchmark.settings[arm]
    inputs = Inputs(
        folder / "pixels.npy",
        folder / "images.csv",
        folder / "split.csv",
        body,
        chosen_by=benchmark.chosen_by,
    )
    found = run_arm(settings, values, inputs)
    about = {"arm": arm, "architecture": values["model"]["architecture"], "seed": values["seed"]}
    write_json(into, {**about, "settings": settings.model_dump(mode="json"), **found})


def write_tables(folder: Path, into: Path) -> None:
    """Write the tables and figures of the runs of one set of images, if both kinds have run."""
    runs = [read_json(path) for path in sorted((folder / "runs").glob("*.json"))]
    if {"legs" in run for run in runs} == {True, False}:
        write_text(into / f"{folder.name}.md", markdown(runs))
        for name, png in figures(runs).items():
            write_bytes(into / folder.name / name, png)


def main(
    *,
    tiny_imagenet: Annotated[Path, typer.Option(help="Archive or folder.", exists=True)],
    cifar10: Annotated[Path, typer.Option(help="Archive or folder.", exists=True)],
    ham10000: Annotated[Path, typer.Option(help="Archive or folder.", exists=True)],
    work: Annotated[Path, typer.Option(help="Where everything is kept.")],
    seconds: Annotated[
        float, number_option(least=0, most=MAX_SECONDS, help="No step begins later.")
    ] = 540,
    architectures: Annotated[str, typer.Option(help="With commas.")] = ARCHITECTURES,
    seeds: Annotated[str, typer.Option(help="With commas.")] = "0,1,2",
    epochs: Annotated[int, typer.Option(help="Of pre-training.")] = 14,
    max_lr: Annotated[float, number_option(least=0, help="Of pre-training, at its start.")] = 0.25,
    device: Annotated[str, typer.Option(help="cuda or cpu.")] = "cuda",
    sizes: Annotated[str, typer.Option(help="Pixels of the three sets.")] = "32,32,64",
) -> None:
    """Make the paper's tables; call it again until nothing is left."""
    start = time.monotonic()
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    threads = 8 if device == "cuda" else 1  # a GPU waits for none of them
    precision = "bf16" if device == "cuda" else "fp32"  # at 16 px a CPU trains wrongly in bf16
    engine = {"device": device, "precision": precision, "threads": threads}
    values = changed(read_yaml(DEFAULT_PATH), {"engine": engine})
    tiny, cifar, ham = (int(size) for size in sizes.split(","))
    skin = {"horizontal_flip": True, "vertical_flip": True}
    things = {"horizontal_flip": True}
    sets = [
        DataSet("cifar10", cifar10, {"data": {"input_size": cifar}, "augment": things}),
        DataSet("ham10000", ham10000, {"data": {"input_size": ham}, "augment": skin}),
    ]
    todo = steps(
        work,
        DataSet("tiny-imagenet", tiny_imagenet, {"data": {"input_size": tiny}}),
        sets,
        values,
        architectures=architectures.split(","),
        seeds=[int(seed) for seed in seeds.split(",")],
        num_epochs=epochs,
        max_lr=max_lr,
    )
    left = [step for step in todo if not step.made.exists()]
    while left and time.monotonic() - start < seconds:
        step = left.pop(0)
        began = time.monotonic()
        step.make()
        console.print(f"{step.made.relative_to(work)}: {time.monotonic() - began:.1f} s")
    for data in sets:
        write_tables(work / data.name, work / "tables")
    console.print(f"{len(left)} step(s) left; tables and figures: {work / 'tables'}")


if __name__ == "__main__":
    run_program(main)
