"""What the registry costs against the number of versions: seconds of each operation, and memory.

    python -m benchmarks.registry_growth LOCATION 10 100 1000

LOCATION is an empty folder or `s3://bucket/prefix`. The versions have manifests of the form and
size of real ones, and small files: a large model measures the disk or the network. Each version is
promoted once.
"""

import os
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
import yaml

from benchmarks.measuring import markdown_table, timed
from benchmarks.program import run
from lradapt.config.paths import PROJECT_FILE
from lradapt.errors import DataError
from lradapt.registry import open_registry
from lradapt.registry.manifest import MODEL, TRAINED_ON
from lradapt.registry.registry import Registry

OPERATIONS = ("publish", "promote", "versions", "history")
"""In the order in which they run: one version more, then the lists of the command line."""
_REPEATS = 5  # of each operation; one more measures the memory
_TIMES = [f"2026-{month:02d}-{day:02d}T02:00:00+00:00" for month in (9, 10) for day in range(1, 29)]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation takes.

    Attributes:
        operation: one of `OPERATIONS`.
        num_versions: in the registry, as many as promotions.
        seconds: of the wall clock; the median.
        peak_mebibytes: the most memory that Python holds for it at one time.
    """

    operation: str
    num_versions: int
    seconds: float
    peak_mebibytes: float


def main(
    location: Annotated[str, typer.Argument(help="Of a new registry: a folder, or s3://...")],
    sizes: Annotated[list[int], typer.Argument(help="Numbers of versions, 10 or more.")],
) -> None:
    """Measure the operations at each number of versions, and print a table."""
    typer.echo(table(measure(open_registry(location), sizes)))


def measure(registry: Registry, sizes: Sequence[int]) -> list[Cost]:
    """Measure each operation at each number of versions, which it publishes and promotes.

    Raises:
        DataError: the store is not empty.
    """
    if registry.store.list(""):
        raise DataError(f"{registry.location} is not empty, and its files would be measured too")
    facts, costs, made = made_facts(), [], 0
    for size in sorted(sizes):
        for _ in range(made, size - _REPEATS - 1):
            _promote(registry, _publish(registry, facts))
        made = size
        costs += [_cost(name, size, step) for name, step in _steps(registry, facts)]
    return costs


def _steps(registry: Registry, facts: dict[str, Any]) -> Iterator[tuple[str, Callable[[], object]]]:
    new: list[str] = []
    yield "publish", lambda: new.append(_publish(registry, facts))
    yield "promote", lambda: _promote(registry, new.pop())
    yield "versions", registry.list_versions
    yield "history", registry.promotions


def _cost(operation: str, num_versions: int, step: Callable[[], object]) -> Cost:
    seconds = [timed(step).seconds for _ in range(_REPEATS)]
    tracemalloc.start()  # in a run of its own, because it makes everything slower
    step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Cost(operation, num_versions, median(seconds), peak / 2**20)


def _publish(registry: Registry, facts: dict[str, Any]) -> str:
    files = {name: os.urandom(1024) for name in (MODEL, TRAINED_ON)}
    return registry.publish(files, facts)


def _promote(registry: Registry, version: str) -> None:
    over = registry.production()
    reason = "no worse: +0.3 points of balanced accuracy (-0.8 to +1.4) on 298 images"
    at = _TIMES[(over.promotion.sequence if over else 0) % len(_TIMES)]
    registry.promote(version, over=over, kind="promotion", reason=reason, by="ada@lab", at=at)


def made_facts() -> dict[str, Any]:
    """Return the facts of a manifest as `release.publish` has them, with made-up hashes."""
    project = yaml.safe_load(PROJECT_FILE.read_text(encoding="utf-8"))
    names = sorted(f"class {number}" for number in range(10))
    return {
        "created": _TIMES[0],
        "run": sha256(b"run").hexdigest()[:36],
        "code": {"commit": sha256(b"commit").hexdigest()[:40], "dirty": False},
        "data": {name: sha256(name.encode()).hexdigest() for name in ("labels", "split", "table")},
        "dvc_lock": {"stages": {name: _locked(each) for name, each in project["stages"].items()}},
        "params": yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")),
        "metrics": {
            "accuracy": 0.98,
            "balanced_accuracy": 0.98,
            "classes": {name: {"recall": 0.98, "precision": 0.98, "images": 30} for name in names},
        },
    }


def _locked(stage: dict[str, Any]) -> dict[str, Any]:
    """Return a stage as in `dvc.lock`."""
    files = {
        part: [
            {"path": str(path), "hash": "md5", "md5": sha256(str(path).encode()).hexdigest()[:32]}
            for path in stage.get(part, [])
        ]
        for part in ("deps", "outs")
    }
    return {"cmd": stage["cmd"], **files}


def table(costs: Sequence[Cost]) -> str:
    """Return a table of Markdown with a line for each number of versions and operation."""
    rows = [["versions", "operation", "ms", "ms a version", "peak memory, MiB"]]
    for cost in costs:
        milliseconds, memory = 1000 * cost.seconds, cost.peak_mebibytes
        each = f"{milliseconds / cost.num_versions:.2f}"
        rows.append(
            [
                f"{cost.num_versions:,}",
                cost.operation,
                f"{milliseconds:,.1f}",
                each,
                f"{memory:.2f}",
            ]
        )
    return markdown_table(rows)


if __name__ == "__main__":
    run(main)
