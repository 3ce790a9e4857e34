"""A server of Prefect's, and who uses it: workers, a person who approves, a webhook's listener."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from tempfile import NamedTemporaryFile

import httpx

from tests.projects import PROGRAMS, ROOT
from tests.waiting import wait_for

ENDS_WITH_ITS_PARENT = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()


def free_port():
    """A port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settings(home, port):
    """What a process needs to use the server at `port`, and nothing of the person's own."""
    own = {name: value for name, value in PROGRAMS.items() if not name.startswith("PREFECT_")}
    return own | {
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_WORKER_QUERY_SECONDS": "1",  # a run waits up to 10 s for its worker
    }


@contextmanager
def process(folder, environment, *command):
    """A Python program as a process group of its own, killed at the end; what it says is kept.

    It ends with these tests, even after their kill -9, where util-linux is installed.
    """
    with NamedTemporaryFile(dir=folder, prefix="process-", suffix=".log", delete=False) as log:
        started = subprocess.Popen(
            [*ENDS_WITH_ITS_PARENT, sys.executable, *command],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield started
        finally:
            end(started, signal.SIGTERM)


def end(started, how):
    """End a process and its group; kill -9 where it does not end within ten seconds."""
    for signum in (how, signal.SIGKILL):
        try:
            os.killpg(started.pid, signum)
            started.wait(10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def server(home):
    """A server with a database in `home`; yields the settings of those that use it."""
    port = free_port()
    environment = settings(home, port)
    own = {name: value for name, value in environment.items() if name != "PREFECT_API_URL"}
    own["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"] = lease_storage()
    words = ("server", "start", "--host", "127.0.0.1", "--port", str(port))
    with process(home, own, "-m", "prefect", *words):
        wait_for(lambda: is_healthy(environment["PREFECT_API_URL"]), seconds=180)
        yield environment


def lease_storage():
    """As `make ui` has it: a server that starts again still knows who holds the GPU."""
    (line,) = (
        one for one in (ROOT / "flows/ui.py").read_text().splitlines() if one.startswith("LEASES")
    )
    return line.rpartition("=")[2].strip(' "')


def is_healthy(url):
    """Whether a server answers at this address."""
    try:
        return httpx.get(f"{url}/health").is_success
    except httpx.TransportError:
        return False


@contextmanager
def connected(environment):
    """This process as one that uses the server too; yields a client of it.

    What Prefect still has to tell the server is told at the end: later it waits for one that is
    gone, for minutes.
    """
    from prefect.client.orchestration import get_client
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with (
        temporary_settings({PREFECT_API_URL: environment["PREFECT_API_URL"]}),
        get_client(sync_client=True) as client,
    ):
        try:
            yield client
        finally:
            for teller in (APILogWorker, EventsWorker):
                teller.drain_all()


def answer(environment, output, seen):
    """Resume the run that waits with these words; the form that it showed goes to `seen`."""
    from prefect.exceptions import PrefectHTTPStatusError

    with connected(environment) as client:
        while not (waiting := [r for r in client.read_flow_runs() if r.state.is_paused()]):
            time.sleep(0.5)
        (run,) = waiting
        keys = run.state.state_details.run_input_keyset
        while not seen:
            try:
                seen.append(client.read_flow_run_input(run.id, keys["description"]))
            except PrefectHTTPStatusError:  # the form is saved a moment after the pause
                time.sleep(0.5)
        client.resume_flow_run(run.id, run_input=output)


@contextmanager
def worker(project, environment, pool):
    """A worker of `pool` in `project`, as `make worker` starts it."""
    own = environment | {"LRADAPT_PROJECT": str(project)}
    with process(project, own, "-m", "prefect", "worker", "start", "--pool", pool) as started:
        yield started


@contextmanager
def listener():
    """An HTTP server that keeps what is posted to it; yields its URL and the list."""
    posts = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posts.append((self.headers["Content-Type"], json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{http.server_port}/hook", posts
        finally:
            http.shutdown()
