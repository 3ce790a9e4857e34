"""`lradapt predict`: classify images with the model in production."""

import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from lradapt.cli import exit_codes, explaining
from lradapt.cli.options import AsJson, Location, Name
from lradapt.cli.output import console, print_json
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.text import table_cell

if TYPE_CHECKING:
    from lradapt.inference.doubt import Doubt
    from lradapt.inference.predict import Prediction
    from lradapt.networks.answer_limits import AnswerLimits


def predict(
    paths: Annotated[
        list[Path], typer.Argument(metavar="IMAGE", help="Image files, and folders of them.")
    ],
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also why: nearest training images, class maps.")
    ] = False,
    into: Annotated[
        Path, typer.Option(file_okay=False, help="Folder for what --explain writes.")
    ] = Path("build/explained"),
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Classify images with the model in production.

    Prints a line for each image: the class, its probability, the next two
    classes, and, where the answer is doubtful, why: the image is unlike the
    training images, or may be of another class. An image that cannot be decoded
    is reported, and the others are classified; the exit code is then 3.

    --explain adds the training images whose features are nearest, and writes
    them and a class map of each image into a folder, the map as values (.json)
    and over the image (.png). The first time it computes the features of all
    training images.
    """
    from lradapt.inference.predict import find_images
    from lradapt.serving.live_model import LiveModel

    if as_csv and (as_json or explain):
        raise typer.BadParameter(
            f"--{'json' if as_json else 'explain'} and --csv exclude each other"
        )
    images = find_images(paths)
    opened = open_registry(registry, name)
    loaded = LiveModel(opened).current()
    model, predictions = loaded.model, list(loaded.model.classify(images))
    explained = {}
    if explain:
        version = opened.open(loaded.promotion.version, loaded.promotion)
        explained = explaining.explain(predictions, model, version, into)
    if as_json:
        print_json([_as_json(each, explained.get(each.path)) for each in predictions])
    elif as_csv:
        _print_csv(predictions, model.class_names)
    else:
        _print_table(predictions, model.limits, explained)
    if any(prediction.fault for prediction in predictions):
        raise typer.Exit(exit_codes.DATA_FAULTS)


def _print_table(
    predictions: "Sequence[Prediction]",
    limits: "AnswerLimits",
    explained: "Mapping[Path, explaining.Explanation]",
) -> None:
    from lradapt.inference.doubt import doubt_in_words

    doubts = {each.path: doubt_in_words(each.label, each.doubt, limits) for each in predictions}
    # As Text: a name in brackets is not markup. Folded, not cut off.
    table = Table(
        Column("image", overflow="fold"),
        Column("class", overflow="fold"),
        Column("probability", no_wrap=True),
        Column("next", overflow="fold"),
        *([Column("doubt", overflow="fold")] if any(doubts.values()) else []),
        *([Column("nearest training images", overflow="fold")] if explained else []),
    )
    for each in predictions:
        if each.fault:
            table.add_row(Text(str(each.path)), Text(each.fault, style="red"), "", "")
            continue
        (_, best), *others = each.probabilities.items()
        rest = ", ".join(f"{name} {p:.1%}" for name, p in others[:2])
        more = [doubts[each.path]] if any(doubts.values()) else []
        if explained:
            more.append(explaining.nearest_in_words(explained[each.path].neighbours))
        cells = (str(each.path), each.label, f"{best:.1%}", rest, *more)
        table.add_row(*map(Text, cells))
    console().print(table)


def _as_json(
    prediction: "Prediction", explanation: "explaining.Explanation | None"
) -> dict[str, object]:
    return {
        "image": str(prediction.path),
        "class": prediction.label or None,
        "probabilities": prediction.probabilities,
        **prediction.doubt.as_dict(),
        "fault": prediction.fault or None,
        **(explaining.as_json(explanation) if explanation else {}),
    }


def _print_csv(predictions: "Sequence[Prediction]", class_names: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    doubt = ("unlike", "unlike_training", "unsure")
    writer.writerow(["image", "class", *map(table_cell, class_names), *doubt, "fault"])
    for each in predictions:
        probabilities = [each.probabilities.get(name, "") for name in class_names]
        path, label, fault = map(table_cell, (str(each.path), each.label or "", each.fault or ""))
        writer.writerow([path, label, *probabilities, *_doubt_cells(each.doubt), fault])


def _doubt_cells(doubt: "Doubt") -> list[object]:
    """Return distance, true or false, and the classes of the set; empty where not measured."""
    beyond = "" if doubt.unlike_training is None else str(doubt.unlike_training).lower()
    classes = "|".join(doubt.unsure or ())
    return ["" if doubt.unlike is None else doubt.unlike, beyond, table_cell(classes)]
