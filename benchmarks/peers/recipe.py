"""The whole recipe by lradapt and by fastai, to the same accuracy, on 6,000 images of CIFAR-10.

    python -m benchmarks.peers.recipe CIFAR10/train --weights FILE --seeds 0,1,2

CIFAR10/train holds a folder of images for each class. Every program starts from the same backbone
and the same random head (`fine_tune`: fastai's own head), trains on the same split and the same
random views, and is scored on the test images after each epoch; a process for each run. The target
was fixed before the first of them. An existing run is not made again, and a program whose package
is not installed is left out.

With `--changes`, the network and the recipe of ours are those of another params.yaml, such as what
an import of photographs writes; its head may then read several depths, and start solved exactly.
"""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.measuring import markdown_table, median_range, run_module
from benchmarks.peers.recipe_run import inputs_in
from benchmarks.program import run
from benchmarks.tables import Pair, Run, best_accuracy, reached_at, total
from lradapt.config.params import DEFAULT_PATH, Params
from lradapt.config.presets import Changes, changed
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.data.admission import consider, require_training
from lradapt.data.images.decode import Preprocessing
from lradapt.data.images.files import list_files
from lradapt.data.images.image_table import read_table
from lradapt.data.images.ingest import ingest
from lradapt.data.images.near_duplicates import near_pairs
from lradapt.data.importing.from_folder import label_folder
from lradapt.data.importing.importers import import_files
from lradapt.data.labels import read_labels
from lradapt.data.split_table import write_split
from lradapt.errors import DataError
from lradapt.networks.backbone import import_backbone
from lradapt.runtime.files import read_json, write_json

TARGET_ACCURACY = 0.70
IMAGES_A_CLASS = 720
"""The split takes a sixth as test images: 6,000 + 1,200 for ten classes."""
PROGRAMS = {
    "lradapt": "torch",
    "fastai fit_sgdr, printed rates": "fastai",
    "fastai fit_sgdr, lradapt's rates": "fastai",
    "fastai fine_tune": "fastai",
    "fastai fit_one_cycle": "fastai",
    "fastai fine_tune, BatchNorm's statistics frozen by hand": "fastai",
    "fastai fine_tune, BatchNorm's statistics frozen by hand, lr_mult 10": "fastai",
}
"""Name -> the package that the program needs; ours first."""
COMMON: Changes = {
    "data": {"input_size": 32},
    "augment": {"horizontal_flip": True},
    "body_rates": {"source": "given", "rates": [0.1, 0.1, 0.1]},
    "finetune": {"batch_size": 128},
}
"""Changes of params.yaml: the settings of docs/benchmarks.md for this set of images."""


def values_of(*, seed: int, threads: int, changes: Changes) -> dict[str, Any]:
    """Return the values of params.yaml for one run."""
    engine = {"device": "cpu", "precision": "fp32", "threads": threads}
    values = changed(changed(read_yaml(DEFAULT_PATH), COMMON), changes)
    return changed(values, {"seed": seed, "engine": engine})


def make_inputs(source: Path, backbone: Path, folder: Path, values: Mapping[str, Any]) -> None:
    """Decode and split the images and import the backbone, where that is not done yet."""
    params, inputs = validate(Params, values, DEFAULT_PATH), inputs_in(folder)
    import_backbone(str(backbone), params.model.network, inputs.backbone)
    if inputs.split.exists():
        return
    images, labels = folder / "images", folder / "labels.csv"
    import_files(label_folder(_some(source, folder / "source")), images=images, labels=labels)
    how = Preprocessing(params.data.input_size, params.data.max_megapixels)
    ingest(images, pixels=inputs.pixels, table=inputs.table, how=how)
    rules = params.check.rules
    pixels = np.load(inputs.pixels, mmap_mode="r")
    pairs = near_pairs(pixels, min_correlation=rules.near_correlation)
    table = read_table(inputs.table)
    admission = consider(table, read_labels(labels), pairs, rules, **params.split.model_dump())
    require_training(admission)
    write_split(inputs.split, admission.images)


