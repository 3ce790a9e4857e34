"""How steady and how good the rate is that a range test suggests: our rules beside the peers'.

    python -m benchmarks.range_tests prepare ARRAYS --cifar10 FOLDER --ham10000 FOLDER
    python -m benchmarks.range_tests measure ARRAYS RESULTS --weights resnet18=FILE
    python -m benchmarks.range_tests table RESULTS

A cell is a data set, an architecture, and a part: the head on cached activations, or the whole
network. In each, every rule suggests a rate from 8 seeds, and the network is trained at 8 rates of
a grid and at the median suggestion of each rule. The peers' own code reads the rates off curves
that one loop has measured by their settings; a peer that cannot be imported is left out.
"""

import contextlib
import copy
import csv
import hashlib
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from dataclasses import fields as fields_of
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console

from lradapt.architectures import ARCHITECTURES
from lradapt.errors import TrainingError
from lradapt.files import whole_file, write_json

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

    from lradapt.architectures import LayerGroup
    from lradapt.batches import Examples
    from lradapt.engine import Engine
    from lradapt.range_test import Sweep

app = typer.Typer(help=__doc__)
console = Console(highlight=False)

GRID = tuple(float(f"{rate:.1e}") for rate in np.geomspace(1e-3, 10**0.5, 8))
"""The rates of the last group that suggestions are held against: 1e-3 to 3.2, 3.2 times apart."""
RATIO = (0.1, 1 / 3, 1.0)
"""Of the rates by depth, as in params.yaml."""
BATCH_SIZE, MOMENTUM, L2 = 64, 0.9, 1e-4
PEER_STEPS = 100
"""Of fastai (1e-7 to 10) and Lightning (1e-8 to 1) alike: eight decades in a hundred steps."""
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Cell:
    """One question: at what rate is this to be trained?

    Attributes:
        name: data set, architecture, part.
        start: a model to train; its random weights depend on the seed.
        groups: layers by depth, with the ratio of their rates.
        training: what the sweeps train on.
        train: accuracy on the test images after training at a rate, with a seed.
        test: settings of our sweeps: start_lr, end_lr, num_steps, num_sweeps.
    """

    name: str
    start: "Callable[[int], nn.Module]"
    groups: "Sequence[tuple[LayerGroup, float]]"
    training: "Examples"
    train: Callable[[float, int], float]
    engine: "Engine"
    test: "Settings"


@dataclass(frozen=True, slots=True)
class Settings:
    """Of a range test; see `lradapt.params.RangeTestParams`."""

    start_lr: float
    end_lr: float
    num_steps: int
    num_sweeps: int


HEAD_TEST = Settings(1e-4, 10.0, 100, 5)
BODY_TEST = Settings(1e-3, 10.0, 50, 2)


class Results:
    """Figures by name in a JSON file, so that a run that was cut off goes on where it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.figures: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def get(self, name: str, compute: Callable[[], Any]) -> Any:
        """The figure of that name, computed if it is not there yet."""
        if name not in self.figures:
            self.figures[name] = compute()
            write_json(self.path, self.figures)
        return self.figures[name]


# Data: uint8 pixels and labels of a training and a test side


@app.command()
def prepare(
    arrays: Annotated[Path, typer.Argument(help="Folder for the arrays.")],
    cifar10: Annotated[Path | None, typer.Option(help="train/CLASS/*, test/CLASS/*.")] = None,
    ham10000: Annotated[Path | None, typer.Option(help="metadata.csv and images/.")] = None,
) -> None:
    """Decode the images once: digits, and what is given of CIFAR-10 and HAM10000."""
    arrays.mkdir(parents=True, exist_ok=True)
    _save(arrays / "digits.npz", digits())
    if cifar10:
        _save(arrays / "cifar10.npz", folders(cifar10, size=32, num_train=300, num_test=200))
    if ham10000:
        _save(arrays / "ham10000.npz", lesions(ham10000, size=48, num_train=3000))


def digits(num_train: int = 1000, size: int = 24) -> Arrays:
    """Scikit-learn's handwritten digits in a random order, enlarged."""
    from PIL import Image
    from sklearn.datasets import load_digits

    grids, labels = load_digits(return_X_y=True)
    pictures = [
        Image.fromarray((grid.reshape(8, 8) / 16 * 255).round().astype(np.uint8))
        .convert("RGB")
        .resize((size, size), Image.Resampling.BILINEAR)
        for grid in grids
    ]
    order = np.random.default_rng(0).permutation(len(labels))
    pixels = np.stack([np.asarray(image) for image in pictures])[order]
    return _sides(pixels, labels[order], num_train)


