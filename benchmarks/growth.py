"""What stages, `lradapt changes` and the registry cost against size: seconds, memory at its peak.

    python -m benchmarks.growth SOURCE 1000 10000 100000 --into FOLDER

SOURCE holds a folder of images for each class. Where a size exceeds their number, mirrored copies
are added, so that all images differ. Each stage runs as `dvc repro` runs it, in processes of its
own. Ten times a second their memory is summed: anonymous pages, those that several processes share
counted once. Pages of mapped files do not count, because the system takes them back when it needs
them. The registry is measured against the number of versions, by `benchmarks.registry_growth`.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, zip_longest
from pathlib import Path
from typing import Annotated, NamedTuple

import pandas as pd
import typer
import yaml
from PIL import Image, ImageOps

from benchmarks import registry_growth
from benchmarks.measuring import markdown_table
from benchmarks.program import run
from lradapt.config.paths import PROJECT_FILE, read_paths
from lradapt.data.images.files import list_files
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.labels import write_labels
from lradapt.errors import DataError
from lradapt.registry import open_registry
from lradapt.runtime.files import write_json

STEPS = ("ingest", "split", "changes")
"""In the order in which they run: two stages, and the comparison with the previous version."""
NUM_VERSIONS = (10, 100, 1000)
"""Of the registry."""
PREVIOUS = Path("previous/labels.csv")
"""Labels of a previous version, in which every twentieth image had another label."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one stage took.

    Attributes:
        stage: its name, or "changes".
        num_images: in the images folder.
        seconds: of the wall clock, with the start of Python.
        cpu_seconds: of all its processes, without the last tenth of a second of each.
        peak_mebibytes: the most that all its processes held at one time.
    """

    stage: str
    num_images: int
    seconds: float
    cpu_seconds: float
    peak_mebibytes: float


class _Used(NamedTuple):
    """The memory of a process that no other shares, and its seconds of the CPU."""

    kibibytes: int
    cpu_seconds: float


def main(
    source: Annotated[Path, typer.Argument(help="Holds a folder of images for each class.")],
    sizes: Annotated[list[int], typer.Argument(help="Numbers of images.")],
    into: Annotated[Path, typer.Option(help="Where projects, figures and table are made.")],
    input_size: Annotated[int, typer.Option(help="Side of the square, in pixels.")] = 40,
) -> None:
    """Measure the stages at each size, and the registry; tables, `growth.json`, `growth.png`."""
    costs: list[Cost] = []
    for size in sorted(sizes):
        project = make_project(source, size, into / str(size), input_size=input_size)
        costs += [measure(project, stage, size) for stage in STEPS]
        write_json(into / "growth.json", [asdict(cost) for cost in costs])
    of_registry = registry_growth.measure(open_registry(str(into / "registry")), NUM_VERSIONS)
    draw(costs, of_registry, into / "growth.png")
    typer.echo(f"{table(costs)}\n\n{registry_growth.table(of_registry)}")


def make_project(source: Path, num_images: int, folder: Path, *, input_size: int) -> Path:
    """Make a project of so many images, taken from each class in turn.

    Raises:
        DataError: `num_images` is more than twice the images of `source`, or `folder` exists.
    """
    names, paths = _classes_in_turn(list_files(source)), read_paths()
    if folder.exists():
        raise DataError(f"{folder} exists, and its files would save work; remove it")
    if num_images > 2 * len(names):
        raise DataError(f"{source} holds {len(names)} files: enough for {2 * len(names)}")
    labels = []
    for number, name in enumerate((names * 2)[:num_images]):
        target = folder / paths.images / name
        if number >= len(names):
            target = target.with_name(f"{target.stem}-mirrored.png")
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(source / name, target, mirrored=number >= len(names))
        labels.append(
            LabelledImage(str(target.relative_to(folder / paths.images)), name.split("/")[0])
        )
    write_labels(folder / paths.labels, labels)
    write_labels(folder / PREVIOUS, _relabelled(labels))
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["data"]["input_size"] = input_size
    (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return folder


def _relabelled(labels: Sequence[LabelledImage]) -> list[LabelledImage]:
    names = sorted({label.label for label in labels})
    other = dict(zip(names, [*names[1:], names[0]], strict=True))
    return [
        label if number % 20 else replace(label, label=other[label.label])
        for number, label in enumerate(labels)
    ]


def _classes_in_turn(names: Sequence[str]) -> list[str]:
    classes: dict[str, list[str]] = {}
    for name in names:
        classes.setdefault(name.split("/")[0], []).append(name)
    return [name for name in chain(*zip_longest(*classes.values())) if name]


def _copy(source: Path, target: Path, *, mirrored: bool) -> None:
    if not mirrored:
        shutil.copyfile(source, target)
        return
    with Image.open(source) as image:
        ImageOps.mirror(image.convert("RGB")).save(target, compress_level=1)


def measure(project: Path, stage: str, num_images: int) -> Cost:
    """Run a stage in `project`, and measure its processes.

    Raises:
        RuntimeError: the stage failed; the message has its output.
    """
    command = [sys.executable, *_words(stage)]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    start, peak = time.perf_counter(), 0.0
    cpu_of: dict[int, float] = {}
    with (project / f"{stage}.log").open("w+", encoding="utf-8") as log:
        child = subprocess.Popen(
            command, cwd=project, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        while child.poll() is None:
            using = _of_session(child.pid)
            peak = max(peak, sum(each.kibibytes for each in using.values()) / 1024)
            cpu_of |= {pid: each.cpu_seconds for pid, each in using.items()}
            time.sleep(0.1)
        log.seek(0)
        if child.returncode:
            raise RuntimeError(f"{stage} of {num_images} images failed:\n{log.read()}")
    return Cost(stage, num_images, time.perf_counter() - start, sum(cpu_of.values()), peak)


def _words(stage: str) -> list[str]:
    """Return the words after `python`: of the stage's command in dvc.yaml, or of a user's."""
    if stage == "changes":
        paths = read_paths()
        new = ["--new-images", str(paths.table), "--new-split", str(paths.split)]
        return ["-m", "lradapt", "changes", str(PREVIOUS), str(paths.labels), *new]
    project = yaml.safe_load(PROJECT_FILE.read_text(encoding="utf-8"))
    run_words = next(part["run"] for part in project["vars"] if "run" in part)
    command = project["stages"][stage]["cmd"].replace("${run}", run_words)
    for name, path in read_paths().as_dict().items():
        command = command.replace(f"${{path.{name}}}", str(path))
    python, *words = command.split()
    assert python == "python", command
    return list(words)


def _of_session(session: int) -> dict[int, _Used]:
    """Return process id -> memory and CPU seconds of each process of the session."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    found = {pid: _used(pid, session) for pid in pids}
    return {pid: used for pid, used in found.items() if used}


