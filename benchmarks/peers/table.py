"""One table of all measurements, and its place in a page."""

import platform
import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.peers.measurement import Measurement
from benchmarks.peers.programs import OURS
from benchmarks.tables import Rows, Spread, drawn
from lradapt.errors import LradaptError

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"
PACKAGES = (
    *("torch", "torchvision", "onnxruntime", "numpy"),
    *("fastai", "timm", "lightning", "torch-lr-finder"),
)
TITLES = ["work", "program", "repeats", "s", "CPU s", "images a CPU s", "times ours", "in CPU s"]


def table(measurements: Sequence[Measurement]) -> str:
    """Markdown: a line for each work and program, medians with minimum and maximum.

    "times ours" is the program's seconds over ours in the same repeat, by the wall and by the CPU;
    ours is the first of the work's programs whose name begins so. A repeat in which it failed does
    not count there.
    """
    rows: Rows = [TITLES]
    for work in dict.fromkeys(each.work for each in measurements):
        own = [each for each in measurements if each.work == work]
        programs = list(dict.fromkeys(each.program for each in own))
        first = next((name for name in programs if name.startswith(OURS)), "")
        ours = {each.repeat: each for each in own if each.program == first}
        for program in programs:
            group = [each for each in own if each.program == program]
            rows.append([work, program, *_cells(group, ours)])
    return drawn(rows)


def _cells(group: Sequence[Measurement], ours: dict[int, Measurement]) -> list[str]:
    pairs = [(each, ours[each.repeat]) for each in group if each.repeat in ours]
    wall = Spread(tuple(one.seconds / other.seconds for one, other in pairs))
    cpu = Spread(tuple(one.cpu_seconds / other.cpu_seconds for one, other in pairs))
    rates = Spread(tuple(each.num_images / each.cpu_seconds for each in group))
    return [
        str(len(group)),
        Spread(tuple(each.seconds for each in group)).text(".2f"),
        Spread(tuple(each.cpu_seconds for each in group)).text(".2f"),
        rates.text(",.0f"),
        wall.text(".2f") if pairs else "-",
        cpu.text(".2f") if pairs else "-",
    ]


def about(measurements: Sequence[Measurement], *, threads: int, left_out: Sequence[str]) -> str:
    """On what it was measured, in a sentence or two."""
    loads = [each.load for each in measurements]
    lines = [
        f"Machine: {_processor()}; Python {platform.python_version()}, {threads} thread(s); "
        f"load average {min(loads):.1f} to {max(loads):.1f}. {', '.join(_versions())}."
    ]
    if left_out:
        lines.append(f"Left out, since they are not installed: {', '.join(left_out)}.")
    return " ".join(lines)


def between_markers(text: str, content: str) -> str:
    """`text` with `content` in the place of what stands between the markers.

    Raises:
        LradaptError: it does not hold each marker once, the first before the second.
    """
    once = text.count(BEGIN) == text.count(END) == 1
    if not once or text.index(BEGIN) > text.index(END):
        raise LradaptError(
            f"the page must hold the lines {BEGIN!r} and {END!r} once each, in this order; put "
            "them where the table is to stand"
        )
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return f"{before}{BEGIN}\n\n{content}\n\n{END}{after}"


def _processor() -> str:
    names = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return f"{len(names)} cores, {names[0]}" if names else platform.machine()


def _versions() -> list[str]:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found