def folders(root: Path, *, size: int, num_train: int, num_test: int) -> Arrays:
    """The first images of each class of `train` and `test`."""
    names = sorted(path.name for path in (root / "train").iterdir())
    found = {
        side: [
            (path, label)
            for label, name in enumerate(names)
            for path in sorted((root / side / name).iterdir())[:count]
        ]
        for side, count in (("train", num_train), ("test", num_test))
    }
    both = found["train"] + found["test"]
    labels = np.array([label for _, label in both])
    return _sides(_pixels([path for path, _ in both], size), labels, len(found["train"]))


def lesions(root: Path, *, size: int, num_train: int) -> Arrays:
    """HAM10000: a sixth of the lesions for the test, some images of the others for training."""
    with (root / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["dx"] for row in rows})
    rows.sort(key=lambda row: (_hash(row["lesion_id"]), row["image_id"]))
    train = [row for row in rows if int(_hash(row["lesion_id"]), 16) % 6][:num_train]
    test = [row for row in rows if int(_hash(row["lesion_id"]), 16) % 6 == 0]
    paths = [root / "images" / f"{row['image_id']}.jpg" for row in train + test]
    labels = np.array([names.index(row["dx"]) for row in train + test])
    return _sides(_pixels(paths, size), labels, len(train))


def _save(path: Path, arrays: Arrays) -> None:
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _pixels(paths: Sequence[Path], size: int) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageOps

    def read(path: Path) -> npt.NDArray[np.uint8]:
        with Image.open(path) as image:
            fitted = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
            return np.asarray(fitted)

    return np.stack([read(path) for path in paths])


def _sides(pixels: npt.NDArray[Any], labels: npt.NDArray[Any], num_train: int) -> Arrays:
    return {
        "train": pixels[:num_train],
        "train_labels": labels[:num_train],
        "test": pixels[num_train:],
        "test_labels": labels[num_train:],
    }


# What is to be trained


def body_weights_of(architecture: str, weights: Path | None) -> "dict[str, Any]":
    """The body in a file of weights, or a random one, always the same."""
    from safetensors.torch import load_file

    from lradapt.engine import seeded
    from lradapt.models import body_weights, build

    if weights:
        return body_weights(ARCHITECTURES[architecture], load_file(weights))
    with seeded(0):
        return body_weights(
            ARCHITECTURES[architecture],
            build(ARCHITECTURES[architecture], num_classes=1).state_dict(),
        )


def head_cell(
    name: str, features: Arrays, engine: "Engine", settings: Settings = HEAD_TEST
) -> tuple[Cell, "Callable[[float, int], nn.Module]"]:
    """The cell of a new head on cached activations, and what trains that head."""
    from lradapt.head import HEAD, new_head, train_head
    from lradapt.train import score

    training, tune, test = (_activations(features, side) for side in ("fit", "tune", "test"))
    num_classes = int(features["train_labels"].max()) + 1

    def start(seed: int) -> "nn.Module":
        return new_head(training.activations.shape[-1], num_classes, seed=seed)

    def trained(rate: float, seed: int) -> "nn.Module":
        head = start(seed)
        train_head(
            head,
            training,
            tune,
            engine,
            max_lr=rate,
            batch_size=BATCH_SIZE,
            momentum=MOMENTUM,
            l2=L2,
            max_epochs=10,
            patience_epochs=3,
            min_gain=0.002,
            seed=seed,
        )
        return head

    def train(rate: float, seed: int) -> float:
        return score(trained(rate, seed), test, engine).accuracy

    groups = [(HEAD[0], 1.0)]
    return Cell(name, start, groups, training, train, engine, settings), trained


