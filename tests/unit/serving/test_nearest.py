import asyncio
import base64
import threading

import pytest
from asgi_client import asked
from colour_model import colour_model, paint
from releases import release

from lradapt.errors import DataError, UnreadableError
from lradapt.registry import open_registry
from lradapt.serving import nearest_path
from lradapt.serving.additions import Additions
from lradapt.serving.live_model import LiveModel
from lradapt.serving.nearest import Nearest, NearImage
from lradapt.serving.server import create_app
from lradapt.serving.settings import Settings

GREEN = NearImage("green.png", "green", 0.98765, b"picture", "image/png")


@pytest.fixture
def registry(tmp_path):
    found = open_registry(str(tmp_path / "registry"), "colours")
    release(found, colour_model())
    return found


@pytest.fixture
def image(tmp_path):
    return paint(tmp_path / "red.png", "red").read_bytes()


def answered(registry, nearest, questions, **limits):
    """Return the result of questions to an endpoint."""
    usual = {"max_bytes": 20_000, "refresh_seconds": 0.01, "num_threads": 1}
    app = create_app(
        LiveModel(registry, threads=1), Settings(**usual | limits), Additions(nearest=nearest)
    )

    return asked(app, questions)


async def final(client, image):
    """Return the first answer that is not pending."""
    while (answer := (await client.post("/nearest", content=image)).json()).get("is_pending"):
        await asyncio.sleep(0.01)
    return answer


def test_the_answer_has_the_images_with_their_pictures(registry, image):
    squares = []

    def compare(square):
        squares.append(square.shape)
        return [GREEN]

    answer = answered(registry, Nearest(lambda _: compare), lambda c: final(c, image))
    picture = f"data:image/png;base64,{base64.b64encode(b'picture').decode()}"
    assert answer["neighbours"] == [
        {"image": "green.png", "label": "green", "similarity": 0.9877, "picture": picture}
    ]
    assert (answer["why_not"], squares) == (None, [(8, 8, 3)])


def test_an_image_that_has_gone_has_no_picture(registry, image):
    gone = NearImage("green.png", "green", 0.5, b"", "")
    answer = answered(registry, Nearest(lambda _: lambda _: [gone]), lambda c: final(c, image))
    assert answer["neighbours"][0]["picture"] is None


def test_while_a_version_is_prepared_answers_say_so_and_do_not_wait(registry, image):
    free, prepared = threading.Event(), []

    def prepare(loaded):
        prepared.append(loaded.promotion.version)
        assert free.wait(60)
        return lambda _: [GREEN]

    async def questions(client):
        before = [(await client.post("/nearest", content=image)).json() for _ in range(3)]
        predicted = await client.post("/predict", content=image)
        free.set()
        return before, predicted.status_code, await final(client, image)

    before, status, after = answered(registry, Nearest(prepare), questions)
    assert [answer["is_pending"] for answer in before] == [True] * 3
    assert "are being read for the first time" in before[0]["why_not"]
    assert (status, len(after["neighbours"]), len(prepared)) == (200, 1, 1)


def test_an_error_is_the_reason_why_there_are_none(registry, image):
    def prepare(_):
        raise DataError("they are not here")

    answer = answered(registry, Nearest(prepare), lambda c: final(c, image))
    assert (answer["neighbours"], answer["why_not"]) == ([], "they are not here")


def test_a_minute_after_an_error_it_is_tried_again(registry, image):
    now, tried = [0.0], []

    def prepare(_):
        tried.append(now[0])
        if len(tried) == 1:
            raise DataError("not now")
        return lambda _: [GREEN]

    async def questions(client):
        found = [await final(client, image)]
        for now[0] in (59.0, 61.0, 200.0):
            found.append(await final(client, image))
        return found

    nearest = Nearest(prepare, clock=lambda: now[0])
    found = answered(registry, nearest, questions)
    assert [answer["why_not"] for answer in found] == ["not now", "not now", None, None]
    assert tried == [0.0, 61.0]


@pytest.mark.parametrize(
    ("error", "detail"),
    [(UnreadableError("no memory"), "no memory"), (MemoryError(), "the memory did not suffice")],
)
def test_a_fault_of_the_machine_is_503_with_a_time_to_try_again(
    registry, image, monkeypatch, error, detail
):
    def fails(*_):
        raise error

    async def questions(client):
        await final(client, image)
        monkeypatch.setattr(nearest_path, "preprocess", fails)
        return await client.post("/nearest", content=image)

    output = answered(registry, Nearest(lambda _: lambda _: [GREEN]), questions)
    assert (output.status_code, output.headers["retry-after"]) == (503, "1")
    assert output.json()["detail"] == detail


def test_without_the_option_it_says_that_it_is_off(registry, image):
    answer = answered(registry, None, lambda c: final(c, image))
    assert answer["why_not"] == "The server was started without --nearest, so it shows none."
    assert answer["neighbours"] == []


def test_another_version_has_images_of_its_own(registry, image):
    def prepare(loaded):
        version = loaded.promotion.version
        return lambda _: [NearImage(version, "", 1.0, b"", "")]

    async def questions(client):
        first = await final(client, image)
        release(registry, colour_model(["a", "b", "c"]))
        while (second := await final(client, image))["version"] == first["version"]:
            await asyncio.sleep(0.01)
        return first, second

    for answer in answered(registry, Nearest(prepare), questions):
        assert answer["neighbours"][0]["image"] == answer["version"]


@pytest.mark.parametrize(
    ("content", "limits", "status", "fault"),
    [
        (b"no image", {}, 422, "not an image"),
        (b"", {}, 400, "no image"),
        (None, {"max_megapixels": 0.00001}, 422, "the image is over 1e-05 megapixels"),
    ],
)
def test_what_predict_refuses_is_refused(registry, image, content, limits, status, fault):
    async def questions(client):
        await final(client, image)
        return await client.post("/nearest", content=image if content is None else content)

    nearest = Nearest(lambda _: lambda _: [GREEN])
    output = answered(registry, nearest, questions, **limits)
    assert output.status_code == status
    assert output.json()["detail"].startswith(fault)
