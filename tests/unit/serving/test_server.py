import asyncio
import io
import json
import threading
import time

import numpy as np
import onnx
import pytest
from asgi_client import asked
from colour_model import COLOURS, colour_model, doubting_model, paint
from fastapi import HTTPException
from PIL import Image
from releases import AT, damage, release

from lradapt.inference.predict import Model
from lradapt.registry import open_registry
from lradapt.serving import answers
from lradapt.serving.live_model import LiveModel
from lradapt.serving.server import create_app
from lradapt.serving.settings import Settings
from lradapt.serving.turns import Turns
from lradapt.serving.uploads import Upload

NAME = "colours"
OTHERS = ["a", "b", "c"]
LIMIT = 20_000
NO_AGE = {"checked_seconds_ago": None}


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path / "registry"), NAME)


@pytest.fixture
def ask(registry):
    """A function that runs `questions`, a coroutine of a client, on an endpoint of the registry."""

    def run(questions, refresh_seconds=60, **limits):
        usual = {"max_bytes": LIMIT, "num_threads": 2}
        settings = Settings(refresh_seconds=refresh_seconds, **usual | limits)
        app = create_app(LiveModel(registry, threads=1), settings)

        return asked(app, questions)

    return run


@pytest.fixture
def pictures(tmp_path):
    return {colour: paint(tmp_path / f"{colour}.png", colour).read_bytes() for colour in COLOURS}


def form(*files):
    return [("file", (name, content)) for name, content in files]


def test_an_image_as_the_body_is_answered_with_class_probabilities_and_version(
    ask, registry, pictures
):
    version = release(registry, colour_model()).version
    output = ask(lambda client: client.post("/predict", content=pictures["green"]))
    assert output.status_code == 200
    assert output.json()["version"] == version
    (one,) = output.json()["predictions"]
    assert (one["name"], one["class"]) == ("", "green")
    shares = list(one["probabilities"].values())
    assert next(iter(one["probabilities"])) == "green"
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-6)


def test_an_answer_says_how_doubtful_it_is(ask, registry, pictures, tmp_path):
    release(registry, doubting_model([0.35, 0.35, 0.02]))
    Image.new("RGB", (10, 10), "white").save(tmp_path / "white.png")
    files = form(("red", pictures["red"]), ("white", (tmp_path / "white.png").read_bytes()))
    red, white = ask(lambda client: client.post("/predict", files=files)).json()["predictions"]
    assert (red["unlike_training"], red["unsure"]) == (False, ["red", "blue"])
    assert 0 < red["unlike"] < 0.3
    assert (white["unlike_training"], white["unsure"]) == (True, ["blue"])


def test_a_model_that_measures_no_doubt_says_null(ask, registry, pictures):
    release(registry, colour_model())
    (one,) = ask(lambda client: client.post("/predict", content=pictures["red"])).json()[
        "predictions"
    ]
    doubt = {key: one[key] for key in ("unlike", "unlike_training", "unsure")}
    assert doubt == {"unlike": None, "unlike_training": None, "unsure": None}


@pytest.mark.parametrize("output", ["probabilities", "unlike"])
def test_a_model_that_gives_nan_is_500_with_the_image_and_nothing_is_recorded(
    registry, pictures, output
):
    release(registry, doubting_model([0.35, 0.35, 0.02]))
    loaded, kept = LiveModel(registry, threads=1).current(), []

    def harmed(*words, **settings):
        found = Model.answers(loaded.model, *words, **settings)
        getattr(found, output)[-1] = np.nan
        return found

    loaded.model.answers = harmed
    settings = Settings(max_bytes=LIMIT, refresh_seconds=60, num_threads=1)
    uploads = [Upload(f"{colour}.png", pictures[colour]) for colour in ("red", "green")]
    answering = answers.answer_to(
        loaded, uploads, settings, Turns(1, 9), lambda *words: kept.append(words)
    )
    with pytest.raises(HTTPException, match=r"500: .* NaN or infinity for green\.png"):
        asyncio.run(answering)
    assert kept == []


def test_the_files_of_a_form_are_answered_in_order_by_name(ask, registry, pictures):
    release(registry, colour_model())
    files = form(*((f"{colour}.png", pictures[colour]) for colour in ("blue", "red")))
    output = ask(lambda client: client.post("/predict", files=files))
    printed = [(one["name"], one["class"]) for one in output.json()["predictions"]]
    assert printed == [("blue.png", "blue"), ("red.png", "red")]


