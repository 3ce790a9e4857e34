"""The text of params.yaml with other values; its comments and the order of its keys stay."""

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

from lradapt.config.presets import Changes
from lradapt.errors import ParamsError


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
