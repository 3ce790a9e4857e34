"""`lradapt import`: images, labels and pre-trained weights, brought into the project."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from lradapt.cli import completion
from lradapt.cli.help import epilog
from lradapt.cli.options import AsJson, Name, Registry
from lradapt.cli.output import console, print_json
from lradapt.config.paths import Paths, read_paths
from lradapt.errors import DataError
from lradapt.networks.champion import ensure_file
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_store
from lradapt.runtime import lock

if TYPE_CHECKING:
    from lradapt.data.importing.sources import Found
    from lradapt.networks.backbone import Origin

app = typer.Typer(
    help="Bring images, labels and pre-trained weights into the project.",
    no_args_is_help=True,
    epilog=epilog(
        "lradapt import digits",
        "lradapt import folder photos",
        "lradapt import table labels.csv --images photos --image-column file --label-column class",
        "lradapt import weights imagenet",
    ),
)
_FEW_IMAGES = 30  # enough for a median
_MOST_CLASSES = 12

Replace = Annotated[bool, typer.Option("--replace", help="Replace the images that are there.")]
UnlessPresent = Annotated[
    bool, typer.Option("--unless-present", help="Do nothing where there are images already.")
]


@dataclass(frozen=True, slots=True)
class Body:
    """The backbone that was brought."""

    path: str
    architecture: str
    source: str
    detail: str


@dataclass(frozen=True, slots=True)
class Brought:
    """What an import brought; the keys of its JSON.

    Attributes:
        images, labels: where they lie.
        num_images: how many.
        classes: the images of each, the largest first.
        left_behind: files of the source that were not brought.
        advice: what to think about before a training, a sentence each.
        backbone: brought with them; None where there was one.
    """

    images: str
    labels: str
    num_images: int
    classes: dict[str, int]
    left_behind: list[str]
    advice: list[str]
    backbone: Body | None


@app.command()
def folder(
    source: Annotated[Path, typer.Argument(help="Holds a folder of images for each class.")],
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:
    """Images that lie in a folder for each class.

    SOURCE/CLASS/*.jpg; or SOURCE/{train,test}/CLASS/*.jpg, a split that is kept.
    Prints how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing import importers

    paths = _free_paths(replace)
    _bring(
        lambda: importers.import_folder(source, images=paths.images, labels=paths.labels),
        as_json=as_json,
    )


@app.command()
def table(
    labels: Annotated[Path, typer.Argument(help="A CSV file with a line for each image.")],
    images: Annotated[Path, typer.Option(help="The folder that holds the images.")],
    image_column: Annotated[str, typer.Option(help="Names the file; the extension may lack.")],
    label_column: Annotated[str, typer.Option(help="The class.")],
    group_column: Annotated[
        str | None, typer.Option(help="Patient or lesion: never in both splits.")
    ] = None,
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:
    """A CSV file of labels, and a folder of images.

    Prints how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing import importers

    paths = _free_paths(replace)
    _bring(
        lambda: importers.import_table(
            labels,
            folder=images,
            image_column=image_column,
            label_column=label_column,
            group_column=group_column,
            images=paths.images,
            labels=paths.labels,
        ),
        as_json=as_json,
    )


@app.command()
def digits(
    replace: Replace = False, unless_present: UnlessPresent = False, as_json: AsJson = False
) -> None:
    """1,797 handwritten digits that come with scikit-learn, for a first look.

    Prints how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing import importers

    paths = read_paths()
    if unless_present and _present(paths.images):
        if as_json:
            print_json(None)
        return
    paths = _free_paths(replace)
    _bring(
        lambda: importers.import_digits(images=paths.images, labels=paths.labels),
        as_json=as_json,
    )


@app.command()
def cifar10(
    cache: Annotated[Path, typer.Option(help="Where torchvision keeps its download.")] = Path(
        "~/.cache/lradapt/cifar10"
    ),
    replace: Replace = False,
    as_json: AsJson = False,
) -> None:
    """CIFAR-10 by torchvision's loader; its 50,000 / 10,000 are kept as the split.

    Prints how many images and classes there are, and what to type next.
    """
    from lradapt.data.importing import importers

    paths = _free_paths(replace)
    _bring(
        lambda: importers.import_cifar10(
            cache=cache.expanduser(), images=paths.images, labels=paths.labels
        ),
        as_json=as_json,
    )


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
    """The pre-trained body, for the architecture in params.yaml.

    auto is imagenet where it can be had, else none. Prints where the weights lie,
    and whose they are.
    """
    with lock.importing():
        ensure_file(read_paths().champion)
        body = _bring_body(choice)
    if as_json:
        print_json(asdict(body))
    else:
        _print_body(body)


@app.command()
def champion(
    registry: Registry = DEFAULT_LOCATION, name: Name = DEFAULT_NAME, as_json: AsJson = False
) -> None:
    """The model in production, for a warm start (params.yaml: finetune.start).

    Prints where its weights lie, and which version it is.
    """
    from lradapt.production.release import bring_champion

    path = read_paths().champion
    with lock.importing():
        found = bring_champion(open_store(registry), name, path)
    if as_json:
        print_json(
            {"path": str(path), "architecture": found.architecture, "version": found.version}
        )
    else:
        console().print(f"{path}: {found.architecture}, version {found.version}")


def _bring(bring: "Callable[[], Found]", *, as_json: bool) -> None:
    with lock.importing():
        imported = bring()
        paths = read_paths()
        ensure_file(paths.champion)
        body = None if paths.backbone.exists() else _bring_body("auto")
    brought = _brought(imported, paths.images, paths.labels, body)
    if as_json:
        print_json(asdict(brought))
    else:
        _print_brought(brought)


def _bring_body(choice: str) -> Body:
    from lradapt.config.params import load_params
    from lradapt.networks.backbone import import_backbone

    path = read_paths().backbone
    origin: Origin = import_backbone(choice, load_params().model.network, path)
    return Body(str(path), **asdict(origin))


def _brought(imported: "Found", images: Path, labels: Path, body: Body | None) -> Brought:
    return Brought(
        images=str(images),
        labels=str(labels),
        num_images=len(imported.labels),
        classes=dict(Counter(label.label for label in imported.labels).most_common()),
        left_behind=imported.left_behind,
        advice=_advice_on_size(images),
        backbone=body,
    )


def _print_brought(brought: Brought) -> None:
    screen, classes = console(), brought.classes
    most = ", ".join(f"{name} {classes[name]:,}" for name in list(classes)[:_MOST_CLASSES])
    screen.print(f"{brought.images}: {brought.num_images:,} images, {len(classes)} classes")
    screen.print(f"{brought.labels}: {most}{' ...' if len(classes) > _MOST_CLASSES else ''}")
    if left := brought.left_behind:
        screen.print(
            f"left behind: {len(left):,} file(s) without a label or hidden, such as {left[0]}"
        )
    for advice in brought.advice:
        screen.print(Text(advice, "bold yellow"))
    if brought.backbone:
        _print_body(brought.backbone)
    paths = read_paths()
    sources = f"{paths.images} {paths.labels} {paths.backbone} {paths.champion}"
    screen.print(f"next: make retrain     (or by hand: dvc add {sources} && dvc repro)")


def _print_body(body: Body) -> None:
    screen = console()
    screen.print(f"{body.path}: {body.architecture}, {body.source} ({body.detail})")
    if body.source == "none":
        advice = (
            "The body starts from random weights. Transfer from ImageNet is far better on "
            "photographs: `lradapt import weights imagenet` where there is a network, or "
            "`lradapt import weights PATH`."
        )
        screen.print(Text(advice, "bold yellow"))


def _free_paths(replace: bool) -> Paths:
    paths = read_paths()
    if paths.images.exists() and not replace:
        raise DataError(
            f"{paths.images} is there already; --replace puts the new images in its place "
            "(the flow keeps each version it has run on in DVC)"
        )
    return paths


def _present(images: Path) -> bool:
    return images.exists() or images.with_name(images.name + ".dvc").exists()


def _advice_on_size(images: Path) -> list[str]:
    """A sentence where the pictures are much larger than what the network will see."""
    from lradapt.config.params import load_params

    data = load_params().data
    sides = _short_sides(images, max_megapixels=data.max_megapixels)
    if not sides or median(sides) < 2 * data.input_size:
        return []
    return [
        f"The images are some {median(sides):.0f} pixels high, the network will see "
        f"{data.input_size}. Raise data.input_size in params.yaml (64 to 224), and turn on the "
        "flips in augment where a mirrored picture means the same."
    ]


def _short_sides(images: Path, *, max_megapixels: float) -> list[int]:
    """Pixels of the shorter side of a few of the images."""
    from lradapt.data.images.decode import DecodeError, decode, quiet
    from lradapt.data.images.files import list_files

    names, sides = list_files(images), []
    for name in names[:: max(1, len(names) // _FEW_IMAGES)]:
        try:
            with quiet():
                picture = decode((images / name).read_bytes(), max_megapixels=max_megapixels)
            sides.append(min(picture.size))
        except DecodeError:
            continue  # ingest names it, with the reason
    return sides
