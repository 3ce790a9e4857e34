"""The result of an import: its JSON, and what is printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from lradapt.cli.importing.backbone import Body, print_body
from lradapt.cli.output import console
from lradapt.config.paths import Paths
from lradapt.text import printable, shortened

if TYPE_CHECKING:
    from lradapt.config.import_choices import Decision

_MOST_CLASSES = 12


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import; its fields are the keys of the JSON.

    Attributes:
        images, labels: their paths.
        num_images: the number of images.
        classes: the number of images of each class, the largest first.
        left_behind: files of the source that were not imported.
        notes: sentences on how the source was read.
        advice: sentences on values that stay though others suit, and on images that are too small.
        choices: what became of each value that the import has chosen for params.yaml.
        refusal: why a training on them would be refused; empty where it would not.
        backbone: imported with them; None where there was one.
    """

    images: str
    labels: str
    num_images: int
    classes: dict[str, int]
    left_behind: list[str]
    notes: list[str]
    advice: list[str]
    choices: "list[Decision]"
    refusal: str
    backbone: Body | None


def print_imported(imported: Imported, paths: Paths) -> None:
    """Print what was imported, what was chosen for it, and what to type next."""
    screen, classes = console(), imported.classes
    most = ", ".join(
        f"{shortened(name)} {classes[name]:,}" for name in list(classes)[:_MOST_CLASSES]
    )
    screen.print(f"{imported.images}: {imported.num_images:,} images, {len(classes)} classes")
    screen.print(f"{imported.labels}: {most}{' ...' if len(classes) > _MOST_CLASSES else ''}")
    if left := imported.left_behind:
        screen.print(
            f"left behind: {len(left):,} file(s) without a label or hidden, such as "
            f"{printable(left[0])}"
        )
    print_choices(imported.choices)
    for advice in imported.advice:
        screen.print(Text(advice, "bold yellow"))
    if imported.backbone:
        print_body(imported.backbone)
    if imported.refusal:
        screen.print(Text(f"a training would be refused: {imported.refusal}", "bold red"))
        screen.print("next: correct the data, then: lradapt check")
        return
    sources = f"{paths.images} {paths.labels} {paths.backbone} {paths.champion}"
    screen.print(f"next: make retrain     (or by hand: dvc add {sources} && dvc repro)")


def print_choices(choices: "Sequence[Decision]") -> None:
    """Print the chosen values of params.yaml with their reasons; nothing if none is new."""
    if any(choice.state == "changed" for choice in choices):
        screen = console()
        screen.print("params.yaml, values for these images (change one, and it stays):")
        for choice in choices:
            if choice.state in ("changed", "same"):
                screen.print(f"  {printable(str(choice))}")