def test_what_is_no_image_is_422_with_the_fault_of_each(ask, registry, pictures):
    release(registry, colour_model())
    files = form(("a.png", pictures["red"]), ("b.txt", b"hello"), ("c.png", pictures["red"][:60]))
    output = ask(lambda client: client.post("/predict", files=files))
    assert output.status_code == 422
    faults = {one["name"]: one["fault"] for one in output.json()["faults"]}
    assert faults["b.txt"].startswith("not an image; expected JPEG, PNG")
    assert sorted(faults) == ["b.txt", "c.png"]
    assert "predictions" not in output.json()


@pytest.mark.parametrize(
    "request_", [{"content": b""}, {"files": form(("a.png", b""))}, {"data": {"a": "b"}}]
)
def test_a_request_without_an_image_is_400_or_422(ask, registry, request_):
    release(registry, colour_model())
    output = ask(lambda client: client.post("/predict", **request_))
    assert output.status_code == (422 if "data" in request_ else 400)


def test_a_form_that_is_none_is_400(ask, registry):
    release(registry, colour_model())
    headers = {"content-type": "multipart/form-data"}
    output = ask(lambda client: client.post("/predict", content=b"abc", headers=headers))
    assert output.status_code == 400
    assert "boundary" in output.json()["detail"]


def test_a_body_that_says_that_it_is_too_large_is_413_before_any_of_it_is_read(ask, registry):
    release(registry, colour_model())
    sent = []

    async def body():
        sent.append(1)
        yield b"x"

    headers = {"content-length": str(LIMIT + 1)}
    output = ask(lambda client: client.post("/predict", content=body(), headers=headers))
    assert output.status_code == 413
    assert "over 0.02 MB" in output.json()["detail"]
    assert output.headers["connection"] == "close"
    assert sent == []


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("application/octet-stream", b""),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n',
        ),
    ],
)
def test_a_body_that_does_not_say_how_large_it_is_is_413_where_it_passes_the_limit(
    ask, registry, kind, head
):
    release(registry, colour_model())
    sent = []

    async def body():
        yield head
        for _ in range(100):
            sent.append(1)
            yield b"x" * 1000

    headers = {"content-type": kind}
    output = ask(lambda client: client.post("/predict", content=body(), headers=headers))
    assert output.status_code == 413
    assert len(sent) <= LIMIT / 1000 + 1


@pytest.mark.parametrize(("excess", "status"), [(0, 200), (1, 413)])
def test_an_image_of_the_size_of_the_limit_is_taken_and_a_byte_more_is_not(
    ask, registry, excess, status
):
    release(registry, colour_model())
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(file, "BMP")
    content = file.getvalue().ljust(LIMIT + excess, b"\0")
    assert ask(lambda client: client.post("/predict", content=content)).status_code == status


def webp(width, height):
    """A file of 34 bytes, whatever the number of pixels."""
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "WEBP", lossless=True, quality=0, method=0)
    return file.getvalue()


def generous_model():
    """A model that allows images of 89 megapixels."""
    model = onnx.load_model_from_string(colour_model())
    for note in model.metadata_props:
        if note.key == "lradapt.preprocessing":
            note.value = json.dumps(json.loads(note.value) | {"max_megapixels": 89})
    return model.SerializeToString()


def test_small_files_of_80_megapixels_are_refused_by_name_and_not_decoded(
    ask, registry, monkeypatch, pictures
):
    release(registry, generous_model())
    decoded = []
    monkeypatch.setattr(answers, "preprocess", lambda content, _: decoded.append(content))
    bomb = webp(8944, 8944)
    assert len(bomb) < 100
    files = form(*((f"{number}.webp", bomb) for number in range(8)), ("a.png", pictures["red"]))
    output = ask(lambda client: client.post("/predict", files=files))
    assert output.status_code == 422
    assert [one["name"] for one in output.json()["faults"]] == [f"{n}.webp" for n in range(8)]
    assert "as long as 80.0 megapixels, over 25, the limit" in output.json()["faults"][0]["fault"]
    assert decoded == [pictures["red"]]


def test_the_limit_of_pixels_is_an_option_below_that_of_the_model(ask, registry):
    release(registry, generous_model())
    body = webp(300, 300)
    assert ask(lambda client: client.post("/predict", content=body)).status_code == 200
    output = ask(lambda client: client.post("/predict", content=body), max_megapixels=0.08)
    assert output.status_code == 422


