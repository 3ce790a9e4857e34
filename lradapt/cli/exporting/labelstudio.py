"""`lradapt export labelstudio`: images with predictions for a labelling tool."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lradapt.cli import exit_codes
from lradapt.cli.options import AsJson, Location, Name
from lradapt.cli.output import console, print_json
from lradapt.config.paths import read_paths
from lradapt.errors import DataError, listed
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.runtime.files import write_json, write_text

if TYPE_CHECKING:
    from lradapt.inference.predict import Prediction


def labelstudio(
    into: Annotated[Path, typer.Option(dir_okay=False, help="The JSON file to write.")],
    images: Annotated[
        Path | None,
        typer.Option(
            help="A folder of other images than those of the project.", show_default=False
        ),
    ] = None,
    below_root: Annotated[
        str | None,
        typer.Option(
            help="Path of the folder of images below Label Studio's document root; by default its "
            "name.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Export images as tasks of Label Studio, with the predictions of the model in production.

    The predictions are pre-annotations: a person corrects or accepts them.
    Writes the tasks, and beside them the labelling interface (.xml) with the
    classes of the model. `lradapt import labelstudio` reads what comes back.
    An image that cannot be decoded is left out and named; the exit code is
    then 3.
    """
    from lradapt.inference.labelstudio import labelling_interface, make_tasks
    from lradapt.inference.predict import find_images
    from lradapt.serving.live_model import LiveModel

    folder = images or read_paths().images
    interface = into.with_suffix(".xml")
    if interface == into:
        raise DataError(f"--into {into}: the tasks are JSON; give a name that ends in .json")
    loaded = LiveModel(open_registry(registry, name)).current()
    predictions = list(loaded.model.classify(find_images([folder])))
    tasks = make_tasks(
        predictions,
        {} if images else _groups(),
        images=folder,
        below_root=folder.resolve().name if below_root is None else below_root,
        version=loaded.promotion.version,
    )
    write_json(into, tasks)
    write_text(interface, labelling_interface(loaded.model.class_names))
    faults = [each for each in predictions if each.fault]
    found = {"tasks": str(into), "interface": str(interface), "num_tasks": len(tasks)}
    if as_json:
        print_json(found | {"left_out": {str(each.path): each.fault for each in faults}})
    else:
        _print(into, interface, len(tasks), faults)
    if faults:
        raise typer.Exit(exit_codes.DATA_FAULTS)


def _groups() -> dict[str, str]:
    """Return image -> group of the project's labels; empty without labels."""
    from lradapt.data.labels import read_labels

    labels = read_paths().labels
    return {each.image: each.group for each in read_labels(labels)} if labels.exists() else {}


def _print(into: Path, interface: Path, num_tasks: int, faults: "Sequence[Prediction]") -> None:
    screen = console()
    screen.print(f"{into}: {num_tasks:,} tasks with predictions")
    screen.print(f"{interface}: the labelling interface of the project")
    if faults:
        screen.print(f"left out: {len(faults):,} file(s) that cannot be decoded")
        screen.print(listed([f"{each.path}: {each.fault}" for each in faults]))
