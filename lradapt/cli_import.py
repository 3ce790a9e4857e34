"""`lradapt import`: images, labels and pre-trained weights, brought into the project."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console

from lradapt import lock
from lradapt.champion import ensure_file
from lradapt.data import importers
from lradapt.data.decode import DecodeError, decode, quiet
from lradapt.data.image_files import list_files
from lradapt.data.sources import Found
from lradapt.errors import DataError
from lradapt.layout import read_paths
from lradapt.params import load_params
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_store

app = typer.Typer(help="Bring images, labels and pre-trained weights.", no_args_is_help=True)
console = Console(soft_wrap=True, highlight=False)
_FEW_IMAGES = 30  # enough for a median

Replace = Annotated[bool, typer.Option("--replace", help="Replace the images that are there.")]
UnlessPresent = Annotated[
    bool, typer.Option("--unless-present", help="Do nothing where there are images already.")
]


@app.command()
def folder(
    source: Annotated[Path, typer.Argument(help="Holds a folder of images for each class.")],
    replace: Replace = False,
) -> None:
    """PATH/CLASS/*.jpg; or PATH/{train,test}/CLASS/*.jpg, a split that is kept."""
    paths = _free_paths(replace)
    _bring(lambda: importers.import_folder(source, images=paths["images"], labels=paths["labels"]))


@app.command()
def table(
    labels: Annotated[Path, typer.Argument(help="A CSV file with a line for each image.")],
    images: Annotated[Path, typer.Option(help="The folder that holds the images.")],
    image_column: Annotated[str, typer.Option(help="Names the file; the extension may lack.")],
    label_column: Annotated[str, typer.Option(help="The class.")],
    group_column: Annotated[
        str | None, typer.Option(help="Patient or lesion: never on both sides of the split.")
    ] = None,
    replace: Replace = False,
) -> None:
    """A CSV file of labels, and a folder of images."""
    paths = _free_paths(replace)
    _bring(
        lambda: importers.import_table(
            labels,
            folder=images,
            image_column=image_column,
            label_column=label_column,
            group_column=group_column,
            images=paths["images"],
            labels=paths["labels"],
        )
    )


@app.command()
def digits(replace: Replace = False, unless_present: UnlessPresent = False) -> None:
    """1,797 handwritten digits that come with scikit-learn: for a first look."""
    paths = read_paths()
    if unless_present and _present(paths["images"]):
        return
    paths = _free_paths(replace)
    _bring(lambda: importers.import_digits(images=paths["images"], labels=paths["labels"]))


@app.command()
def cifar10(
    cache: Annotated[Path, typer.Option(help="Where torchvision keeps its download.")] = Path(
        "~/.cache/lradapt/cifar10"
    ),
    replace: Replace = False,
) -> None:
    """CIFAR-10 by torchvision's loader; its 50,000 / 10,000 are kept as the split."""
    paths = _free_paths(replace)
    _bring(
        lambda: importers.import_cifar10(
            cache=cache.expanduser(), images=paths["images"], labels=paths["labels"]
        )
    )


@app.command()
def weights(
    choice: Annotated[
        str, typer.Argument(help="imagenet, none (random), auto, or a file of weights.")
    ] = "auto",
) -> None:
    """The pre-trained body, for the architecture in params.yaml."""
    from lradapt.backbone import import_backbone

    path = read_paths()["backbone"]
    with lock.importing():
        ensure_file(read_paths()["champion"])
        origin = import_backbone(choice, load_params().model.network, path)
    console.print(f"{path}: {origin.architecture}, {origin.source} ({origin.detail})")
    if origin.source == "none":
        console.print(
            "[bold yellow]The body starts from random weights.[/] Transfer from ImageNet is far "
            "better on photographs: `lradapt import weights imagenet` where there is a network, or "
            "`lradapt import weights PATH`.",
        )


@app.command()
def champion(
    registry: Annotated[str, typer.Option(help="The registry: a folder.")] = DEFAULT_LOCATION,
    name: Annotated[str, typer.Option(help="The model's name in it.")] = DEFAULT_NAME,
) -> None:
    """The model in production, for a warm start (params.yaml: finetune.start)."""
    from lradapt.release import bring_champion

    path = read_paths()["champion"]
    with lock.importing():
        found = bring_champion(open_store(registry), name, path)
    console.print(f"{path}: {found.architecture}, version {found.version}")


def _bring(bring: Callable[[], Found]) -> None:
    with lock.importing():
        imported = bring()
    paths = read_paths()
    counts = Counter(label.label for label in imported.labels)
    most = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(12))
    console.print(f"{paths['images']}: {len(imported.labels):,} images, {len(counts)} classes")
    console.print(f"{paths['labels']}: {most}{' ...' if len(counts) > 12 else ''}", markup=False)
    if imported.left_behind:
        left = imported.left_behind
        console.print(
            f"left behind: {len(left):,} file(s) without a label or hidden, such as {left[0]}",
            markup=False,
        )
    _advise_size(paths["images"])
    ensure_file(paths["champion"])
    if not paths["backbone"].exists():
        weights("auto")
    sources = " ".join(str(paths[name]) for name in ("images", "labels", "backbone", "champion"))
    console.print(f"next: make retrain     (or by hand: dvc add {sources} && dvc repro)")


def _free_paths(replace: bool) -> dict[str, Path]:
    paths = read_paths()
    if paths["images"].exists() and not replace:
        raise DataError(
            f"{paths['images']} is there already; --replace puts the new images in its place "
            "(the flow keeps each version it has run on in DVC)"
        )
    return paths


def _present(images: Path) -> bool:
    return images.exists() or images.with_name(images.name + ".dvc").exists()


def _advise_size(images: Path) -> None:
    """Say so where the pictures are much larger than what the network will see."""
    data = load_params().data
    size = data.input_size
    names = list_files(images)
    sides = []
    for name in names[:: max(1, len(names) // _FEW_IMAGES)]:
        try:
            content = (images / name).read_bytes()
            with quiet():
                sides.append(min(decode(content, max_megapixels=data.max_megapixels).size))
        except DecodeError:
            continue  # ingest names it, with the reason
    if sides and median(sides) >= 2 * size:
        console.print(
            f"[bold yellow]The images are some {median(sides):.0f} pixels high, the network will "
            f"see {size}.[/] Raise data.input_size in params.yaml (64 to 224), and turn on the "
            "flips in augment where a mirrored picture means the same."
        )
