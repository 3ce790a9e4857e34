"""The page of all values of params.yaml: complete, with unit, bounds and meaning."""

from typing import Annotated

import pytest
import yaml
from pydantic import Field

from lradapt.config.params import Params
from lradapt.config.params.section import Section, Unit
from manual.params_page import UndocumentedError, documented, params_page
from tests.docs.documents import ROOT

GIVEN = yaml.safe_load((ROOT / "params.yaml").read_text())


class Inner(Section):
    """Of a test."""

    seconds: float = Field(gt=0)
    """How long."""
    name: str


class Outer(Section):
    """Of a test."""

    inner: Inner | None
    """With a text."""
    length: Annotated[float, Unit("metres")]
    """How long."""


def keys(values, prefix=""):
    """Yield the keys with dots of all values that are no sections of the schema."""
    schema = {"model.layers", "gate.min_recall", "gate.min_recall_in", "gate.renamed"}
    for name, value in values.items():
        if isinstance(value, dict) and f"{prefix}{name}" not in schema:
            yield from keys(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_each_key_of_params_yaml_has_a_line_with_its_value_and_each_line_is_a_key():
    lines = [line.split(" | ") for line in params_page(GIVEN).splitlines() if line[:3] == "| `"]
    shown = {line[0].removeprefix("| ").strip("`"): line[1:] for line in lines}
    given = {key for key in keys(GIVEN) if not key.startswith("chosen_by_import")}
    assert set(shown) - given == {"model.layers.head", "model.layers.early", "model.layers.late"}
    assert given - set(shown) == set()
    assert shown["gate.margin"][1:] == ["`0.02`", "balanced accuracy", "above 0, at most 0.2 |"]
    assert "a class was added: 0.02 is two points" in shown["gate.margin"][0]
    assert "([method](../method.md))" in shown["doubtful_labels"][0]


def test_each_number_has_a_unit():
    units = {value.key: value.unit for value in documented(Params)}
    assert units["checkpoint.every_seconds"] == "seconds"
    assert units["body_rates.rates"] == "learning rate"
    assert units["gate.max_image_seconds"] == "seconds"
    assert units["gate.min_recall_in"] == "recall"
    assert units["engine.device"] == ""


def test_values_without_meaning_or_unit_are_an_error_that_names_all_of_them():
    with pytest.raises(UndocumentedError) as error:
        documented(Outer)
    assert "2 value(s)" in str(error.value)
    assert "inner.name: no meaning; inner.seconds: a number without a unit" in str(error.value)
