"""The plots of the report, drawn from the tables that the stages wrote."""

import base64
import io
from dataclasses import dataclass

import pandas as pd

from lradapt.config.paths import Paths
from lradapt.plots.range_test import range_test_plot
from lradapt.plots.reliability import reliability_plot
from lradapt.plots.schedule import schedule_plot
from lradapt.plots.training import cycle_ends, training_plot
from lradapt.reporting.kept_pictures import kept
from lradapt.reporting.trained_layers import trained_layers
from lradapt.runtime.files import read_json


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot of a page: its title and its SVG element."""

    title: str
    svg: str


def range_test_pictures(paths: Paths) -> list[Picture]:
    """Draw each range test that was run."""
    return [
        Picture(test.title, _range_test(test.curve, test.rate, test.rule, test.title))
        for test in _range_tests(paths)
    ]


def range_test_pngs(paths: Paths) -> dict[str, bytes]:
    """Draw each range test that was run as PNG, by title."""
    return {
        test.title: base64.b64decode(_range_test_png(test.curve, test.rate, test.rule))
        for test in _range_tests(paths)
    }


def schedule_pictures(paths: Paths) -> list[Picture]:
    """Draw the learning rates of the whole network, and of the head if it was trained in steps."""
    tables = {
        "Learning rate of the head": paths.head_steps,
        "Learning rates by depth": paths.model_steps,
    }
    contents = {title: path.read_bytes() for title, path in tables.items()}
    return [
        Picture(title, _schedule(steps, title))
        for title, steps in contents.items()
        if _has_rows(steps)
    ]


def training_pictures(paths: Paths) -> list[Picture]:
    """Draw the training of the whole network, and of the head if it was trained in steps."""
    layers = trained_layers(read_json(paths.model_choice)["rates"])
    tables = {
        "Training of the head": (paths.head_steps, paths.head_epochs),
        f"Training of {layers}": (paths.model_steps, paths.model_epochs),
    }
    return [
        Picture(title, _training(steps.read_bytes(), epochs.read_bytes(), title))
        for title, (steps, epochs) in tables.items()
        if _has_rows(steps.read_bytes())
    ]


def reliability_picture(paths: Paths) -> Picture:
    """Draw the reliability diagram, before and after temperature scaling."""
    title = "Reliability of the confidence"
    return Picture(title, _reliability(paths.reliability.read_bytes(), title))


@dataclass(frozen=True, slots=True)
class _RangeTest:
    """A range test that was run: the file of its curve, the chosen rate and the rule."""

    title: str
    curve: bytes
    rate: float
    rule: str | None


def _range_tests(paths: Paths) -> list[_RangeTest]:
    head, body = read_json(paths.lr), read_json(paths.body_lr)
    curves = paths.lr_curve.read_bytes(), paths.body_lr_curve.read_bytes()
    title = f"Range test of {trained_layers(body['rates'])}"
    tests = [
        _RangeTest("Range test of the head", curves[0], head["rate"], head.get("rule")),
        _RangeTest(title, curves[1], body["rates"]["head"], body.get("rule")),
    ]
    return [test for test in tests if _has_rows(test.curve)]


def _has_rows(table: bytes) -> bool:
    return table.count(b"\n") > 1


def _table(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


# Drawing takes most of a report's time, so the pictures are kept. The functions below are pure.
@kept
def _range_test(curve: bytes, rate: float, rule: str | None, title: str) -> str:
    table = _table(curve)
    sweeps = _counted(table["sweep"].nunique(), "sweep")
    reach = f"from {table['lr'].min():.2g} to {table['lr'].max():.2g}"
    alt = f"{title}: {sweeps} {reach}; chosen: {rate:.3g}"
    return range_test_plot(table, rate, rule).svg(alt=alt)


@kept
def _range_test_png(curve: bytes, rate: float, rule: str | None) -> str:
    return base64.b64encode(range_test_plot(_table(curve), rate, rule).png()).decode()


@kept
def _schedule(steps: bytes, title: str) -> str:
    table = _table(steps)
    peaks = table.filter(like="lr_").max()
    text = ", ".join(f"{str(name)[3:]} {peak:.2g}" for name, peak in peaks.items())
    return schedule_plot(table).svg(alt=f"{title} at each of {len(table)} steps; peaks: {text}")


@kept
def _training(steps: bytes, epochs: bytes, title: str) -> str:
    each_step, each_epoch = _table(steps), _table(epochs)
    first, last = each_epoch["train_loss"].iloc[[0, -1]]
    alt = (
        f"{title}: {_counted(len(each_epoch), 'epoch')} in "
        f"{_counted(len(cycle_ends(each_step)), 'cycle')}, training loss {first:.3g} in the first "
        f"and {last:.3g} in the last"
    )
    validation = each_epoch["validation_accuracy"]
    if validation.notna().any():
        alt += f"; accuracy on the validation split {validation.iloc[-1]:.1%} at the end"
    return training_plot(each_step, each_epoch).svg(alt=alt)


@kept
def _reliability(bins: bytes, title: str) -> str:
    table = _table(bins)
    gaps = {
        when: ((rows["accuracy"] - rows["confidence"]).abs() * rows["images"]).sum()
        / rows["images"].sum()
        for when, rows in table.groupby("temperature")
    }
    text = f"mean gap {gaps['before']:.1%} before and {gaps['after']:.1%} after temperature scaling"
    return reliability_plot(table).svg(alt=f"{title}: {text}")
