import json

import pytest

from lradapt.registry import inventory, open_store, versions
from lradapt.registry.store import RegistryError

NAME = "digits"
WHEN = "2026-02-01T00:00:00+00:00"


class KilledError(Exception):
    """Stands for the death of the process."""


class DiesAtDelete:
    """A store that dies before its `number`-th removal; it remembers what it removed."""

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
def store(tmp_path):
    return open_store(str(tmp_path))


def publish(store, number, **facts):
    files = {"model.onnx": b"%d" % number, "trained_on.csv": b"", "report.html": b"12"}
    created = f"2026-01-{number:02}T00:00:00+00:00"
    return versions.publish(store, NAME, files, {"created": created, **facts})


def promote(store, version):
    over = versions.read_production(store, NAME)
    return versions.promote(store, NAME, version, over=over, why="", who="", when=WHEN)


def left(store):
    return {each.version for each in inventory.list_versions(store, NAME)}


def prunable(store, *, keep, incomplete=False):
    listed = inventory.list_versions(store, NAME)
    production = versions.read_production(store, NAME)
    return inventory.prunable(listed, production, keep=keep, incomplete=incomplete)


def leave_incomplete(store, version):
    store.delete(f"{NAME}/versions/{version}/manifest.json")


def test_versions_are_listed_from_old_to_new_with_what_is_known_of_them(store):
    late = publish(store, 9, metrics={"accuracy": 0.9, "balanced_accuracy": 0.8})
    early = publish(store, 2)
    promote(store, late)
    first, second = inventory.list_versions(store, NAME)
    assert first == inventory.Version(
        version=early, created="2026-01-02T00:00:00+00:00", size=1 + 0 + 2
    )
    assert second == inventory.Version(
        version=late,
        created="2026-01-09T00:00:00+00:00",
        accuracy=0.9,
        balanced_accuracy=0.8,
        since=WHEN,
        size=3,
    )


def test_what_cannot_be_used_is_listed_first_with_its_fault(store, tmp_path):
    newer, incomplete, whole = (publish(store, number) for number in (1, 2, 3))
    path = tmp_path / NAME / "versions" / newer / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    leave_incomplete(store, incomplete)
    *faulty, last = inventory.list_versions(store, NAME)
    assert {each.version: each.incomplete for each in faulty} == {newer: False, incomplete: True}
    assert "format 2, expected 1" in next(e.fault for e in faulty if e.version == newer)
    assert (last.version, last.fault) == (whole, "")


def test_an_older_version_without_sizes_is_listed(store, tmp_path, monkeypatch):
    version = publish(store, 1)
    manifest = versions.read_manifest(store, NAME, version)
    del manifest["sizes"]
    monkeypatch.setattr(inventory, "read_manifest", lambda *_: manifest)
    assert [each.size for each in inventory.list_versions(store, NAME)] == [None]


def test_another_name_that_begins_alike_is_not_listed(store):
    version = publish(store, 1)
    files = {"model.onnx": b"x", "trained_on.csv": b""}
    versions.publish(store, f"{NAME}2", files, {})
    assert left(store) == {version}


def test_the_newest_stay_and_with_them_what_is_live_and_its_predecessor(store):
    published = [publish(store, number) for number in range(1, 8)]
    for number in (3, 1, 2):
        promote(store, published[number])
    # in production: 2, before it: 1; of the rest the two newest are 5 and 6
    assert prunable(store, keep=2) == [published[0], published[3], published[4]]
    assert prunable(store, keep=7) == []
    assert prunable(store, keep=100) == []


def test_incomplete_versions_go_only_where_that_is_asked_for(store):
    old, new = publish(store, 1), publish(store, 2)
    leave_incomplete(store, old)
    assert prunable(store, keep=1) == []
    assert prunable(store, keep=1, incomplete=True) == [old]
    inventory.remove(store, NAME, old)
    assert left(store) == {new}


def test_an_unreadable_version_that_was_complete_is_left_alone(store, tmp_path):
    version = publish(store, 1)
    path = tmp_path / NAME / "versions" / version / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    publish(store, 2)
    assert prunable(store, keep=1, incomplete=True) == []


def test_a_removed_version_leaves_no_key_and_can_be_published_again(store):
    version = publish(store, 1)
    inventory.remove(store, NAME, version)
    assert store.list(f"{NAME}/versions/") == []
    assert publish(store, 1) == version
    assert left(store) == {version}


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_an_interrupted_removal_leaves_a_whole_version_or_none(store, number):
    version = publish(store, 1)
    dying = DiesAtDelete(store, number)
    with pytest.raises(KilledError):
        inventory.remove(dying, NAME, version)
    assert versions.exists(store, NAME, version) == (number == 1)
    (listed,) = inventory.list_versions(store, NAME)
    assert listed.incomplete == (number > 1)
    inventory.remove(store, NAME, version)
    assert store.list(f"{NAME}/versions/") == []


def test_what_is_live_by_now_is_not_removed(store):
    one, two = publish(store, 1), publish(store, 2)
    promote(store, one)
    promote(store, two)
    for version in (one, two):
        with pytest.raises(RegistryError, match=f"{version} is in production by now, or .* stays"):
            inventory.remove(store, NAME, version)
    assert left(store) == {one, two}
