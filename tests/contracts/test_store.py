"""What any store must do. Another kind of store is one more line in STORES, and of the fixture."""

import errno
import multiprocessing
import os
import stat
import threading

import pytest

from lradapt.registry import open_store
from lradapt.registry.store import (
    ChangedError,
    DeniedError,
    ExistsError,
    MissingError,
    RegistryError,
    UnreachableError,
)

STORES = {
    "folder": lambda request: str(request.getfixturevalue("tmp_path") / "registry"),
    "s3": lambda request: request.getfixturevalue("bucket").url,
}
NUM_PROCESSES = 8


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def store(request):
    return open_store(STORES[request.param](request))


def test_reads_what_was_created(store):
    store.create("model/a.bin", b"\x00one\r\n")
    assert store.read("model/a.bin").content == b"\x00one\r\n"


def test_creating_a_key_twice_raises_and_leaves_the_first(store):
    store.create("a", b"first")
    with pytest.raises(ExistsError, match="a exists already"):
        store.create("a", b"second")
    assert store.read("a").content == b"first"


def test_reading_a_key_that_is_not_there_raises(store):
    with pytest.raises(MissingError, match="a/b"):
        store.read("a/b")


def test_reading_below_a_file_is_reading_a_missing_key(store):
    store.create("a", b"")
    with pytest.raises(MissingError):
        store.read("a/b")


def test_replace_with_the_etag_that_was_read_writes(store):
    store.create("a", b"first")
    store.replace("a", b"second", etag=store.read("a").etag)
    assert store.read("a").content == b"second"


def test_replace_without_an_etag_writes_what_does_not_exist(store):
    store.replace("new/a", b"first", etag=None)
    assert store.read("new/a").content == b"first"


def test_replace_with_a_stale_etag_raises_and_leaves_what_is_there(store):
    store.create("a", b"first")
    stale = store.read("a").etag
    store.replace("a", b"second", etag=stale)
    with pytest.raises(ChangedError, match="changed by another writer"):
        store.replace("a", b"third", etag=stale)
    assert store.read("a").content == b"second"


def test_replace_without_an_etag_raises_where_something_is(store):
    store.create("a", b"first")
    with pytest.raises(ChangedError):
        store.replace("a", b"second", etag=None)
    assert store.read("a").content == b"first"


def test_replace_with_an_etag_raises_where_nothing_is(store):
    store.create("a", b"first")
    with pytest.raises(ChangedError):
        store.replace("b", b"second", etag=store.read("a").etag)
    assert store.list("") == ["a"]


def test_a_deleted_key_is_gone_and_no_other(store):
    for key in ("b/1", "b/10", "b/1x/y"):
        store.create(key, key.encode())
    store.delete("b/1")
    with pytest.raises(MissingError):
        store.read("b/1")
    assert store.list("") == ["b/10", "b/1x/y"]


def test_deleting_what_is_not_there_changes_nothing(store):
    store.create("a", b"one")
    for key in ("b", "c/d", "a/e"):
        store.delete(key)
    assert (store.list(""), store.read("a").content) == (["a"], b"one")


def test_a_deleted_key_can_be_created_again_and_its_old_etag_replaces_nothing(store):
    store.create("a", b"first")
    stale = store.read("a").etag
    store.delete("a")
    with pytest.raises(ChangedError):
        store.replace("a", b"second", etag=stale)
    store.create("a", b"third")
    assert store.read("a").content == b"third"


def test_lists_the_keys_with_a_prefix_sorted_and_nothing_of_its_own(store):
    for key in ("b/2", "b/10", "a", "bc/1"):
        store.create(key, b"")
    store.replace("b/pointer", b"", etag=None)
    assert store.list("b/") == ["b/10", "b/2", "b/pointer"]
    assert store.list("") == ["a", "b/10", "b/2", "b/pointer", "bc/1"]
    assert store.list("b") == ["b/10", "b/2", "b/pointer", "bc/1"]
    assert store.list("b/1") == ["b/10"]


@pytest.mark.parametrize("prefix", ["c/", "a/", "b/10/", "../", "b/../", "/b/", "b//"])
def test_a_prefix_that_no_key_begins_with_lists_nothing(store, prefix):
    store.create("a", b"")
    store.create("b/10", b"")
    assert store.list(prefix) == []


def test_an_empty_store_lists_nothing(store):
    assert store.list("") == []


