"""How well flipped labels are found, beside cleanlab; and what it brings to act on the list.

    python -m benchmarks.doubtful_labels FEATURES.npz ... [--seeds 3] [--into FIGURES.csv]

Each file has `F` (features `[N, D]`), `y` (classes), `g` (groups) and `s` ("train", "validation" or
"test"). Labels outside the test split are flipped, uniformly or to the class with which theirs is
confused most. Printed: the precision of the first n labels of each list, where n labels were
flipped; and how the exact head of a user does on the test split with the labels kept, after the
first n of our list were corrected, and without the images that `doubtful_labels: exclude` leaves
out; before all flips, too. Letters: N images, D features, K classes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import torch
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.doubtful_heads import Outcome, listed, outcome, treatments
from benchmarks.flipped_labels import Features, Numbers, confused_with, flip, read_features
from benchmarks.program import run
from lradapt.doubtful.list_labels import DoubtfulLabels, list_doubtful_labels
from lradapt.runtime.files import whole_file

SHARES = (0.02, 0.05, 0.1, 0.2)
KINDS = ("uniform", "confused")
_PERCENT = {"accuracy": 100, "balanced_accuracy": 100, "loss": 1, "calibrated_loss": 1}


@dataclass(frozen=True, slots=True)
class Run:
    """The figures of one choice of flips.

    Attributes:
        kind, share, seed: of the flips; "none", 0 and 0 without flips.
        precisions: of the first labels of each list, in [0, 1]; empty without flips.
        outcomes: by treatment.
    """

    kind: str
    share: float
    seed: int
    precisions: Mapping[str, float]
    outcomes: Mapping[str, Outcome]


def measure(data: Features, *, seeds: int) -> Iterator[Run]:
    """Yield a run without flips, then those of each kind, share and seed."""
    yield _run(data, data.labels, "none", 0, 0)
    partner = confused_with(data)
    for kind in KINDS:
        for share in SHARES:
            for seed in range(seeds):
                to = partner if kind == "confused" else None
                yield _run(data, flip(data, share, to, 10 + seed), kind, share, seed)


def _run(data: Features, labels: Numbers, kind: str, share: float, seed: int) -> Run:
    found = list_doubtful_labels(data.features[:, None], data.relabelled(labels))
    return Run(
        kind,
        share,
        seed,
        precisions(data, labels, found) if share else {},
        {name: outcome(data, *rest) for name, *rest in treatments(data, labels, found)},
    )


def precisions(data: Features, labels: Numbers, found: DoubtfulLabels) -> dict[str, float]:
    """Return the share of wrong labels among the first n of each list, where n are wrong."""
    wrong = labels != data.labels
    count = int(wrong.sum())
    return {
        name: float(wrong[rows[:count]].sum() / count) for name, rows in _lists(data, labels, found)
    }


def _lists(data: Features, labels: Numbers, found: DoubtfulLabels) -> Iterator[tuple[str, Numbers]]:
    """Yield lists of images, the most doubtful first: ours and cleanlab's."""
    from cleanlab.rank import get_label_quality_scores

    yield "ours", listed(found)
    known, probabilities = data.known, data.held_out(labels)
    for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
        scores = get_label_quality_scores(labels[known], probabilities, method=method)
        yield method, known[np.argsort(scores, kind="stable")]


def as_table(runs: list[Run]) -> pd.DataFrame:
    """Return a line for each run and treatment: the outcome, and how much better than "kept"."""
    lines = [
        {"kind": run.kind, "share": run.share, "seed": run.seed, "labels": name, **asdict(one)}
        | {
            f"gain_{key}": getattr(one, key) - getattr(run.outcomes["kept"], key)
            for key in _PERCENT
        }
        for run in runs
        for name, one in run.outcomes.items()
    ]
    return pd.DataFrame(lines)


def list_table(title: str, runs: list[Run]) -> Table:
    """Return the precision of the lists, in percent: means over the seeds."""
    lines = [{"flips": r.kind, "share": r.share, **r.precisions} for r in runs if r.precisions]
    means = pd.DataFrame(lines).groupby(["flips", "share"], sort=False).mean().reset_index()
    table = Table(*means.columns, title=f"{title}: precision of the lists, %")
    for kind, share, *precision in means.itertuples(index=False):
        table.add_row(kind, f"{share:.0%}", *(f"{100 * mean:.1f}" for mean in precision))
    return table


def head_table(title: str, figures: pd.DataFrame) -> Table:
    """Return the outcomes: means over the seeds, and the gain (deviation over the seeds)."""
    columns = ("flips", "share", "labels", "images", "wrong", "penalty", *_PERCENT)
    table = Table(*columns, title=f'{title}: the head; in brackets its gain on "kept" ± deviation')
    for _, some in figures.groupby(["kind", "share", "labels"], sort=False):
        flips = (some.kind.iloc[0], f"{some.share.iloc[0]:.0%}", some.labels.iloc[0])
        counts = (f"{some[name].mean():.0f}" for name in ("images", "wrong"))
        cells = (_cell(some[key], some[f"gain_{key}"], unit) for key, unit in _PERCENT.items())
        table.add_row(*flips, *counts, f"{some.penalty.median():g}", *cells)
    return table


def _cell(values: "pd.Series[float]", gains: "pd.Series[float]", unit: int) -> str:
    digits = 1 if unit == 100 else 3
    mean, gain, deviation = unit * values.mean(), unit * gains.mean(), unit * gains.std()
    spread = f" ± {deviation:.{digits}f}" if len(gains) > 1 else ""
    return f"{mean:.{digits}f}" + (f" ({gain:+.{digits}f}{spread})" if gains.any() else "")


def main(
    files: Annotated[list[Path], typer.Argument(exists=True, show_default=False)],
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    num_features: Annotated[
        int | None, typer.Option(min=1, help="Only the last ones of each file.")
    ] = None,
    num_images: Annotated[
        int | None, typer.Option(min=1, help="Only so many outside the test split of each file.")
    ] = None,
    into: Annotated[Path | None, typer.Option(help="Write the figures of each seed.")] = None,
) -> None:
    """Print two tables for each file: the lists of doubtful labels, and the heads."""
    torch.set_num_threads(1)
    tables = list[pd.DataFrame]()
    for path in files:
        data = read_features(path, num_features, num_images)
        runs = list(measure(data, seeds=seeds))
        figures = as_table(runs)
        for table in (list_table(path.stem, runs), head_table(path.stem, figures)):
            Console(width=160).print(table)
        tables.append(figures.assign(file=path.stem))
    if into is not None:
        with whole_file(into) as partial:
            pd.concat(tables).to_csv(partial, index=False)


if __name__ == "__main__":
    run(main)
