"""Many processes on one registry, and processes that are killed: in a folder, and on S3."""

import multiprocessing
import os
import random
import signal
import threading
import time

import pytest

from lradapt.registry import open_store, versions
from lradapt.registry.store import ChangedError

pytestmark = pytest.mark.slow

NAME, CLERK = "moles", {"why": "better", "who": "me@here", "when": "2026-01-01T00:00:00+00:00"}
NUM_PROCESSES, NUM_PROMOTIONS = 16, 200
ROUNDS = [5, pytest.param(50, marks=pytest.mark.long)]
KILLS = [5, pytest.param(20, marks=pytest.mark.long)]
SIZE = 500_000
PLACES = {
    "folder": lambda request: str(request.getfixturevalue("tmp_path") / "registry"),
    "s3": lambda request: request.getfixturevalue("bucket").url,
}


@pytest.fixture(params=PLACES)
def place(request):
    """A registry's URL, and the settings that lead to it."""
    url = PLACES[request.param](request)
    return url, {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


@pytest.fixture
def processes():
    """Children that start fast, with what they import."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["boto3", "lradapt.registry.s3", "lradapt.registry.versions"])
    return context


def files(number, size=100):
    return {"model.onnx": bytes([number]) * size, "trained_on.csv": b"", "report.html": b"<html>"}


def publish(store, number, size=100, name=NAME):
    return versions.publish(store, name, files(number, size), {})


def promote(store, version, name=NAME):
    over = versions.read_production(store, name)
    return versions.promote(store, name, version, over=over, **CLERK)


def whole_versions(store, name):
    """The versions that exist; every file of each is verified."""
    found = {key.split("/")[2] for key in store.list(f"{name}/versions/")}
    existing = sorted(version for version in found if versions.exists(store, name, version))
    for version in existing:
        for file in versions.read_manifest(store, name, version)["files"]:
            versions.read_file(store, name, version, file)
    return existing


# Sixteen at once


def compete(url, settings, number, num_rounds, barrier, wins):
    """Try once a round to promote a version of one's own; the moves that were made."""
    os.environ.update(settings)
    store = open_store(url)
    version = publish(store, number)
    made = []
    for _ in range(num_rounds):
        barrier.wait(timeout=120)
        try:
            move = promote(store, version)
        except ChangedError:
            continue
        made.append((move.seq, move.version))
    wins.put(made)


@pytest.mark.parametrize("num_rounds", ROUNDS)
def test_of_sixteen_that_promote_at_once_no_move_is_lost_and_the_log_has_no_gap(
    place, processes, num_rounds
):
    barrier, wins = processes.Barrier(NUM_PROCESSES), processes.Queue()
    children = [
        processes.Process(target=compete, args=(*place, number, num_rounds, barrier, wins))
        for number in range(NUM_PROCESSES)
    ]
    for child in children:
        child.start()
    made = sorted(move for _ in children for move in wins.get(timeout=800))
    for child in children:
        child.join()
    store = open_store(place[0])
    logged = [(move.seq, move.version) for move in versions.history(store, NAME)]
    assert logged == made
    assert [seq for seq, _ in logged] == list(range(1, len(logged) + 1))
    assert len(store.list(f"{NAME}/log/")) == len(logged) >= num_rounds
    assert len(logged) < NUM_PROCESSES * num_rounds, "nobody lost a race: the test says nothing"
    pointer = versions.read_production(store, NAME).move
    assert (pointer.seq, pointer.version) == logged[-1]
    former = ["", *(version for _, version in logged)]
    assert [move.former for move in versions.history(store, NAME)] == former[:-1]


# Killed at any instant


def publish_there(store, name):
    publish(store, 2, SIZE, name)


def promote_there(store, name):
    promote(store, publish(store, 2, SIZE, name), name)


def work(url, settings, name, does, begun):
    os.environ.update(settings)
    store = open_store(url)
    begun.set()
    does(store, name)


def started(processes, place, name, does):
    begun = processes.Event()
    child = processes.Process(target=work, args=(*place, name, does, begun))
    child.start()
    assert begun.wait(timeout=120)
    return child


def seconds_of(processes, place, does):
    """How long the work takes that nobody kills."""
    publish(open_store(place[0]), 2, SIZE, "undisturbed")
    child = started(processes, place, "measured", does)
    began = time.monotonic()
    child.join()
    assert child.exitcode == 0
    return time.monotonic() - began


@pytest.mark.parametrize("num_kills", KILLS)
@pytest.mark.parametrize("does", [publish_there, promote_there])
def test_killed_at_any_instant_a_second_run_completes_it(place, processes, does, num_kills):
    store = open_store(place[0])
    instants = random.Random(0)
    seconds = seconds_of(processes, place, does)
    num_killed = 0
    for number in range(num_kills):
        name = f"model{number:02d}"
        first = publish(store, 1, SIZE, name)
        promote(store, first, name)
        if does is promote_there and number % 2:
            publish(store, 2, SIZE, name)  # so that the promotion is what is hit
        child = started(processes, place, name, does)
        time.sleep(instants.uniform(0, 0.7 * seconds))
        child.kill()
        child.join()
        num_killed += child.exitcode == -signal.SIGKILL
        assert versions.read_production(store, name).move.version in whole_versions(store, name)

        second = publish(store, 2, SIZE, name)
        if versions.read_production(store, name).move.version != second:
            promote(store, second, name)
        assert whole_versions(store, name) == sorted([first, second])
        moves = versions.history(store, name)
        assert [(move.seq, move.version) for move in moves] == [(1, first), (2, second)]
    assert num_killed >= min(3, num_kills // 3), (
        "hardly anybody was killed at work: the test says little"
    )


# One who reads


def test_a_reader_never_sees_a_missing_or_a_half_model(place):
    store, watcher = open_store(place[0]), open_store(place[0])
    pair = publish(store, 0, 50_000), publish(store, 1, 50_000)
    promote(store, pair[1])
    seen, failures, done = [], [], threading.Event()

    def read():
        while not done.is_set() and not failures:
            try:
                version = versions.read_production(watcher, NAME).move.version
                model = versions.read_file(watcher, NAME, version, versions.MODEL)
                seen.append((version, len(model), model[0]))
            except Exception as error:  # noqa: BLE001  # told below, in the test's own thread
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(NUM_PROMOTIONS):
            promote(store, pair[number % 2])
    finally:
        done.set()
        reader.join()
    assert failures == []
    assert set(seen) == {(pair[0], 50_000, 0), (pair[1], 50_000, 1)}
    assert len(seen) > 20
    assert len(versions.history(store, NAME)) == NUM_PROMOTIONS + 1