def body_cell(
    name: str,
    architecture: str,
    pixels: Arrays,
    model: "nn.Module",
    engine: "Engine",
    *,
    flips: tuple[bool, bool],
    settings: Settings = BODY_TEST,
) -> Cell:
    """The cell of a whole network under a trained head: cycles of 1 and 2 epochs."""
    from lradapt.batches import PixelExamples, RandomViews
    from lradapt.data.augment import Augmentation
    from lradapt.finetune import finetune
    from lradapt.train import score

    layers = ARCHITECTURES[architecture].groups
    views = RandomViews(Augmentation(0.1, 1.1, *flips), 0)
    training, test = _images(pixels, "train", views), _images(pixels, "test", None)
    nothing = PixelExamples(test.pixels[:0], test.labels[:0], test.normalise)

    def start(seed: int) -> "nn.Module":
        return copy.deepcopy(model).train()

    def train(rate: float, seed: int) -> float:
        network = start(seed)
        cycles = finetune(
            network,
            training,
            nothing,
            engine,
            groups=layers,
            max_lrs=[share * rate for share in RATIO],
            batch_size=BATCH_SIZE,
            momentum=MOMENTUM,
            l2=L2,
            num_cycles=2,
            first_cycle_epochs=1,
            cycle_growth=2,
            seed=seed,
        )
        for _ in cycles:
            pass
        return score(network, test, engine).accuracy

    groups = list(zip(layers, RATIO, strict=True))
    return Cell(name, start, groups, training, train, engine, settings)


def _activations(features: Arrays, side: str) -> Any:
    import torch

    from lradapt.batches import ActivationExamples

    labels = torch.from_numpy(features[f"{side}_labels"]).long()
    return ActivationExamples(torch.from_numpy(features[side])[:, None], labels)


def _images(pixels: Arrays, side: str, views: Any) -> Any:
    import torch

    from lradapt.batches import Normalisation, PixelExamples

    normalise = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    images = torch.from_numpy(pixels[side]).permute(0, 3, 1, 2)
    labels = torch.from_numpy(pixels[f"{side}_labels"]).long()
    return PixelExamples(images, labels, normalise, views)


def activations(architecture: str, body: "dict[str, Any]", pixels: Arrays) -> Arrays:
    """The body's output for both sides, a tenth of the training side set apart as `tune`."""
    import torch

    from lradapt.engine import start_engine
    from lradapt.models import build_body
    from lradapt.train import predict_logits

    engine = start_engine(device="cpu", precision="bf16", threads=torch.get_num_threads())
    network = build_body(ARCHITECTURES[architecture], body).to(memory_format=torch.channels_last)
    features: Arrays = {"train_labels": pixels["train_labels"]}
    output = predict_logits(network, _images(pixels, "train", None), engine).numpy()
    order = np.random.default_rng(0).permutation(len(output))
    apart = len(output) // 10
    for side, rows in (("tune", order[:apart]), ("fit", order[apart:])):
        features[side], features[f"{side}_labels"] = output[rows], pixels["train_labels"][rows]
    features["test"] = predict_logits(network, _images(pixels, "test", None), engine).numpy()
    features["test_labels"] = pixels["test_labels"]
    return features


# Suggestions


def our_sweeps(cell: Cell, seed: int, results: Results) -> "list[Sweep]":
    """The sweeps of one suggestion; their seeds are used by no other suggestion."""
    from lradapt.batches import training_batches
    from lradapt.range_test import make_sweep, measure

    test = cell.test

    def sweep(number: int) -> tuple[Sequence[float], ...]:
        found = measure(
            cell.start(number),
            training_batches(cell.training, batch_size=BATCH_SIZE, seed=number),
            lambda model: _optimizer(cell, model, test.end_lr),
            cell.engine,
            start_lr=test.start_lr,
            end_lr=test.end_lr,
            num_steps=test.num_steps,
        )
        return found.rates, found.losses, found.untouched

    numbers = range(seed * test.num_sweeps, (seed + 1) * test.num_sweeps)
    name = f"{cell.name} sweep {test.start_lr:g}-{test.end_lr:g}/{test.num_steps}"
    return [make_sweep(*results.get(f"{name} {n}", partial(sweep, n))) for n in numbers]


def our_suggestions(cell: Cell, seed: int, results: Results) -> dict[str, float | None]:
    """What each of our rules suggests; None where it refuses."""
    from lradapt.range_test import RULES, suggest

    sweeps = our_sweeps(cell, seed, results)

    def rate(rule: str) -> float | None:
        try:
            return suggest(sweeps, rule).rate
        except TrainingError:
            return None

    return {f"lradapt {rule}": rate(rule) for rule in RULES}


