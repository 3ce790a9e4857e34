"""The whole recipe by lradapt and by fastai, to the same accuracy, on 6,000 images of CIFAR-10.

    python -m benchmarks.peers.recipe CIFAR10/train --weights FILE --seeds 0,1,2

CIFAR10/train holds a folder of images for each class. Every program starts from the same body and
the same random head, sees the same split and the same random views, and is scored on the test
after each epoch; a process for each run. The target was fixed before the first of them. A run that
is there is not made again, and a program whose package is not installed is left out.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.gpu import DataSet, prepare
from benchmarks.program import run
from benchmarks.tables import Rows, Run, Spread, best_accuracy, drawn, reached_at
from lradapt.config.params import DEFAULT_PATH, Params
from lradapt.config.presets import Changes, changed
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.data.images.files import list_files
from lradapt.errors import DataError, LradaptError
from lradapt.networks.backbone import import_backbone
from lradapt.runtime.files import read_json, write_json

TARGET_ACCURACY = 0.70
IMAGES_A_CLASS = 720
"""Of which the split takes a sixth as test images: 6,000 + 1,200 for ten classes."""
PROGRAMS = {
    "lradapt": "torch",
    "fastai fit_sgdr, printed rates": "fastai",
    "fastai fit_sgdr, lradapt's rates": "fastai",
    "fastai fine_tune": "fastai",
    "fastai fit_one_cycle": "fastai",
}
"""Name -> the package that it needs; ours first."""
COMMON: Changes = {
    "data": {"input_size": 32},
    "augment": {"horizontal_flip": True},
    "body_rates": {"source": "given", "rates": [0.1, 0.1, 0.1]},
    "finetune": {"batch_size": 128},
}
"""What differs from params.yaml: the settings of docs/benchmarks.md for this set of images."""


def values_of(*, seed: int, threads: int, changes: Changes) -> dict[str, Any]:
    """The values of params.yaml for one run."""
    engine = {"device": "cpu", "precision": "fp32", "threads": threads}
    values = changed(changed(read_yaml(DEFAULT_PATH), COMMON), changes)
    return changed(values, {"seed": seed, "engine": engine})


def make_project(source: Path, body: Path, folder: Path, values: Mapping[str, Any]) -> None:
    """Decode and split the images and import the body, where that is not done yet."""
    params = validate(Params, values, DEFAULT_PATH)
    if not (folder / "split.csv").exists():
        some = _some(source, folder / "source")
        prepare(DataSet("cifar10", some, {}), folder, values)
    import_backbone(str(body), params.model.network, folder / "backbone.safetensors")


def _some(source: Path, into: Path) -> Path:
    """The first images of each class, by name.

    Raises:
        DataError: there are none.
    """
    taken: dict[str, int] = {}
    for name in sorted(list_files(source)):
        label = name.split("/")[0]
        taken[label] = taken.get(label, 0) + 1
        if taken[label] <= IMAGES_A_CLASS:
            (into / label).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, into / label / Path(name).name)
    if not taken:
        raise DataError(f"{source} holds no images; expected a folder for each class")
    return into


def table(runs: Sequence[Run]) -> str:
    """Markdown: what each program reached and when it reached the target, by CPU seconds."""
    titles = ["program", "seeds", "best", "last", "s", "CPU s", f"CPU s to {TARGET_ACCURACY:.0%}"]
    rows: Rows = [[*titles, "times ours to the target", "times ours in all"]]
    ours = {run["seed"]: run for run in runs if run["program"] == next(iter(PROGRAMS))}
    for program in PROGRAMS:
        group = [run for run in runs if run["program"] == program and run["seed"] in ours]
        if group:
            rows.append([program, str(len(group)), *_cells(group, ours)])
    return drawn(rows)


def _cells(group: Sequence[Run], ours: Mapping[int, Run]) -> list[str]:
    to_target = [_to_target(run) for run in group]
    pairs = list(zip(to_target, (_to_target(ours[run["seed"]]) for run in group), strict=True))
    ratios = [one / other if one and other else None for one, other in pairs]
    totals = [
        _total(run, "cpu_seconds") / _total(ours[run["seed"]], "cpu_seconds") for run in group
    ]
    return [
        Spread(tuple(best_accuracy(run) for run in group)).text(".1%"),
        Spread(tuple(float(run["points"][-1]["accuracy"]) for run in group)).text(".1%"),
        Spread(tuple(_total(run, "seconds") for run in group)).text(".0f"),
        Spread(tuple(_total(run, "cpu_seconds") for run in group)).text(".0f"),
        _spread(to_target).text(".0f"),
        _spread(ratios).text(".1f"),
        Spread(tuple(totals)).text(".1f"),
    ]


def _to_target(run: Run) -> float | None:
    return reached_at(run, TARGET_ACCURACY, "cpu_seconds")


def _total(run: Run, clock: str) -> float:
    return float(run["seconds"][clock])


def _spread(values: Sequence[float | None]) -> Spread:
    there = tuple(value for value in values if value is not None)
    return Spread(there, len(values) - len(there))


def main(
    source: Annotated[Path, typer.Argument(help="A folder of images for each class.", exists=True)],
    *,
    weights: Annotated[Path, typer.Option(help="Of ResNet-18, safetensors.", exists=True)],
    seeds: Annotated[str, typer.Option(help="With commas.")] = "0,1,2",
    threads: Annotated[int, typer.Option(help="Of every program.")] = 1,
    folder: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path(
        "benchmarks/results/recipe"
    ),
    changes: Annotated[Path | None, typer.Option(help="JSON: changes of params.yaml.")] = None,
) -> None:
    """Run what has not been run yet, seed by seed, and print the table."""
    of_all = read_json(changes) if changes else {}
    make_project(source, weights, folder, values_of(seed=0, threads=threads, changes=of_all))
    for seed in map(int, seeds.split(",")):
        values = folder / f"values-{seed}.json"
        write_json(values, values_of(seed=seed, threads=threads, changes=of_all))
        for number, program in enumerate(PROGRAMS):
            into = folder / f"runs/{seed}-{number}.json"
            if find_spec(PROGRAMS[program]) and not into.exists():
                _run_apart(program, values, folder, into, threads)
    typer.echo(table([read_json(path) for path in sorted((folder / "runs").glob("*.json"))]))


def _run_apart(program: str, values: Path, folder: Path, into: Path, threads: int) -> None:
    """One run in a process of its own.

    Raises:
        LradaptError: it failed; with the end of what it said.
    """
    words = ["--program", program, "--values", str(values), "--folder", str(folder)]
    command = [sys.executable, "-m", "benchmarks.peers.recipe_run", *words, "--into", str(into)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        raise LradaptError(f"{program} failed:\n{done.stderr[-3000:]}")


if __name__ == "__main__":
    run(main)
