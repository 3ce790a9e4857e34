"""The paper's tables 1 to 3 and figures 1 to 6 from the runs of `benchmarks.arms`.

    python -m benchmarks.tables --runs DIR --tables FILE --summary FILE --pictures DIR

Each figure is the median over seeds with minimum and maximum. Seconds are those of the wall clock
on a GPU, else of the CPU. A speed-up compares the runs of one seed.

The target of a speed-up is the accuracy of that seed's conventional run on the test images; an arm
that never reaches it is shown as such. Where the validation split chose the weights, it is the
accuracy of those that were kept, and the clock stops at the weights that an arm kept, if they are
as accurate. Where the test split chose, as in the paper, it is the accuracy of the best epoch, and
the clock stops at the first epoch that reaches it, or at the head that was solved.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from benchmarks.measuring import markdown_table, median_range
from benchmarks.program import run as run_program
from lradapt.errors import LradaptError
from lradapt.plots.confusion import confusion_plot
from lradapt.plots.range_test import range_test_plot
from lradapt.plots.schedule import schedule_plot
from lradapt.runtime.files import read_json, write_bytes, write_json, write_text

Run = Mapping[str, Any]
Pair = tuple[Run, Run]
Rows = list[list[str]]
PHASES = ("rate search", "head", "fine-tuning")
GAINED, SPEED_UP = "points gained", "speed-up to the same accuracy"
ROUNDING = 1e-6
"""Of accuracies in a progress file, which the ends of epochs come from."""


def by_test(runs: Iterable[Run]) -> bool:
    """Return whether the test images chose the weights that they measure, as in the paper.

    Raises:
        LradaptError: of some of the runs they did, of others they did not.
    """
    chosen_by = {run.get("chosen_by", "test") for run in runs}  # the only way before it was named
    if len(chosen_by) > 1:
        raise LradaptError(
            "some of the runs chose their weights by the validation split, others by the test "
            "split (chosen_by in benchmarks/params.yaml); make the tables of each kind by itself"
        )
    return chosen_by == {"test"}


def accuracy(run: Run) -> float:
    """Return the accuracy on the test images: of the kept weights, or if they chose, the best."""
    return best_accuracy(run) if by_test([run]) else float(run["final"]["accuracy"])


def best_accuracy(run: Run) -> float:
    """Return the highest accuracy of an epoch, or of a solved head, on the split that chose."""
    return max(float(point["accuracy"]) for point in run["points"])


def measured(run: Run) -> list[Mapping[str, Any]]:
    """Return when the run had which accuracy on the test images."""
    if by_test([run]):
        return list(run["points"])
    return [{"at": run["kept_at"], "accuracy": run["final"]["accuracy"]}]


def total(run: Run, clock: str) -> float:
    """Return the seconds of all phases together, by the clock "seconds" or "cpu_seconds"."""
    return float(run["seconds"][clock])


def seconds_to_it(run: Run, clock: str) -> float | None:
    """Return the seconds to the weights with `accuracy`."""
    return reached_at(run, accuracy(run), clock) if by_test([run]) else float(run["kept_at"][clock])


def reached_at(run: Run, accuracy: float, clock: str) -> float | None:
    """Return the seconds to this accuracy on the test images, or None."""
    least = accuracy - ROUNDING
    times = [point["at"][clock] for point in measured(run) if point["accuracy"] >= least]
    return float(min(times)) if times else None


def speed_up(conventional: Run, run: Run, *, below: float = 0.0) -> float | None:
    """Return the seconds to the conventional run's accuracy, less `below`: slow over fast."""
    target, clock = accuracy(conventional) - below, clock_of([conventional, run])
    slow, fast = reached_at(conventional, target, clock), reached_at(run, target, clock)
    assert slow is not None, "the conventional run reaches its own accuracy"
    return slow / fast if fast else None


def points_gained(conventional: Run, run: Run) -> float:
    """Return by how many percentage points `run` is more accurate."""
    return 100 * (accuracy(run) - accuracy(conventional))