def peer_curve(cell: Cell, seed: int, results: Results) -> tuple[Any, Any]:
    """Rates and raw losses of a sweep from 1e-7 to 10, as fastai asks for one."""
    from lradapt.batches import training_batches
    from lradapt.schedules import geometric
    from lradapt.train import train_steps

    def sweep() -> tuple[list[float], list[float]]:
        model = cell.start(seed)
        batches = training_batches(cell.training, batch_size=BATCH_SIZE, seed=seed)
        schedule = geometric(start=1e-7, end=10.0, num_steps=PEER_STEPS)
        optimizer = _optimizer(cell, model, 10.0)
        steps = train_steps(model, islice(batches, PEER_STEPS), optimizer, schedule, cell.engine)
        done = list(_until_lost(steps))
        return [step.rates[-1] for step in done], [step.loss for step in done]

    rates, losses = results.get(f"{cell.name} peers' sweep {seed}", sweep)
    return np.array(rates), np.array(losses)


def _until_lost(steps: Iterator[Any]) -> Iterator[Any]:
    """Until the loss is past whatever any of the peers goes on for."""
    lowest = math.inf
    for step in steps:
        if not math.isfinite(step.loss) or step.loss > 1000 * lowest:
            return
        lowest = min(lowest, step.loss)
        yield step


def _optimizer(cell: Cell, model: "nn.Module", end_lr: float) -> "Optimizer":
    from lradapt.param_groups import build_param_groups
    from lradapt.train import sgd

    layers = [layer for layer, _ in cell.groups]
    peaks = [share * end_lr for _, share in cell.groups]
    return sgd(build_param_groups(model, layers, peaks), momentum=MOMENTUM, l2=L2)


def exponential(losses: npt.NDArray[Any], weight: float) -> npt.NDArray[Any]:
    """Exponential mean corrected for its start, as fastai and Lightning smooth (weight 0.98)."""
    value, smoothed = 0.0, []
    for number, loss in enumerate(losses, start=1):
        value = weight * value + (1 - weight) * loss
        smoothed.append(value / (1 - weight**number))
    return np.array(smoothed)


def until_diverged(smoothed: npt.NDArray[Any], factor: float) -> int:
    """How many points a sweep has that ends once its loss is `factor` times its lowest."""
    lost = np.flatnonzero(smoothed > factor * np.minimum.accumulate(smoothed))
    return int(lost[0]) + 1 if len(lost) else len(smoothed)


