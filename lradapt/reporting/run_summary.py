"""What came of a run in a few rows: data, training, metrics, verdict; and what to do next."""

import shlex
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from lradapt.config.paths import Paths
from lradapt.data.images.image_table import read_table
from lradapt.evaluation.slice_results import worst_slice
from lradapt.evaluation.slice_table import read_slice_results
from lradapt.production.release import Outcome
from lradapt.reporting.annotators import annotators_sentence
from lradapt.reporting.ending import override_sentence, smoke_test_sentence
from lradapt.reporting.trained_layers import trained_layers
from lradapt.runtime.files import read_json
from lradapt.runtime.timings import read_timings

Row = tuple[str, str]


def summary(paths: Paths, outcome: Outcome | None) -> list[Row]:
    """Return what was trained, its metrics, and the decision of the gate.

    `outcome` is None before the gate, or if nothing was published.
    """
    metrics = read_json(paths.metrics)
    rows = [
        *trained(paths),
        ("seconds", _seconds(paths.timings)),
        ("accuracy", f"{metrics['accuracy']:.2%}"),
        ("balanced accuracy", f"{metrics['balanced_accuracy']:.2%}"),
        ("worst slice", worst_slice_in_words(paths)),
    ]
    if outcome:
        rows += [
            ("verdict", f"{outcome.verdict.decision}: {outcome.verdict.reason}"),
            ("override", override_sentence(outcome)),
            ("version", f"{outcome.version}{'' if outcome.promotion else ' (not promoted)'}"),
            ("smoke test", smoke_test_sentence(outcome)),
        ]
    return [row for row in rows if row[1]]


def trained(paths: Paths) -> list[Row]:
    """Return the data, the network and the learning rates of the training."""
    split, metrics = read_json(paths.split_summary), read_json(paths.metrics)
    images, backbone = split["images"], metrics["backbone"]
    choice = read_json(paths.model_choice)
    rows = [
        ("data", f"{sum(images.values()):,} images, {len(split['classes'])} classes"),
        ("set aside", _counted(split["set_aside"])),
        ("annotators", annotators_sentence(split["annotators"])),
        ("split", ", ".join(f"{name} {count:,}" for name, count in images.items())),
        ("model", f"{backbone['architecture']}, body: {_origin(backbone)}"),
        ("warm start", f"from version {metrics['ancestor']}" if metrics["ancestor"] else ""),
        ("head", _solved_head(read_json(paths.head_solution))),
        ("rate of the head", _head_rate(paths)),
        ("rates by depth", _rates_by_depth(paths)),
        (trained_layers(choice["rates"]), _length(choice)),
        ("doubtful labels", _doubtful(read_json(paths.doubtful_summary))),
    ]
    return [row for row in rows if row[1]]


def next_commands(paths: Paths, outcome: Outcome | None) -> list[str]:
    """Return commands to try next; after a rejected model, those that can change that."""
    if outcome and _is_kept_out(outcome):
        return [
            "lradapt review   # correct labels that are probably wrong, then: make retrain",
            "lradapt retrain --override REASON   # promote it against the gate; logged",
        ]
    first = next(row.image for row in read_table(paths.table) if row.verdict == "ok")
    return [
        f"lradapt predict {shlex.quote(str(paths.images / first))}",
        "lradapt history",
        "lradapt import folder PATH --replace   # your own images, then: make retrain",
    ]


def worst_slice_in_words(paths: Paths) -> str:
    """Return the slice of the test images that is worse beyond chance; "" if there is none."""
    worst = worst_slice(read_slice_results(paths.slices))
    return worst.describe() if worst else ""


def _is_kept_out(outcome: Outcome) -> bool:
    """Return whether the gate has kept a new model out of production."""
    is_new = outcome.version != outcome.previous
    return is_new and not outcome.promotion and outcome.verdict.decision == "keep"


def _doubtful(found: Mapping[str, Any]) -> str:
    """Return how many labels are confidently doubted and excluded, and what to do; "" for none."""
    count, judged = found["confident"], sum(found["judged"].values()) - found["judged"]["test"]
    out = f"; not trained on {found['excluded']:,} of them" if found["policy"] == "exclude" else ""
    return f"{count:,} of {judged:,} are probably wrong{out}: lradapt review" if count else ""


def _solved_head(solution: Mapping[str, Any]) -> str:
    if solution["method"] != "exact":
        return ""
    penalty = f"solved exactly, with penalty {solution['penalty']:.3g}"
    if solution["note"]:
        return f"{penalty} ({solution['note']})"
    lowest = min(one["loss"] for one in solution["tried"])
    return (
        f"{penalty}: the lowest loss on held-out training images, {lowest:.4f}, of "
        f"{len(solution['tried'])} penalties in {solution['num_folds']} folds"
    )


def _head_rate(paths: Paths) -> str:
    found = read_json(paths.lr)
    if found["rate"] is None:
        return str(found["refusal"])
    return f"{found['rate']:.3g} ({_source(found['refusal'], paths.lr_curve)})"


def _rates_by_depth(paths: Paths) -> str:
    found, used = read_json(paths.body_lr), read_json(paths.model_choice)["rates"]
    shown = (f"{depth} {f'{rate:.2g}' if rate else 'frozen'}" for depth, rate in used.items())
    rates = ", ".join(shown)
    lowered = (
        "" if used == found["rates"] else ", then lowered: the first cycle lost a tenth or diverged"
    )
    return f"{rates} ({_source(found['refusal'], paths.body_lr_curve)}{lowered})"


def _length(choice: Mapping[str, Any]) -> str:
    """Return how long the fine-tuning was, and what the stopping rule saved."""
    epochs, cycles = choice["epochs"], choice["num_cycles"]
    trained = f"{_number(epochs['trained'], 'epoch')} in {_number(cycles, 'cycle')}"
    if epochs["given_up"]:
        trained += f", after {_number(epochs['given_up'], 'epoch')} at rates that were too high"
    if not (saved := epochs["planned"] - epochs["trained"]):
        return trained
    return f"{trained}; {saved} of {epochs['planned']} planned epochs were saved"


def _number(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _source(refusal: str, curve: Path) -> str:
    if refusal:
        return f"given, because the range test was rejected: {refusal}"
    return "found by range test" if len(pd.read_csv(curve)) else "given"


def _origin(backbone: Mapping[str, Any]) -> str:
    if backbone["source"] == "none":
        return "RANDOM WEIGHTS (lradapt import weights imagenet)"
    licence = f", licence {backbone['licence']}" if backbone["licence"] else ""
    if backbone["source"] == "imagenet":
        return f"imagenet ({backbone['detail']}{licence})"
    return f"{backbone['detail']}{licence}"


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} x {reason}" for reason, count in reasons.items())


def _seconds(timings: Path) -> str:
    seconds = {stage: times["seconds"] for stage, times in read_timings(timings).items()}
    if not seconds:
        return ""
    total = timedelta(seconds=round(sum(seconds.values())))
    parts = " · ".join(f"{stage} {value:.1f}" for stage, value in seconds.items())
    return f"{parts} (total {total})"
