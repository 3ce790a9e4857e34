"""The record of an endpoint: over HTTP, with what the health says."""

import asyncio
import hashlib
import hmac
import threading
from dataclasses import replace

import numpy as np
import pytest
from asgi_client import asked
from colour_model import COLOURS, colour_model, paint
from releases import release

from lradapt.inference.doubt import Doubt
from lradapt.inference.predict import Model
from lradapt.recording import segment as segment_module
from lradapt.recording.bounds import Bounds
from lradapt.recording.read import read_record
from lradapt.registry import open_record, open_registry
from lradapt.serving.live_model import LiveModel
from lradapt.serving.pseudonyms import read_key
from lradapt.serving.record import Record
from lradapt.serving.server import create_app
from lradapt.serving.settings import Settings

BOUNDS = Bounds(30, 100_000_000)
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def endpoint(tmp_path):
    """A function that runs a coroutine of a client on an endpoint, with a record or without."""
    registry = open_registry(str(tmp_path / "registry"), "colours")
    release(registry, colour_model())

    def run(questions, *, with_record=True, **settings):
        to = settings.pop("to", str(tmp_path / "record"))
        settings = {"spool": tmp_path / "spool", "group_key": read_key(None)} | settings
        record = Record(to, BOUNDS, **settings) if with_record else None
        limits = Settings(max_bytes=10**6, refresh_seconds=60, num_threads=2)
        app = create_app(LiveModel(registry, threads=1), limits, record=record)

        return asked(app, questions)

    return run


@pytest.fixture
def pictures(tmp_path):
    return {colour: paint(tmp_path / f"{colour}.png", colour).read_bytes() for colour in COLOURS}


def form(pictures):
    return [("file", (f"patient {c}.png", content)) for c, content in pictures.items()]


def test_each_answered_image_is_recorded_as_it_was_answered(endpoint, pictures, tmp_path):
    answer = endpoint(lambda client: client.post("/predict", files=form(pictures))).json()
    (found,) = read_record(open_record(str(tmp_path / "record"))).recorded
    assert (found.version, list(found.classes)) == (answer["version"], [*COLOURS])
    assert found.sha256 == tuple(hashlib.sha256(each).hexdigest() for each in pictures.values())
    for row, prediction in zip(found.probabilities, answer["predictions"], strict=True):
        named = dict(zip(found.classes, row.tolist(), strict=True))
        assert named == pytest.approx(prediction["probabilities"], abs=1e-9)
    assert found.features.shape == (3, 3 * 8 * 8)
    assert np.all(found.brightness > 0)


def test_the_name_that_a_client_gives_a_file_is_nowhere(endpoint, pictures, tmp_path):
    endpoint(lambda client: client.post("/predict", files=form(pictures)), with_images=True)
    files = [path for path in (tmp_path / "record").rglob("*") if path.is_file()]
    assert len(files) == 4
    assert not any("patient" in str(path.relative_to(tmp_path)) for path in files)
    assert not any(b"patient" in path.read_bytes() for path in files)


def test_a_refused_request_is_not_recorded(endpoint, tmp_path):
    answer = endpoint(lambda client: client.post("/predict", content=b"no image"))
    assert answer.status_code == 422
    assert read_record(open_record(str(tmp_path / "record"))).recorded == ()


def test_answers_are_the_same_with_and_without_a_record(endpoint, pictures):
    def answers(**how):
        return endpoint(lambda client: client.post("/predict", files=form(pictures)), **how).json()

    assert answers() == answers(with_record=False)


def test_features_are_asked_of_the_model_only_for_a_record(endpoint, pictures, monkeypatch):
    asked, run = [], Model._run

    def watched(self, pixels, outputs, batch_size):
        asked.append(list(outputs))
        return run(self, pixels, outputs, batch_size)

    monkeypatch.setattr(Model, "_run", watched)
    endpoint(lambda client: client.post("/predict", files=form(pictures)), with_record=False)
    endpoint(lambda client: client.post("/predict", files=form(pictures)))
    assert ["features" in outputs for outputs in asked] == [False, True]


def test_the_doubt_in_an_answer_is_recorded(endpoint, pictures, tmp_path, monkeypatch):
    run = Model._run

    def with_distances(*arguments):
        for found in run(*arguments):
            yield replace(found, unlike=np.arange(len(found.probabilities), dtype=np.float32))

    doubt = Doubt(0.5, False, ("red", "blue"))
    monkeypatch.setattr(Model, "_run", with_distances)
    monkeypatch.setattr(Model, "doubts", lambda _, found: [doubt] * len(found.probabilities))
    endpoint(lambda client: client.post("/predict", files=form(pictures)))
    (found,) = read_record(open_record(str(tmp_path / "record"))).recorded
    assert found.unlike.tolist() == [0, 1, 2]
    assert found.unsure == (("red", "blue"),) * 3


