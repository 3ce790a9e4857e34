import asyncio
import logging
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import pytest

from lradapt.serving.connections import ListenError, listen, server_of
from lradapt.serving.settings import ConnectionLimits
from tests.waiting import wait_for


async def app(scope, receive, send):
    """Answers /now at once, /body after the body, and /never never."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/never":
        await asyncio.sleep(600)
    while scope["path"] == "/body":
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message.get("more_body"):
            break
    size = 20_000_000 if scope["path"] == "/large" else 2
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": bytes(size)})


@contextmanager
def serving(**limits):
    """The port of a server in a thread, and the server."""
    listeners = listen("127.0.0.1", 0)
    server = server_of(app, ConnectionLimits(**limits))
    thread = threading.Thread(target=server.run, args=(listeners,))
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield listeners[0].getsockname()[1], server
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


def connect(port, sent=b""):
    connection = socket.create_connection(("127.0.0.1", port), timeout=120)
    connection.sendall(sent)
    return connection


def is_closed(connection):
    """Wait for the end of a connection, and return whether it ended without an answer."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True


HEAD = b"GET /now HTTP/1.1\r\nHost: here\r\n"


@pytest.mark.parametrize("sent", [b"", b"G", HEAD, HEAD + b"X: y"])
def test_a_connection_without_a_complete_head_is_closed(sent):
    with serving(idle_seconds=0.2) as (port, _), connect(port, sent) as connection:
        assert is_closed(connection)


def test_a_head_that_comes_a_byte_at_a_time_is_too_late():
    with serving(idle_seconds=0.3) as (port, _), connect(port) as connection:
        for number in range(100):
            try:
                connection.sendall(HEAD[number % len(HEAD) :][:1])
            except OSError:
                break
            time.sleep(0.02)
        assert number < 99
        assert is_closed(connection)


def test_an_answer_that_is_not_read_does_not_stay():
    head = b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n"
    with serving(idle_seconds=0.2) as (port, server), connect(port, head):
        wait_for(lambda: server.server_state.total_requests == 1)
        wait_for(lambda: not server.server_state.connections)


def test_a_request_in_progress_is_not_idle():
    head = b"POST /body HTTP/1.1\r\nHost: here\r\nContent-Length: 4\r\n\r\n"
    with serving(idle_seconds=0.2) as (port, _), connect(port, head) as connection:
        for _ in range(4):
            time.sleep(0.1)
            connection.sendall(b"x")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_a_newcomer_takes_the_place_of_the_connection_that_is_idle_the_longest():
    with serving(idle_seconds=60, max_connections=4) as (port, server):
        idle = [connect(port) for _ in range(4)]
        wait_for(lambda: len(server.server_state.connections) == 4)
        with connect(port, HEAD + b"\r\n") as newcomer:
            assert newcomer.recv(100).startswith(b"HTTP/1.1 200")
            assert is_closed(idle[0])
        idle[1].sendall(HEAD + b"\r\n")
        assert idle[1].recv(100).startswith(b"HTTP/1.1 200")
        for each in idle:
            each.close()


def test_beyond_the_limit_of_busy_connections_the_answer_is_503():
    never = HEAD.replace(b"/now", b"/never") + b"\r\n"
    with serving(max_connections=2, grace_seconds=1) as (port, server):
        with connect(port, never), connect(port, never):
            wait_for(lambda: len(server.server_state.tasks) == 2)
            assert httpx.get(f"http://127.0.0.1:{port}/now").status_code == 503
        wait_for(lambda: httpx.get(f"http://127.0.0.1:{port}/now").status_code == 200)


def test_a_stop_waits_for_the_grace_alone_and_logs_no_traceback(caplog):
    caplog.set_level(logging.INFO)
    logging.getLogger("uvicorn").propagate = True
    unfinished = HEAD.replace(b"GET /now", b"POST /body") + b"Content-Length: 9\r\n\r\nx"
    with (
        serving(grace_seconds=1) as (port, server),
        connect(port, unfinished) as slow,
        connect(port, HEAD[:9]),
        connect(port),
    ):
        wait_for(lambda: server.server_state.tasks)
        server.should_exit = True
        started = time.monotonic()
        assert slow.recv(100).startswith(b"HTTP/1.1 503")
    assert time.monotonic() - started < 30
    assert not [record for record in caplog.records if record.exc_info]


def test_nonsense_instead_of_a_body_logs_nothing(caplog):
    logging.getLogger("uvicorn").propagate = True
    head = b"POST /body HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serving() as (port, _):
        for nonsense in (b"zz\r\n", b"5\r\nhello??"):
            with connect(port, head + nonsense) as connection:
                connection.recv(100)
        with connect(port, b"\x16\x03\x01 nonsense\r\n\r\n") as connection:
            assert connection.recv(100).startswith(b"HTTP/1.1 400")
    assert [record.getMessage() for record in caplog.records] == []


def test_answers_are_not_held_back_by_40_ms():
    """asyncio sets TCP_NODELAY only where the protocol is named as TCP."""
    for listener in listen("127.0.0.1", 0):
        with listener:
            assert listener.proto == socket.IPPROTO_TCP


def test_a_port_that_is_taken_is_an_error_of_ours():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = f"port {port}: address already in use. Stop the program that .*--port"
        with pytest.raises(ListenError, match=message):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_an_error_of_ours(host):
    message = rf"cannot listen on {host}, port 8000: .*\. Choose another address with --host"
    with pytest.raises(ListenError, match=message):
        listen(host, 8000)
