"""`lradapt preset` and `recipe`: write sets of values into params.yaml, whose comments stay."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from lradapt.cli import completion
from lradapt.cli.options import AsJson, Location, Name, Version
from lradapt.cli.output import print_json
from lradapt.config.paths import PARAMS_FILE
from lradapt.config.presets import PRESETS, Changes, changed
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.runtime.files import write_text

ParamsFile = Annotated[Path, typer.Option("--params", help="The file to change.")]

_NOT_OF_A_RECIPE = (
    "split",
    "check",
    "watch",
    "gate",
    "report",
    "card",
    "track",
    "chosen_by_import",
)
"""The sections about the data, the gate, reports and trackers, and the record of the last import; a
recipe leaves them as they are."""


def preset(
    name: Annotated[
        str,
        typer.Argument(
            metavar="PRESET",
            help="paper: the settings of the paper.",
            autocompletion=completion.presets,
        ),
    ],
    as_json: AsJson = False,
    path: ParamsFile = PARAMS_FILE,
) -> None:
    """Write the values of a preset into params.yaml; the comments there stay.

    Prints each value that changes, before and after.
    """
    if name not in PRESETS:
        raise typer.BadParameter(f"no preset {name!r}; expected one of: {', '.join(PRESETS)}")
    _set(path, PRESETS[name], as_json=as_json)


def recipe(
    version: Version = None,
    as_json: AsJson = False,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
    path: ParamsFile = PARAMS_FILE,
) -> None:
    """Write the values that a version was trained with into params.yaml; the comments there stay.

    The sections about data, gate, reports and trackers (split, check, watch, gate,
    report, card, track) are unchanged. Prints each value that changes, before and after.
    """
    opened = open_registry(registry, name)
    manifest = opened.manifest(version or opened.require_production().version)
    params = {
        key: value for key, value in manifest["params"].items() if key not in _NOT_OF_A_RECIPE
    }
    _set(path, params, as_json=as_json)


def _set(path: Path, changes: Changes, *, as_json: bool) -> None:
    from lradapt.config.params import Params, load_params
    from lradapt.config.params_text import with_values
    from lradapt.config.validation import validate
    from lradapt.config.yaml_files import read_yaml

    load_params(path)  # what is there must be valid, so that only the changes are to blame
    before = read_yaml(path)
    validate(Params, changed(before, changes), path)
    written = list(_differences(before, changes))
    write_text(path, with_values(path.read_text(encoding="utf-8"), changes))
    if as_json:
        changed_to = {key: {"from": old, "to": new} for key, old, new in written}
        print_json({"params": str(path), "changes": changed_to})
        return
    for key, old, new in written:
        typer.echo(f"{key}: {old} -> {new}")
    typer.echo(f"{path}: {len(written)} value(s) changed" if written else f"{path}: unchanged")


def _differences(values: Changes, changes: Changes) -> Iterator[tuple[str, Any, Any]]:
    for section, new in changes.items():
        if isinstance(new, dict):
            for key, value in new.items():
                if values[section][key] != value:
                    yield f"{section}.{key}", values[section][key], value
        elif values[section] != new:
            yield section, values[section], new
