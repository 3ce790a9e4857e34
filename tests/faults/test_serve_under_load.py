"""`lradapt serve` as a process: under load during promotions, and against large uploads."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from itertools import pairwise

import httpx
import pytest

from lradapt.registry import open_registry
from tests.projects import PROGRAMS, ROOT
from tests.unit.colour_model import colour_model, paint
from tests.unit.releases import promote, publish
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

NUM_CLIENTS = 4
PROMOTIONS = [5, pytest.param(20, marks=pytest.mark.long)]
MB = 1_000_000


@pytest.fixture
def registry(tmp_path):
    return open_registry(str(tmp_path / "registry"))


@pytest.fixture
def pair(registry):
    """Two published versions, the first in production; the class that each says of red."""
    names = (["one", "b", "c"], ["two", "b", "c"])
    published = {publish(registry, colour_model(each)): each[0] for each in names}
    promote(registry, next(iter(published)))
    return published


@contextmanager
def running(folder, *options):
    """A running `lradapt serve` and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "lradapt", "serve", "--port", str(port), *options],
        cwd=folder,
        env={**PROGRAMS, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: is_ready(address, process))
        yield process, address
    finally:
        process.terminate()
        errors = "" if process.stderr.closed else process.communicate(timeout=60)[1]
    assert "Traceback" not in errors, errors


@pytest.fixture
def served(tmp_path, pair):
    """The address of a running `lradapt serve`."""
    with running(tmp_path, "--refresh-seconds", "0.1") as (_, address):
        yield address


def is_ready(address, process):
    assert process.poll() is None, process.stderr.read()
    try:
        return httpx.get(f"{address}/health").is_success
    except httpx.ConnectError:
        return False


def wait_for_answers_of(version, answers):
    """Return when a client has had an answer of this version."""
    wait_for(lambda: answers and answers[-1][1] == version)


def ask_until(done, address, image, answers):
    with httpx.Client(base_url=address, timeout=60) as client:
        while not done.is_set():
            try:
                response = client.post("/predict", content=image)
                answer = response.json() if response.status_code == 200 else {}
                best = answer["predictions"][0]["class"] if answer else response.text
                answers.append((response.status_code, answer.get("version"), best))
            except (httpx.HTTPError, json.JSONDecodeError) as error:
                answers.append((0, None, repr(error)))


@pytest.mark.parametrize("num_promotions", PROMOTIONS)
def test_no_request_fails_during_promotions(served, registry, pair, tmp_path, num_promotions):
    image = paint(tmp_path / "red.png", "red", size=64).read_bytes()
    answers, done = [], threading.Event()
    clients = [
        threading.Thread(target=ask_until, args=(done, served, image, answers))
        for _ in range(NUM_CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        wait_for_answers_of(next(iter(pair)), answers)
        for number in range(num_promotions):
            version = list(pair)[(number + 1) % 2]
            promote(registry, version)
            wait_for_answers_of(version, answers)
    finally:
        done.set()
        for client in clients:
            client.join()
    assert [answer for answer in answers if answer[0] != 200] == []
    assert {(version, best) for _, version, best in answers} == set(pair.items())
    changes = sum(earlier[1] != later[1] for earlier, later in pairwise(answers))
    assert changes >= num_promotions


def test_an_upload_of_100_mb_is_413_before_it_is_sent(served):
    port = int(served.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        head = f"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Length: {100 * MB}\r\n\r\n"
        connection.sendall(head.encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"over 20 MB" in answer


def test_an_upload_that_never_ends_is_413_with_little_of_it_read(served):
    sent = 0

    def body():
        nonlocal sent
        for _ in range(100):
            sent += MB
            yield bytes(MB)

    try:
        status = httpx.post(f"{served}/predict", content=body(), timeout=60).status_code
    except (httpx.WriteError, httpx.ReadError):
        status = None  # the server hung up while more was being sent
    assert status in (413, None)
    assert sent < 60 * MB
    assert httpx.get(f"{served}/health").status_code == 200


def test_a_port_that_is_taken_is_one_message(served, tmp_path):
    port = served.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "-m", "lradapt", "serve", "--port", port],
        cwd=tmp_path,
        env={**os.environ, **PROGRAMS, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"error: cannot listen on 127.0.0.1, port {port}: address already"
    )
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_a_stop_beside_a_slow_client_takes_seconds_and_has_its_code(tmp_path, pair, number, code):
    options = ("--grace-seconds", "1", "--body-seconds", "600")
    with running(tmp_path, *options) as (process, address):
        port = int(address.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=120) as slow:
            slow.sendall(b"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\nx")
            time.sleep(0.2)
            process.send_signal(number)
            assert process.wait(180) == code, "it waited for the body, for ten minutes"


def test_clients_that_leave_or_stay_silent_log_nothing_and_do_not_stay(tmp_path, pair):
    options = ("--idle-seconds", "0.5", "--body-seconds", "0.5")
    head = b"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n"
    with running(tmp_path, *options) as (process, address):
        place = ("127.0.0.1", int(address.rsplit(":", 1)[1]))
        for _ in range(20):
            with socket.create_connection(place, timeout=120) as leaving:
                leaving.sendall(head + bytes(1000))
        form = {"content-type": "multipart/form-data; boundary=x"}
        output = httpx.post(f"{address}/predict", content=b"nonsense", headers=form, timeout=120)
        assert output.status_code == 400
        idle = [socket.create_connection(place, timeout=120) for _ in range(300)]
        assert httpx.get(f"{address}/health", timeout=120).status_code == 200
        late = socket.create_connection(place, timeout=120)
        late.sendall(head + bytes(1000))
        assert late.recv(100).startswith(b"HTTP/1.1 408 ")
        for each in (late, *idle):
            while each.recv(1000):
                pass
            each.close()
        process.terminate()
        errors = process.communicate(timeout=60)[1]
    assert not {"error", "warning", "traceback"} & set(re.findall(r"\w+", errors.lower())), errors
