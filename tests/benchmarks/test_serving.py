"""The comparison of two servers, with stubs in their place."""

import shlex
import subprocess
import sys

import pytest

from benchmarks.endpoint import Load, _processes
from benchmarks.serving import compare
from lradapt.errors import LradaptError

STUB = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        known = self.headers["authorization"] == "Bearer a-token"
        self.send_response(200 if known else 401)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_GET(self):
        self.send_error(401)

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
"""
SERVER = f"{shlex.quote(sys.executable)} -c {shlex.quote(STUB)}"


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(b"pixels")
    return path


def test_the_rate_and_the_cpu_of_a_request():
    load = Load(num_requests=50, seconds=2.0, cpu_seconds=0.1, p50=0.01, p99=0.02)
    assert (load.rate, load.cpu_ms) == (25.0, 2.0)


def test_the_children_of_a_server_count_but_for_those_that_take_idle_time_alone():
    idle = "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0)); "
    child = "import os, sys; {}print('ready', flush=True); sys.stdin.read()"
    both = [child.format(""), child.format(idle)]
    program = (
        "import subprocess, sys\n"
        f"words = [[sys.executable, '-c', code] for code in {both}]\n"
        "pipe = subprocess.PIPE\n"
        "children = [subprocess.Popen(each, stdin=pipe, stdout=pipe) for each in words]\n"
        "[each.stdout.readline() for each in children]\n"
        "print(children[0].pid, flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        counted = int(parent.stdout.readline())
        assert _processes(parent.pid) == [parent.pid, counted]
        parent.stdin.close()


def test_all_servers_are_asked_and_compared_with_the_first(image, capsys):
    other = f"env A=1 {SERVER}"
    compare(image, [SERVER, other], clients=2, rounds=2, seconds=0.1, token="a-token")
    lines = capsys.readouterr().out.splitlines()
    first, second = (line for line in lines if "requests/s" in line)
    assert "to the first: rate 1.000" in first
    assert "CPU 1.000 (1.000 to 1.000)" in first
    assert "to the first: rate " in second
    assert lines[-1].startswith("load of the machine ")


def test_another_answer_than_200_ends_it(image):
    with pytest.raises(LradaptError, match="has answered with 401; expected 200"):
        compare(image, [SERVER], clients=1, rounds=1, seconds=0.1, token="wrong")


def test_a_server_that_does_not_start_ends_it(image):
    with pytest.raises(LradaptError, match="has not started"):
        compare(image, ["false", SERVER], clients=1, rounds=1, seconds=0.1)
