"""A removal beside a promotion, and beside a publish, of the same version: nothing is lost.

In a folder and on S3, by two who share nothing but the store.
"""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import releases

from lradapt.registry import leases, open_registry
from lradapt.registry.registry import Registry
from lradapt.registry.store import RegistryError

NAME = "digits"
SLOW, LONG = pytest.mark.slow, (pytest.mark.slow, pytest.mark.long)
PLACES = pytest.mark.parametrize(
    ("place", "times"),
    [
        ("tmp_path", 15),
        pytest.param("tmp_path", 500, marks=LONG),
        pytest.param("bucket", 8, marks=SLOW),
        pytest.param("bucket", 120, marks=LONG),
    ],
)


class Meeting:
    """A store in which `other` runs before the `number`-th operation on a key with `part`."""

    def __init__(self, store, operation, part, other):
        self._store, self._operation, self._part, self._other = store, operation, part, other

    def __getattr__(self, name):
        found = getattr(self._store, name)
        if name != self._operation:
            return found

        def meet(key, *args, **kwargs):
            if self._part in key and self._other:
                other, self._other = self._other, None
                other()
            return found(key, *args, **kwargs)

        return meet


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path), NAME)


class Hesitant:
    """A store that pauses before each operation, so that two meet in every order."""

    def __init__(self, store, seed):
        self._store, self._random = store, random.Random(seed)
        self._slow = 0.01 if store.location.startswith("s3:") else 0.002
        self._next = self._most = 0.0

    def __getattr__(self, name):
        found = getattr(self._store, name)

        def hesitate(*args, **kwargs):
            time.sleep(self._next)
            self._next = self._random.uniform(0, self._most)
            return found(*args, **kwargs)

        return hesitate if callable(found) else found

    def begin(self):
        """Draw the pace of a round, and when it begins."""
        self._most = self._slow * self._random.random()
        self._next = self._random.uniform(0, 5 * self._slow)


@pytest.fixture
def two(request, place):
    """Two who open one registry by themselves, in a folder or on S3."""
    found = request.getfixturevalue(place)
    url = found.url if place == "bucket" else str(found)
    return [Registry(Hesitant(open_registry(url, NAME).store, seed), NAME) for seed in range(2)]


def meeting(registry, operation, part, other):
    return Registry(Meeting(registry.store, operation, part, other), NAME)


def whole(registry, version):
    return all(registry.read_file(version, file) for file in ("model.onnx",))


def at_once(*acts):
    """Run them together; the errors of the registry, in order, None where there was none."""
    barrier = threading.Barrier(len(acts))

    def run(act):
        barrier.wait(timeout=60)
        try:
            act()
        except RegistryError as error:
            return error
        return None

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


@PLACES
def test_a_promotion_beside_a_removal_ends_with_a_version_that_is_there(two, times):
    registry, remover = two
    releases.release(registry, b"the champion")
    outcomes = Counter()
    for number in range(times):
        version = releases.publish(registry, b"%d" % number)
        for each in two:
            each.store.begin()
        promoted, removed = at_once(
            lambda version=version: releases.promote(registry, version),
            lambda version=version: remover.remove(version),
        )
        live = registry.production()
        assert registry.read_promoted_model(live.promotion)
        assert (live.version == version) == (promoted is None)
        assert promoted is None or removed is None, (promoted, removed)
        assert not live.promotion.previous or registry.has(live.promotion.previous)
        outcomes["promoted" if promoted is None else "removed"] += 1
    assert times < 100 or len(outcomes) == 2, outcomes


@PLACES
def test_a_publish_beside_a_removal_ends_with_a_whole_version_or_none(two, times):
    registry, remover = two
    version = releases.publish(registry, b"model")
    outcomes = Counter()
    for _ in range(times):
        for each in two:
            each.store.begin()
        published, _ = at_once(
            lambda: releases.publish(registry, b"model"), lambda: remover.remove(version)
        )
        assert published is None
        outcomes["there" if registry.has(version) else "removed"] += 1
        if registry.has(version):
            assert whole(registry, version)
        assert releases.publish(registry, b"model") == version
        assert whole(registry, version)
    assert leases.expired(registry.store, NAME) == []
    assert times < 100 or len(outcomes) == 2, outcomes


def test_a_removal_that_begins_before_the_swap_of_the_pointer_gives_up(registry):
    releases.release(registry, b"1")
    version = releases.publish(registry, b"2")
    refused = []

    def remove():
        with pytest.raises(RegistryError, match=rf"{version} was not removed: .* publishes or pro"):
            registry.remove(version)
        refused.append(version)

    releases.promote(meeting(registry, "replace", "production.json", remove), version)
    assert refused == [version]
    assert registry.read_promoted_model(registry.production().promotion) == b"2"


def test_a_removal_that_begins_before_the_manifest_is_written_gives_up(registry):
    def remove():
        with pytest.raises(RegistryError, match="was not removed"):
            registry.remove(version)

    version = releases.publish(registry, b"1")
    registry.remove(version)
    assert releases.publish(meeting(registry, "create", "manifest.json", remove), b"1") == version
    assert whole(registry, version)


