"""What a flow costs beyond `dvc repro`, against a running server (PREFECT_API_URL).

    python -m benchmarks.flow_overhead stage
    python -m benchmarks.flow_overhead noop       # in a project whose stages are up to date
    python -m benchmarks.flow_overhead retrain    # from the source tree alone, on the digits

Medians with minimum and maximum, of the wall and of all processes' CPU; both drivers take turns.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console

from lradapt.config.paths import read_paths
from lradapt.runtime.timings import Timings, read_timings

app = typer.Typer(help=__doc__)
console = Console(highlight=False)

_FLOW = """
from prefect import flow
from tasks import stages
from tasks.pipeline import graph

@flow(persist_result=False)
def drive():
    stages.reproduce_stale(graph.read_plan("dvc.yaml"))

drive()
"""
_NO_WORK = frozenset({"export"})
"""Stages that read no image, train nothing and evaluate nothing."""
_REPRO = [sys.executable, "-m", "dvc", "repro", "--quiet"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of the wall, and of all processes."""

    wall: float
    cpu: float


@app.command()
def stage(
    repeats: Annotated[int, typer.Option(help="Of each driver.")] = 5,
    num_stages: Annotated[int, typer.Option(help="That compute nothing, one after another.")] = 6,
) -> None:
    """A stage under the flow, beside a stage under `dvc repro`."""
    _require_server()
    costs: dict[str, list[Cost]] = {"dvc repro": [], "flow": []}
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        _make_chain(project, num_stages)
        drivers = {"dvc repro": _REPRO, "flow": [sys.executable, "drive.py"]}
        for number in range(repeats):
            for name, command in drivers.items():
                idle = _measure(command, project)
                (project / "source").write_text(f"{name} {number}")
                busy = _measure(command, project)
                each = (busy.wall - idle.wall) / num_stages, (busy.cpu - idle.cpu) / num_stages
                costs[name].append(Cost(*each))
    for name, values in costs.items():
        _print(f"a stage under {name}", values)
    both = zip(costs["flow"], costs["dvc repro"], strict=True)
    _print("beyond dvc repro", [beyond(*pair) for pair in both])


@app.command()
def retrain(repeats: Annotated[int, typer.Option(help="From nothing, each.")] = 3) -> None:
    """All of a first retraining that is not reading images, training or evaluating."""
    _require_server()
    costs: dict[str, list[Cost]] = {"a retraining": [], "of it work": [], "the rest": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            _clone(Path(folder))
            whole = _measure([sys.executable, "-m", "flows.retrain"], Path(folder))
            work = worked(read_timings(Path(folder) / read_paths().timings))
        for name, cost in zip(costs, (whole, work, beyond(whole, work)), strict=True):
            costs[name].append(cost)
    for name, values in costs.items():
        _print(name, values)


@app.command()
def noop(repeats: Annotated[int, typer.Option(help="Of the flow.")] = 5) -> None:
    """`python -m flows.retrain` where nothing has changed."""
    _require_server()
    command = [sys.executable, "-m", "flows.retrain"]
    _measure(command, Path())  # what has changed is made now
    _print("a flow that does nothing", [_measure(command, Path()) for _ in range(repeats)])


def worked(timings: Timings) -> Cost:
    """What the stages took in all, without their imports; the export is no work on images."""
    spent = [each for name, each in timings.items() if name not in _NO_WORK]
    seconds = ([each[key] for each in spent] for key in ("seconds", "cpu_seconds"))
    return Cost(*(sum(values) for values in seconds))


def beyond(one: Cost, other: Cost) -> Cost:
    """What the one took more than the other."""
    return Cost(one.wall - other.wall, one.cpu - other.cpu)


def _clone(project: Path) -> None:
    """The source tree as it was last committed, with the digits."""
    subprocess.run(["git", "clone", "-q", ".", project], check=True)
    _measure([sys.executable, "-m", "lradapt", "import", "digits"], project)


def _require_server() -> None:
    if "PREFECT_API_URL" not in os.environ:
        raise typer.BadParameter("set PREFECT_API_URL to a running server: `prefect server start`")


def _make_chain(project: Path, num_stages: int) -> None:
    """A project in which each stage copies what the former made."""
    names = ["source", *(f"made{number}" for number in range(num_stages))]
    stages = "".join(
        f"  {made}: {{cmd: cp {read} {made}, deps: [{read}], outs: [{made}]}}\n"
        for read, made in pairwise(names)
    )
    (project / "dvc.yaml").write_text(f"stages:\n{stages}")
    (project / "drive.py").write_text(_FLOW)
    (project / "source").write_text("nothing yet")
    for command in (["git", "init", "-q"], [sys.executable, "-m", "dvc", "init", "-q"], _REPRO):
        subprocess.run(command, cwd=project, check=True)


def _measure(command: Sequence[str], folder: Path) -> Cost:
    wall, cpu = time.perf_counter(), _cpu_seconds()
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return Cost(time.perf_counter() - wall, _cpu_seconds() - cpu)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _print(what: str, costs: Sequence[Cost]) -> None:
    console.print(f"{what}: {_told(costs, lambda cost: cost.wall)} s,", end=" ")
    console.print(f"of the CPU {_told(costs, lambda cost: cost.cpu)} s", end="; ")
    console.print(f"{len(costs)} repeats, load {os.getloadavg()[0]:.1f}")


def _told(costs: Sequence[Cost], seconds: Callable[[Cost], float]) -> str:
    values = [seconds(cost) for cost in costs]
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    app()
