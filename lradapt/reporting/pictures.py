"""The report's pictures, drawn from the tables that the stages have left."""

import functools
import io
from dataclasses import dataclass

import pandas as pd

from lradapt.config.paths import Paths
from lradapt.plots.range_test import range_test_png, range_test_svg
from lradapt.plots.reliability import reliability_svg
from lradapt.plots.schedule import schedule_svg
from lradapt.plots.training import cycle_ends, training_svg
from lradapt.runtime.files import read_json


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a page: its title, and the element that is drawn."""

    title: str
    svg: str


def range_test_pictures(paths: Paths) -> list[Picture]:
    """The curve of each range test that was made."""
    return [
        Picture(title, _range_test(curve, rate, title))
        for title, curve, rate in _range_tests(paths)
    ]


def range_tests(paths: Paths) -> dict[str, bytes]:
    """Title -> curve, PNG, of each range test that was made."""
    return {
        title: range_test_png(_table(curve), rate) for title, curve, rate in _range_tests(paths)
    }


def schedule_pictures(paths: Paths) -> list[Picture]:
    """The rates of head and whole network, as they were run."""
    tables = {"Rate of the head": paths.head_steps, "Rates by depth": paths.model_steps}
    return [Picture(title, _schedule(path.read_bytes(), title)) for title, path in tables.items()]


def training_pictures(paths: Paths) -> list[Picture]:
    """How head and whole network were trained."""
    tables = {
        "Training of the head": (paths.head_steps, paths.head_epochs),
        "Training of all layers": (paths.model_steps, paths.model_epochs),
    }
    return [
        Picture(title, _training(steps.read_bytes(), epochs.read_bytes(), title))
        for title, (steps, epochs) in tables.items()
    ]


def reliability_picture(paths: Paths) -> Picture:
    """The reliability diagram, before and after the temperature."""
    title = "Reliability of the confidence"
    return Picture(title, _reliability(paths.reliability.read_bytes(), title))


def _range_tests(paths: Paths) -> list[tuple[str, bytes, float]]:
    """Title, curve and chosen rate of each that was made."""
    head, body = paths.lr_curve.read_bytes(), paths.body_lr_curve.read_bytes()
    rates = read_json(paths.lr)["rate"], read_json(paths.body_lr)["rates"]["head"]
    found = [
        ("Range test of the head", head, rates[0]),
        ("Range test of the unfrozen network", body, rates[1]),
    ]
    return [test for test in found if _has_rows(test[1])]


def _has_rows(table: bytes) -> bool:
    return table.count(b"\n") > 1


def _table(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


# A run shows each picture twice, and drawing takes longer than anything else of the report.
@functools.lru_cache(maxsize=4)
def _range_test(curve: bytes, rate: float, title: str) -> str:
    table = _table(curve)
    sweeps = _counted(table["sweep"].nunique(), "sweep")
    reach = f"from {table['lr'].min():.2g} to {table['lr'].max():.2g}"
    return range_test_svg(table, rate, alt=f"{title}: {sweeps} {reach}; chosen is {rate:.3g}")


@functools.lru_cache(maxsize=4)
def _schedule(steps: bytes, title: str) -> str:
    table = _table(steps)
    peaks = table.filter(like="lr_").max()
    said = ", ".join(f"{str(name)[3:]} {peak:.2g}" for name, peak in peaks.items())
    return schedule_svg(table, alt=f"{title} at each of {len(table)} steps; the peaks: {said}")


@functools.lru_cache(maxsize=4)
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
    return training_svg(each_step, each_epoch, alt=alt)


@functools.lru_cache(maxsize=2)
def _reliability(bins: bytes, title: str) -> str:
    table = _table(bins)
    gaps = {
        when: ((rows["accuracy"] - rows["confidence"]).abs() * rows["images"]).sum()
        / rows["images"].sum()
        for when, rows in table.groupby("temperature")
    }
    said = f"mean gap {gaps['before']:.1%} before the temperature and {gaps['after']:.1%} after it"
    return reliability_svg(table, alt=f"{title}: {said}")
