"""The seconds until a container answers, with a stub in the place of podman."""

import shlex
import sys

import pytest

from benchmarks import container_start
from benchmarks.container_start import start
from lradapt.errors import LradaptError

PODMAN = """
import os, pathlib, signal, subprocess, sys

folder, command, *words = sys.argv[1:]
server = '''
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    asked = 0

    def do_POST(self):
        Handler.asked += 1
        self.send_response(200 if Handler.asked > 2 else 503)
        self.end_headers()

    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
'''
process, port = (pathlib.Path(folder, name) for name in ("pid", "port"))
with pathlib.Path(folder, "calls").open("a") as calls:
    print(command, file=calls)
if command == "create":
    port.write_text(words[words.index("--port") + 1])
    print("a-container")
elif command == "start":
    quiet = subprocess.DEVNULL
    words = [sys.executable, "-c", server, port.read_text()]
    started = subprocess.Popen(words, stdout=quiet, stderr=quiet)
    process.write_text(str(started.pid))
elif command == "rm":
    os.kill(int(process.read_text()), signal.SIGTERM)
"""


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(b"pixels")
    return path


def test_each_round_waits_for_an_answer_and_removes_its_container(tmp_path, picture, capsys):
    podman = shlex.join([sys.executable, "-c", PODMAN, str(tmp_path)])
    start("image", tmp_path, picture, rounds=2, podman=podman)
    assert "from the start to the first answer: " in capsys.readouterr().out
    calls = (tmp_path / "calls").read_text().split()
    assert calls == ["create", "start", "rm"] * 2


def test_a_container_that_never_answers_and_a_podman_that_fails_are_errors(
    tmp_path, picture, monkeypatch
):
    with pytest.raises(LradaptError, match="false create --read-only"):
        start("image", tmp_path, picture, rounds=1, podman="false")
    monkeypatch.setattr(container_start, "_MOST_SECONDS", 0.1)
    with pytest.raises(LradaptError, match=r"/predict gave no answer within 0.1 s"):
        start("image", tmp_path, picture, rounds=1, podman="echo")
