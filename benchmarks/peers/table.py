"""One table of all measurements, and the machine that they were made on."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec

from benchmarks.measuring import markdown_table, median_range, processor
from benchmarks.peers.measurement import Measurement
from benchmarks.peers.programs import OURS

PACKAGES = (
    *("torch", "torchvision", "onnxruntime", "numpy"),
    *("fastai", "timm", "lightning", "torch-lr-finder"),
)
TITLES = ["work", "program", "repeats", "s", "CPU s", "images a CPU s", "times ours", "in CPU s"]


def table(measurements: Sequence[Measurement]) -> str:
    """Return a table of Markdown with a line for each work and program.

    "times ours" is the program's seconds over ours in the same repeat, by the wall clock and by the
    CPU; ours is the first of the work's programs whose name begins so. A repeat in which ours
    failed does not count there.
    """
    rows = [TITLES]
    for work in dict.fromkeys(each.work for each in measurements):
        own = [each for each in measurements if each.work == work]
        programs = list(dict.fromkeys(each.program for each in own))
        first = next((name for name in programs if name.startswith(OURS)), "")
        ours = {each.repeat: each for each in own if each.program == first}
        for program in programs:
            group = [each for each in own if each.program == program]
            rows.append([work, program, *_cells(group, ours)])
    return markdown_table(rows)


def _cells(group: Sequence[Measurement], ours: dict[int, Measurement]) -> list[str]:
    pairs = [(each, ours[each.repeat]) for each in group if each.repeat in ours]
    wall = median_range((one.seconds / other.seconds for one, other in pairs), ".2f")
    cpu = median_range((one.cpu_seconds / other.cpu_seconds for one, other in pairs), ".2f")
    return [
        str(len(group)),
        median_range((each.seconds for each in group), ".2f"),
        median_range((each.cpu_seconds for each in group), ".2f"),
        median_range((each.num_images / each.cpu_seconds for each in group), ",.0f"),
        wall if pairs else "-",
        cpu if pairs else "-",
    ]


def machine_text(
    measurements: Sequence[Measurement], *, threads: int, left_out: Sequence[str]
) -> str:
    """Describe the machine and the versions in a sentence or two."""
    loads = [each.load for each in measurements]
    lines = [
        f"Machine: {os.cpu_count()} cores, {processor()}; Python {platform.python_version()}, "
        f"{threads} thread(s); load average {min(loads):.1f} to {max(loads):.1f}. "
        f"{', '.join(_versions())}."
    ]
    if left_out:
        lines.append(f"Left out, since they are not installed: {', '.join(left_out)}.")
    return " ".join(lines)


def _versions() -> list[str]:
    return [f"{name} {version(name)}" for name in PACKAGES if find_spec(name.replace("-", "_"))]
