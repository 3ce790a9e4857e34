"""S3 that fails: bounded time, one clear error, nothing lost, and no secret in any text."""

import re
import time

import pytest

from lradapt.registry.registry import Registry
from lradapt.registry.s3 import Limits, S3Store
from lradapt.registry.s3_location import parse_location
from lradapt.registry.store import (
    DamagedError,
    DeniedError,
    RegistryError,
    UnreachableError,
)
from tests.s3_servers import (
    SECRET_KEY,
    MotoServer,
    answers,
    flips_a_bit,
    loses_the_answer,
    resets,
    stalls,
    stalls_in_the_body,
    truncates,
)
from tests.unit.releases import promote, whole_versions

pytestmark = pytest.mark.slow

IMPATIENT = Limits(connect_seconds=1, read_seconds=1, num_attempts=2)
BOUND_SECONDS = 60
MODELS = b"one", b"two"

READS = {"read": lambda store: store.read("a"), "list": lambda store: store.list("")}
WRITES = {
    "create": lambda store: store.create("b", b"new"),
    "replace": lambda store: store.replace("a", b"new", etag=store.etag),
}
REFUSALS = {
    "500": (answers(500), UnreachableError),
    "503": (answers(503, "SlowDown"), UnreachableError),
    "denied": (answers(403, "AccessDenied"), DeniedError),
    "resets": (resets, UnreachableError),
    "stalls": (stalls(1.5), UnreachableError),
}
BROKEN_ANSWERS = {
    "truncates": (truncates, UnreachableError),
    "stalls in the body": (stalls_in_the_body(1.5), UnreachableError),
    "another bit": (flips_a_bit, (DamagedError, UnreachableError)),
}


@pytest.fixture
def store(bucket):
    """A store that holds the key `a`, and has been written to, so that it is proven."""
    store = opened(bucket)
    store.create("a", b"old")
    store.etag = store.read("a").etag
    return store


def opened(bucket, limits=IMPATIENT):
    return S3Store(parse_location(bucket.url), limits)


def fails(ask, store, kind):
    """The text of the error that `ask` ends with, in bounded time."""
    began = time.monotonic()
    with pytest.raises(kind) as failed:
        ask(store)
    assert time.monotonic() - began < BOUND_SECONDS
    text = str(failed.value)
    assert SECRET_KEY not in text
    assert failed.value.__cause__ is None
    assert "\n" not in text
    assert "s3://bucket-" in text
    return text


@pytest.mark.parametrize("fault", REFUSALS)
@pytest.mark.parametrize("ask", READS | WRITES)
def test_a_store_that_refuses_ends_in_one_error_and_goes_on_where_it_was(store, moto, fault, ask):
    failure, kind = REFUSALS[fault]
    with moto.failing(failure):
        fails((READS | WRITES)[ask], store, kind)
    assert store.list("") == ["a"]
    assert store.read("a").content == b"old"
    (READS | WRITES)[ask](store)


@pytest.mark.parametrize("fault", BROKEN_ANSWERS)
@pytest.mark.parametrize("ask", READS)
def test_an_answer_that_breaks_is_never_taken_for_a_whole_one(store, moto, fault, ask):
    failure, kind = BROKEN_ANSWERS[fault]
    with moto.failing(failure, on="GET"):
        fails(READS[ask], store, kind)
    assert store.read("a").content == b"old"


@pytest.mark.parametrize("fault", sorted({**REFUSALS, **BROKEN_ANSWERS}.keys() - {"denied"}))
@pytest.mark.parametrize("ask", READS | WRITES)
def test_a_fault_that_passes_is_not_noticed(store, moto, fault, ask):
    failure, _ = (REFUSALS | BROKEN_ANSWERS)[fault]
    on = "" if fault in REFUSALS else "GET"
    with moto.failing(failure, on=on, times=1):
        (READS | WRITES)[ask](store)
    assert store.list("") == (["a", "b"] if ask == "create" else ["a"])
    assert store.read("a").content == (b"new" if ask == "replace" else b"old")


def test_a_server_that_is_gone_is_reported_with_the_place_to_look_at(monkeypatch):
    server = MotoServer()
    bucket = server.bucket()
    for name, value in bucket.settings.items():
        monkeypatch.setenv(name, value)
    store = opened(bucket)
    store.create("a", b"old")
    server.stop()
    text = fails(READS["read"], store, UnreachableError)
    assert f"at {bucket.endpoint.removeprefix('http://')}" in text
    assert "AWS_ENDPOINT_URL" in text


def test_a_clock_that_is_off_is_reported(store, moto):
    with moto.failing(answers(403, "RequestTimeTooSkewed")):
        assert "set the clock of this machine" in fails(READS["read"], store, DeniedError)


# Vanishing in the middle: at every request of a whole release


def files(model):
    trained_on = b"pixel_sha256,group\n"
    return {"model.onnx": model, "trained_on.csv": trained_on, "report.html": b"<html>"}


def release(registry, model):
    """Publish and promote, unless the version is in production already."""
    version = registry.publish(files(model), {})
    production = registry.production()
    if production is None or production.version != version:
        promote(registry, version)
    return version


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("fault", [resets, pytest.param(loses_the_answer, marks=pytest.mark.long)])
def test_a_store_that_vanishes_at_any_request_of_a_release_loses_nothing(
    bucket, moto, fault, every
):
    limits = Limits(num_attempts=1)
    store = opened(bucket, limits)
    first = release(Registry(store, "undisturbed"), MODELS[0])
    with moto.failing(resets, times=0):
        second = release(Registry(opened(bucket, limits), "undisturbed"), MODELS[1])
        requests = list(moto.requests)
    assert len(requests) > 20
    numbers = range(len(requests))
    if fault is loses_the_answer:  # to a reader it is no other fault than `resets`
        numbers = [each for each in numbers if not re.match("GET|HEAD", requests[each])]
        assert len(numbers) > 5
    for number in numbers[::every]:
        name = f"model{number:02d}"
        registry = Registry(store, name)
        release(registry, MODELS[0])
        with (
            moto.failing(fault, after=number),
            pytest.raises(RegistryError) as failed,
        ):
            release(Registry(opened(bucket, limits), name), MODELS[1])
        assert isinstance(failed.value, UnreachableError)
        assert registry.production().version in whole_versions(registry)
        assert release(registry, MODELS[1]) == second
        assert whole_versions(registry) == sorted([first, second])
        promotions = [(each.sequence, each.version) for each in registry.promotions()]
        assert promotions == [(1, first), (2, second)]
    left = [key for key in bucket.client().list_objects_v2(Bucket=bucket.name)["Contents"]]
    assert len([item for item in left if ".probe" in item["Key"]]) <= len(requests)