def total_speed_up(conventional: Run, run: Run) -> float:
    """Return all seconds of the conventional run over all those of `run`."""
    clock = clock_of([conventional, run])
    return total(conventional, clock) / total(run, clock)


def clock_of(runs: Iterable[Run]) -> str:
    """Return the clock that the seconds of these runs are compared by.

    Raises:
        LradaptError: some of the runs were on a GPU, others were not.
    """
    clocks = {run["machine"]["clock"] for run in runs}
    if len(clocks) > 1:
        raise LradaptError(
            "the runs are of machines with and without a GPU, whose seconds cannot be compared; "
            "make the tables of each kind by itself"
        )
    return str(clocks.pop())


def table_1(runs: Sequence[Run]) -> Rows:
    """Return table 1 of the paper, conventional training: accuracy and seconds at each rate."""
    slow = _conventional(runs)
    rates, unit = slow[0]["settings"]["rates"], _unit(runs)
    best = "accuracy" if by_test(runs) else "validation accuracy"
    titles = [title for rate in rates for title in (f"{best} at {rate:g}", f"{unit} at {rate:g}")]
    rows = [["model", *titles, f"total {unit}", _best_title(runs), f"{unit} to it", "balanced"]]
    for (model, _), group in _by_model_and_arm(slow):
        cells = [model]
        for number, rate in enumerate(rates):
            cells.append(median_range((_leg_accuracy(run, number) for run in group), ".2%"))
            cells.append(_phase(group, f"rate {rate:g}", ".0f"))
        rows.append(cells + _totals(group))
    return rows


def table_2(runs: Sequence[Run]) -> Rows:
    """Return table 2, the scheme: seconds of each phase, and the speed-up."""
    unit = _unit(runs)
    titles = ["model", "arm", *(f"{name} {unit}" for name in (*PHASES, "total"))]
    rows = [[*titles, _best_title(runs), f"{unit} to it", "balanced", *_gains_by_title(runs)]]
    for (model, arm), pairs in _pairs(runs):
        group = [run for _, run in pairs]
        phases = [_phase(group, name, ".1f") for name in PHASES]
        gains = [
            median_range((gain(*pair) for pair in pairs), "+.1f" if title == GAINED else ".1f")
            for title, gain in _gains_by_title(runs).items()
        ]
        rows.append([model, arm, *phases, *_totals(group), *gains])
    return rows


def table_3(runs: Sequence[Run]) -> Rows:
    """Return table 3: conventional training and the scheme in one line."""
    unit = _unit(runs)
    rows = [["model", "conventional", unit, "arm", "accuracy", unit, "speed-up by total"]]
    for (model, arm), pairs in _pairs(runs):
        slow, fast = (
            [median_range(map(accuracy, group), ".2%"), _total(group)]
            for group in zip(*pairs, strict=True)
        )
        gain = median_range((total_speed_up(*pair) for pair in pairs), ".1f")
        rows.append([model, *slow, arm, *fast, gain])
    return rows


def head_table(runs: Sequence[Run]) -> Rows:
    """Return what the scheme has before it trains other layers, whether it keeps that or not."""
    clock, unit = clock_of(runs), _unit(runs)
    titles = ["model", "arm", "accuracy", "balanced", f"{unit} to it", GAINED, SPEED_UP]
    rows = [titles]
    for names, pairs in _pairs([*_conventional(runs), *map(_head_alone, _with_head(runs))]):
        heads = [head for _, head in pairs]
        rows.append(
            [
                *names,
                median_range(map(accuracy, heads), ".2%"),
                median_range((head["final"]["balanced_accuracy"] for head in heads), ".2%"),
                median_range((seconds_to_it(head, clock) for head in heads), ".0f"),
                median_range((points_gained(*pair) for pair in pairs), "+.1f"),
                median_range((speed_up(*pair) for pair in pairs), ".1f"),
            ]
        )
    return rows


