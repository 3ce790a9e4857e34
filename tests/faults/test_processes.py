"""Many processes on one registry, and processes that are killed: in a folder, and on S3."""

import multiprocessing
import os
import random
import re
import signal
import threading
import time
from functools import partial

import pytest

from lradapt.cli.versions import prune
from lradapt.registry import leases, open_registry
from lradapt.registry.store import ChangedError
from tests.unit.releases import promote, whole_versions
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

NAME = "moles"
NUM_PROCESSES = 16
LONG = pytest.mark.long
SIZE = 500_000
PLACES = {
    "folder": lambda request: str(request.getfixturevalue("tmp_path") / "registry"),
    "s3": lambda request: request.getfixturevalue("bucket").url,
}


def in_places(name, *, everywhere, in_folder):
    """Repeat a test so often in a folder; in `make test-all` on S3, too, and longer in a folder.

    More repeats on S3 take minutes of moto's; test_s3_faults.py stops at each request there.
    """
    values = [("folder", everywhere), pytest.param("s3", everywhere, marks=LONG)]
    longer = pytest.param("folder", in_folder, marks=LONG)
    return pytest.mark.parametrize(("place", name), [*values, longer], indirect=["place"])


@pytest.fixture
def place(request):
    """A registry's URL, and the settings that lead to it."""
    url = PLACES[request.param](request)
    return url, {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


@pytest.fixture
def processes():
    """Children that start fast, with what they import."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["boto3", "lradapt.registry.s3", "lradapt.registry.registry"])
    return context


def files(number, size=100):
    return {"model.onnx": bytes([number]) * size, "trained_on.csv": b"", "report.html": b"<html>"}


def publish(registry, number, size=100):
    return registry.publish(files(number, size), {})


# Sixteen at once


def compete(url, settings, number, num_rounds, barrier, wins):
    """Try once a round to promote a version of one's own; the promotions that were made."""
    os.environ.update(settings)
    registry = open_registry(url, NAME)
    version = publish(registry, number)
    made = []
    for _ in range(num_rounds):
        barrier.wait(timeout=120)
        try:
            promotion = promote(registry, version)
        except ChangedError:
            continue
        made.append((promotion.sequence, promotion.version))
    wins.put(made)


@in_places("num_rounds", everywhere=5, in_folder=50)
def test_of_sixteen_that_promote_at_once_none_is_lost_and_the_log_has_no_gap(
    place, processes, num_rounds
):
    barrier, wins = processes.Barrier(NUM_PROCESSES), processes.Queue()
    children = [
        processes.Process(target=compete, args=(*place, number, num_rounds, barrier, wins))
        for number in range(NUM_PROCESSES)
    ]
    for child in children:
        child.start()
    made = sorted(promotion for _ in children for promotion in wins.get(timeout=800))
    for child in children:
        child.join()
    registry = open_registry(place[0], NAME)
    logged = [(promotion.sequence, promotion.version) for promotion in registry.promotions()]
    assert logged == made
    assert [seq for seq, _ in logged] == list(range(1, len(logged) + 1))
    assert len(registry.store.list(f"{NAME}/log/")) == len(logged) >= num_rounds
    assert len(logged) < NUM_PROCESSES * num_rounds, "nobody lost a race: the test says nothing"
    pointer = registry.production().promotion
    assert (pointer.sequence, pointer.version) == logged[-1]
    previous = ["", *(version for _, version in logged)]
    assert [promotion.previous for promotion in registry.promotions()] == previous[:-1]


# Killed at any instant


def publish_there(registry, number=2, size=SIZE):
    publish(registry, number, size)


def promote_there(registry, number=2, size=SIZE):
    promote(registry, publish(registry, number, size))


def work(url, settings, name, does, begun):
    os.environ.update(settings)
    registry = open_registry(url, name)
    begun.set()
    does(registry)


def started(processes, place, name, does):
    begun = processes.Event()
    child = processes.Process(target=work, args=(*place, name, does, begun))
    child.start()
    assert begun.wait(timeout=120)
    return child


def seconds_of(processes, place, does):
    """How long the work takes that nobody kills."""
    publish(open_registry(place[0], "undisturbed"), 2, SIZE)
    child = started(processes, place, "measured", does)
    began = time.monotonic()
    child.join()
    assert child.exitcode == 0
    return time.monotonic() - began


@in_places("num_kills", everywhere=5, in_folder=20)
@pytest.mark.parametrize("does", [publish_there, promote_there])
def test_killed_at_any_instant_a_second_run_completes_it(place, processes, does, num_kills):
    instants = random.Random(0)
    seconds = seconds_of(processes, place, does)
    num_killed = 0
    for number in range(num_kills):
        name = f"model{number:02d}"
        registry = open_registry(place[0], name)
        first = publish(registry, 1, SIZE)
        promote(registry, first)
        if does is promote_there and number % 2:
            publish(registry, 2, SIZE)  # so that the promotion is what is hit
        child = started(processes, place, name, does)
        time.sleep(instants.uniform(0, 0.7 * seconds))
        child.kill()
        child.join()
        if child.exitcode == -signal.SIGKILL:
            num_killed += 1
        else:
            seconds /= 2  # it was slower when it was measured
        assert registry.production().version in whole_versions(registry)

        second = publish(registry, 2, SIZE)
        if registry.production().version != second:
            promote(registry, second)
        assert whole_versions(registry) == sorted([first, second])
        promotions = registry.promotions()
        assert [(promotion.sequence, promotion.version) for promotion in promotions] == [
            (1, first),
            (2, second),
        ]
    assert num_killed >= min(3, num_kills // 3), (
        "hardly anybody was killed at work: the test says little"
    )


def partial_files(folder):
    """The temporary files below a folder, by their names alone."""
    found = folder.rglob(".*")
    return {path for path in found if re.fullmatch(r"\.[0-9a-f]{32}", path.name)}


@pytest.mark.parametrize("num_kills", [6, pytest.param(60, marks=LONG)])
def test_prune_finds_and_removes_all_that_killed_processes_leave(
    tmp_path, processes, monkeypatch, num_kills
):
    place, instants = (str(tmp_path), {}), random.Random(0)
    registry = open_registry(place[0], NAME)
    champion = publish(registry, 255)
    promote(registry, champion)
    seconds = [seconds_of(processes, place, does) for does in (publish_there, promote_there)]
    for number in range(num_kills):
        does = (publish_there, promote_there)[number % 2]
        child = started(processes, place, NAME, partial(does, number=number, size=4 * SIZE))
        time.sleep(instants.uniform(0, seconds[number % 2]))
        child.kill()
        child.join()
    left = partial_files(tmp_path)
    assert left, "nobody was killed in the middle of a file: the test says nothing"
    found = registry.remnants(older_than_seconds=-1)
    assert {tmp_path / each.name for each in found} == left
    live = registry.production().promotion
    assert registry.remnants() == []  # they are young: a write may be under way

    for path in left:
        os.utime(path, (time.time() - 7200,) * 2)
    monkeypatch.setattr(leases, "HOLD_SECONDS", 0)  # as an hour later
    prune(keep=1000, incomplete=True, yes=True, registry=place[0], name=NAME)
    assert partial_files(tmp_path) == set()
    assert registry.store.list(f"{NAME}/{leases.HOLDS}/") == []
    assert registry.production().promotion == live
    assert live.version in whole_versions(registry) == sorted(registry.version_names())


# One who reads


@in_places("num_promotions", everywhere=10, in_folder=100)
def test_a_reader_never_sees_a_missing_or_a_half_model(place, num_promotions):
    registry, watcher = open_registry(place[0], NAME), open_registry(place[0], NAME)
    pair = publish(registry, 0, 50_000), publish(registry, 1, 50_000)
    promote(registry, pair[1])
    seen, failures, done = [], [], threading.Event()

    def read():
        while not done.is_set() and not failures:
            try:
                version = watcher.production().version
                model = watcher.read_file(version, "model.onnx")
                seen.append((version, len(model), model[0]))
            except Exception as error:  # noqa: BLE001  # reported below, in the test's own thread
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(num_promotions):
            promote(registry, pair[number % 2])
            wait_for(lambda now=pair[number % 2]: failures or (seen and seen[-1][0] == now))
    finally:
        done.set()
        reader.join()
    assert failures == []
    assert set(seen) == {(pair[0], 50_000, 0), (pair[1], 50_000, 1)}
    assert len(seen) >= num_promotions
    assert len(registry.promotions()) == num_promotions + 1