def fastai_suggestions(rates: npt.NDArray[Any], losses: npt.NDArray[Any]) -> dict[str, float]:
    """Fastai's four rules on the part of the curve that its `lr_find` shows them."""
    import torch

    rules = import_module("fastai.callback.schedule")
    smoothed = exponential(losses, 0.98)
    part = slice(PEER_STEPS // 10, until_diverged(smoothed, 4.0) - 5)
    shown = torch.tensor(rates[part]), torch.tensor(smoothed[part])
    names = ("valley", "steep", "minimum", "slide")
    return {f"fastai {name}": float(getattr(rules, name)(*shown, PEER_STEPS)[0]) for name in names}


def lightning_suggestions(rates: npt.NDArray[Any], losses: npt.NDArray[Any]) -> dict[str, float]:
    """Lightning's rule, up to the last rate of its own sweep, 1."""
    rates, losses = rates[rates <= 1.0], losses[rates <= 1.0]
    finder_class = import_module("lightning.pytorch.tuner.lr_finder")._LRFinder
    finder = finder_class("exponential", rates[0], 1.0, PEER_STEPS)
    smoothed = exponential(losses, 0.98)
    count = until_diverged(smoothed, 4.0)
    finder.results = {"lr": rates[:count].tolist(), "loss": smoothed[:count].tolist()}
    return {"Lightning": float(finder.suggestion())}


def lr_finder_suggestions(rates: npt.NDArray[Any], losses: npt.NDArray[Any]) -> dict[str, float]:
    """torch-lr-finder's rule, which is a part of its plot."""
    from matplotlib.figure import Figure

    finder_class = import_module("torch_lr_finder").LRFinder
    smoothed = [losses[0]]
    for loss in losses[1:]:
        smoothed.append(0.05 * loss + 0.95 * smoothed[-1])
    count = until_diverged(np.array(smoothed), 5.0)
    finder = object.__new__(finder_class)
    finder.history = {"lr": rates[:count].tolist(), "loss": smoothed[:count]}
    with contextlib.redirect_stdout(io.StringIO()):
        _, rate = finder.plot(ax=Figure().add_subplot(), suggest_lr=True)
    return {"torch-lr-finder": float(rate)}


PEERS = {
    "fastai": fastai_suggestions,
    "lightning": lightning_suggestions,
    "torch_lr_finder": lr_finder_suggestions,
}
"""Package, and what asks its code."""


def peer_suggestions(cell: Cell, seed: int, results: Results) -> dict[str, float | None]:
    """What each rule of the peers that are installed suggests."""
    rates, losses = peer_curve(cell, seed, results)
    return {
        rule: rate
        for package, ask in PEERS.items()
        if find_spec(package)
        for rule, rate in ask(rates, losses).items()
    }


# A cell's figures


@dataclass(frozen=True, slots=True)
class Line:
    """What a rule did in a cell.

    Attributes:
        cell, rule: their names.
        rate: the median suggestion over the seeds, None where the rule refused most of them.
        spread: highest over lowest suggestion.
        refused: suggestions that were refused.
        accuracy: mean over the training seeds at that rate.
        shortfall: of the mean accuracy at the grid's best rate, in points; below zero is better.
        best_rate: of the grid.
        noise: standard deviation of `accuracy` of one training seed, over the grid, in points.
    """

    cell: str
    rule: str
    rate: float | None
    spread: float | None
    refused: int
    accuracy: float | None
    shortfall: float | None
    best_rate: float
    noise: float


def examine(
    cell: Cell, results: Results, *, num_seeds: int, peer_seeds: int, train_seeds: int
) -> list[Line]:
    """A line for each rule."""

    def accuracies(rate: float) -> list[float]:
        return [
            results.get(f"{cell.name} trained {rate:.2g} {seed}", partial(_train, cell, rate, seed))
            for seed in range(train_seeds)
        ]

    grid = {rate: accuracies(rate) for rate in GRID}
    best_rate = max(grid, key=lambda rate: mean(grid[rate]))
    noise = mean(float(np.std(values)) for values in grid.values()) * 100
    ours = [our_suggestions(cell, seed, results) for seed in range(num_seeds)]
    theirs = [peer_suggestions(cell, seed, results) for seed in range(peer_seeds)]
    return [
        _line(cell.name, rule, [found[rule] for found in by_seed], accuracies, best_rate, noise)
        for by_seed in (ours, theirs)
        for rule in (by_seed[0] if by_seed else ())
    ]


def _train(cell: Cell, rate: float, seed: int) -> float:
    """Accuracy at `rate` to two digits; zero where the loss is lost."""
    try:
        return cell.train(float(f"{rate:.2g}"), seed)
    except TrainingError:
        return 0.0


def _line(
    cell: str,
    rule: str,
    found: Sequence[float | None],
    accuracies: Callable[[float], list[float]],
    best_rate: float,
    noise: float,
) -> Line:
    rates = [rate for rate in found if rate is not None]
    refused = len(found) - len(rates)
    if refused > len(rates):
        return Line(cell, rule, None, None, refused, None, None, best_rate, noise)
    rate, best = median(rates), mean(accuracies(best_rate))
    accuracy = mean(accuracies(rate))
    spread, short = max(rates) / min(rates), (best - accuracy) * 100
    return Line(cell, rule, rate, spread, refused, accuracy, short, best_rate, noise)


@app.command()
def measure(
    arrays: Annotated[Path, typer.Argument(help="What `prepare` has written.")],
    results: Annotated[Path, typer.Argument(help="Folder for the figures; a second run goes on.")],
    data: Annotated[str, typer.Option(help="A data set: digits, cifar10, ham10000.")],
    architecture: Annotated[str, typer.Option(help="resnet18, ...")] = "resnet18",
    weights: Annotated[Path | None, typer.Option(help="Of the body; random without.")] = None,
    part: Annotated[str, typer.Option(help="head, or all layers.")] = "head",
    num_train: Annotated[int, typer.Option(help="At most so many training images.")] = 3000,
    num_seeds: Annotated[int, typer.Option(help="Suggestions of each of our rules.")] = 8,
    peer_seeds: Annotated[int, typer.Option(help="Suggestions of each rule of a peer.")] = 8,
    train_seeds: Annotated[int, typer.Option(help="Trainings at each rate.")] = 3,
    num_sweeps: Annotated[int, typer.Option(help="Of one suggestion of ours.")] = 9,
    num_steps: Annotated[int, typer.Option(help="Of one sweep of ours.")] = 200,
    threads: Annotated[int, typer.Option(help="Of torch.")] = 1,
) -> None:
    """One cell: what each rule suggests, and what training at that rate reaches."""
    from lradapt.engine import start_engine

    results.mkdir(parents=True, exist_ok=True)
    pixels = _some(dict(np.load(arrays / f"{data}.npz")), num_train)
    body = body_weights_of(architecture, weights)
    origin = weights.stem.partition("-")[2] if weights else "random"
    name = f"{data} {architecture} ({origin}) {part}"
    engine = start_engine(device="cpu", precision="fp32", threads=threads)
    features = activations(architecture, body, pixels)
    settings = Settings(1e-4 if part == "head" else 1e-3, 10.0, num_steps, num_sweeps)
    cell, trained = head_cell(name, features, engine, settings)
    if part == "all":
        head = trained(0.03, 0).state_dict()
        cell = _whole_network(name, data, architecture, pixels, body, head, settings)
    for absent in (package for package in PEERS if not find_spec(package)):
        console.print(f"{absent} is not installed, and left out")
    figures = Results(results / f"{name.replace(' ', '-')}.json")
    lines = examine(
        cell, figures, num_seeds=num_seeds, peer_seeds=peer_seeds, train_seeds=train_seeds
    )
    write_json(results / f"{name.replace(' ', '-')}.lines.json", [asdict(line) for line in lines])
    console.print(markdown(lines), soft_wrap=True)


@app.command()
def table(results: Annotated[Path, typer.Argument(help="What `measure` has written.")]) -> None:
    """Every cell measured so far, as a table, and in RESULTS/range_tests.csv."""
    lines = [
        Line(**fields)
        for path in sorted(results.glob("*.lines.json"))
        for fields in json.loads(path.read_text())
    ]
    with (results / "range_tests.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields_of(Line)])
        writer.writeheader()
        writer.writerows(asdict(line) for line in lines)
    console.print(markdown(lines), soft_wrap=True)


def markdown(lines: Sequence[Line]) -> str:
    """A row for each rule, a column for each cell: `rate (spread): shortfall in points`."""
    cells = list(dict.fromkeys(line.cell for line in lines))
    rules = list(dict.fromkeys(line.rule for line in lines))
    by_place = {(line.rule, line.cell): line for line in lines}
    rows = [["rule", *cells], ["---"] * (len(cells) + 1)]
    grids = {line.cell: f"{line.best_rate:.2g} ± {line.noise:.1f}" for line in lines}
    rows.append(["best of the grid, noise of a seed", *(grids[cell] for cell in cells)])
    rows += [[rule, *(_said(by_place.get((rule, cell))) for cell in cells)] for rule in rules]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _said(line: Line | None) -> str:
    if line is None:
        return "-"
    if line.rate is None or line.spread is None or line.shortfall is None:
        return f"refused {line.refused}"
    refused = f", refused {line.refused}" if line.refused else ""
    return f"{line.rate:.2g} ({line.spread:.2g}x{refused}): {-line.shortfall:+.1f}"


def _some(pixels: Arrays, num_train: int) -> Arrays:
    count = len(pixels["train"])
    kept = np.random.default_rng(0).permutation(count)[:num_train]
    return pixels | {side: pixels[side][kept] for side in ("train", "train_labels")}


def _whole_network(
    name: str,
    data: str,
    architecture: str,
    pixels: Arrays,
    body: dict[str, Any],
    head: dict[str, Any],
    settings: Settings,
) -> Cell:
    import torch

    from lradapt.engine import start_engine
    from lradapt.models import build_classifier

    engine = start_engine(device="cpu", precision="bf16", threads=torch.get_num_threads())
    network = build_classifier(ARCHITECTURES[architecture], body, head)
    network = network.to(memory_format=torch.channels_last)
    flips = (data != "digits", data == "ham10000")
    return body_cell(name, architecture, pixels, network, engine, flips=flips, settings=settings)


if __name__ == "__main__":
    app()
