import asyncio
import io

import httpx
import numpy as np
import pytest
from colour_model import COLOURS, colour_model, paint
from PIL import Image
from releases import AT, damage, release

from lradapt.registry import open_registry
from lradapt.serving.live_model import LiveModel
from lradapt.serving.server import Settings, create_app

NAME = "colours"
OTHERS = ["a", "b", "c"]
LIMIT = 20_000


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path / "registry"), NAME)


@pytest.fixture
def ask(registry):
    """A function that runs `questions`, a coroutine of a client, on an endpoint of the registry."""

    def run(questions, refresh_seconds=60):
        settings = Settings(max_bytes=LIMIT, refresh_seconds=refresh_seconds, num_threads=2)
        app = create_app(LiveModel(registry, threads=1), settings)

        async def within():
            transport = httpx.ASGITransport(app)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="http://here") as client,
            ):
                return await questions(client)

        return asyncio.run(within())

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
    said = ask(lambda client: client.post("/predict", content=pictures["green"]))
    assert said.status_code == 200
    assert said.json()["version"] == version
    (one,) = said.json()["predictions"]
    assert (one["name"], one["class"]) == ("", "green")
    shares = list(one["probabilities"].values())
    assert next(iter(one["probabilities"])) == "green"
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1, abs=1e-6)


def test_the_files_of_a_form_are_answered_in_order_by_name(ask, registry, pictures):
    release(registry, colour_model())
    files = form(*((f"{colour}.png", pictures[colour]) for colour in ("blue", "red")))
    said = ask(lambda client: client.post("/predict", files=files))
    told = [(one["name"], one["class"]) for one in said.json()["predictions"]]
    assert told == [("blue.png", "blue"), ("red.png", "red")]


def test_what_is_no_image_is_422_with_the_fault_of_each(ask, registry, pictures):
    release(registry, colour_model())
    files = form(("a.png", pictures["red"]), ("b.txt", b"hello"), ("c.png", pictures["red"][:60]))
    said = ask(lambda client: client.post("/predict", files=files))
    assert said.status_code == 422
    faults = {one["name"]: one["fault"] for one in said.json()["faults"]}
    assert faults["b.txt"].startswith("not an image; expected JPEG, PNG")
    assert sorted(faults) == ["b.txt", "c.png"]
    assert "predictions" not in said.json()


@pytest.mark.parametrize(
    "request_", [{"content": b""}, {"files": form(("a.png", b""))}, {"data": {"a": "b"}}]
)
def test_a_request_without_an_image_is_400_or_422(ask, registry, request_):
    release(registry, colour_model())
    said = ask(lambda client: client.post("/predict", **request_))
    assert said.status_code == (422 if "data" in request_ else 400)


def test_a_form_that_is_none_is_400(ask, registry):
    release(registry, colour_model())
    headers = {"content-type": "multipart/form-data"}
    said = ask(lambda client: client.post("/predict", content=b"abc", headers=headers))
    assert said.status_code == 400
    assert "boundary" in said.json()["detail"]


def test_a_body_that_says_that_it_is_too_large_is_413_before_any_of_it_is_read(ask, registry):
    release(registry, colour_model())
    sent = []

    async def body():
        sent.append(1)
        yield b"x"

    headers = {"content-length": str(LIMIT + 1)}
    said = ask(lambda client: client.post("/predict", content=body(), headers=headers))
    assert said.status_code == 413
    assert "over 0.02 MB" in said.json()["detail"]
    assert said.headers["connection"] == "close"
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
    said = ask(lambda client: client.post("/predict", content=body(), headers=headers))
    assert said.status_code == 413
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
        for _ in range(200):
            await asyncio.sleep(0.05)
            if (await client.get("/health")).status_code == 200:
                break
        return before, await client.post("/predict", content=pictures["red"])

    before, after = ask(questions, refresh_seconds=0.05)
    assert [said.status_code for said in before] == [503] * 3
    assert before[0].json()["detail"] == "no model is in production yet"
    assert before[1].json() == {"status": "no model", "version": None, "fault": None}
    assert after.status_code == 200


def test_version_and_health_tell_what_is_served(ask, registry):
    version = release(registry, colour_model()).version

    async def questions(client):
        return await client.get("/version"), await client.get("/health")

    told, health = ask(questions)
    assert told.json() == {
        "version": version,
        "since": AT,
        "reason": "it is better",
        "architecture": "colours",
        "classes": list(COLOURS),
        "input_size": 8,
    }
    assert health.json() == {"status": "ok", "version": version, "fault": None}


def test_a_damaged_new_version_is_told_by_health_and_the_present_one_goes_on(
    ask, registry, pictures, tmp_path
):
    first = release(registry, colour_model()).version

    async def questions(client):
        second = release(registry, colour_model(OTHERS)).version
        damage(tmp_path / "registry", NAME, second)
        for _ in range(200):
            await asyncio.sleep(0.05)
            health = await client.get("/health")
            if health.json()["fault"]:
                break
        return health, await client.post("/predict", content=pictures["red"])

    health, said = ask(questions, refresh_seconds=0.05)
    assert (health.status_code, health.json()["version"]) == (200, first)
    assert "is damaged" in health.json()["fault"]
    assert (said.status_code, said.json()["version"]) == (200, first)


def test_a_newly_promoted_version_is_served_without_a_restart(ask, registry, pictures):
    release(registry, colour_model())

    async def questions(client):
        second = release(registry, colour_model(OTHERS)).version
        for _ in range(200):
            await asyncio.sleep(0.05)
            said = (await client.post("/predict", content=pictures["red"])).json()
            if said["version"] == second:
                break
        return said["predictions"][0]["class"]

    assert ask(questions, refresh_seconds=0.05) == "a"


@pytest.mark.parametrize("option", ["--max-upload", "--refresh-seconds", "--threads", "--port"])
def test_an_option_of_nothing_is_wrong_usage(lradapt, option):
    said = lradapt("serve", option, "0")
    assert (said.code, said.out) == (2, "")
    assert option in said.err