def test_all_images_of_a_request_together_have_a_limit_of_pixels(ask, registry):
    release(registry, generous_model())
    files = form(*((f"{number}.webp", webp(300, 300)) for number in range(4)))
    for limit, status in [(0.36, 200), (0.35, 413)]:
        output = ask(lambda c: c.post("/predict", files=files), total_megapixels=limit)
        assert output.status_code == status
    assert "have 0.4 megapixels together, over 0.35" in output.json()["detail"]


@pytest.mark.parametrize(("num_files", "status"), [(3, 200), (4, 413), (9, 413)])
def test_a_request_has_a_limit_of_files(ask, registry, num_files, status, pictures):
    release(registry, colour_model())
    files = form(*((f"{number}.png", pictures["red"]) for number in range(num_files)))
    output = ask(lambda client: client.post("/predict", files=files), max_files=3)
    assert output.status_code == status
    if status == 413:
        assert "over 3 files" in output.json()["detail"]


@pytest.mark.parametrize(
    "kind", ["Multipart/Form-Data", "MULTIPART/FORM-DATA ", "multipart/form-data"]
)
def test_the_kind_of_a_form_may_be_in_capitals(ask, registry, pictures, kind):
    release(registry, colour_model())
    head = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n'
    body = head + pictures["green"] + b"\r\n--x--\r\n"
    headers = {"content-type": f"{kind}; boundary=x"}
    output = ask(lambda client: client.post("/predict", content=body, headers=headers))
    assert output.json()["predictions"][0]["class"] == "green"


def test_a_body_that_is_not_complete_in_time_is_408(ask, registry):
    release(registry, colour_model())

    async def body():
        yield b"--x"
        await asyncio.sleep(60)

    for kind in ("image/png", "multipart/form-data; boundary=x"):
        headers = {"content-type": kind}
        output = ask(
            lambda c, h=headers: c.post("/predict", content=body(), headers=h), body_seconds=0.1
        )
        assert output.status_code == 408
        assert output.headers["connection"] == "close"
        assert "not complete after 0.1 s" in output.json()["detail"]


def test_of_too_many_bytes_in_flight_the_oldest_incomplete_body_is_refused(ask, registry, pictures):
    release(registry, colour_model())

    async def unfinished():
        yield bytes(15_000)
        await asyncio.sleep(60)

    async def questions(client):
        slow = [
            asyncio.create_task(client.post("/predict", content=unfinished())) for _ in range(2)
        ]
        done, waits = await asyncio.wait(slow, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        good = await client.post("/predict", content=pictures["red"])
        for task in waits:
            task.cancel()
        return [done == {slow[0]}, slow[0].result(), good.status_code]

    first, refused, good = ask(questions, max_bytes_in_flight=20_000)
    assert first
    assert (refused.status_code, refused.headers["retry-after"], good) == (503, "1", 200)


def test_the_bytes_of_a_request_are_free_again_after_its_answer(ask, registry, pictures):
    release(registry, colour_model())

    async def questions(client):
        return [await client.post("/predict", content=pictures["red"]) for _ in range(9)]

    size = len(pictures["red"])
    output = ask(questions, max_bytes_in_flight=size + 10)
    assert {one.status_code for one in output} == {200}


def test_beyond_a_full_queue_the_answer_is_503_with_a_time_to_try_again(
    ask, registry, monkeypatch, pictures
):
    release(registry, colour_model())
    free, preprocess = threading.Event(), answers.preprocess

    def wait(*arguments):
        assert free.wait(60)
        return preprocess(*arguments)

    monkeypatch.setattr(answers, "preprocess", wait)

    async def questions(client):
        asked = [
            asyncio.create_task(client.post("/predict", content=pictures["red"])) for _ in range(4)
        ]
        done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        free.set()
        return [task.result() for task in done], await asyncio.gather(*asked)

    first, every = ask(questions, num_threads=1, max_waiting=2)
    assert [(one.status_code, one.headers["retry-after"]) for one in first] == [(503, "1")]
    assert sorted(one.status_code for one in every) == [200, 200, 200, 503]


def test_nothing_more_is_decoded_for_a_client_that_has_gone(registry, monkeypatch, pictures):
    release(registry, colour_model())
    decoded, preprocess = [], answers.preprocess
    body = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.png"\r\n\r\n'
        + pictures["red"]
        + b"\r\n"
        for _ in range(8)
    )
    messages = [{"type": "http.request", "body": body + b"--x--\r\n"}]
    sent = []

    async def questions():
        gone, loop = asyncio.Event(), asyncio.get_running_loop()
        known = threading.Event()

        def note(*arguments):
            decoded.append(1)
            loop.call_soon_threadsafe(gone.set)
            assert known.wait(60)
            time.sleep(0.05)
            return preprocess(*arguments)

        async def receive():
            if messages:
                return messages.pop()
            await gone.wait()
            known.set()
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        monkeypatch.setattr(answers, "preprocess", note)
        settings = Settings(max_bytes=LIMIT, refresh_seconds=60, num_threads=1)
        app = create_app(LiveModel(registry, threads=1), settings)
        headers = [(b"content-type", b"multipart/form-data; boundary=x")]
        scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers}
        async with app.router.lifespan_context(app):
            await app(scope | {"query_string": b"", "root_path": ""}, receive, send)

    asyncio.run(questions())
    assert len(decoded) < 8
    assert [message.get("status") for message in sent][:1] == [499]