def _used(pid: int, session: int) -> _Used | None:
    try:
        if os.getsid(pid) != session:
            return None
        memory = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        ticks = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return None  # the process has ended
    fields = {line.split()[0]: int(line.split()[1]) for line in memory.splitlines()[1:]}
    user_and_system = int(ticks[11]) + int(ticks[12])
    return _Used(fields.get("Pss_Anon:", 0), user_and_system / os.sysconf("SC_CLK_TCK"))


def table(costs: Sequence[Cost]) -> str:
    """Return a table of Markdown with a line for each size and stage."""
    rows = [["images", "stage", "s", "CPU s", "images a CPU s", "peak memory, MiB"]]
    for cost in costs:
        rate, memory = cost.num_images / cost.cpu_seconds, cost.peak_mebibytes
        cells = [cost.stage, f"{cost.seconds:.1f}", f"{cost.cpu_seconds:.1f}"]
        rows.append([f"{cost.num_images:,}", *cells, f"{rate:,.0f}", f"{memory:,.0f}"])
    return markdown_table(rows)


def draw(costs: Sequence[Cost], of_registry: Sequence[registry_growth.Cost], path: Path) -> None:
    """Draw seconds and memory against the number of images, and of versions; axes in decades."""
    from matplotlib.figure import Figure

    stages, registry = pd.DataFrame(costs), pd.DataFrame(of_registry)
    panels = [
        (stages, "stage", "num_images", "cpu_seconds", "stages: CPU seconds"),
        (stages, "stage", "num_images", "peak_mebibytes", "stages: peak memory, MiB"),
        (registry, "operation", "num_versions", "seconds", "registry: seconds"),
    ]
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    for axes, (table, curve, size, value, title) in zip(figure.subplots(1, 3), panels, strict=True):
        for name, points in table.groupby(curve, sort=False):
            axes.loglog(points[size], points[value], marker="o", label=name)
        axes.set(xlabel=size.removeprefix("num_"), title=title)
        axes.grid(visible=True, which="both", alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    run(main)
