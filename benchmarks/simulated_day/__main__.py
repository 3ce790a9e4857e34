"""Simulate a day of a served model, and what follows from a shift that begins at noon.

    python -m benchmarks.simulated_day PROJECT IMAGES       # IMAGES/CLASS/FILE, such as CIFAR-10

PROJECT is a fresh clone of this repository, or a project of `lradapt init`. A first model is
trained on images with two rarer classes, and promoted. It serves with tokens, a record and metrics.
In the morning the requests are like the training; from noon on all classes are equally frequent,
and another camera gives darker pictures. Then: `lradapt drift`, `lradapt queue`, `lradapt review`,
a retraining beside further requests, and the promotion, which the server takes up. Every request
must be answered. The day passes as fast as the machine answers.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from benchmarks.endpoint import serving
from benchmarks.program import run
from benchmarks.simulated_day.clients import Answer, Endpoint, ask_all, steady_requests
from benchmarks.simulated_day.pictures import Picture, draw_day
from benchmarks.simulated_day.review import by_hash, review
from lradapt.config.params_text import with_values
from lradapt.errors import LradaptError

T = TypeVar("T")

_TAKEN_UP_SECONDS = 30
_PAUSE = 0.1  # seconds between requests while the new model is trained
_LRADAPT = (sys.executable, "-m", "lradapt")
_RETRAIN = (sys.executable, "-m", "flows.retrain")


def simulate(
    project: Annotated[Path, typer.Argument(help="A project without data of its own.")],
    images: Annotated[Path, typer.Argument(help="IMAGES/CLASS/FILE.")],
    training: Annotated[int, typer.Option(help="About so many images to train on.")] = 1000,
    requests: Annotated[int, typer.Option(help="Of the day.")] = 10_000,
    queue: Annotated[int, typer.Option(help="Images to label in the evening.")] = 1500,
    input_size: Annotated[int, typer.Option(help="In pixels; import might choose a larger.")] = 64,
    clients: Annotated[int, typer.Option(help="That ask at the same time.")] = 8,
    seed: Annotated[int, typer.Option(help="Of the draw of the images.")] = 0,
) -> None:
    """Run the day; print what each step took and gave."""
    day = draw_day(images, training, requests, seed)
    _step("import and first model", lambda: _first_model(project, day.training, input_size))
    token = json.loads(_lradapt(project, "token", "clinic", "--json"))
    with _served(project, token["entry"]) as port:
        endpoint = Endpoint(port, token["token"])
        morning = _step("morning", lambda: ask_all(endpoint, day.morning, clients))
        noon = datetime.now(UTC)
        after = _step("afternoon", lambda: ask_all(endpoint, day.afternoon, clients))
        for name, answers in (("morning", morning), ("afternoon", after)):
            typer.echo(f"{name}: {_described(answers)}")
        _step("drift", lambda: _show_drift(project))
        picked = _step("queue", lambda: _queue(project, noon, queue))
        typer.echo(f"picked: {picked} of the images after noon")
        labelled = set(_step("review", lambda: review(project, by_hash(day.afternoon))))
        typer.echo(f"labelled: {len(labelled)}")
        with steady_requests(endpoint, day.afternoon, _PAUSE) as steady:
            verdict = _step("retraining", lambda: _command(project, *_RETRAIN))
            _step("taken up", lambda: _wait_for_new(steady.answers, morning[0].version))
        typer.echo(verdict[verdict.find("verdict") :][:900])
        typer.echo(f"during the retraining: {_described(steady.answers)}")
        others = [each for each in day.afternoon if each not in labelled]
        again = _step("the afternoon again", lambda: ask_all(endpoint, others, clients))
        before = [each for each in after if each.picture not in labelled]
        typer.echo(f"afternoon, without what was labelled: {_described(before)}")
        typer.echo(f"the same, by the new model: {_described(again)}")
        typer.echo(_some_metrics(endpoint))
    _require_answers([*morning, *after, *steady.answers, *again])


def _step(name: str, work: Callable[[], T]) -> T:
    began = time.perf_counter()
    result = work()
    typer.echo(f"[{time.perf_counter() - began:.1f} s] {name}")
    return result


def _first_model(project: Path, pictures: Sequence[Picture], input_size: int) -> None:
    folder = project / "incoming"
    for picture in pictures:
        target = folder / picture.name / picture.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture.path, target)
    _lradapt(project, "import", "folder", "incoming", "--replace")
    params = project / "params.yaml"
    changed = with_values(params.read_text(), {"data": {"input_size": input_size}})
    params.write_text(changed)
    _command(project, *_RETRAIN)


def _queue(project: Path, noon: datetime, count: int) -> int:
    options = ["--count", str(count), "--since", noon.isoformat(), "--json"]
    return len(json.loads(_lradapt(project, "queue", "record", *options)))


def _show_drift(project: Path) -> None:
    text = _lradapt(project, "drift", "record", "--period", "day", "--unfinished")
    typer.echo(text.strip())


def _lradapt(project: Path, *words: str) -> str:
    return _command(project, *_LRADAPT, *words)


def _command(project: Path, *words: str) -> str:
    done = subprocess.run(
        words, cwd=project, env=_environment(project), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LradaptError(f"{' '.join(words[2:])} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def _environment(project: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(project), "COLUMNS": "160"}


@contextmanager
def _served(project: Path, entry: str) -> Iterator[int]:
    """Serve with tokens, record and metrics within the block; give the port."""
    options = ["serve", "--record", "record", "--record-images", "--refresh-seconds", "1"]
    environment = _environment(project) | {"LRADAPT_TOKENS": entry}
    with serving([*_LRADAPT, *options], project, environment) as server:
        yield server.port


def _wait_for_new(answers: list[Answer], old: str) -> None:
    end = time.monotonic() + _TAKEN_UP_SECONDS
    while time.monotonic() < end:
        if answers and answers[-1].version not in ("", old):
            return
        time.sleep(_PAUSE)
    raise LradaptError(f"no other version than {old} has answered: was the new one promoted?")


def _described(answers: Sequence[Answer]) -> str:
    good = [each for each in answers if not each.fault]
    right: Counter[str] = Counter(e.picture.name for e in good if e.predicted == e.picture.name)
    of_class = Counter(each.picture.name for each in good)
    recalls = [right[name] / number for name, number in of_class.items()]
    seconds = sorted(each.seconds for each in good)
    return (
        f"{len(good)} answered, {len(answers) - len(good)} failed; "
        f"{100 * sum(right.values()) / len(good):.1f} % right, "
        f"balanced {100 * sum(recalls) / len(recalls):.1f} %; "
        f"p99 {1000 * seconds[int(0.99 * (len(seconds) - 1))]:.0f} ms; "
        f"by version {dict(Counter(each.version for each in good))}"
    )


def _some_metrics(endpoint: Endpoint) -> str:
    lines = endpoint.get("/metrics").splitlines()
    return "\n".join(
        line for line in lines if line.startswith(("lradapt_requests", "lradapt_model"))
    )


def _require_answers(answers: Sequence[Answer]) -> None:
    faults = [each.fault for each in answers if each.fault]
    if faults:
        raise LradaptError(f"{len(faults)} of {len(answers)} requests failed, first: {faults[0]}")


if __name__ == "__main__":
    run(simulate)
