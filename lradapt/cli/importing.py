"""`lradapt import`: import images, labels and pre-trained weights into the project."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from lradapt.cli import completion, exit_codes
from lradapt.cli.help import USUAL_CODES, epilog
from lradapt.cli.options import AsJson, Location, Name
from lradapt.cli.output import console, print_json
from lradapt.cli.sources import (
    GroupColumn,
    IgnoreColumns,
    LayoutOption,
    SplitColumn,
    SplitsOption,
    check_as_stages,
    print_understood,
)
from lradapt.config.paths import Paths, read_paths
from lradapt.errors import DataError
from lradapt.networks.champion import ensure_file
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.runtime import lock
from lradapt.text import printable, shortened

if TYPE_CHECKING:
    from lradapt.config.import_choices import Decision
    from lradapt.data.importing.sources import SourceLabels
    from lradapt.data.labelled_image import LabelledImage
    from lradapt.networks.backbone import Origin

app = typer.Typer(
    help="Import images, labels and pre-trained weights into the project.",
    no_args_is_help=True,
    epilog=epilog(
        "lradapt import digits",
        "lradapt import folder photos",
        "lradapt import table labels.csv --images photos --image-column file --label-column class",
        "lradapt import weights imagenet",
        codes=(*USUAL_CODES, exit_codes.DATA_FAULTS),
    ),
)
_MOST_CLASSES = 12

Replace = Annotated[bool, typer.Option("--replace", help="Replace the present images.")]
KeepParams = Annotated[
    bool, typer.Option("--keep-params", help="Leave params.yaml as it is; say what would suit.")
]
UnlessPresent = Annotated[
    bool, typer.Option("--unless-present", help="Do nothing if there are images already.")
]


@dataclass(frozen=True, slots=True)
class Body:
    """The backbone that was imported."""

    path: str
    architecture: str
    source: str
    detail: str
    licence: str
    advice: str


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


@app.command()
def folder(
    source: Annotated[Path, typer.Argument(help="Contains a folder of images for each class.")],
    layout: LayoutOption = None,
    split: SplitsOption = None,
    replace: Replace = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import images from a folder for each class.

    SOURCE/CLASS/*.jpg; or SOURCE/{train,test}/CLASS/*.jpg, a split that is kept.
    If the folders can be read in several ways, nothing is imported, and the
    message has the options that choose one. Prints first how the folders were
    read; then how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing.from_folder import label_folder
    from lradapt.data.importing.split_names import parse_choices

    splits = parse_choices(split or [])
    label = partial(label_folder, source, layout=layout, splits=splits)
    _import_files(label, replace=replace, keep_params=keep_params, as_json=as_json)


@app.command()
def table(
    labels: Annotated[Path, typer.Argument(help="A CSV file with a line for each image.")],
    images: Annotated[Path, typer.Option(help="The folder of the images.")],
    image_column: Annotated[
        str | None,
        typer.Option(help="The column of the file name; its extension is optional."),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(help="The column of the class; of one column for each class: A,B,C."),
    ] = None,
    group_column: GroupColumn = None,
    split_column: SplitColumn = None,
    ignore_column: IgnoreColumns = None,
    split: SplitsOption = None,
    replace: Replace = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import the images and labels of a CSV file and a folder.

    Columns that no option names are found by their names. Prints first how the
    table was read, and which columns were left out; then how many images and
    classes there are, and what to type next.
    """
    from lradapt.data.importing.from_table import label_table
    from lradapt.data.importing.split_names import parse_choices

    label = partial(
        label_table,
        labels,
        folder=images,
        image_column=image_column,
        label_column=label_column,
        group_column=group_column,
        split_column=split_column,
        ignore_columns=ignore_column or [],
        splits=parse_choices(split or []),
    )
    _import_files(label, replace=replace, keep_params=keep_params, as_json=as_json)


