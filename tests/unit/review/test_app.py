"""The page answers only requests that belong to it, and serves images by row alone."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reviewed_project import open_desk
from starlette.testclient import TestClient

from lradapt.review.app import create_app
from lradapt.review.decisions import INTENT

TOKEN = "t0ken-of-this-run"
BASE = "http://127.0.0.1:8000"
ASKED = {"who": "Anna", "window": "w1"}
ADDRESSES = ("/", "/page.js", "/page.css", "/image/0", "/square/0", "/api/person")
TEST_HEADERS = {"origin": BASE}


@pytest.fixture
def app(project):
    return create_app(open_desk(), token=TOKEN, who="Anna")


@pytest.fixture
def client(app):
    """A browser that has opened the printed address."""
    client = TestClient(app, base_url=BASE, headers=TEST_HEADERS)
    assert client.get(f"/?token={TOKEN}").status_code == 200
    return client


def opened(client, queue="doubtful", **more):
    return client.post("/api/next", json={**ASKED, "queue": queue} | more).json()


def choice(item, action, new="", **more):
    own = {"image": item["image"], "label": item["label"], "seen": item["seen"]}
    return {**ASKED, "queue": "doubtful", **own, "action": action, "new": new} | more


def test_without_the_token_everything_is_403(app):
    client = TestClient(app, base_url=BASE)
    answers = [client.get(address) for address in (*ADDRESSES, "/no/such/page")]
    answers += [client.get(f"/?token={wrong}") for wrong in ("", "t0ken", TOKEN + "x", "é")]
    answers += [
        client.get(f"/image/0?token={TOKEN}"),
        client.get("/", headers={"cookie": f"a={TOKEN}"}),
    ]
    answers.append(client.post("/api/decide", json={}, headers=TEST_HEADERS))
    assert {answer.status_code for answer in answers} == {403}
    assert not any(answer.headers.get("set-cookie") for answer in answers)


def test_the_printed_address_sets_a_cookie_that_scripts_and_other_sites_do_not_get(app):
    answer = TestClient(app, base_url=BASE).get(f"/?token={TOKEN}")
    cookie = answer.headers["set-cookie"]
    assert cookie.endswith(f"={TOKEN}; Path=/; HttpOnly; SameSite=Strict")
    assert TOKEN not in answer.text


def test_with_the_cookie_the_page_and_its_files_are_served_and_no_new_cookie_is_set(client):
    answers = [client.get(address) for address in ADDRESSES]
    assert {answer.status_code for answer in answers} == {200}
    assert not any("set-cookie" in answer.headers for answer in answers)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""]
)
def test_another_host_is_refused_also_with_the_token(client, host):
    assert client.get(f"/?token={TOKEN}", headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:1", "localhost:8000", "localhost"])
def test_the_own_names_are_served_on_any_port_for_tunnels(client, host):
    assert client.get(f"/?token={TOKEN}", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_or_script_of_another_page_decides_nothing(client, headers):
    item = opened(client)["items"][0]
    content = json.dumps(choice(item, "keep"))
    sent = {"content-type": "application/json", **headers}
    assert client.post("/api/decide", content=content, headers=sent).status_code == 403
    assert not Path("data/label_journal.jsonl").exists()


def test_every_answer_forbids_what_is_from_outside(client, app):
    stranger = TestClient(app, base_url=BASE)
    for answer in (client.get("/"), client.get("/image/0"), client.get("/none"), stranger.get("/")):
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert not {"http:", "https:", "*", "'unsafe-inline'"} & set(
            policy.replace(";", " ").split()
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


def test_the_page_names_no_address_outside():
    folder = Path(__file__).parents[3] / "lradapt/review/page"
    text = "".join(path.read_text() for path in folder.iterdir())
    assert "://" not in text
    assert "innerHTML" not in text


def test_images_are_served_by_row_and_as_they_are(client, project):
    full = client.get("/image/5")
    assert full.content == (project / "data/images/case 05.png").read_bytes()
    assert full.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(client.get("/square/5").content)).size[0] > 0


@pytest.mark.parametrize(
    "address",
    [
        "/image/99",
        "/image/-1",
        "/image/data/labels.csv",
        "/image/..%2F..%2Fdata%2Flabels.csv",
        "/image/%2Fetc%2Fpasswd",
        "/square/99",
        "/data/labels.csv",
        "/page/page.js",
    ],
)
def test_no_path_of_a_request_leads_to_a_file(client, address):
    assert client.get(address).status_code in (404, 422)


def test_a_link_that_leads_outside_the_images_is_not_served(client, project, tmp_path):
    secret = tmp_path / "secret.png"
    Image.new("RGB", (9, 9)).save(secret)
    (project / "data/images/case 05.png").unlink()
    (project / "data/images/case 05.png").symlink_to(secret)
    assert client.get("/image/5").status_code == 404


@pytest.mark.parametrize(("form", "depth"), [("BMP", 8), ("PNG", 16)])
def test_what_browsers_do_not_show_as_it_is_becomes_png(project, form, depth):
    desk = open_desk()
    values = np.arange(300).reshape(15, 20)
    pixels = (
        (values * 200).astype(np.uint16) if depth == 16 else values.clip(0, 255).astype(np.uint8)
    )
    Image.fromarray(pixels).save(project / "data/images/case 05.png", form)
    desk.project.rows[5] = desk.project.rows[5]._replace(format=form, depth=depth)
    client = TestClient(create_app(desk, token=TOKEN, who="A"), base_url=BASE)
    client.get(f"/?token={TOKEN}")
    answer = client.get("/image/5")
    assert answer.headers["content-type"] == "image/png"
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size, picture.mode) == ("PNG", (20, 15), "RGB")
    assert picture.convert("L").getextrema() == (0, 255)


def test_a_decision_is_saved_and_the_next_images_come_with_the_answer(client, project):
    item, following = opened(client)["items"]
    answer = client.post("/api/decide", json=choice(item, "change", "benign")).json()
    assert (
        'case 03.png,"benign",p1,note 3\r\n' in (project / "data/labels.csv").read_bytes().decode()
    )
    assert answer["items"][0]["image"] == following["image"]
    assert answer["progress"] == {"total": 4, "open": 3, "skipped": 0}
    (line,) = (project / "data/label_journal.jsonl").read_text().splitlines()
    assert (json.loads(line)["who"], json.loads(line)["reason"]) == ("Anna", "doubtful")


def test_a_decision_on_a_label_that_has_changed_is_409_and_says_so(client, project):
    item = opened(client)["items"][0]
    labels = project / "data/labels.csv"
    edited = labels.read_text().replace('03.png,"malignant"', '03.png,"nevus, common"')
    labels.write_text(edited)
    answer = client.post("/api/decide", json=choice(item, "change", "benign"))
    assert answer.status_code == 409
    assert "is 'nevus, common' now" in answer.json()["detail"]
    assert labels.read_text() == edited


def test_two_people_at_once_lose_nothing(client, app):
    other = TestClient(app, base_url=BASE, headers=TEST_HEADERS)
    other.get(f"/?token={TOKEN}")
    item = opened(client)["items"][0]
    assert client.post("/api/decide", json=choice(item, "keep")).status_code == 200
    late = other.post("/api/decide", json=choice(item, "change", "benign", who="Ben"))
    assert late.status_code == 409
    assert "Anna has decided meanwhile (keep)" in late.json()["detail"]
    assert opened(other, who="Ben", window="w2")["items"][0]["image"] != item["image"]


def test_during_a_run_a_change_is_423_with_the_run_that_is_active(client, project, monkeypatch):
    monkeypatch.setattr("lradapt.review.decisions._WAIT_SECONDS", 0)
    code = "from lradapt.runtime import lock\nwith lock.run():\n    print(flush=True), input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    process.stdout.readline()
    item = opened(client)["items"][0]
    answer = client.post("/api/decide", json=choice(item, "change", "benign"))
    process.communicate(b"\n")
    assert answer.status_code == 423
    assert "is active in this project" in answer.json()["detail"]
    assert client.post("/api/decide", json=choice(item, "change", "benign")).status_code == 200


def test_a_folder_that_cannot_be_written_is_an_error_in_words(client, monkeypatch):
    def full(*_):
        raise PermissionError(13, "Permission denied", str(INTENT))

    monkeypatch.setattr("lradapt.review.decisions.write_json", full)
    item = opened(client)["items"][0]
    answer = client.post("/api/decide", json=choice(item, "change", "benign"))
    assert answer.status_code == 500
    assert answer.json() == {"detail": f"{INTENT}: Permission denied; nothing was decided"}


def test_a_decision_that_is_completed_later_is_not_said_to_be_none(client, project, monkeypatch):
    item = opened(client)["items"][0]
    with monkeypatch.context() as patched:
        patched.setattr("lradapt.review.labels_file.flush", refuse("data/labels.csv"))
        answer = client.post("/api/decide", json=choice(item, "change", "benign"))
    assert answer.status_code == 500
    assert answer.json()["detail"] == (
        f"data/labels.csv: Permission denied; the decision was begun, and {INTENT} has it: the "
        "next decision, or the next start of `lradapt review`, completes it"
    )
    later = open_desk().decisions
    assert later.lines.labels[item["image"]] == item["label"]
    assert len(later.recover()) == 1
    assert later.lines.labels[item["image"]] == "benign"


def refuse(path):
    def fails(*_):
        raise PermissionError(13, "Permission denied", path)

    return fails


@pytest.mark.parametrize(
    "wrong",
    [
        {"who": " "},
        {"who": "a\nb"},
        {"who": "x" * 81},
        {"action": "undo"},
        {"queue": "x"},
        {"more": 1},
    ],
)
def test_a_request_that_the_page_does_not_send_is_422(client, wrong):
    item = opened(client)["items"][0]
    assert client.post("/api/decide", json=choice(item, "keep") | wrong).status_code == 422


def test_undo_over_http_brings_the_image_back(client, project):
    before = (project / "data/labels.csv").read_bytes()
    item = opened(client)["items"][0]
    client.post("/api/decide", json=choice(item, "exclude"))
    answer = client.post("/api/undo", json={**ASKED, "queue": "doubtful"}).json()
    assert answer["items"][0]["image"] == item["image"]
    assert (project / "data/labels.csv").read_bytes() == before
    nothing = client.post("/api/undo", json={**ASKED, "queue": "doubtful"})
    assert nothing.status_code == 409
    assert nothing.json()["detail"] == "Anna has no decision that could be undone"


def test_neighbours_over_http(client):
    answer = client.get("/api/neighbours/3", params={"label": "malignant", "proposed": "benign"})
    assert [near["label"] for near in answer.json()["neighbours"]] == ["malignant", "benign"]
