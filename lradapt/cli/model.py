"""`lradapt predict`, `history` and `rollback`: the use and the care of what was promoted."""

import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from lradapt.cli import completion, exit_codes
from lradapt.cli.options import AsJson, Name, Registry
from lradapt.cli.output import console, minute, print_json
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_store, versions
from lradapt.registry.store import RegistryError
from lradapt.registry.timeline import move_at, parse_time
from lradapt.registry.versions import Move

if TYPE_CHECKING:
    from lradapt.inference.predict import Prediction


def predict(
    paths: Annotated[list[Path], typer.Argument(help="Image files, and folders of them.")],
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    registry: Registry = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Class and probabilities of images, by the model in production.

    Prints a line for each image: the class, how sure the model is, and the next
    two classes. An image that cannot be decoded is told, the others are
    classified all the same; the exit code is then 3.
    """
    from lradapt.inference.predict import find_images
    from lradapt.serving.live_model import LiveModel

    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    images = find_images(paths)
    model = LiveModel(open_store(registry), name).current().model
    predictions = list(model.classify(images))
    if as_json:
        print_json([_as_json(prediction) for prediction in predictions])
    elif as_csv:
        _print_csv(predictions, model.class_names)
    else:
        _print_table(predictions)
    if any(prediction.fault for prediction in predictions):
        raise typer.Exit(exit_codes.DATA_FAULTS)


def history(
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only the move whose version was there then; ISO 8601."),
    ] = None,
    as_json: AsJson = False,
    registry: Registry = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Which version was in production since when, who put it there, and why.

    Prints a line for each move, the first one first. With --at the one move by
    which the version came there that was in production at that time.
    """
    moves = versions.history(open_store(registry), name)
    if not moves:
        raise RegistryError(f"nothing of {name} has been promoted in {registry} yet: make retrain")
    shown = _live_at(moves, at) if at else moves
    if as_json:
        print_json([asdict(move) for move in shown])
    else:
        _print_moves(shown)


def rollback(
    why: Annotated[str, typer.Option(help="The reason, for the log.")],
    version: Annotated[
        str | None,
        typer.Argument(
            help="The version; by default the one before the present.",
            autocompletion=completion.versions,
        ),
    ] = None,
    as_json: AsJson = False,
    registry: Registry = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Put a former version back into production.

    The version is loaded and run before the pointer moves; the log keeps the
    reason, and the version that goes is not promoted again by the next run.
    Prints which version took the place of which.
    """
    if not why.strip():
        raise typer.BadParameter("--why is empty; say it for those who read the log")
    from lradapt.production.release import now, whoami
    from lradapt.production.rollback import roll_back

    move = roll_back(open_store(registry), name, version, why=why, who=whoami(), when=now())
    if as_json:
        print_json(asdict(move))
    else:
        console().print(f"{move.version} is in production again, in place of {move.former}")


def _live_at(moves: Sequence[Move], at: str) -> list[Move]:
    time = parse_time(at)
    move = move_at(moves, time)
    if move is None:
        raise RegistryError(
            f"nothing was in production at {time.isoformat()}: the first move is of {moves[0].when}"
        )
    return [move]


def _print_moves(moves: Sequence[Move]) -> None:
    whole = [Column(title, no_wrap=True) for title in ("#", "when (UTC)", "version", "before")]
    folded = [Column(title, overflow="fold") for title in ("who", "why")]
    table = Table(*whole, *folded)
    for move in moves:
        table.add_row(
            str(move.seq),
            minute(move.when),
            move.version,
            move.former or "-",
            Text(move.who),
            Text(move.why),
        )
    console().print(table)


def _print_table(predictions: "Sequence[Prediction]") -> None:
    # As Text: a name in brackets is a name, not markup. Folded, not cut: it must stay readable.
    table = Table(
        Column("image", overflow="fold"),
        Column("class", overflow="fold"),
        Column("probability", no_wrap=True),
        Column("next", overflow="fold"),
    )
    for said in predictions:
        if said.fault:
            table.add_row(Text(str(said.path)), Text(said.fault, style="red"), "", "")
            continue
        (_, best), *others = said.probabilities.items()
        rest = ", ".join(f"{name} {p:.1%}" for name, p in others[:2])
        table.add_row(Text(str(said.path)), Text(said.label), f"{best:.1%}", Text(rest))
    console().print(table)


def _as_json(said: "Prediction") -> dict[str, object]:
    return {
        "image": str(said.path),
        "class": said.label or None,
        "probabilities": said.probabilities,
        "fault": said.fault or None,
    }


def _print_csv(predictions: "Sequence[Prediction]", class_names: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["image", "class", *class_names, "fault"])
    for said in predictions:
        probabilities = [said.probabilities.get(name, "") for name in class_names]
        writer.writerow([said.path, said.label, *probabilities, said.fault])