def _some(source: Path, into: Path) -> Path:
    """Copy the first images of each class, by name; return the new folder.

    Raises:
        DataError: the folder has no images.
    """
    taken: Counter[str] = Counter()
    for name in sorted(list_files(source)):
        label = name.split("/")[0]
        taken[label] += 1
        if taken[label] <= IMAGES_A_CLASS:
            (into / label).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, into / label / Path(name).name)
    if not taken:
        raise DataError(f"{source} has no images; expected a folder for each class")
    return into


def table(runs: Sequence[Run]) -> str:
    """Return a table of Markdown: the accuracy of each program, and its seconds to the target."""
    titles = ["program", "seeds", "best", "last", "s", "CPU s", f"CPU s to {TARGET_ACCURACY:.0%}"]
    rows = [[*titles, "times ours to the target", "times ours in all", "times ours to its last"]]
    ours = {run["seed"]: run for run in runs if run["program"] == next(iter(PROGRAMS))}
    for program in PROGRAMS:
        pairs = [
            (run, ours[run["seed"]])
            for run in runs
            if run["program"] == program and run["seed"] in ours
        ]
        if pairs:
            rows.append([program, str(len(pairs)), *_cells(pairs)])
    return markdown_table(rows)


def _cells(pairs: Sequence[Pair]) -> list[str]:
    group = [run for run, _ in pairs]
    to_target = [(_to_target(run), _to_target(ours)) for run, ours in pairs]
    ratios = [one / other if one and other else None for one, other in to_target]
    totals = [total(run, "cpu_seconds") / total(ours, "cpu_seconds") for run, ours in pairs]
    return [
        median_range(map(best_accuracy, group), ".1%"),
        median_range((run["points"][-1]["accuracy"] for run in group), ".1%"),
        median_range((total(run, "seconds") for run in group), ".0f"),
        median_range((total(run, "cpu_seconds") for run in group), ".0f"),
        median_range((seconds for seconds, _ in to_target), ".0f"),
        median_range(ratios, ".1f"),
        median_range(totals, ".1f"),
        median_range((_to_its_last(run, ours) for run, ours in pairs), ".1f"),
    ]


def _to_its_last(run: Run, ours: Run) -> float | None:
    """Return the CPU seconds of a run over those in which ours reaches its last accuracy."""
    reached = reached_at(ours, run["points"][-1]["accuracy"], "cpu_seconds")
    return total(run, "cpu_seconds") / reached if reached else None


def _to_target(run: Run) -> float | None:
    return reached_at(run, TARGET_ACCURACY, "cpu_seconds")


def main(
    source: Annotated[Path, typer.Argument(help="A folder of images for each class.", exists=True)],
    *,
    weights: Annotated[Path, typer.Option(help="Of model.architecture, safetensors.", exists=True)],
    seeds: Annotated[str, typer.Option(help="With commas.")] = "0,1,2",
    threads: Annotated[int, typer.Option(help="Of every program.")] = 1,
    folder: Annotated[Path, typer.Option(help="Of inputs and runs.")] = Path(
        "benchmarks/results/recipe"
    ),
    changes: Annotated[Path | None, typer.Option(help="JSON: changes of params.yaml.")] = None,
    program: Annotated[
        list[str] | None, typer.Option(help="One of them; may be repeated. All by default.")
    ] = None,
) -> None:
    """Make the missing runs, seed by seed, and print the table."""
    of_all, asked = read_json(changes) if changes else {}, program or list(PROGRAMS)
    if unknown := [each for each in asked if each not in PROGRAMS]:
        raise typer.BadParameter(f"no program {', '.join(unknown)}; known: {', '.join(PROGRAMS)}")
    make_inputs(source, weights, folder, values_of(seed=0, threads=threads, changes=of_all))
    for seed in map(int, seeds.split(",")):
        values = folder / f"values-{seed}.json"
        write_json(values, values_of(seed=seed, threads=threads, changes=of_all))
        for number, (each, package) in enumerate(PROGRAMS.items()):
            into = folder / f"runs/{seed}-{number}.json"
            if each in asked and find_spec(package) and not into.exists():
                words = {"program": each, "values": values, "folder": folder, "into": into}
                options = [f"--{name}={value}" for name, value in words.items()]
                run_module("benchmarks.peers.recipe_run", *options, threads=threads)
    typer.echo(table([read_json(path) for path in sorted((folder / "runs").glob("*.json"))]))


if __name__ == "__main__":
    run(main)
