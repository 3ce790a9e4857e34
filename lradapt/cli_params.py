"""`lradapt preset` and `recipe`: sets of values, written into params.yaml, its comments kept."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

from lradapt.cli_model import Name, Registry
from lradapt.errors import ParamsError
from lradapt.files import write_text
from lradapt.params import DEFAULT_PATH, Params, load_params
from lradapt.presets import PRESETS, Changes, changed
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_store, versions
from lradapt.yaml_check import check, read_values

_TODAYS = ("split", "check", "watch", "gate")
"""The sections that say which images are there and what is asked of a model."""


def preset(
    name: Annotated[str, typer.Argument(help="paper: the settings that the paper prints.")],
    path: Annotated[Path, typer.Option("--params", help="The file to change.")] = DEFAULT_PATH,
) -> None:
    """Set the values of a preset in params.yaml, its comments kept; every change is shown."""
    if name not in PRESETS:
        raise typer.BadParameter(f"no preset {name!r}; there is {', '.join(PRESETS)}")
    _set(path, PRESETS[name])


def recipe(
    version: Annotated[
        str | None, typer.Argument(help="The version; by default the one in production.")
    ] = None,
    registry: Registry = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
    path: Annotated[Path, typer.Option("--params", help="The file to change.")] = DEFAULT_PATH,
) -> None:
    """Set in params.yaml what a version was trained with; what judges it stays; all is shown."""
    store = open_store(registry)
    manifest = versions.read_manifest(store, name, version or versions.live_name(store, name))
    _set(path, {key: manifest["params"][key] for key in manifest["params"] if key not in _TODAYS})


def _set(path: Path, changes: Changes) -> None:
    load_params(path)  # what is there must be valid, so that only the changes are to blame
    before = read_values(path)
    check(Params, changed(before, changes), path)
    written = list(_differences(before, changes))
    write_text(path, with_values(path.read_text(encoding="utf-8"), changes))
    for key, old, new in written:
        typer.echo(f"{key}: {old} -> {new}")
    typer.echo(f"{path}: {len(written)} value(s) changed" if written else f"{path}: as it was")


def with_values(text: str, changes: Changes) -> str:
    """The YAML `text` with the values in `changes` set, and all else as it stands.

    Raises:
        ParamsError: a section in `changes` is not in `text`.
    """
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.preserve_quotes, yaml.width = True, 4096
    document = yaml.load(text)
    for section, values in changes.items():
        if isinstance(values, dict):
            if section not in document:
                raise ParamsError(f"no section {section} in the file to change")
            for key, value in values.items():
                document[section][key] = _like(document[section].get(key), value)
        else:
            document[section] = values
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


class _Representer(RoundTripRepresenter):
    """Writes null as null, and not as nothing."""


_Representer.add_representer(
    type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null")
)


def _like(old: Any, new: Any) -> Any:
    """A list is filled in place, so that it stays on its line."""
    if isinstance(old, list) and isinstance(new, list):
        old[:] = new
        return old
    return new


def _differences(values: Changes, changes: Changes) -> Iterator[tuple[str, Any, Any]]:
    for section, new in changes.items():
        if isinstance(new, dict):
            for key, value in new.items():
                if values[section][key] != value:
                    yield f"{section}.{key}", values[section][key], value
        elif values[section] != new:
            yield section, values[section], new
