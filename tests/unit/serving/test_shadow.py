import asyncio
import os
import signal
import sys

import pytest
from asgi_client import asked
from colour_model import colour_model, paint
from releases import publish, release

from lradapt.inference.metadata import ModelError
from lradapt.registry import open_registry
from lradapt.serving import shadow as module
from lradapt.serving.additions import Additions
from lradapt.serving.live_model import LiveModel
from lradapt.serving.server import create_app
from lradapt.serving.settings import Settings
from lradapt.serving.shadow import Shadow, in_words
from lradapt.serving.uploads import Upload
from tests.waiting import wait_for

SWAPPED = ["red", "blue", "green"]  # the challenger says blue where the champion says green
STUB = """
import json, struct, sys

def answer(**value):
    content = json.dumps(value).encode()
    sys.stdout.buffer.write(struct.pack(">Q", len(content)) + content)
    sys.stdout.buffer.flush()

while head := sys.stdin.buffer.read(8):
    content = sys.stdin.buffer.read(struct.unpack(">Q", head)[0]).decode()
    label = {"green": "blue", "blue": "green"}.get(content, content)
    answer(**({"fault": "no image"} if content == "damaged" else {"class": label}))
"""
"""A challenger that takes the name of a class for an image; its process starts in no time."""


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path / "registry"), "colours")


@pytest.fixture
def shadow(monkeypatch):
    """A challenger whose process is a stub."""
    monkeypatch.setattr(module, "_COMMAND", [sys.executable, "-c", STUB])
    found = Shadow("challenger", b"model")
    yield found
    found.close()


def answer(*labels, version="champion"):
    return {"version": version, "predictions": [{"class": label} for label in labels]}


def compared(shadow):
    counts = shadow.counts()
    return counts["agreed"] + counts["disagreed"] + counts["failed"]


def test_disagreements_are_counted_by_pair_of_classes(shadow):
    uploads = [Upload("", colour.encode()) for colour in ("red", "green", "green", "blue")]
    shadow.offer(uploads, answer("red", "green", "green", "blue"))
    wait_for(lambda: compared(shadow) == 4)
    assert shadow.counts() == {"agreed": 1, "disagreed": 3, "failed": 0, "dropped": 0}
    assert shadow.summary() == {
        "version": "challenger",
        "compared_with": "champion",
        "images": 4,
        "disagreed": 3,
        "share_disagreed": 0.75,
        "pairs": [
            {"served": "green", "shadow": "blue", "images": 2},
            {"served": "blue", "shadow": "green", "images": 1},
        ],
        "failed": 0,
        "dropped": 0,
    }
    assert in_words(shadow.summary()) == (
        "the shadow challenger beside champion: 3 of 4 images with another class (75.0%), "
        "0 failed, 0 dropped"
    )


def test_the_summary_begins_anew_with_another_version_in_production(shadow):
    shadow.offer([Upload("", b"green")], answer("green"))
    shadow.offer([Upload("", b"red")], answer("red", version="next"))
    wait_for(lambda: compared(shadow) == 2)
    summary = shadow.summary()
    assert (summary["compared_with"], summary["images"], summary["disagreed"]) == ("next", 1, 0)
    assert shadow.counts()["disagreed"] == 1


def test_once_it_is_in_production_it_is_not_compared_with_itself(shadow):
    shadow.offer([Upload("", b"green")], answer("green", version="challenger"))
    shadow.offer([Upload("", b"red")], answer("red"))
    wait_for(lambda: compared(shadow) == 1)
    assert shadow.counts() == {"agreed": 1, "disagreed": 0, "failed": 0, "dropped": 0}


def test_a_challenger_that_does_not_keep_up_drops_images_and_delays_nothing(shadow):
    os.kill(shadow._process.pid, signal.SIGSTOP)
    try:
        for _ in range(100):
            shadow.offer([Upload("", b"red")], answer("red"))
        counts = shadow.counts()
        assert counts["dropped"] >= 100 - module._MAX_IMAGES - 1
        assert compared(shadow) == 0
    finally:
        os.kill(shadow._process.pid, signal.SIGCONT)
    wait_for(lambda: compared(shadow) == 100 - counts["dropped"])