def _with_head(runs: Iterable[Run]) -> list[Run]:
    """Return the runs whose head alone was measured, which is where the validation split chose."""
    return [run for run in runs if "head" in run]


def _head_alone(run: Run) -> Run:
    """Return the run as if it had ended with its head, and kept that."""
    return {**run, "final": run["head"], "kept_at": run["head"]["at"]}


def markdown(runs: Sequence[Run]) -> str:
    """Return the tables, after a description of data, machine and settings."""
    parts = [
        ("Table 1: conventional training", table_1(runs)),
        ("Table 2: the scheme", table_2(runs)),
        ("Table 3: side by side", table_3(runs)),
    ]
    if _with_head(runs):
        parts.append(("The head alone, before other layers are trained", head_table(runs)))
    tables = (f"### {title}\n\n{markdown_table(rows)}" for title, rows in parts)
    return "\n\n".join([fill(about(runs), width=120), *tables]) + "\n"


def about(runs: Sequence[Run]) -> str:
    """Return a paragraph on images, machines, settings, and what decided."""
    first = runs[0]
    seeds = sorted({run["seed"] for run in runs})
    conventional = _conventional(runs)[0]["settings"]
    return (
        f"{_images(first)}; seeds {', '.join(map(str, seeds))}; {_machines(runs)}; patience of the "
        f"conventional arm {conventional['patience_epochs']} epochs, least gain "
        f"{conventional['min_gain']:g}. Median (minimum to maximum). {_decided(runs)}; the clock "
        f"includes range tests, caching and validation.{_alone(runs)}"
    )


def figures(runs: Sequence[Run]) -> dict[str, bytes]:
    """Return file name -> PNG of the first seed of each model and arm, numbered as in the paper."""
    drawn: dict[str, bytes] = {}
    for (model, arm), (run, *_) in _by_model_and_arm(runs):
        name = f"{model.replace('/', '-')}-{arm}"
        title = f"{model}\n{arm}, {run['final']['images']:,} images"
        plot = confusion_plot(np.array(run["final"]["confusion"]), run["classes"], title)
        drawn[f"figure-5-confusion-{name}.png"] = plot.png()
        if "curves" in run:
            drawn |= {f"figure-{key}-{name}.png": png for key, png in _curves(run).items()}
    return drawn


def _curves(run: Run) -> dict[str, bytes]:
    tables = {key: pd.DataFrame(table) for key, table in run["curves"].items()}
    drawn = {"4-growing-cycles": schedule_plot(tables["model_steps"]).png()}
    if len(tables["head_steps"]):  # none of a head that was solved
        drawn["3-restarts"] = schedule_plot(tables["head_steps"]).png()
    if len(tables["lr_curve"]):
        sweep = tables["lr_curve"].query("sweep == 0").reset_index(names="step")
        drawn["1-range-test-rate"] = schedule_plot(sweep.rename(columns={"lr": "lr_head"})).png()
        rate, rule = run["rate"]["rate"], run["rules"]["lr_curve"]
        drawn["2-range-test-loss"] = range_test_plot(tables["lr_curve"], rate, rule).png()
    if len(tables["body_lr_curve"]):
        rate, rule = run["rates_by_depth"]["head"], run["rules"]["body_lr_curve"]
        drawn["2-range-test-unfrozen"] = range_test_plot(tables["body_lr_curve"], rate, rule).png()
    return drawn


def _images(run: Run) -> str:
    number = run["images"]
    parts = [f"{number['train']:,} training images", f"{len(run['classes'])} classes"]
    if not by_test([run]):
        parts.insert(1, f"{number['validation']:,} validation images")
    return f"{run['final']['images']:,} images that measure the accuracy, {', '.join(parts)}"


