"""Stores that speak S3, on this machine alone: moto, which can be made to fail, and rclone's."""

import io
import logging
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

ACCESS_KEY, SECRET_KEY = "an-access-key", "a-secret-that-no-text-may-hold"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of a server, and the settings of the AWS chain that lead to it."""

    name: str
    endpoint: str

    @property
    def url(self):
        return f"s3://{self.name}/models"

    @property
    def settings(self):
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }

    def client(self, service="s3"):
        """A client of boto3: what lradapt does is checked by another way than its own."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(s3={"addressing_style": "path"}),
        )


class MotoServer:
    """The semantics of S3 in memory. `failing` puts a fault before it.

    One request at a time: a condition and its write are one step, as in S3 itself.
    """

    def __init__(self):
        import moto.s3.models
        from moto.server import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        moto.s3.models.S3_UPLOAD_PART_MIN_SIZE = 1
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._turn = threading.Lock()
        self._fault = None
        self.requests = []
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def bucket(self):
        """A new bucket."""
        bucket = Bucket(f"bucket-{uuid.uuid4().hex[:12]}", self.endpoint)
        bucket.client().create_bucket(Bucket=bucket.name)
        return bucket

    @contextmanager
    def failing(self, fault, on="", times=sys.maxsize, after=0):
        """Requests whose `METHOD /path?query` matches `on` meet `fault`, `times` of them.

        Args:
            fault: a function of (moto, environ, start_response).
            on: a regular expression.
            times: then the server is sound again.
            after: so many matching requests are let through first.
        """
        turns = chain([False] * after, iter(range(times)))
        lock = threading.Lock()

        def strikes(request):
            with lock:
                return bool(re.search(on, request)) and next(turns, False) is not False

        self.requests.clear()
        self._fault = (fault, strikes)
        try:
            yield self
        finally:
            self._fault = None

    def stop(self):
        """Nobody listens any more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ, start_response):
        query = environ.get("QUERY_STRING", "")
        request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{'?' if query else ''}{query}"
        self.requests.append(request)
        fault = self._fault
        if fault and fault[1](request):
            return fault[0](self._alone, environ, start_response)
        return self._alone(environ, start_response)

    def _alone(self, environ, start_response):
        with self._turn:
            return list(self._moto(environ, start_response))


def answers(status, code="InternalError"):
    """A fault: the server says that it cannot, or will not."""

    def fault(_, environ, start_response):
        _drain(environ)
        body = f"<Error><Code>{code}</Code><Message>{SECRET_KEY}</Message></Error>".encode()
        start_response(f"{status} Fault", [("Content-Length", str(len(body)))])
        return [body]

    return fault


def resets(_, environ, start_response):
    """A fault: the connection is reset before anything is done."""
    _reset(environ)


def loses_the_answer(moto, environ, start_response):
    """A fault: what is asked is done, and then the connection is reset."""
    moto(environ, lambda *_: None)
    _reset(environ)


def stalls(seconds):
    """A fault: no answer for so long."""

    def fault(_, environ, start_response):
        time.sleep(seconds)
        _reset(environ)

    return fault


def truncates(moto, environ, start_response):
    """A fault: half of the body that was announced, and the end."""
    content = b"".join(moto(environ, start_response))
    yield content[: len(content) // 2]


def stalls_in_the_body(seconds):
    """A fault: half of the body, and then nothing for so long."""

    def fault(moto, environ, start_response):
        content = b"".join(moto(environ, start_response))
        yield content[: len(content) // 2]
        time.sleep(seconds)

    return fault


def flips_a_bit(moto, environ, start_response):
    """A fault: one bit of the body is another one."""
    content = bytearray(b"".join(moto(environ, start_response)))
    content[-1] ^= 1
    return [bytes(content)]


def keeps_nothing(moto, environ, start_response):
    """A fault: an upload is accepted, and an empty object kept; one store was seen to do so."""
    _drain(environ)
    environ.update({"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"})
    environ.pop("HTTP_CONTENT_MD5", None)
    return moto(environ, start_response)


def ignores(*headers):
    """A fault: a store that does not know these headers, and does not say so."""

    def fault(moto, environ, start_response):
        for header in headers:
            environ.pop(f"HTTP_{header.upper().replace('-', '_')}", None)
        return moto(environ, start_response)

    return fault


def _drain(environ):
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))


def _reset(environ):
    """End the connection without an answer; with bytes unread, the other side gets a reset."""
    connection = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError


class RcloneServer:
    """A folder by S3: it checks signatures, and knows no conditional writes."""

    def __init__(self, root):
        self._root = Path(root)
        program = shutil.which("rclone", path=Path(sys.executable).parent)
        words = ["serve", "s3", "--addr", "127.0.0.1:0", "--config", "/dev/null"]
        self._process = subprocess.Popen(
            [program, *words, "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", root],
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in self._process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.endpoint = found[0]
                return
        raise RuntimeError("rclone has ended without a word of its port")

    def bucket(self):
        """A new bucket: a folder below the root."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        (self._root / name).mkdir()
        return Bucket(name, self.endpoint)

    def stop(self):
        """End the process."""
        self._process.terminate()
        self._process.wait()
        with suppress(ValueError):
            self._process.stderr.close()
