"""The text of params.yaml: as DVC reads it, and with changed values; all else stays as written."""

import io
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.tokens import (
    CommentToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    ScalarToken,
)

from lradapt.config.presets import Changes
from lradapt.errors import ParamsError


def require_read_by_dvc(path: Path) -> None:
    """Check that DVC can read the file; it follows YAML 1.2, by another parser than `read_yaml`.

    It takes the keys 7 and 007 of a mapping for one, and does not accept {12:30: 0.5}: within
    brackets and braces its library in C takes each `:` and `?` for an indicator. Where that library
    is missing DVC would read the file, but DVC on another machine would not: so it is refused too.

    Raises:
        ParamsError: DVC cannot read it; the error has the line.
    """
    text = path.read_text(encoding="utf-8")
    try:
        YAML(typ="safe").load(text)
        _require_no_indicator_in_words(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line
        what = "takes two keys for one" if isinstance(error, DuplicateKeyError) else error.problem
        raise ParamsError(
            f"{path}, line {line + 1}: DVC cannot read it ({what}): "
            f"{text.splitlines()[line].strip()}. Put every key that is not a plain word in quotes"
        ) from error


def _require_no_indicator_in_words(text: str) -> None:
    """Refuse a `:` or `?` in a plain word within brackets or braces."""
    depth = 0
    for token in YAML(typ="safe", pure=True).scan(text):
        depth += isinstance(token, FlowMappingStartToken | FlowSequenceStartToken)
        depth -= isinstance(token, FlowMappingEndToken | FlowSequenceEndToken)
        plain = token.value if isinstance(token, ScalarToken) and token.plain else ""
        if depth and (found := re.search("[:?]", plain)):
            problem = f"found unexpected {found[0]!r}"
            raise MarkedYAMLError(problem=problem, problem_mark=token.start_mark)


def with_values(text: str, changes: Changes) -> str:
    """Return the YAML `text` with the values in `changes` set and the rest unchanged.

    Raises:
        ParamsError: a section in `changes` is not in `text`.
    """
    yaml = YAML()
    yaml.Composer, yaml.Constructor, yaml.Representer = _Composer, _Constructor, _Representer
    yaml.preserve_quotes, yaml.width = True, 4096
    document = yaml.load(text)
    for section, values in changes.items():
        if isinstance(values, dict):
            if section not in document:
                raise ParamsError(f"no section {section} in the params file that is to be changed")
            for key, value in values.items():
                _set(document[section], key, value)
        else:
            _set(document, section, values)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _set(mapping: Any, key: str, value: Any) -> None:
    """Set a value; the comment behind it follows after one space, also behind a shorter value."""
    mapping[key] = _in_style_of(mapping.get(key), value)
    for token in mapping.ca.items.get(key, ()):
        if isinstance(token, CommentToken) and token.value.startswith("#"):
            token.column = 0


_AS_WRITTEN = "tag:lradapt,2026:as_written"


class _AsWritten(str):
    """A plain scalar: the text in the file, whatever YAML takes it for."""

    __slots__ = ()


class _Composer(Composer):
    """Marks the plain scalars, so that `1e-4`, `~` and `True` are written as they were."""

    def compose_scalar_node(self, anchor: Any) -> Any:
        """Compose a scalar; a plain one without a tag of its own is marked."""
        node = super().compose_scalar_node(anchor)
        if node.style is None and node.tag == _tag_of(self.loader.resolver, node.value):
            node.tag = _AS_WRITTEN if node.tag != _MERGE else node.tag
        return node


class _Constructor(RoundTripConstructor):
    """Makes a text of a marked scalar."""


class _Representer(RoundTripRepresenter):
    """Writes marked scalars as they were, null as `null`, and 1e-07 as `1.0e-07`.

    An empty string would be null, too, but not for every reader; PyYAML takes 1e-07 for a text.
    """

    def represent_number(self, value: float) -> Any:
        """Represent a float so that every YAML parser reads a number."""
        text = repr(value)
        if "e" in text and "." not in text:
            text = text.replace("e", ".0e")
        return self.represent_scalar("tag:yaml.org,2002:float", text)

    def represent_as_written(self, text: _AsWritten) -> Any:
        """Represent a text so that it is written without quotes."""
        return self.represent_scalar(_tag_of(self.dumper.resolver, text), str(text))


_MERGE = "tag:yaml.org,2002:merge"
_Constructor.add_constructor(_AS_WRITTEN, lambda _, node: _AsWritten(node.value))
_Representer.add_representer(_AsWritten, _Representer.represent_as_written)
_Representer.add_representer(float, _Representer.represent_number)
_Representer.add_representer(
    type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null")
)


def _tag_of(resolver: Any, text: str) -> Any:
    """Return the tag that a plain scalar gets from its text."""
    return resolver.resolve(ScalarNode, text, (True, False))


def _in_style_of(old: Any, new: Any) -> Any:
    """Return the new value; a list replaces the items of the old one, and so stays on one line."""
    if isinstance(old, list) and isinstance(new, list):
        old[:] = new
        return old
    return new
