"""The paper's tables 1 to 3 and figures 1 to 6 from the runs of `benchmarks.arms`.

    python -m benchmarks.tables --runs DIR --into DIR

A figure is the median over seeds with minimum and maximum. A speed-up compares the runs of one
seed. The target is the best validation accuracy of that seed's conventional run, and the clock
stops at the first epoch that reaches it; an arm that never does is shown as such.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from benchmarks.program import run as run_program
from lradapt.plots.confusion import confusion_plot
from lradapt.plots.range_test import range_test_plot
from lradapt.plots.schedule import schedule_plot
from lradapt.runtime.files import read_json, write_bytes, write_json, write_text

Run = Mapping[str, Any]
Rows = list[list[str]]
PHASES = ("rate search", "head", "fine-tuning")
NEVER = "never"


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over seeds; a seed without it (a target never reached) is counted apart."""

    values: tuple[float, ...]
    num_missing: int = 0

    def text(self, form: str) -> str:
        """Median (minimum to maximum), and how many seeds have none."""
        if not self.values:
            return NEVER
        low, high = min(self.values), max(self.values)
        said = format(median(self.values), form)
        if len(self.values) > 1:
            said += f" ({format(low, form)} to {format(high, form)})"
        missing = (
            f"; {NEVER} with {self.num_missing} of {self.num_missing + len(self.values)} seeds"
        )
        return said + (missing if self.num_missing else "")


def best_accuracy(run: Run) -> float:
    """The highest validation accuracy at the end of an epoch."""
    return max(float(point["accuracy"]) for point in run["points"])


def reached_at(run: Run, accuracy: float, clock: str = "seconds") -> float | None:
    """Seconds until the first epoch with at least this validation accuracy; None: never."""
    times = [point["at"][clock] for point in run["points"] if point["accuracy"] >= accuracy]
    return float(times[0]) if times else None


def speed_up(
    conventional: Run, run: Run, *, below: float = 0.0, clock: str = "seconds"
) -> float | None:
    """Seconds of the conventional run to its best accuracy, less `below`, over those of `run`."""
    target = best_accuracy(conventional) - below
    slow, fast = reached_at(conventional, target, clock), reached_at(run, target, clock)
    assert slow is not None, "the conventional run reaches its own best"
    return slow / fast if fast else None


def total_speed_up(conventional: Run, run: Run) -> float:
    """All seconds of the conventional run over all those of `run`."""
    return float(conventional["seconds"]["seconds"] / run["seconds"]["seconds"])


def table_1(runs: Sequence[Run]) -> Rows:
    """Conventional training (the paper's table 1): accuracy and seconds at each rate."""
    rows = [["model", *_leg_titles(runs), "total s", "total CPU s", "best", "balanced"]]
    for model, group in _by_model(_of_kind(runs, conventional=True)):
        cells = [model]
        for number, leg in enumerate(group[0]["legs"]):
            accuracies = Spread(tuple(run["legs"][number]["accuracy"] for run in group))
            cells += [accuracies.text(".2%"), _phase(group, f"rate {leg['rate']:g}").text(".0f")]
        rows.append(cells + _totals(group))
    return rows


def table_2(runs: Sequence[Run]) -> Rows:
    """The scheme (table 2): seconds of each phase, and the speed-up."""
    titles = ["model", "arm", "rate search s", "head s", "fine-tuning s", "total s", "total CPU s"]
    gains = [
        f"speed-up {to}" for to in ("to the same accuracy", "the same, CPU", "to 1 point below")
    ]
    rows = [[*titles, "best", "balanced", *gains, "by total"]]
    for (model, arm), pairs in _pairs(runs):
        group = [run for _, run in pairs]
        phases = [_phase(group, name).text(".1f") for name in PHASES]
        rows.append([model, arm, *phases, *_totals(group), *_gains(pairs)])
    return rows


def table_3(runs: Sequence[Run]) -> Rows:
    """Both side by side (table 3)."""
    rows = [["model", "conventional", "s", "arm", "accuracy", "s", "speed-up by total"]]
    for (model, arm), pairs in _pairs(runs):
        slow, fast = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        cells = [
            text
            for group in (slow, fast)
            for text in (
                _spread(group, best_accuracy).text(".2%"),
                _spread(group, lambda run: run["seconds"]["seconds"]).text(".0f"),
            )
        ]
        gain = _over(pairs, total_speed_up).text(".1f")
        rows.append([model, *cells[:2], arm, *cells[2:], gain])
    return rows