def _alone(runs: Sequence[Run]) -> str:
    """Return a sentence on the runs that the tables leave out, or an empty text."""
    slow = {(run["architecture"], run["seed"]) for run in _conventional(runs)}
    alone = [run for run in runs if (run["architecture"], run["seed"]) not in slow]
    names = [f"{run['arm']} on {run['architecture']}, seed {run['seed']}" for run in alone]
    return f" Not shown, without a conventional run: {'; '.join(names)}." if names else ""


def _machines(runs: Iterable[Run]) -> str:
    found = (run["machine"] for run in runs)
    texts = (
        f"{each['device']}, {each['cores']} cores, {each['threads']} thread(s), "
        f"{each['precision']}, torch {each['torch']}"
        for each in found
    )
    return "; or ".join(dict.fromkeys(texts))


def _decided(runs: Iterable[Run]) -> str:
    if by_test(runs):
        return "The test split decides when to stop and which weights count"
    return (
        "The validation split decides when to stop and which weights to keep, where an arm has a "
        "choice; the test split measures these"
    )


def _best_title(runs: Iterable[Run]) -> str:
    return "best" if by_test(runs) else "accuracy"


def _conventional(runs: Iterable[Run]) -> list[Run]:
    """Return the runs of conventional training.

    Raises:
        LradaptError: there is none.
    """
    found = _of_kind(runs, conventional=True)
    if not found:
        raise LradaptError(
            "none of the runs is of conventional training, which all others are compared with; "
            "measure it first: `arms` in benchmarks/params.yaml"
        )
    return found


def _of_kind(runs: Iterable[Run], *, conventional: bool) -> list[Run]:
    return [run for run in runs if ("legs" in run) == conventional]


def _by_model_and_arm(runs: Iterable[Run]) -> list[tuple[tuple[str, str], list[Run]]]:
    def key(run: Run) -> tuple[str, str]:
        return run["architecture"], run["arm"]

    ordered = sorted(runs, key=lambda run: (key(run), run["seed"]))
    return [(names, list(group)) for names, group in groupby(ordered, key)]


def _pairs(runs: Sequence[Run]) -> list[tuple[tuple[str, str], list[Pair]]]:
    """Return (model, arm) -> (the conventional run, the arm's) of each seed that has both."""
    slow = {(run["architecture"], run["seed"]): run for run in _conventional(runs)}
    pairs = [
        (names, [(slow[key], run) for run in group if (key := (names[0], run["seed"])) in slow])
        for names, group in _by_model_and_arm(_of_kind(runs, conventional=False))
    ]
    return [(names, both) for names, both in pairs if both]


def _unit(runs: Iterable[Run]) -> str:
    return "CPU s" if clock_of(runs) == "cpu_seconds" else "s"


def _leg_accuracy(run: Run, number: int) -> float | None:
    """Return the accuracy of a leg; None where the target ended the training before it."""
    legs = run["legs"]
    return float(legs[number]["accuracy"]) if number < len(legs) else None


def _phase(runs: Sequence[Run], name: str, form: str) -> str:
    clock = clock_of(runs)
    spent = [run["phases"].get(name) for run in runs]
    return median_range((each and each[clock] for each in spent), form) if any(spent) else "none"


def _total(runs: Sequence[Run]) -> str:
    clock = clock_of(runs)
    return median_range((total(run, clock) for run in runs), ".0f")


def _gains_by_title(runs: Iterable[Run]) -> dict[str, Callable[[Run, Run], float | None]]:
    """Return what is measured of each pair of runs.

    Where the validation split chose, one pair of weights is measured of each run: so there is no
    time at which it was a point below.
    """
    near = {"speed-up to 1 point below": partial(speed_up, below=0.01)} if by_test(runs) else {}
    return {
        GAINED: points_gained,
        SPEED_UP: speed_up,
        **near,
        "by total": total_speed_up,
    }


def _totals(group: Sequence[Run]) -> list[str]:
    clock = clock_of(group)
    to_it = (seconds_to_it(run, clock) for run in group)
    return [
        _total(group),
        median_range(map(accuracy, group), ".2%"),
        median_range(to_it, ".0f"),
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
