"""The images of a simulated day, and its clients, with a stub in place of the endpoint."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from benchmarks.simulated_day.__main__ import _described, _require_answers
from benchmarks.simulated_day.clients import Answer, Endpoint, ask_all, steady_requests
from benchmarks.simulated_day.pictures import Picture, draw_day
from benchmarks.simulated_day.review import by_hash
from lradapt.errors import LradaptError


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for name in ("cat", "dog", "frog"):
        (folder / name).mkdir()
        for number in range(80):
            image = Image.new("RGB", (6, 6), (200, 10 + number, 90))
            image.save(folder / name / f"{number}.png")
    return folder


@pytest.fixture
def endpoint():
    """An endpoint that answers `frog` with a token, and else 401."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            known = self.headers["authorization"] == "Bearer a"
            answer = {"version": "v1", "predictions": [{"class": "frog"}]} if known else {}
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Endpoint(server.server_port, "a")
        server.shutdown()
        thread.join()


def test_no_image_is_drawn_twice_and_two_classes_are_rarer_until_noon(images):
    day = draw_day(images, 24, 48, seed=0)
    drawn = [each.path for each in (*day.training, *day.morning, *day.afternoon)]
    assert len(drawn) == len(set(drawn))
    shares = [
        [sum(each.name == name for each in part) for name in ("cat", "dog", "frog")]
        for part in (day.training, day.morning, day.afternoon)
    ]
    assert shares == [[7, 7, 10], [7, 7, 10], [8, 8, 8]]
    assert draw_day(images, 24, 48, seed=0) == day
    assert draw_day(images, 24, 48, seed=1) != day


def test_too_few_images_name_the_class(images):
    with pytest.raises(LradaptError, match="class 'frog': 92 more images are needed, 80 are left"):
        draw_day(images, 220, 10, seed=0)


def test_the_other_camera_is_darker(images):
    def brightness(picture):
        (images / "sent.png").write_bytes(picture.content())
        return np.asarray(Image.open(images / "sent.png")).mean()

    path = images / "cat" / "0.png"
    usual, later = brightness(Picture(path, "cat")), brightness(Picture(path, "cat", shifted=True))
    (images / "sent.png").unlink()
    assert later == pytest.approx(0.6 * usual, rel=0.02)


def test_the_other_camera_is_less_sharp(tmp_path):
    path = tmp_path / "edge.png"
    half = np.zeros((8, 8), np.uint8)
    half[:, 4:] = 200
    Image.fromarray(half).save(path)

    def steepest(picture):
        (tmp_path / "sent.png").write_bytes(picture.content())
        grey = np.asarray(Image.open(tmp_path / "sent.png").convert("L")).astype(int)
        return np.abs(np.diff(grey, axis=1)).max() / grey.max()

    assert steepest(Picture(path, "cat")) == 1
    assert steepest(Picture(path, "cat", shifted=True)) < 0.8


def test_images_are_known_by_what_was_sent(images):
    cat = Picture(images / "cat" / "7.png", "cat", shifted=True)
    assert set(by_hash([cat]).values()) == {cat}
    image = Image.open(cat.path)
    image.putpixel((0, 0), (1, 2, 3))
    image.save(images / "other.png")
    other = Picture(images / "other.png", "dog", shifted=True)
    assert set(by_hash([cat, other]).values()) == {cat, other}
    other.path.unlink()


def test_all_images_are_asked_once_and_described(images, endpoint):
    pictures = [Picture(images / n / "1.png", n) for n in ("cat", "frog", "frog")]
    answers = ask_all(endpoint, pictures, clients=2)
    assert [each.fault for each in answers] == ["", "", ""]
    text = _described(answers)
    assert text.startswith("3 answered, 0 failed; 66.7 % right, balanced 50.0 %; p99 ")
    assert text.endswith("by version {'v1': 3}")
    _require_answers(answers)


def test_another_status_and_a_closed_port_are_faults(images, endpoint):
    picture = Picture(images / "cat" / "1.png", "cat")
    refused = Endpoint(endpoint.port, "wrong").ask(picture)
    closed = Endpoint(1, "a").ask(picture)
    assert refused.fault.startswith("401 ")
    assert "refused" in closed.fault
    with pytest.raises(LradaptError, match="2 of 2 requests failed, first: 401"):
        _require_answers([refused, closed])


def test_requests_go_on_beside_other_work(images, endpoint):
    pictures = [Picture(images / "cat" / "1.png", "cat"), Picture(images / "dog" / "1.png", "dog")]
    come = threading.Event()
    with steady_requests(endpoint, pictures, pause=0.001) as steady:
        while len(steady.answers) < 3:
            come.wait(0.01)
    names = [each.picture.name for each in steady.answers[:3]]
    assert names == ["cat", "dog", "cat"]
    assert all(isinstance(each, Answer) for each in steady.answers)