def markdown(runs: Sequence[Run]) -> str:
    """The three tables with what they were measured on."""
    first = runs[0]
    seeds = sorted({run["seed"] for run in runs})
    facts = first["machine"]
    conventional = next(iter(_of_kind(runs, conventional=True)))["settings"]
    about = (
        f"{first['images']['train']:,} images to learn from, "
        f"{first['images']['validation']:,} to judge "
        f"by ({len(first['classes'])} classes); seeds {', '.join(map(str, seeds))}; "
        f"{facts['device']}, {facts['cores']} cores, {facts['threads']} thread(s), "
        f"{facts['precision']}, torch {facts['torch']}; patience of the conventional arm "
        f"{conventional['patience_epochs']} epochs, least gain {conventional['min_gain']:g}. "
        "Median (minimum to maximum). Test stops, chooses and counts for every arm; the "
        "clock includes range tests, caching and validation."
    )
    parts = [
        ("Table 1: conventional training", table_1(runs)),
        ("Table 2: the scheme", table_2(runs)),
        ("Table 3: side by side", table_3(runs)),
    ]
    return "\n\n".join([about, *(f"### {title}\n\n{drawn(rows)}" for title, rows in parts)]) + "\n"


def drawn(rows: Rows) -> str:
    """A table of Markdown; the first row holds the titles."""
    header, *body = rows
    lines = [header, ["---"] * len(header), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def figures(runs: Sequence[Run]) -> dict[str, bytes]:
    """File name -> PNG, of the first seed of each model and arm, numbered as in the paper."""
    drawn: dict[str, bytes] = {}
    for (model, arm), group in _grouped(runs, lambda run: (run["architecture"], run["arm"])):
        run, name = group[0], f"{model}-{arm}"
        matrix = np.array(run["final"]["confusion"])
        title = f"{name}, {run['images']['validation']:,} validation images"
        drawn[f"figure-5-confusion-{name}.png"] = confusion_plot(
            matrix, run["classes"], title
        ).png()
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


def _grouped(runs: Iterable[Run], key: Callable[[Run], Any]) -> list[tuple[Any, list[Run]]]:
    ordered = sorted(runs, key=lambda run: (key(run), run["seed"]))
    return [(name, list(group)) for name, group in groupby(ordered, key)]


def _by_model(runs: Iterable[Run]) -> list[tuple[str, list[Run]]]:
    return _grouped(runs, lambda run: run["architecture"])


def _pairs(runs: Sequence[Run]) -> list[tuple[tuple[str, str], list[tuple[Run, Run]]]]:
    """(model, arm) -> (the conventional run, the arm's) of each seed that has both."""
    slow = {(run["architecture"], run["seed"]): run for run in _of_kind(runs, conventional=True)}
    groups = _grouped(
        _of_kind(runs, conventional=False), lambda run: (run["architecture"], run["arm"])
    )
    pairs = [
        (name, [(slow[key], run) for run in group if (key := (name[0], run["seed"])) in slow])
        for name, group in groups
    ]
    return [(name, both) for name, both in pairs if both]


def _spread(runs: Sequence[Run], figure: Callable[[Run], float]) -> Spread:
    return Spread(tuple(figure(run) for run in runs))


def _phase(runs: Sequence[Run], name: str) -> Spread:
    return _spread(runs, lambda run: run["phases"][name]["seconds"])


def _over(pairs: Sequence[tuple[Run, Run]], figure: Callable[[Run, Run], float | None]) -> Spread:
    found = [figure(slow, fast) for slow, fast in pairs]
    there = tuple(value for value in found if value is not None)
    return Spread(there, len(found) - len(there))


def _gains(pairs: Sequence[tuple[Run, Run]]) -> list[str]:
    return [
        _over(pairs, speed_up).text(".1f"),
        _over(pairs, lambda slow, fast: speed_up(slow, fast, clock="cpu_seconds")).text(".1f"),
        _over(pairs, lambda slow, fast: speed_up(slow, fast, below=0.01)).text(".1f"),
        _over(pairs, total_speed_up).text(".1f"),
    ]


def _totals(group: Sequence[Run]) -> list[str]:
    return [
        _spread(group, lambda run: run["seconds"]["seconds"]).text(".0f"),
        _spread(group, lambda run: run["seconds"]["cpu_seconds"]).text(".0f"),
        _spread(group, best_accuracy).text(".2%"),
        _spread(group, lambda run: run["final"]["balanced_accuracy"]).text(".2%"),
    ]


def _leg_titles(runs: Sequence[Run]) -> list[str]:
    rates = [leg["rate"] for leg in _of_kind(runs, conventional=True)[0]["legs"]]
    return [title for rate in rates for title in (f"accuracy at {rate:g}", f"s at {rate:g}")]


def main(
    *,
    runs: Annotated[Path, typer.Option(help="Folder of the runs' JSON files.")],
    tables: Annotated[Path, typer.Option(help="The Markdown file to write.")],
    summary: Annotated[Path, typer.Option(help="The JSON file to write: the tables' cells.")],
    pictures: Annotated[Path, typer.Option(help="Folder of the figures.")],
) -> None:
    """Write the tables and draw the figures."""
    found = [read_json(path) for path in sorted(runs.glob("*.json"))]
    write_text(tables, markdown(found))
    write_json(
        summary, {"table_1": table_1(found), "table_2": table_2(found), "table_3": table_3(found)}
    )
    for name, png in figures(found).items():
        write_bytes(pictures / name, png)


if __name__ == "__main__":
    run_program(main)
