"""How well flipped labels are found: ours beside cleanlab's, on features of real images.

    python -m benchmarks.doubtful_labels FEATURES.npz ... [--seeds 3]

Each file has `F` (features `[N, D]`), `y` (classes), `g` (groups) and `s` ("train", "validation" or
"test"). Labels outside the test split are flipped, uniformly or to the class with which theirs is
confused most. Printed: the precision of the first n labels of each list, where n labels were
flipped, and the balanced accuracy on the test split of the exact head on unflipped labels, on
flipped ones, and after the first n labels of our list were corrected. Letters: N images, D
features, K classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
import typer
from rich.console import Console
from rich.table import Table

from lradapt.doubtful.confident_learning import class_thresholds, find_doubts
from lradapt.doubtful.held_out import PENALTY, judge
from lradapt.training.exact_head import solve_head

SHARES = (0.02, 0.05, 0.1)
KINDS = ("uniform", "confused")
Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Features:
    """Images outside the test split, and those in it.

    Attributes:
        features, labels, groups: `[N, D]`, `[N]`, `[N]`; the groups are in a random order.
        test, test_labels: `[M, D]` and `[M]`.
    """

    features: Floats
    labels: Numbers
    groups: Numbers
    test: Floats
    test_labels: Numbers

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.labels.max()) + 1

    def held_out(self, labels: Numbers) -> Floats:
        """Return the probabilities of each image by heads without its group, for some labels."""
        found = judge(
            self.features[:, None],
            range(len(labels)),
            torch.from_numpy(labels),
            self.groups.tolist(),
            num_classes=self.num_classes,
        )
        probabilities: Floats = found.probabilities.numpy()
        return probabilities

    def balanced_accuracy(self, labels: Numbers) -> float:
        """Return the mean recall on the test images of the exact head for some labels."""
        features = torch.from_numpy(self.features)
        head = solve_head(features, torch.from_numpy(labels), penalties=[PENALTY])
        logits = torch.from_numpy(self.test) @ head.weight.T + head.bias
        hits = logits.argmax(1).numpy() == self.test_labels
        return float(np.mean([hits[self.test_labels == k].mean() for k in range(self.num_classes)]))


def read_features(path: Path, num_features: int) -> Features:
    """Read a file; only its last features are taken."""
    table = np.load(path)
    features, known = table["F"][:, -num_features:].astype(np.float32), table["s"] != "test"
    _, groups = np.unique(table["g"][known], return_inverse=True)
    order = np.random.default_rng(0).permutation(groups.max() + 1)
    return Features(
        features[known], table["y"][known], order[groups], features[~known], table["y"][~known]
    )


def confused_with(data: Features) -> Numbers:
    """Return for each class the class that the heads confuse it with most often, `[K]`."""
    counts = np.zeros((data.num_classes, data.num_classes))
    np.add.at(counts, (data.labels, data.held_out(data.labels).argmax(1)), 1)
    np.fill_diagonal(counts, -1)
    partner: Numbers = counts.argmax(1)
    return partner


def flip(labels: Numbers, share: float, partner: Numbers | None, seed: int) -> Numbers:
    """Return the labels with a share of them flipped: to the partner, or to any other class."""
    random, flipped = np.random.default_rng(seed), labels.copy()
    rows = random.choice(len(labels), round(share * len(labels)), replace=False)
    num_classes = int(labels.max()) + 1
    steps = random.integers(1, num_classes, len(rows))
    others = (labels[rows] + steps) % num_classes
    flipped[rows] = others if partner is None else partner[labels[rows]]
    return flipped


def rankings(probabilities: Floats, labels: Numbers) -> Iterator[tuple[str, Numbers]]:
    """Yield lists of rows, the most doubtful first: ours and cleanlab's."""
    from cleanlab.rank import get_label_quality_scores

    found = find_doubts(probabilities, labels, class_thresholds(probabilities, labels))
    yield "ours", found.rows
    for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
        scores = get_label_quality_scores(labels, probabilities, method=method)
        yield method, np.argsort(scores, kind="stable")


def measure(data: Features, *, seeds: int) -> Iterator[tuple[str, float, list[dict[str, float]]]]:
    """Yield kind and share of the flips, and the figures of each seed."""
    partner, clean = confused_with(data), data.balanced_accuracy(data.labels)
    for kind in KINDS:
        for share in SHARES:
            to = partner if kind == "confused" else None
            labels = [flip(data.labels, share, to, 10 + seed) for seed in range(seeds)]
            yield kind, share, [_figures(data, some) | {"clean": clean} for some in labels]


def _figures(data: Features, labels: Numbers) -> dict[str, float]:
    wrong = labels != data.labels
    count, figures, corrected = int(wrong.sum()), dict[str, float](), labels.copy()
    for name, rows in rankings(data.held_out(labels), labels):
        figures[name] = float(wrong[rows[:count]].sum() / count)
        if name == "ours":
            corrected[rows[:count]] = data.labels[rows[:count]]
    figures["flipped"] = data.balanced_accuracy(labels)
    figures["corrected"] = data.balanced_accuracy(corrected)
    return figures


def main(
    files: Annotated[list[Path], typer.Argument(exists=True, show_default=False)],
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    num_features: Annotated[int, typer.Option(min=1, help="The last ones of each file.")] = 1280,
) -> None:
    """Print a table for each file, in percent: means over the seeds."""
    torch.set_num_threads(1)
    for path in files:
        table, named = Table(title=path.stem), False
        for kind, share, runs in measure(read_features(path, num_features), seeds=seeds):
            if not named:
                for name in ("flips", "share", *runs[0]):
                    table.add_column(name, justify="right")
                named = True
            means = [np.mean([run[name] for run in runs]) for name in runs[0]]
            table.add_row(kind, f"{share:.0%}", *(f"{100 * mean:.1f}" for mean in means))
        Console(width=140).print(table)


if __name__ == "__main__":
    typer.run(main)
