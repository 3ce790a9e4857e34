"""What a flow costs beyond `dvc repro`, against a running server (PREFECT_API_URL).

Without PREFECT_API_URL, `noop` measures a flow with the temporary server that it starts.

    python -m benchmarks.flow_overhead stage
    python -m benchmarks.flow_overhead noop       # in a project whose stages are up to date
    python -m benchmarks.flow_overhead retrain    # from the source tree alone, on the digits

Medians with minimum and maximum, of the wall clock and of the CPU of all processes; the two drivers
are interleaved.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.measuring import Elapsed, interleaved, now_of_children, summary, timed
from benchmarks.program import run
from lradapt.config.paths import read_paths
from lradapt.runtime.timings import Timings, read_timings

_NO_WORK = frozenset({"export"})
"""Stages that read no image, train nothing and evaluate nothing."""
_REPRO = (sys.executable, "-m", "dvc", "repro", "--quiet")
_RETRAIN = (sys.executable, "-m", "flows.retrain")

Repeats = Annotated[int, typer.Option(help="Of each measurement.")]


def stage(
    repeats: Repeats = 5,
    num_stages: Annotated[int, typer.Option(help="That compute nothing, one after another.")] = 6,
) -> None:
    """Compare a stage under the flow with a stage under `dvc repro`."""
    _require_server()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        make_chain(project, num_stages)
        measures = {
            "a stage under dvc repro": partial(_one_stage, _REPRO, project, num_stages),
            "a stage under flow": partial(
                _one_stage, (sys.executable, "-m", "benchmarks.chain_flow"), project, num_stages
            ),
        }
        under_dvc, under_flow = (found := interleaved(measures, repeats)).values()
    _print(found)
    both = zip(under_flow, under_dvc, strict=True)
    _print({"beyond dvc repro": [flow - repro for flow, repro in both]})


def retrain(repeats: Repeats = 3) -> None:
    """Measure what a first retraining takes, and how much of it is the work of the stages."""
    _require_server()
    pairs = [_first_retraining() for _ in range(repeats)]
    _print(
        {
            "a retraining": [whole for whole, _ in pairs],
            "work of the stages": [work for _, work in pairs],
            "the rest": [whole - work for whole, work in pairs],
        }
    )


def noop(repeats: Repeats = 5) -> None:
    """Measure `python -m flows.retrain` where nothing has changed."""
    _measure(_RETRAIN, Path())  # bring the stages up to date first
    _print({"a flow that does nothing": [_measure(_RETRAIN, Path()) for _ in range(repeats)]})


def work_of_stages(timings: Timings) -> Elapsed:
    """Return the seconds of all stages without imports and export (no work on images)."""
    spent = [each for name, each in timings.items() if name not in _NO_WORK]
    return Elapsed(
        sum(each["seconds"] for each in spent), sum(each["cpu_seconds"] for each in spent)
    )


def _first_retraining() -> tuple[Elapsed, Elapsed]:
    """Retrain in a clone of the last commit with the digits; return all seconds, and the work."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        subprocess.run(["git", "clone", "-q", ".", project], check=True)
        _run([sys.executable, "-m", "lradapt", "import", "digits"], project)
        whole = _measure(_RETRAIN, project)
        return whole, work_of_stages(read_timings(project / read_paths().timings))


def _one_stage(command: Sequence[str], project: Path, num_stages: int) -> Elapsed:
    """Return the seconds of one stage: of a run of all stages, less those of a run of none."""
    idle = _measure(command, project)
    source = project / "source"
    source.write_text(f"{source.read_text()}changed\n")
    busy = _measure(command, project) - idle
    return Elapsed(busy.seconds / num_stages, busy.cpu_seconds / num_stages)


def _require_server() -> None:
    if "PREFECT_API_URL" not in os.environ:
        raise typer.BadParameter("set PREFECT_API_URL to a running server: `prefect server start`")


def make_chain(project: Path, num_stages: int) -> None:
    """Make a project in which each stage copies the output of the previous one."""
    names = ["source", *(f"made{number}" for number in range(num_stages))]
    stages = "".join(
        f"  {made}: {{cmd: cp {read} {made}, deps: [{read}], outs: [{made}]}}\n"
        for read, made in pairwise(names)
    )
    (project / "dvc.yaml").write_text(f"stages:\n{stages}")
    (project / "source").write_text("nothing yet\n")
    for command in (("git", "init", "-q"), (sys.executable, "-m", "dvc", "init", "-q"), _REPRO):
        subprocess.run(command, cwd=project, check=True)


def _measure(command: Sequence[str], folder: Path) -> Elapsed:
    return timed(partial(_run, command, folder), now_of_children)


def _run(command: Sequence[str], folder: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def _print(found: dict[str, list[Elapsed]]) -> None:
    for name, elapsed in found.items():
        typer.echo(summary(name, elapsed))


if __name__ == "__main__":
    run(stage, retrain, noop, about=__doc__)
