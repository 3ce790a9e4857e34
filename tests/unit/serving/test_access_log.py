import json
import os
from datetime import UTC, datetime

import pytest
from asgi_client import asked
from colour_model import colour_model, paint
from releases import release

from lradapt.registry import open_registry
from lradapt.serving import access_log
from lradapt.serving.access_log import AccessLog, AccessLogError, line_of, opened_log
from lradapt.serving.additions import Additions
from lradapt.serving.exchanges import Exchange
from lradapt.serving.live_model import LiveModel
from lradapt.serving.server import create_app
from lradapt.serving.settings import Settings
from lradapt.serving.tokens import hashed, read_tokens

ANNA = {"authorization": "Bearer a-token"}


@pytest.fixture
def logged(tmp_path):
    """A function that runs requests on an endpoint with a token; it returns version and lines."""
    registry = open_registry(str(tmp_path / "registry"), "colours")
    version = release(registry, colour_model()).version
    settings = Settings(max_bytes=20_000, refresh_seconds=60, num_threads=1)
    accepted = read_tokens(hashed("anna", "a-token"))

    def run(questions):
        with opened_log(str(tmp_path / "access.jsonl")) as lines:
            additions = Additions(accepted=accepted, access_log=lines)
            app = create_app(LiveModel(registry, threads=1), settings, additions)
            asked(app, questions, client=("10.1.2.3", 4))
        text = (tmp_path / "access.jsonl").read_text()
        return version, text, [json.loads(line) for line in text.splitlines()]

    return run


def exchange(**values):
    usual = {"at": datetime(2026, 1, 2, 3, 4, 5, 678_900, UTC), "method": "GET", "path": "/livez"}
    return Exchange(**{**usual, "client": "", "answer": {}, **values})


def test_a_line_has_who_what_and_how_it_ended(logged, tmp_path):
    image = paint(tmp_path / "red.png", "red").read_bytes()
    files = [("file", ("patient.png", image))] * 2
    version, _, (line,) = logged(lambda c: c.post("/predict", files=files, headers=ANNA))
    assert datetime.fromisoformat(line.pop("time")).utcoffset().total_seconds() == 0
    assert 0 < line.pop("ms") < 60_000
    assert line == {
        "client": "10.1.2.3",
        "token": "anna",
        "method": "POST",
        "path": "/predict",
        "status": 200,
        "images": 2,
        "version": version,
    }


def test_no_line_has_a_token_a_file_name_a_class_or_an_unknown_path(logged, tmp_path):
    image = paint(tmp_path / "red.png", "red").read_bytes()

    async def questions(client):
        await client.post("/predict", files=[("file", ("patient.png", image))], headers=ANNA)
        await client.post("/predict", files=[("file", ("patient.png", b"x"))], headers=ANNA)
        await client.get("/version?token=a-token")
        await client.get("/a-token", headers=ANNA)
        await client.get("/version", headers={"authorization": "Bearer wrong"})

    _, text, lines = logged(questions)
    assert [(line["path"], line["status"], line["token"]) for line in lines] == [
        ("/predict", 200, "anna"),
        ("/predict", 422, "anna"),
        ("/version", 401, None),
        ("other", 404, "anna"),
        ("/version", 401, None),
    ]
    assert not [word for word in ("a-token", "wrong", "patient", '"red"') if word in text]


def test_the_time_is_utc_with_milliseconds():
    assert json.loads(line_of(exchange()))["time"] == "2026-01-02T03:04:05.678+00:00"


def test_lines_are_added_to_a_file(tmp_path):
    path = tmp_path / "log"
    path.write_text("before\n")
    with opened_log(str(path)) as lines:
        lines.note(exchange(status=200))
        lines.note(exchange(status=503))
    before, *added = path.read_text().splitlines()
    assert (before, [json.loads(line)["status"] for line in added]) == ("before", [200, 503])


def test_a_new_file_is_not_for_other_users(tmp_path):
    with opened_log(str(tmp_path / "log")):
        assert (tmp_path / "log").stat().st_mode & 0o007 == 0


def test_a_dash_is_stdout(capfd):
    with opened_log("-") as lines:
        lines.note(exchange(status=200))
    assert json.loads(capfd.readouterr().out)["status"] == 200


def test_no_path_is_no_log():
    with opened_log(None) as lines:
        assert lines is None


def test_a_file_that_cannot_be_opened_is_one_message_before_the_server_listens(lradapt, tmp_path):
    (tmp_path / "folder").mkdir()
    output = lradapt("serve", "--access-log", "folder")
    assert (output.code, output.out) == (1, "")
    assert output.err == (
        "error: --access-log folder: is a directory; expected a file that can be written, or - for "
        "stdout\n"
    )
    with pytest.raises(AccessLogError, match="no such file or directory"), opened_log("none/log"):
        pass


def test_a_full_disk_loses_lines_that_are_counted_and_reported_once(monkeypatch, caplog):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(access_log.os, "write", full)
    log = AccessLog(-1)
    for _ in range(3):
        log.note(exchange())
    log.close()
    assert log.counts() == {"written": 0, "lost": 3}
    assert len(caplog.records) == 1
    assert "the access log is not written: [Errno 28] No space" in caplog.text


def test_a_line_that_was_cut_off_is_ended_before_the_next(monkeypatch, tmp_path):
    write, path = os.write, tmp_path / "log"
    with opened_log(str(path)) as log:
        monkeypatch.setattr(access_log.os, "write", lambda fd, line: write(fd, line[:10]))
        log._write(exchange(status=200))
        monkeypatch.undo()
        log._write(exchange(status=503))
        assert log.counts() == {"written": 1, "lost": 1}
    cut, whole = path.read_text().splitlines()
    assert (len(cut), json.loads(whole)["status"]) == (10, 503)
