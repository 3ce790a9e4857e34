"""Changing values in the text of params.yaml; comments and the order of keys are kept."""

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.representer import RoundTripRepresenter

from lradapt.config.presets import Changes
from lradapt.errors import ParamsError


def with_values(text: str, changes: Changes) -> str:
    """Return the YAML `text` with the values in `changes` set and the rest unchanged.

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
                raise ParamsError(f"no section {section} in the params file that is to be changed")
            for key, value in values.items():
                document[section][key] = _in_style_of(document[section].get(key), value)
        else:
            document[section] = values
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


class _Representer(RoundTripRepresenter):
    """Writes a null value as `null` instead of an empty string."""


_Representer.add_representer(
    type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null")
)


def _in_style_of(old: Any, new: Any) -> Any:
    """Return the new value; a list replaces the items of the old one, and so stays on one line."""
    if isinstance(old, list) and isinstance(new, list):
        old[:] = new
        return old
    return new
