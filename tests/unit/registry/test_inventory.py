import json
from dataclasses import replace

import pytest
from releases import promote

from lradapt.registry import open_registry
from lradapt.registry.inventory import VersionSummary
from lradapt.registry.inventory import prunable as prunable_of
from lradapt.registry.registry import Registry
from lradapt.registry.store import RegistryError

NAME = "digits"
AT = "2026-01-01T00:00:00+00:00"


class KilledError(Exception):
    """Stands for the death of the process."""


class DiesAtDelete:
    """A registry that dies before its `number`-th removal; it remembers what it removed."""

    def __init__(self, store, number):
        self._store, self._left, self.removed = store, number - 1, []

    def delete(self, key):
        if not self._left:
            raise KilledError
        self._left -= 1
        self.removed.append(key)
        self._store.delete(key)

    def __getattr__(self, name):
        return getattr(self._store, name)


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path), NAME)


def publish(registry, number, **facts):
    files = {"model.onnx": b"%d" % number, "trained_on.csv": b"", "report.html": b"12"}
    created = f"2026-01-{number:02}T00:00:00+00:00"
    return registry.publish(files, {"created": created, **facts})


def left(registry):
    return {each.version for each in registry.list_versions()}


def prunable(registry, *, keep, incomplete=False):
    listed = registry.list_versions()
    production = registry.production()
    return prunable_of(listed, production, keep=keep, incomplete=incomplete)


def leave_incomplete(registry, version):
    registry.store.delete(f"{NAME}/versions/{version}/manifest.json")


def test_versions_are_listed_from_old_to_new_with_what_is_known_of_them(registry):
    late = publish(registry, 9, metrics={"accuracy": 0.9, "balanced_accuracy": 0.8})
    early = publish(registry, 2)
    promote(registry, late)
    first, second = registry.list_versions()
    assert first == VersionSummary(
        version=early, created="2026-01-02T00:00:00+00:00", size=1 + 0 + 2
    )
    assert second == VersionSummary(
        version=late,
        created="2026-01-09T00:00:00+00:00",
        accuracy=0.9,
        balanced_accuracy=0.8,
        since=AT,
        size=3,
    )


def test_what_cannot_be_used_is_listed_first_with_its_fault(registry, tmp_path):
    newer, incomplete, whole = (publish(registry, number) for number in (1, 2, 3))
    path = tmp_path / NAME / "versions" / newer / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    leave_incomplete(registry, incomplete)
    *faulty, last = registry.list_versions()
    assert {each.version: each.incomplete for each in faulty} == {newer: False, incomplete: True}
    assert "format 2, expected 1" in next(e.fault for e in faulty if e.version == newer)
    assert (last.version, last.fault) == (whole, "")


def test_another_name_that_begins_alike_is_not_listed(registry):
    version = publish(registry, 1)
    files = {"model.onnx": b"x", "trained_on.csv": b""}
    replace(registry, name=f"{NAME}2").publish(files, {})
    assert left(registry) == {version}


def test_the_newest_stay_and_with_them_what_is_live_and_its_predecessor(registry):
    published = [publish(registry, number) for number in range(1, 8)]
    for number in (3, 1, 2):
        promote(registry, published[number])
    # in production: 2, before it: 1; of the rest the two newest are 5 and 6
    assert prunable(registry, keep=2) == [published[0], published[3], published[4]]
    assert prunable(registry, keep=7) == []
    assert prunable(registry, keep=100) == []


def test_incomplete_versions_go_only_where_that_is_asked_for(registry):
    old, new = publish(registry, 1), publish(registry, 2)
    leave_incomplete(registry, old)
    assert prunable(registry, keep=1) == []
    assert prunable(registry, keep=1, incomplete=True) == [old]
    registry.remove(old)
    assert left(registry) == {new}


def test_an_unreadable_version_that_was_complete_is_left_alone(registry, tmp_path):
    version = publish(registry, 1)
    path = tmp_path / NAME / "versions" / version / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    publish(registry, 2)
    assert prunable(registry, keep=1, incomplete=True) == []


def test_a_removed_version_leaves_no_key_and_can_be_published_again(registry):
    version = publish(registry, 1)
    registry.remove(version)
    assert registry.store.list(f"{NAME}/versions/") == []
    assert publish(registry, 1) == version
    assert left(registry) == {version}


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_an_interrupted_removal_leaves_a_whole_version_or_none(registry, number):
    version = publish(registry, 1)
    dying = Registry(DiesAtDelete(registry.store, number), NAME)
    with pytest.raises(KilledError):
        dying.remove(version)
    assert registry.has(version) == (number == 1)
    (listed,) = registry.list_versions()
    assert listed.incomplete == (number > 1)
    registry.remove(version)
    assert registry.store.list(f"{NAME}/versions/") == []


def test_what_is_live_by_now_is_not_removed(registry):
    one, two = publish(registry, 1), publish(registry, 2)
    promote(registry, one)
    promote(registry, two)
    for version in (one, two):
        with pytest.raises(
            RegistryError, match=f"{version} was not removed: by now it is in production, or "
        ):
            registry.remove(version)
    assert left(registry) == {one, two}
