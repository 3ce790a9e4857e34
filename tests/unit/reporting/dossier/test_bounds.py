from pathlib import Path

import yaml

from lradapt.reporting.dossier.bounds import bounds_of_params
from lradapt.reporting.dossier.param_changes import ABSENT, flat, value_changes

ROOT = Path(__file__).parents[4]


def test_every_value_of_params_yaml_has_bounds():
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params.pop("chosen_by_import")
    assert {key for key, _ in flat(params)} == bounds_of_params().keys()


def test_bounds_are_those_of_the_schema_in_words():
    bounds = bounds_of_params()
    assert bounds["gate.confidence"] == "at least 0.8, at most 0.999"
    assert bounds["gate.policy"] == "superior or not_worse"
    assert bounds["gate.max_megabytes"] == "above 0 or null"
    assert bounds["data.deviation"] == "3 values, each above 0"
    assert bounds["body_rates.rates"] == "3 values: at least 0; at least 0; above 0"


def test_values_that_were_added_or_removed_are_changes_too():
    found = value_changes({"a": 1, "b": {"c": {}}, "d": 2}, {"a": 1.0, "b": {"c": {"e": 3}}})
    assert [(each.key, each.old, each.new) for each in found] == [
        ("b.c", {}, ABSENT),
        ("b.c.e", ABSENT, 3),
        ("d", 2, ABSENT),
    ]
