from dataclasses import replace

import pytest
import releases
from gate_verdicts import RULES

from lradapt.errors import ParamsError
from lradapt.production.known_classes import require_known_classes
from lradapt.registry import open_registry

TODAY = {"melanoma", "naevus"}


@pytest.fixture
def registry(tmp_path):
    """A registry whose first version in production knew `mole`, and the second does not."""
    registry = open_registry(str(tmp_path), "skin")
    for model, names in ((b"1", ("mole", "melanoma")), (b"2", ("naevus", "melanoma"))):
        metrics = {"recall": dict.fromkeys(names, 0.5)}
        releases.promote(registry, releases.publish(registry, model, metrics=metrics))
    return registry


def refusal(registry, **rules):
    with pytest.raises(ParamsError) as caught:
        require_known_classes(registry, replace(RULES, **rules), TODAY)
    return str(caught.value).splitlines()[1:]


def test_all_names_that_are_none_are_listed(registry):
    assert refusal(registry, min_recall={"true": 0.5, "melanom": 0.5}, renamed={"mola": None}) == [
        "  - gate.min_recall: 'true' is no class; the classes are 'melanoma', 'naevus'",
        "  - gate.min_recall: 'melanom' is no class; nearest: 'melanoma'",
        "  - gate.renamed: 'mola' is no class; nearest: 'mole'",
    ]


def test_a_class_of_any_earlier_version_in_production_may_be_renamed(registry):
    require_known_classes(registry, replace(RULES, renamed={"mole": "naevus"}), TODAY)


def test_after_a_version_was_pruned_any_old_name_is_accepted(registry):
    first = registry.promotions()[0].version
    releases.release(registry, b"3")
    registry.remove(first)
    require_known_classes(registry, replace(RULES, renamed={"mola": "naevus"}), TODAY)


def test_without_a_model_in_production_old_names_are_not_checked_but_new_ones_are(tmp_path):
    registry = open_registry(str(tmp_path / "empty"), "skin")
    require_known_classes(registry, replace(RULES, renamed={"mole": "naevus"}), TODAY)
    assert "'nevus' is no class" in refusal(registry, renamed={"mole": "nevus"})[0]