def test_a_challenger_whose_process_dies_is_counted_and_started_again(shadow, monkeypatch, caplog):
    os.kill(shadow._process.pid, signal.SIGKILL)
    for _ in range(2):
        shadow.offer([Upload("", b"red")], answer("red"))
    wait_for(lambda: compared(shadow) == 2)
    assert shadow.counts()["failed"] == 2
    assert "the shadow challenger fails: its process has ended" in caplog.text
    monkeypatch.setattr(module, "_RESTART_SECONDS", 0)
    shadow.offer([Upload("", b"red")], answer("red"))
    wait_for(lambda: compared(shadow) == 3)
    assert shadow.counts()["agreed"] == 1


def test_an_image_that_the_challenger_cannot_decode_fails_and_the_next_does_not(shadow):
    shadow.offer([Upload("", b"damaged"), Upload("", b"red")], answer("red", "red"))
    wait_for(lambda: compared(shadow) == 2)
    assert shadow.counts() == {"agreed": 1, "disagreed": 0, "failed": 1, "dropped": 0}


def test_its_process_ends_with_it(shadow, caplog):
    pid = shadow._process.pid
    shadow.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert caplog.text == ""


def test_the_end_during_a_comparison_reports_no_fault(shadow, caplog):
    os.kill(shadow._process.pid, signal.SIGSTOP)
    shadow.offer([Upload("", b"red")], answer("red"))
    shadow.close()
    assert caplog.text == ""
    assert shadow.counts()["failed"] == 0


@pytest.mark.slow
def test_a_real_process_classifies_with_the_model_of_the_challenger_in_idle_time(tmp_path):
    images = [paint(tmp_path / f"{c}.png", c).read_bytes() for c in ("red", "green")]
    shadow = Shadow("challenger", colour_model(SWAPPED))
    try:
        shadow.offer([Upload("", each) for each in (*images, b"damaged")], answer(*"abc"))
        wait_for(lambda: compared(shadow) == 3, seconds=600)  # idle time may be rare
        pairs = {(each["served"], each["shadow"]) for each in shadow.summary()["pairs"]}
        assert pairs == {("a", "red"), ("b", "blue")}
        assert shadow.counts()["failed"] == 1
        assert os.sched_getscheduler(shadow._process.pid) == os.SCHED_IDLE
    finally:
        shadow.close()


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_is_one_message():
    with pytest.raises(ModelError, match="version challenger cannot be the shadow: "):
        Shadow("challenger", b"no model")


def test_an_endpoint_shows_the_summary_and_counts_in_its_metrics(
    registry, shadow, tmp_path, monkeypatch
):
    image = paint(tmp_path / "green.png", "green").read_bytes()
    exchange = shadow._exchange
    monkeypatch.setattr(
        shadow, "_exchange", lambda sent: exchange(b"green" if sent == image else sent)
    )
    release(registry, colour_model())
    settings = Settings(max_bytes=20_000, refresh_seconds=60, num_threads=1)
    app = create_app(LiveModel(registry, threads=1), settings, Additions(shadow=shadow))

    async def work(client):
        await client.post("/predict", content=b"no image")
        predicted = await client.post("/predict", content=image)
        while not (summary := (await client.get("/shadow")).json())["images"]:
            await asyncio.sleep(0.01)
        return predicted, summary, (await client.get("/metrics")).text

    predicted, summary, metrics = asked(app, work)
    assert predicted.json()["predictions"][0]["class"] == "green"
    assert summary["pairs"] == [{"served": "green", "shadow": "blue", "images": 1}]
    assert 'lradapt_shadow_images_total{result="disagreed"} 1.0' in metrics
    assert 'lradapt_shadow_images_total{result="dropped"} 0.0' in metrics


def test_without_a_challenger_there_is_no_summary(registry):
    settings = Settings(max_bytes=20_000, refresh_seconds=60, num_threads=1)
    app = create_app(LiveModel(registry, threads=1), settings)

    async def work(client):
        return await client.get("/shadow")

    output = asked(app, work)
    assert (output.status_code, "start with --shadow" in output.json()["detail"]) == (404, True)


def test_an_unknown_version_is_one_message_before_the_server_listens(lradapt, tmp_path):
    publish(open_registry(str(tmp_path / "registry")), colour_model())
    output = lradapt("serve", "--shadow", "0123456789ab")
    assert (output.code, output.out) == (1, "")
    assert output.err == (
        "error: no version 0123456789ab of classifier in registry; `lradapt versions` lists the "
        "versions\n"
    )