def test_without_a_model_in_production_everything_is_503_until_there_is_one(
    ask, registry, pictures
):
    async def questions(client):
        before = [
            await client.post("/predict", content=pictures["red"]),
            await client.get("/health"),
            await client.get("/version"),
        ]
        release(registry, colour_model())
        for _ in range(1200):  # a minute at most
            await asyncio.sleep(0.05)
            if (await client.get("/health")).status_code == 200:
                break
        return before, await client.post("/predict", content=pictures["red"])

    before, after = ask(questions, refresh_seconds=0.05)
    assert [output.status_code for output in before] == [503] * 3
    assert before[0].json()["detail"] == "no model is in production yet"
    assert before[1].json()["checked_seconds_ago"] >= 0
    assert (
        before[1].json() | NO_AGE == {"status": "no model", "version": None, "fault": None} | NO_AGE
    )
    assert after.status_code == 200


def test_version_and_health_tell_what_is_served(ask, registry):
    version = release(registry, colour_model()).version

    async def questions(client):
        return await client.get("/version"), await client.get("/health")

    output, health = ask(questions)
    assert output.json() == {
        "version": version,
        "since": AT,
        "reason": "it is better",
        "architecture": "colours",
        "classes": list(COLOURS),
        "input_size": 8,
    }
    assert 0 <= health.json()["checked_seconds_ago"] < 60
    assert health.json() | NO_AGE == {"status": "ok", "version": version, "fault": None} | NO_AGE


def test_a_damaged_new_version_is_reported_by_health_and_the_present_one_goes_on(
    ask, registry, pictures, tmp_path
):
    first = release(registry, colour_model()).version

    async def questions(client):
        second = release(registry, colour_model(OTHERS)).version
        damage(tmp_path / "registry", NAME, second)
        for _ in range(1200):  # a minute at most
            await asyncio.sleep(0.05)
            health = await client.get("/health")
            if health.json()["fault"]:
                break
        return health, await client.post("/predict", content=pictures["red"])

    health, output = ask(questions, refresh_seconds=0.05)
    assert (health.status_code, health.json()["version"]) == (200, first)
    assert "is damaged" in health.json()["fault"]
    assert (output.status_code, output.json()["version"]) == (200, first)


def test_a_newly_promoted_version_is_served_without_a_restart(ask, registry, pictures):
    release(registry, colour_model())

    async def questions(client):
        second = release(registry, colour_model(OTHERS)).version
        for _ in range(1200):  # a minute at most
            await asyncio.sleep(0.05)
            output = (await client.post("/predict", content=pictures["red"])).json()
            if output["version"] == second:
                break
        return output["predictions"][0]["class"]

    assert ask(questions, refresh_seconds=0.05) == "a"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--max-upload 20 --max-in-flight 19", "--max-in-flight 19 is below --max-upload 20"),
        ("--total-megapixels 24", "--total-megapixels 24 is below --max-megapixels 25"),
        ("--max-megapixels 101", "--total-megapixels 100 is below --max-megapixels 101"),
    ],
)
def test_a_limit_of_all_below_that_of_one_is_refused(lradapt, options, message):
    output = lradapt("serve", *options.split())
    assert (output.code, output.out) == (2, "")
    assert message in " ".join(output.err.replace("│", " ").split())


@pytest.mark.parametrize(
    "option",
    [
        *("--max-upload", "--refresh-seconds", "--threads", "--port", "--max-files"),
        *("--total-megapixels", "--grace-seconds", "--idle-seconds", "--max-in-flight"),
    ],
)
def test_an_option_of_nothing_is_wrong_usage(lradapt, option):
    output = lradapt("serve", option, "0")
    assert (output.code, output.out) == (2, "")
    assert option in output.err