def test_health_tells_of_the_record(endpoint, pictures, tmp_path):
    async def questions(client):
        await client.post("/predict", files=form(pictures))
        for _ in range(500):
            state = (await client.get("/health")).json()["record"]
            if not state["waiting"]:
                return state
            await asyncio.sleep(0.01)
        return None

    assert endpoint(questions) == {
        "location": str(tmp_path / "record"),
        "recorded": 3,
        "dropped": 0,
        "waiting": 0,
        "removed_segments": 0,
        "fault": None,
    }


def metrics_of(text):
    """The lines of `/metrics` about the record."""
    return [line for line in text.splitlines() if line.startswith("lradapt_record")]


def test_metrics_count_the_images_of_the_record(endpoint, pictures):
    async def questions(client):
        await client.post("/predict", files=form(pictures))
        for _ in range(500):
            found = metrics_of((await client.get("/metrics")).text)
            if found[0].endswith(" 3.0"):
                return found
            await asyncio.sleep(0.01)
        return found

    assert endpoint(questions) == [
        'lradapt_record_images_total{result="recorded"} 3.0',
        'lradapt_record_images_total{result="dropped"} 0.0',
        "lradapt_record_fault 0.0",
    ]


def test_without_a_record_health_and_metrics_are_silent_about_it(endpoint):
    async def questions(client):
        return (await client.get("/health")).json(), (await client.get("/metrics")).text

    health, metrics = endpoint(questions, with_record=False)
    assert "record" not in health
    assert metrics_of(metrics) == []


def test_a_record_that_cannot_be_written_fails_no_answer_and_is_told(endpoint, pictures, tmp_path):
    (tmp_path / "file").write_bytes(b"")

    async def questions(client):
        answers = [await client.post("/predict", files=form(pictures)) for _ in range(3)]
        for _ in range(500):
            state = (await client.get("/health")).json()
            if state["record"]["fault"]:
                break
            await asyncio.sleep(0.01)
        return answers, state, (await client.get("/metrics")).text

    answers, state, metrics = endpoint(questions, to=str(tmp_path / "file" / "record"))
    assert [answer.status_code for answer in answers] == [200] * 3
    assert state["status"] == "ok"
    assert "Not a directory" in state["record"]["fault"]
    assert "lradapt_record_fault 1.0" in metrics_of(metrics)


def test_a_disk_that_hangs_delays_neither_answers_nor_health(endpoint, pictures, monkeypatch):
    hanging = threading.Event()
    monkeypatch.setattr(segment_module, "_write_all", lambda *_: hanging.wait(30))

    async def questions(client):
        for _ in range(3):
            assert (await client.post("/predict", files=form(pictures))).status_code == 200
        state = (await client.get("/health")).json()["record"]
        hanging.set()
        return state

    assert endpoint(questions)["recorded"] == 0


@pytest.mark.slow
def test_a_record_on_s3_is_there_when_the_endpoint_has_ended(endpoint, pictures, bucket, tmp_path):
    to = f"{bucket.url}/record"
    endpoint(lambda client: client.post("/predict", files=form(pictures)), to=to, with_images=True)
    place = open_record(to)
    (found,) = read_record(place).recorded
    assert len(found) == 3
    assert len(place.list("images/")) == 3
    assert [path for path in (tmp_path / "spool").rglob("*") if path.is_file()] == []


def test_images_of_a_group_are_recorded_together_and_its_name_nowhere(endpoint, pictures, tmp_path):
    async def questions(client):
        for group, colour in (
            ("Anna Lee", "red"),
            (" Anna Lee", "green"),
            ("Bo", "blue"),
            ("", "red"),
        ):
            headers = {"lradapt-group": group}
            await client.post("/predict", content=pictures[colour], headers=headers)

    endpoint(questions)
    endpoint(questions)  # of a server that was started again
    (found,) = read_record(open_record(str(tmp_path / "record"))).recorded
    first, again, other, none, later, *_ = found.groups
    assert (first, none) == (again, "")
    assert len({first, other, later}) == 3
    assert {len(each) for each in (first, other, later)} == {16}
    content = b"".join(f.read_bytes() for f in (tmp_path / "record").rglob("*") if f.is_file())
    unkeyed = hashlib.sha256(b"Anna Lee").hexdigest()[:16].encode()
    assert b"Anna" not in content
    assert unkeyed not in content


def test_servers_of_one_key_give_a_group_one_pseudonym(endpoint, pictures, tmp_path):
    headers, content = {"lradapt-group": "Anna Lee"}, pictures["red"]
    for key in (KEY, KEY, KEY[::-1]):
        endpoint(
            lambda client: client.post("/predict", content=content, headers=headers),
            group_key=read_key(key),
        )
    (found,) = read_record(open_record(str(tmp_path / "record"))).recorded
    expected = [
        hmac.new(key.encode(), b"Anna Lee", "sha256").hexdigest()[:16] for key in (KEY, KEY[::-1])
    ]
    assert sorted(found.groups) == sorted([expected[0], *expected])