@app.command()
def digits(
    replace: Replace = False,
    unless_present: UnlessPresent = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import the 1,797 handwritten digits of scikit-learn, for a first run.

    Prints how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing import importers

    images = read_paths().images
    if unless_present and (images.exists() or images.with_name(images.name + ".dvc").exists()):
        if as_json:
            print_json(None)
        return
    _import(importers.import_digits, replace=replace, keep_params=keep_params, as_json=as_json)


@app.command()
def cifar10(
    cache: Annotated[Path, typer.Option(help="The folder of torchvision's download.")] = Path(
        "~/.cache/lradapt/cifar10"
    ),
    replace: Replace = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import CIFAR-10 by torchvision's loader; its 50,000 / 10,000 are kept as the split.

    Prints how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing import importers

    run_import = partial(importers.import_cifar10, cache=cache.expanduser())
    _import(run_import, replace=replace, keep_params=keep_params, as_json=as_json)


@app.command("solar-cells")
def solar_cells(
    cache: Annotated[Path, typer.Option(help="The folder of pip's download.")] = Path(
        "~/.cache/lradapt/solar_cells"
    ),
    replace: Replace = False,
    keep_params: KeepParams = False,
    as_json: AsJson = False,
) -> None:
    """Import 2,624 photographs of solar cells in four grades of defect (not for commercial use).

    pip downloads them (87 MB) from the package index. Prints their licence and what
    to cite; then how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing import solar_cells as source

    def run_import(images: Path, labels: Path) -> "SourceLabels":
        found = source.import_solar_cells(cache=cache.expanduser(), images=images, labels=labels)
        print_understood(found, stderr=as_json)
        return found

    _import(run_import, replace=replace, keep_params=keep_params, as_json=as_json)


@app.command()
def weights(
    choice: Annotated[
        str,
        typer.Argument(
            help="imagenet, none (random), auto, or a file of weights.",
            autocompletion=completion.weights,
        ),
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Import the pre-trained backbone for the architecture in params.yaml.

    auto is imagenet if it can be downloaded, else none. Prints the path of the
    weights and their origin.
    """
    with lock.importing():
        ensure_file(read_paths().champion)
        body = _import_body(choice)
    if as_json:
        print_json(asdict(body))
    else:
        _print_body(body)


@app.command()
def champion(
    registry: Location = DEFAULT_LOCATION, name: Name = DEFAULT_NAME, as_json: AsJson = False
) -> None:
    """Import the model in production for a warm start (params.yaml: finetune.start).

    Prints the path of its weights, and its version.
    """
    from lradapt.production.warm_start import bring_champion

    path = read_paths().champion
    with lock.importing():
        found = bring_champion(open_registry(registry, name), path)
    if as_json:
        print_json(
            {"path": str(path), "architecture": found.architecture, "version": found.version}
        )
    else:
        console().print(f"{path}: {found.architecture}, version {found.version}")


def _import_files(
    label: "Callable[[], SourceLabels]", *, replace: bool, keep_params: bool, as_json: bool
) -> None:
    from lradapt.data.importing.importers import import_files

    refusals: list[str] = []

    def run_import(**to: Path) -> "SourceLabels":
        source = label()
        print_understood(source, stderr=as_json)
        refusals.append(_why_refused(source.folder, source.labels))
        if refusals[0] and not _present_refusal(**to):
            raise DataError(
                f"{to['images']} was not replaced: a training is possible on it, and would be "
                f"refused on {source.folder}: {refusals[0]}"
            )
        return import_files(source, **to)

    _import(run_import, refusals, replace=replace, keep_params=keep_params, as_json=as_json)


def _why_refused(images: Path, labels: "Sequence[LabelledImage]") -> str:
    from lradapt.data.importing.trainable import why_refused

    return why_refused(images, labels, check_as_stages)


def _present_refusal(images: Path, labels: Path) -> str:
    """Return why a training on the present data would be refused; "" where it would not."""
    from lradapt.data.labels import read_labels

    if not images.exists() or not labels.exists():
        return "there are none"
    try:
        return _why_refused(images, read_labels(labels))
    except DataError as error:
        return str(error)


def _import(
    run_import: "Callable[..., SourceLabels]",
    refusals: Sequence[str] = (),
    *,
    replace: bool,
    keep_params: bool,
    as_json: bool,
) -> None:
    """Run an importer with the paths of images and labels; import a backbone if there is none.

    Args:
        run_import: the importer.
        refusals: why a training would be refused; the importer may add a reason.
        replace: the present images.
        keep_params: change nothing in params.yaml.
        as_json: print JSON.
    """
    from lradapt.cli.choosing import choose_params
    from lradapt.config.params import load_params

    load_params()  # its faults are reported before anything is replaced
    paths = read_paths()
    if paths.images.exists() and not replace:
        raise DataError(
            f"{paths.images} exists already; --replace replaces it (DVC keeps each version that "
            "the flow has run on)"
        )
    with lock.importing():
        source = run_import(images=paths.images, labels=paths.labels)
        classes = dict(Counter(label.label for label in source.labels).most_common())
        choices = choose_params(
            paths.images,
            classes,
            backbone=paths.backbone,
            licence=source.licence,
            measure=not any(refusals),
            keep=keep_params,
        )
        ensure_file(paths.champion)
        other_network = any(c.key == "model.architecture" and c.state == "changed" for c in choices)
        needed = other_network or not paths.backbone.exists()
        body = _import_body("auto") if needed else None
    imported = Imported(
        images=str(paths.images),
        labels=str(paths.labels),
        num_images=len(source.labels),
        classes=classes,
        left_behind=source.left_behind,
        notes=list(source.notes),
        advice=[
            *(str(choice) for choice in choices if choice.state in ("yours", "kept")),
            *_advice_on_size(paths),
        ],
        choices=choices,
        refusal="".join(refusals),
        backbone=body,
    )
    if as_json:
        print_json(asdict(imported))
    else:
        _print_imported(imported, paths)
    if imported.refusal:
        raise typer.Exit(exit_codes.DATA_FAULTS)


def _import_body(choice: str) -> Body:
    from lradapt.config.params import load_params
    from lradapt.networks.backbone import import_backbone
    from lradapt.networks.facts import normalisation_advice, require_size
    from lradapt.networks.known import backbone_facts

    path, params = read_paths().backbone, load_params()
    network, facts = params.model.network, backbone_facts(params.model.architecture)
    require_size(facts, params.data.input_size)
    origin: Origin = import_backbone(choice, network, path)
    advice = normalisation_advice(facts, params.data.mean, params.data.deviation)
    return Body(str(path), **asdict(origin), advice="" if origin.source == "none" else advice)


def _advice_on_size(paths: Paths) -> list[str]:
    """Return a warning where the images are smaller than what pre-trained layers are made for."""
    from lradapt.data.images.shapes import sample_shapes
    from lradapt.errors import WeightsError
    from lradapt.networks.backbone import read_origin
    from lradapt.networks.facts import size_advice
    from lradapt.networks.known import backbone_facts

    try:
        origin = read_origin(paths.backbone)
    except WeightsError:
        return []  # the stages report it
    sides = [min(shape) for shape in sample_shapes(paths.images)]
    if origin.source != "imagenet" or not sides:
        return []
    advice = size_advice(backbone_facts(origin.architecture), max(sides))
    return [advice] if advice else []


def _print_imported(imported: Imported, paths: Paths) -> None:
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
    if any(choice.state == "changed" for choice in imported.choices):
        screen.print("params.yaml, values for these images (change one, and it stays):")
        for choice in imported.choices:
            if choice.state in ("changed", "same"):
                screen.print(f"  {printable(str(choice))}")
    for advice in imported.advice:
        screen.print(Text(advice, "bold yellow"))
    if imported.backbone:
        _print_body(imported.backbone)
    if imported.refusal:
        screen.print(Text(f"a training would be refused: {imported.refusal}", "bold red"))
        screen.print("next: correct the data, then: lradapt check")
        return
    sources = f"{paths.images} {paths.labels} {paths.backbone} {paths.champion}"
    screen.print(f"next: make retrain     (or by hand: dvc add {sources} && dvc repro)")


def _print_body(body: Body) -> None:
    screen = console()
    screen.print(f"{body.path}: {body.architecture}, {body.source} ({body.detail})")
    if body.licence:
        screen.print(f"licence of the weights: {body.licence}")
    if body.source == "none":
        advice = (
            "The backbone has random weights. For photographs ImageNet weights are far better: "
            "`lradapt import weights imagenet`, or without a network `lradapt import weights PATH`."
        )
        screen.print(Text(advice, "bold yellow"))
    if body.advice:
        screen.print(Text(body.advice, "bold yellow"))
