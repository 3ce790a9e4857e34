"""The paper's tables 1 to 3 and figures 1 to 6 from the runs of `benchmarks.arms`.

    python -m benchmarks.tables --runs DIR --tables FILE --summary FILE --pictures DIR

Each figure is the median over seeds with minimum and maximum. A speed-up compares the runs of one
seed. The target is the best validation accuracy of that seed's conventional run, and the clock
stops at the first epoch that reaches it; an arm that never does is shown as such.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from benchmarks.measuring import markdown_table, median_range
from benchmarks.program import run as run_program
from lradapt.plots.confusion import confusion_plot
from lradapt.plots.range_test import range_test_plot
from lradapt.plots.schedule import schedule_plot
from lradapt.runtime.files import read_json, write_bytes, write_json, write_text

Run = Mapping[str, Any]
Pair = tuple[Run, Run]
Rows = list[list[str]]
PHASES = ("rate search", "head", "fine-tuning")


def best_accuracy(run: Run) -> float:
    """Return the highest validation accuracy at the end of an epoch."""
    return max(float(point["accuracy"]) for point in run["points"])


def total(run: Run, clock: str = "seconds") -> float:
    """Return the seconds of all phases together, by the wall clock or the CPU's."""
    return float(run["seconds"][clock])


def reached_at(run: Run, accuracy: float, clock: str = "seconds") -> float | None:
    """Return the seconds until the first epoch with at least this validation accuracy, or None."""
    times = [point["at"][clock] for point in run["points"] if point["accuracy"] >= accuracy]
    return float(times[0]) if times else None


def speed_up(
    conventional: Run, run: Run, *, below: float = 0.0, clock: str = "seconds"
) -> float | None:
    """Return the seconds to the conventional run's best accuracy, less `below`: slow over fast."""
    target = best_accuracy(conventional) - below
    slow, fast = reached_at(conventional, target, clock), reached_at(run, target, clock)
    assert slow is not None, "the conventional run reaches its own best"
    return slow / fast if fast else None


def total_speed_up(conventional: Run, run: Run) -> float:
    """Return all seconds of the conventional run over all those of `run`."""
    return total(conventional) / total(run)


def table_1(runs: Sequence[Run]) -> Rows:
    """Return table 1 of the paper, conventional training: accuracy and seconds at each rate."""
    slow = _of_kind(runs, conventional=True)
    rates = [leg["rate"] for leg in slow[0]["legs"]]
    titles = [title for rate in rates for title in (f"accuracy at {rate:g}", f"s at {rate:g}")]
    rows = [["model", *titles, "total s", "total CPU s", "best", "balanced"]]
    for (model, _), group in _by_model_and_arm(slow):
        cells = [model]
        for number, rate in enumerate(rates):
            cells.append(median_range((run["legs"][number]["accuracy"] for run in group), ".2%"))
            cells.append(_phase(group, f"rate {rate:g}", ".0f"))
        rows.append(cells + _totals(group))
    return rows


def table_2(runs: Sequence[Run]) -> Rows:
    """Return table 2, the scheme: seconds of each phase, and the speed-up."""
    titles = ["model", "arm", "rate search s", "head s", "fine-tuning s", "total s", "total CPU s"]
    gains = ["speed-up to the same accuracy", "speed-up the same, CPU", "speed-up to 1 point below"]
    rows = [[*titles, "best", "balanced", *gains, "by total"]]
    for (model, arm), pairs in _pairs(runs):
        group = [run for _, run in pairs]
        phases = [_phase(group, name, ".1f") for name in PHASES]
        rows.append([model, arm, *phases, *_totals(group), *_gains(pairs)])
    return rows


def table_3(runs: Sequence[Run]) -> Rows:
    """Return table 3: conventional training and the scheme in one line."""
    rows = [["model", "conventional", "s", "arm", "accuracy", "s", "speed-up by total"]]
    for (model, arm), pairs in _pairs(runs):
        slow, fast = (
            [median_range(map(best_accuracy, group), ".2%"), median_range(map(total, group), ".0f")]
            for group in zip(*pairs, strict=True)
        )
        gain = median_range((total_speed_up(*pair) for pair in pairs), ".1f")
        rows.append([model, *slow, arm, *fast, gain])
    return rows


def markdown(runs: Sequence[Run]) -> str:
    """Return the three tables, after a description of data, machine and settings."""
    first = runs[0]
    seeds = sorted({run["seed"] for run in runs})
    facts = first["machine"]
    conventional = _of_kind(runs, conventional=True)[0]["settings"]
    about = (
        f"{first['images']['train']:,} training images, {first['images']['validation']:,} images "
        f"that measure the accuracy ({len(first['classes'])} classes); "
        f"seeds {', '.join(map(str, seeds))}; "
        f"{facts['device']}, {facts['cores']} cores, {facts['threads']} thread(s), "
        f"{facts['precision']}, torch {facts['torch']}; patience of the conventional arm "
        f"{conventional['patience_epochs']} epochs, least gain {conventional['min_gain']:g}. "
        "Median (minimum to maximum). The test split decides when to stop and which weights to "
        "keep in every arm; the clock includes range tests, caching and validation."
    )
    parts = [
        ("Table 1: conventional training", table_1(runs)),
        ("Table 2: the scheme", table_2(runs)),
        ("Table 3: side by side", table_3(runs)),
    ]
    tables = (f"### {title}\n\n{markdown_table(rows)}" for title, rows in parts)
    return "\n\n".join([about, *tables]) + "\n"


