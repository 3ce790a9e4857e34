"""A comment of params.yaml stays true when a program or a person changes the value beside it."""

import re
from typing import Literal, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from lradapt.config.params import Params
from tests.projects import ROOT

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
LINES = TEXT.splitlines()


def comments(node, section, path=()):
    """Yield (key, allowed words, comment) of each key of params.yaml with a choice of words."""
    for key, value in node.value:
        field = section.model_fields[key.value]
        at = (*path, key.value)
        if isinstance(value, yaml.MappingNode) and issubclass(_model(field), BaseModel):
            yield from comments(value, _model(field), at)
        elif words := _words(field.annotation):
            yield ".".join(at), words, LINES[key.start_mark.line].partition("#")[2]


def _model(field):
    return field.annotation if isinstance(field.annotation, type) else object


def _words(annotation):
    """Return the words of a Literal, also within an Annotated; none of another type."""
    return get_args(annotation) if get_origin(annotation) is Literal else ()


COMMENTS = [*comments(yaml.compose(TEXT), Params)]


def test_the_keys_with_a_choice_are_found():
    found = {key for key, _, _ in COMMENTS}
    assert {"engine.memory_format", "finetune.optimizer", "gate.policy", "data.fit"} <= found


@pytest.mark.parametrize(("key", "words", "comment"), COMMENTS, ids=[each[0] for each in COMMENTS])
def test_a_comment_names_all_the_words_that_may_stand_beside_it_or_none(key, words, comment):
    named = {word for word in words if re.search(rf"\b{word}\b", comment)}
    assert named in (set(), {*words})