@pytest.mark.parametrize("key", ["../a", "a/../../b", "/etc/a", "a//b", "a/", "", ".", ".hidden"])
def test_a_key_that_escapes_or_hides_is_refused(store, key):
    with pytest.raises(RegistryError, match="is not a key"):
        store.create(key, b"")
    with pytest.raises(RegistryError, match="is not a key"):
        store.read(key)
    with pytest.raises(RegistryError, match="is not a key"):
        store.replace(key, b"", etag=None)
    with pytest.raises(RegistryError, match="is not a key"):
        store.delete(key)


def test_another_object_on_the_same_place_sees_the_same_keys(store):
    store.create("a", b"one")
    other = open_store(store.location)
    assert other.read("a") == store.read("a")


@pytest.mark.slow
def test_of_eight_processes_that_create_one_key_exactly_one_wins(store):
    contents, outcomes = _at_once(_create, store)
    assert sorted(outcomes) == [False] * (NUM_PROCESSES - 1) + [True]
    assert store.read("a").content == contents[outcomes.index(True)]


@pytest.mark.slow
def test_of_eight_processes_that_replace_one_etag_exactly_one_wins(store):
    store.create("a", bytes(20_000_000))  # so that comparing takes long enough to be overtaken
    contents, outcomes = _at_once(_replace, store, store.read("a").etag)
    assert sorted(outcomes) == [False] * (NUM_PROCESSES - 1) + [True]
    assert store.read("a").content == contents[outcomes.index(True)]


@pytest.mark.slow
def test_a_reader_never_sees_a_part_of_a_file(store):
    size, num_versions = 1_000_000, 30
    store.create("a", bytes(size))
    seen, done = set(), threading.Event()

    def read():
        while not done.is_set():
            content = store.read("a").content
            seen.add((len(content), *set(content)))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for version in range(num_versions):
            store.replace("a", bytes([version]) * size, etag=store.read("a").etag)
    finally:
        done.set()
        reader.join()
    assert len(seen) > 1, "the reader saw no change: the test says nothing"
    assert seen <= {(size, version) for version in range(num_versions)}


def test_a_folder_keeps_nothing_of_a_write_that_failed(tmp_path):
    store = open_store(str(tmp_path))
    store.create("a", b"first")
    with pytest.raises(ExistsError):
        store.create("a", b"second")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("fault", "kind"), [(errno.EACCES, DeniedError), (errno.ENOSPC, UnreachableError)]
)
def test_what_the_system_refuses_is_reported_as_an_error_of_the_registry(
    tmp_path, monkeypatch, fault, kind
):
    def fail(*_):
        raise OSError(fault, os.strerror(fault))

    store = open_store(str(tmp_path))
    store.create("a", b"one")
    monkeypatch.setattr("os.fsync", fail)
    for write in (lambda: store.create("b", b""), lambda: store.replace("a", b"", etag="0")):
        with pytest.raises(kind, match=os.strerror(fault)):
            write()
    monkeypatch.setattr("os.fdopen", fail)
    with pytest.raises(kind, match=os.strerror(fault)):
        store.read("a")
    monkeypatch.setattr("os.scandir", fail)
    with pytest.raises(kind, match=os.strerror(fault)):
        store.list("")


def test_files_of_a_folder_are_readable_by_those_whom_the_umask_lets(tmp_path):
    former = os.umask(0o027)
    try:
        open_store(str(tmp_path)).create("a", b"")
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def _at_once(write, store, *rest):
    """Eight processes that begin to write together: what each wrote, and whether it won."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["boto3", "lradapt.registry.s3"])
    contents = [bytes([number]) * 100_000 for number in range(NUM_PROCESSES)]
    settings = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    work = [(write, store.location, settings, content, *rest) for content in contents]
    barrier = context.Barrier(NUM_PROCESSES)
    with context.Pool(NUM_PROCESSES, _remember, [barrier]) as pool:
        return contents, pool.starmap(_together, work, chunksize=1)


def _remember(barrier):
    _together.barrier = barrier


def _together(write, location, settings, content, *rest):
    os.environ.update(settings)
    store = open_store(location)
    _together.barrier.wait(timeout=60)
    try:
        write(store, content, *rest)
    except (ExistsError, ChangedError):
        return False
    return True


def _create(store, content):
    store.create("a", content)


def _replace(store, content, etag):
    store.replace("a", content, etag=etag)


def test_sizes_are_those_of_the_keys_below_a_prefix(store):
    for key, content in {"a/b": b"12", "a/c/d": b"345", "ab": b""}.items():
        store.create(key, content)
    assert store.sizes("a/") == {"a/b": 2, "a/c/d": 3}
    assert store.sizes("a") == {"a/b": 2, "a/c/d": 3, "ab": 0}
    assert store.sizes("no/") == {}