def test_a_promotion_waits_for_the_end_of_a_removal_and_then_finds_nothing(registry):
    version = releases.publish(registry, b"1")
    promotions = []

    def promote():
        thread = threading.Thread(
            target=lambda: promotions.extend(at_once(lambda: releases.promote(registry, version)))
        )
        thread.start()
        promotions.append(thread)

    meeting(registry, "delete", "manifest.json", promote).remove(version)
    thread = promotions.pop(0)
    thread.join(timeout=60)
    (error,) = promotions
    assert f"no version {version}" in str(error)
    assert registry.production() is None


def test_a_promotion_writes_its_hold_before_it_looks_for_a_removal(registry):
    """So a removal that saw no hold is seen by the promotion, however late the hold comes."""
    version = releases.publish(registry, b"1")
    reached, go = threading.Event(), threading.Event()

    def pause():
        reached.set()
        go.wait(timeout=60)

    remover = meeting(registry, "delete", "manifest.json", pause)
    removal = threading.Thread(target=lambda: remover.remove(version))

    def begin():
        removal.start()
        assert reached.wait(timeout=60)

    late = Meeting(registry.store, "create", "/holds/", begin)
    looks = Meeting(late, "list", "/removals/", lambda: reached.is_set() and go.set())
    (error,) = at_once(lambda: releases.promote(Registry(looks, NAME), version))
    go.set()
    removal.join(timeout=60)
    assert f"no version {version}" in str(error)
    assert registry.production() is None


def test_a_removal_that_does_not_end_is_reported(registry, monkeypatch):
    monkeypatch.setattr(leases, "_WAIT_SECONDS", 0.05)
    version = releases.publish(registry, b"1")
    with (
        leases.removing(registry.store, NAME, version),
        pytest.raises(RegistryError, match=r"is being removed by .*@.* since"),
    ):
        releases.promote(registry, version)
    releases.promote(registry, version)


def write_lease(registry, kind, version, age):
    at = (datetime.now(UTC) - timedelta(seconds=age)).isoformat(timespec="seconds")
    key = f"{NAME}/{kind}/{version}-{'0' * 32}.json"
    registry.store.create(key, b'{"by": "me@there", "at": "%s"}' % at.encode())


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [(leases.HOLDS, leases.HOLD_SECONDS), (leases.REMOVALS, leases.REMOVAL_SECONDS)],
)
def test_the_lease_of_a_killed_process_expires_and_is_then_removed(
    registry, monkeypatch, kind, seconds
):
    monkeypatch.setattr(leases, "_WAIT_SECONDS", 0.05)
    version = releases.publish(registry, b"1")
    acts = {leases.HOLDS: registry.remove, leases.REMOVALS: lambda v: releases.promote(registry, v)}
    write_lease(registry, kind, version, seconds - 60)
    with pytest.raises(RegistryError, match="me@there"):
        acts[kind](version)
    assert leases.expired(registry.store, NAME) == []
    registry.store.delete(f"{NAME}/{kind}/{version}-{'0' * 32}.json")
    write_lease(registry, kind, version, seconds + 60)
    acts[kind](version)
    assert len(leases.expired(registry.store, NAME)) == 1
    registry.remove_remnants([])
    assert registry.store.list(f"{NAME}/{kind}/") == []


def test_a_version_that_has_lost_its_model_is_restored_by_publishing_it_again(registry, tmp_path):
    version = releases.publish(registry, b"1")
    (tmp_path / NAME / "versions" / version / "model.onnx").unlink()
    (listed,) = registry.list_versions()
    assert (listed.fault, listed.incomplete) == ("incomplete: no model.onnx", True)
    assert releases.publish(registry, b"1") == version
    assert registry.read_file(version, "model.onnx") == b"1"


def test_a_version_that_has_lost_a_report_of_its_own_day_is_reported_with_the_remedy(
    registry, tmp_path
):
    files = {"model.onnx": b"1", "trained_on.csv": b"", "report.html": b"then"}
    version = registry.publish(files, {})
    (tmp_path / NAME / "versions" / version / "report.html").unlink()
    with pytest.raises(RegistryError, match=r"has lost report\.html.*prune --incomplete"):
        registry.publish(files | {"report.html": b"now"}, {})
    registry.remove(version)
    assert registry.publish(files, {}) == version


def test_a_publish_and_a_promotion_leave_no_lease(registry):
    version = releases.publish(registry, b"1")
    releases.promote(registry, version)
    assert not [key for key in registry.store.list("") if "/holds/" in key or "/removals/" in key]


def test_a_failed_promotion_leaves_no_lease_either(registry):
    version = releases.publish(registry, b"1")
    releases.promote(registry, version)
    with pytest.raises(RegistryError):
        registry.promote("000000000000", over=None, kind="promotion", reason="")
    other = replace(registry.production(), etag="stale")
    with pytest.raises(RegistryError):
        registry.promote(version, over=other, kind="promotion", reason="")
    assert registry.store.list(f"{NAME}/holds/") == []


def test_a_version_that_is_removed_while_publish_looks_at_it_is_published(registry):
    version = releases.publish(registry, b"1")
    looking = meeting(registry, "list", f"versions/{version}/", lambda: registry.remove(version))
    assert releases.publish(looking, b"1") == version
    assert whole(registry, version)
