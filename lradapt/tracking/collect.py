"""Collect from the files of a run what a tracker gets of it."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lradapt.config.paths import Paths
from lradapt.config.project_name import project_name
from lradapt.production.lineage import lineage
from lradapt.production.release import Outcome
from lradapt.reporting.ending import describe_ending
from lradapt.runtime.files import read_json
from lradapt.runtime.timings import read_timings
from lradapt.tracking.names import accepted, flat
from lradapt.tracking.tracked_run import Row, TrackedRun

_FIGURES = ("accuracy", "balanced_accuracy", "macro_f1")
_NOT_OF_A_RUN = ("chosen_by_import", "track")


def collect(paths: Paths, model: str, outcome: Outcome | None, files: list[Path]) -> TrackedRun:
    """Return the run whose files are in the project.

    Args:
        paths: of the project.
        model: its name in the registry.
        outcome: of the gate; None after a dry run.
        files: that the tracker keeps with the run.
    """
    known = lineage(paths)
    params = {key: each for key, each in known["params"].items() if key not in _NOT_OF_A_RUN}
    ending = describe_ending(outcome) if outcome else None
    return TrackedRun(
        project=project_name(),
        name=outcome.version if outcome else "dry run",
        params=_named(flat(params)),
        metrics=_named(_metrics(paths)),
        epochs={"head": _epochs(paths.head_epochs), "finetune": _epochs(paths.model_epochs)},
        tags=_tags(model, known, outcome),
        note="\n\n".join((f"**{ending.title}**", *ending.sentences)) if ending else "dry run",
        files=[str(each) for each in files],
    )


def _metrics(paths: Paths) -> dict[str, float]:
    """Return the figures of the test split, and the seconds of the stages that ran last."""
    found = read_json(paths.metrics)
    seconds = {
        f"seconds/{stage}": each["seconds"] for stage, each in read_timings(paths.timings).items()
    }
    figures = {
        **{key: found[key] for key in _FIGURES},
        **{f"recall/{name.replace('/', '_')}": value for name, value in found["recall"].items()},
        "calibration_error": found["calibration"]["after"],
        **seconds,
    }
    return {name: value for name, value in figures.items() if value is not None}


def _epochs(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {column: float(value) for column, value in row.items() if value and column != "epoch"}
            for row in csv.DictReader(file)
        ]


def _tags(model: str, known: Mapping[str, Any], outcome: Outcome | None) -> dict[str, str]:
    tags = {
        "model": model,
        "version": outcome.version if outcome else "",
        "verdict": outcome.verdict.decision if outcome else "dry run",
        "promoted": "yes" if outcome and outcome.promotion else "no",
        "previous": outcome.previous if outcome else "",
        "commit": known["code"].get("commit", ""),
        "params_sha256": known["params_sha256"],
        **{f"{table}_sha256": sha256 for table, sha256 in known["data"].items()},
    }
    return {f"lradapt.{name}": text for name, text in tags.items() if text}


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    names = accepted(values)
    return {names[name]: value for name, value in values.items()}