def figures(runs: Sequence[Run]) -> dict[str, bytes]:
    """Return file name -> PNG of the first seed of each model and arm, numbered as in the paper."""
    drawn: dict[str, bytes] = {}
    for (model, arm), (run, *_) in _by_model_and_arm(runs):
        name = f"{model.replace('/', '-')}-{arm}"
        title = f"{name}, {run['images']['validation']:,} validation images"
        plot = confusion_plot(np.array(run["final"]["confusion"]), run["classes"], title)
        drawn[f"figure-5-confusion-{name}.png"] = plot.png()
        if "curves" in run:
            drawn |= {f"figure-{key}-{name}.png": png for key, png in _curves(run).items()}
    return drawn


def _curves(run: Run) -> dict[str, bytes]:
    tables = {key: pd.DataFrame(table) for key, table in run["curves"].items()}
    drawn = {
        "3-restarts": schedule_plot(tables["head_steps"]).png(),
        "4-growing-cycles": schedule_plot(tables["model_steps"]).png(),
    }
    if len(tables["lr_curve"]):
        sweep = tables["lr_curve"].query("sweep == 0").reset_index(names="step")
        drawn["1-range-test-rate"] = schedule_plot(sweep.rename(columns={"lr": "lr_head"})).png()
        drawn["2-range-test-loss"] = range_test_plot(tables["lr_curve"], run["rate"]["rate"]).png()
    if len(tables["body_lr_curve"]):
        rate = run["rates_by_depth"]["head"]
        drawn["2-range-test-unfrozen"] = range_test_plot(tables["body_lr_curve"], rate).png()
    return drawn


def _of_kind(runs: Iterable[Run], *, conventional: bool) -> list[Run]:
    return [run for run in runs if ("legs" in run) == conventional]


def _by_model_and_arm(runs: Iterable[Run]) -> list[tuple[tuple[str, str], list[Run]]]:
    def key(run: Run) -> tuple[str, str]:
        return run["architecture"], run["arm"]

    ordered = sorted(runs, key=lambda run: (key(run), run["seed"]))
    return [(names, list(group)) for names, group in groupby(ordered, key)]


def _pairs(runs: Sequence[Run]) -> list[tuple[tuple[str, str], list[Pair]]]:
    """Return (model, arm) -> (the conventional run, the arm's) of each seed that has both."""
    slow = {(run["architecture"], run["seed"]): run for run in _of_kind(runs, conventional=True)}
    pairs = [
        (names, [(slow[key], run) for run in group if (key := (names[0], run["seed"])) in slow])
        for names, group in _by_model_and_arm(_of_kind(runs, conventional=False))
    ]
    return [(names, both) for names, both in pairs if both]


def _phase(runs: Sequence[Run], name: str, form: str) -> str:
    return median_range((run["phases"][name]["seconds"] for run in runs), form)


def _gains(pairs: Sequence[Pair]) -> list[str]:
    figures: list[Callable[[Run, Run], float | None]] = [
        speed_up,
        lambda slow, fast: speed_up(slow, fast, clock="cpu_seconds"),
        lambda slow, fast: speed_up(slow, fast, below=0.01),
        total_speed_up,
    ]
    return [median_range((figure(*pair) for pair in pairs), ".1f") for figure in figures]


def _totals(group: Sequence[Run]) -> list[str]:
    return [
        median_range(map(total, group), ".0f"),
        median_range((total(run, "cpu_seconds") for run in group), ".0f"),
        median_range(map(best_accuracy, group), ".2%"),
        median_range((run["final"]["balanced_accuracy"] for run in group), ".2%"),
    ]


def main(
    *,
    runs: Annotated[Path, typer.Option(help="Folder of the runs' JSON files.")],
    tables: Annotated[Path, typer.Option(help="The Markdown file to write.")],
    summary: Annotated[Path, typer.Option(help="The JSON file to write: the tables' cells.")],
    pictures: Annotated[Path, typer.Option(help="Folder of the figures.")],
) -> None:
    """Write the tables and draw the figures."""
    found = [read_json(path) for path in sorted(runs.rglob("*.json"))]
    write_text(tables, markdown(found))
    write_json(
        summary, {"table_1": table_1(found), "table_2": table_2(found), "table_3": table_3(found)}
    )
    for name, png in figures(found).items():
        write_bytes(pictures / name, png)


if __name__ == "__main__":
    run_program(main)
