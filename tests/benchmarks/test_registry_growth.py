import json

import pytest

from benchmarks import registry_growth
from benchmarks.registry_growth import OPERATIONS, Cost, made_facts, measure, table
from lradapt.errors import DataError
from lradapt.registry import open_registry
from tests.projects import ROOT


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(registry_growth, "_REPEATS", 1)
    return open_registry(str(tmp_path / "registry"))


def test_there_are_as_many_versions_and_promotions_as_are_measured(registry):
    costs = measure(registry, [5, 3])
    seen = [(cost.num_versions, cost.operation) for cost in costs]
    assert seen == [(size, operation) for size in (3, 5) for operation in OPERATIONS]
    listed = registry.list_versions()
    promotions = registry.promotions()
    assert len(listed) == len(promotions) == 5
    assert {each.version for each in listed} == {promotion.version for promotion in promotions}
    assert not any(each.fault for each in listed)


def test_seconds_and_memory_are_those_of_the_operation(registry):
    by_operation = {cost.operation: cost for cost in measure(registry, [4])}
    assert all(0 < cost.seconds < 5 for cost in by_operation.values())
    assert 0.01 < by_operation["versions"].peak_mebibytes < 5


def test_a_manifest_is_as_large_as_a_real_one(registry):
    assert 15_000 < len(json.dumps(made_facts(), indent=2)) < 60_000


def test_a_registry_that_is_not_empty_is_refused(registry):
    registry.store.create("a/b", b"")
    with pytest.raises(DataError, match="is not empty, and its files would be measured too"):
        measure(registry, [3])


def test_the_table_has_a_line_for_each_size_and_operation():
    assert table([Cost("versions", 1000, 0.5, 1.234)]).splitlines()[2:] == [
        "| 1,000 | versions | 500.0 | 0.50 | 1.23 |"
    ]
